//! One run of the agent: what is started in which order, and how it ends.
//!
//! Everything that can fail has failed before a thread starts. Main owns what is in the kernel and
//! lends it to scoped threads. At the end the order falls out of ownership: programs are detached,
//! ring threads read what is left and drop their senders, the batcher drains its queue and drops
//! the sinks' fronts, the sinks' threads write what they still have.

use std::sync::OnceLock;
use std::thread;

use tapio_common::sink::Sink;

use crate::accounts::Accounts;
use crate::batch::{Batcher, Closing, ITEMS_MAX, Item, Scribe, Source};
use crate::cgroups::{self, Cgroups};
use crate::clock;
use crate::config::NamedConfig;
use crate::crew::{Crew, joined};
use crate::failure::Failure;
use crate::identity::Identity;
use crate::kernel::{self, Attachments, FairShare, Loaded, LoadedObserver, Status};
use crate::live::Live;
use crate::looking::looking;
use crate::managed::{InForce, Managed};
use crate::privilege;
use crate::queue::{Sender, bounded};
use crate::rings::RingTask;
use crate::roll_call::RollCall;
use crate::settings::Settings;
use crate::signals::{Signals, limit_leaving};
use crate::sink::Task;
use crate::sink::name::SinkName;
use crate::stop::Stop;

/// So many seconds' worth of its share may a cgroup emit at once.
const BURST_SECONDS: u32 = 5;

/// Everything a run is made of but what is in the kernel.
pub struct Run<'a> {
    pub settings: &'a Settings,
    pub identity: Identity,
    /// In force from the start; a managed agent may have none.
    pub config: Option<NamedConfig>,
    pub managed: Option<Managed<'a>>,
    pub signals: &'a Signals,
    pub roll: &'a RollCall,
    pub accounts: &'a Accounts,
    pub fronts: Vec<Box<dyn Sink + Send + 'a>>,
    pub tasks: Vec<(SinkName, Task<'a>)>,
}

impl Run<'_> {
    /// Loads, attaches, gives up privileges, starts all threads; then `drive` has the word until
    /// it returns. A signal, or a thread that ends, closes the stop that it is handed.
    pub fn carry_out<T>(self, drive: impl FnOnce(&Stop) -> T) -> Result<(T, Closing), Failure> {
        let stop = Stop::new().map_err(|error| Failure::System("eventfd", error))?;
        let loaded = kernel::load(&self.settings.observers, self.settings.ebpf_dir.as_deref());
        tell_status(&loaded.observers)?;
        let Loaded {
            names,
            observers,
            attachments,
        } = loaded;
        let names = names.map_err(|reason| {
            log::warn!("cgroups made from now on stay unnamed: {reason}");
        });
        let live = Live {
            observers: &observers,
            names: names.as_ref().ok(),
        };
        let cgroups = names_so_far();
        privilege::drop_all()?;
        let accounts = self.accounts;
        let (answer, mut closing) = self.with_threads(live, cgroups, attachments, &stop, drive)?;
        closing.ledger = accounts.ledger(|observer| live.counts(observer));
        Ok((answer, closing))
    }

    fn with_threads<T>(
        self,
        live: Live<'_>,
        cgroups: Cgroups,
        attachments: Attachments,
        stop: &Stop,
        drive: impl FnOnce(&Stop) -> T,
    ) -> Result<(T, Closing), Failure> {
        let halt = &Stop::new().map_err(|error| Failure::System("eventfd", error))?;
        let until = &OnceLock::new();
        let share = fair_share(self.settings.fair_share_per_second);
        if let Some(named) = &self.config {
            live.apply(named, share);
        }
        let chance_seed = self.identity.chance_seed();
        let Identity {
            node_name,
            boot_id,
            seed,
        } = self.identity;
        let now = clock::now().wall;
        let since = looking(now, &boot_id, self.config.as_ref(), live.observers);
        let running = summary(live.observers, self.config.as_ref());
        let scribe = Scribe::new(node_name, &boot_id, seed);
        let mut batcher = Batcher::new(live, scribe, cgroups, self.fronts, self.accounts);
        batcher.cover(since);
        thread::scope(|scope| {
            let mut crew = Crew::new(scope);
            let halted = halt.guard();
            let (items, received) = bounded(ITEMS_MAX);
            for task in ring_tasks(live, self.accounts, self.roll, &items) {
                let name = format!("ring-{}", task.observer.name());
                crew.start(&name, move || task.run(stop, halt).map_err(Failure::Ring))?;
            }
            let batch = crew.spawn("batch", move || {
                let _guard = stop.guard();
                batcher.run(&received, until)
            })?;
            for (name, task) in self.tasks {
                crew.start(name.name(), move || task(stop).map_err(Failure::Sink))?;
            }
            if let Some(managed) = self.managed {
                let items = items.clone();
                let in_force = InForce::new(live, share, &boot_id, items, self.config);
                let turns = managed.turns(in_force, self.accounts, chance_seed);
                crew.start("heartbeat", move || {
                    turns.run(stop);
                    Ok(())
                })?;
            }
            crew.start("signal", move || {
                self.signals.wait(stop, || {
                    self.roll.call();
                    // A queue that is full is read soon, and then the question is seen as well.
                    let _ = items.try_send(Item::Asked);
                });
                Ok(())
            })?;
            log::info!("observing {running}");
            let answer = drive(stop);
            limit_leaving();
            drop(stop.guard());
            // Whatever happens from here on may be unseen.
            until.get_or_init(clock::now);
            attachments.detach();
            drop(halted);
            let closing = joined(batch);
            crew.join().map(|()| (answer, closing))
        })
    }
}

