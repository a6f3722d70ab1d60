//! What the batcher asks of the kernel's side, answered by what is loaded.

use tapio_common::abi::shared::{CounterRow, TypeCounters};
use tapio_common::catalogue::Observer;
use tapio_common::ledger::TypeCounts;

use crate::accounts::{KernelCounts, Wants};
use crate::batch::Source;
use crate::config::NamedConfig;
use crate::kernel::{FairShare, Fold, LoadedObserver, NameEvent, Names, Watch};

/// Loaded observers, and the names of cgroups unless this kernel refuses them.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    pub observers: &'a [LoadedObserver],
    pub names: Option<&'a Names>,
}

impl<'a> Live<'a> {
    /// Those that run.
    pub fn watches(self) -> impl Iterator<Item = (Observer, &'a Watch)> {
        self.observers
            .iter()
            .filter_map(|loaded| Some((loaded.observer, loaded.watch.as_ref()?)))
    }

    /// Puts a config in force, one observer after another.
    pub fn apply(self, named: &NamedConfig, share: FairShare) {
        for (_, watch) in self.watches() {
            watch.apply(&named.config, share, named.generation);
        }
    }

    fn watch(self, observer: Observer) -> Option<&'a Watch> {
        let mut watches = self.watches();
        watches.find_map(|(name, watch)| (name == observer).then_some(watch))
    }
}

impl Source for Live<'_> {
    fn take_fold(&self, observer: Observer, slot: u32) -> Option<Fold> {
        self.watch(observer)?.folds().take(slot)
    }

    fn fold_slots(&self) -> Vec<(Observer, u32)> {
        self.watches()
            .flat_map(|(observer, watch)| watch.folds().slots().map(move |slot| (observer, slot)))
            .collect()
    }

    fn drain_names(&mut self, put: &mut dyn FnMut(NameEvent<'_>)) {
        if let Some(names) = self.names {
            names.drain(put);
        }
    }

    fn names_lost(&self) -> u64 {
        self.names.map_or(0, Names::lost)
    }

    fn counts(&self, observer: Observer) -> KernelCounts {
        let Some(watch) = self.watch(observer) else {
            return KernelCounts::default();
        };
        let CounterRow {
            types,
            table_full,
            fold_collisions,
            ..
        } = watch.counts();
        KernelCounts {
            types: observer.anomalies().zip(types.map(stages)).collect(),
            missed: watch.missed(),
            in_ring: watch.ring().waiting(),
            wants: Wants {
                table_full,
                fold_collisions,
            },
        }
    }
}

/// The kernel's stages; those of the agent are still zero.
fn stages(row: TypeCounters) -> TypeCounts {
    TypeCounts {
        seen: row.seen,
        filtered: row.filtered,
        aggregated: row.aggregated,
        ambiguous: row.ambiguous,
        lost: row.lost,
        submitted: row.submitted,
        ..TypeCounts::default()
    }
}