/// Warns of every observer that does not run as it should; an error if none runs at all.
fn tell_status(observers: &[LoadedObserver]) -> Result<(), Failure> {
    if observers.iter().all(|loaded| loaded.watch.is_none()) {
        let reasons = observers.iter().filter_map(|loaded| match &loaded.status {
            Status::Running => None,
            Status::Degraded(reason) | Status::Failed(reason) => {
                Some((loaded.observer, reason.clone()))
            }
        });
        return Err(Failure::NothingToObserve(reasons.collect()));
    }
    for loaded in observers {
        let name = loaded.observer.name();
        match &loaded.status {
            Status::Running => {}
            Status::Degraded(reason) => log::warn!("{name} is degraded: {reason}"),
            Status::Failed(reason) => log::warn!("{name} cannot run: {reason}"),
        }
    }
    Ok(())
}

/// The cgroups that are there before the agent. Walked after the names' hooks are attached, so
/// that none is made unseen in between.
fn names_so_far() -> Cgroups {
    let mut cgroups = Cgroups::default();
    if let Err(reason) = cgroups::walk(&mut cgroups) {
        log::warn!("cgroups made before the agent stay unnamed: {reason}");
    }
    cgroups
}

fn fair_share(per_second: Option<u32>) -> FairShare {
    per_second.map_or(FairShare::OFF, |per_second| FairShare {
        per_second,
        burst: per_second.saturating_mul(BURST_SECONDS),
    })
}

/// One per running observer; the first also watches for names that pile up.
fn ring_tasks<'a>(
    live: Live<'a>,
    accounts: &'a Accounts,
    roll: &'a RollCall,
    items: &Sender<Item>,
) -> Vec<RingTask<'a>> {
    let mut names = live.names.map(|names| names.fd());
    live.watches()
        .filter_map(|(observer, watch)| {
            Some(RingTask {
                observer,
                ring: watch.ring(),
                account: accounts.ring(observer)?,
                roll,
                names: names.take(),
                items: items.clone(),
            })
        })
        .collect()
}

fn summary(observers: &[LoadedObserver], config: Option<&NamedConfig>) -> String {
    let running = observers.iter().filter(|loaded| loaded.watch.is_some());
    let names: Vec<_> = running.map(|loaded| loaded.observer.name()).collect();
    let hooks = observers.iter().flat_map(|loaded| &loaded.hooks);
    let attached = hooks.clone().filter(|hook| hook.attached.is_ok()).count();
    let config = config.map_or_else(
        || "no config yet, so nothing is looked for".to_owned(),
        |named| format!("config {} generation {}", named.hash, named.generation),
    );
    format!(
        "{}: {attached} of {} hooks attached, {config}",
        names.join(", "),
        hooks.count(),
    )
}
