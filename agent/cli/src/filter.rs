//! Which events are asked for.

use tapio_common::catalogue::Severity;
use tapio_common::evidence::claim;

use crate::event::Event;
use crate::settings::Settings;

/// What an event is to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Taken,
    /// It can be of the process or container asked for, and does not say: who accepted a connection
    /// is not seen, nor does a fold say whose each of its facts was.
    Unowned,
    Left,
}

/// Of all events those for which everything given holds.
#[derive(Debug, Clone)]
pub struct Filter {
    observer: Option<&'static str>,
    event_type: Option<String>,
    severity: Option<Severity>,
    container: Option<String>,
    pid: Option<u64>,
}

impl Filter {
    pub fn of(settings: &Settings) -> Self {
        Self {
            observer: settings.observer.map(|observer| observer.name()),
            event_type: settings.event_type.clone(),
            severity: settings.severity,
            container: settings.container.clone(),
            pid: settings.pid,
        }
    }

    pub fn takes(&self, event: &Event<'_>) -> bool {
        let is_of_container = |wanted: &String| is_of_container(event, wanted);
        self.is_of_kind(event)
            && self.container.as_ref().is_none_or(is_of_container)
            && self.pid.is_none_or(|pid| event.data.pid == Some(pid))
    }

    pub fn choose(&self, event: &Event<'_>) -> Choice {
        if self.takes(event) {
            Choice::Taken
        } else if self.may_take(event) {
            Choice::Unowned
        } else {
            Choice::Left
        }
    }

    fn may_take(&self, event: &Event<'_>) -> bool {
        let may_be_of_container =
            |wanted: &String| is_silent_of_owner(event) || is_of_container(event, wanted);
        let may_be_pid = |pid: u64| event.data.pid.is_none_or(|found| found == pid);
        let is_asked = self.container.is_some() || self.pid.is_some();
        is_asked
            && self.is_of_kind(event)
            && self.container.as_ref().is_none_or(may_be_of_container)
            && self.pid.is_none_or(may_be_pid)
            && self.types().contains(&event.event_type.as_ref())
    }

    fn is_of_kind(&self, event: &Event<'_>) -> bool {
        let severe = |least: Severity| event.severity().is_none_or(|severity| severity >= least);
        let of_type = |wanted: &String| *wanted == event.event_type;
        self.observer
            .is_none_or(|observer| event.observer() == observer)
            && self.event_type.as_ref().is_none_or(of_type)
            && self.severity.is_none_or(severe)
    }

    /// The types an answer "not seen" would speak of. Counters of a CPU belong to no process and
    /// no container, so a question about one of these is none about them.
    pub fn types(&self) -> Vec<&str> {
        if let Some(event_type) = &self.event_type {
            return vec![event_type];
        }
        let is_owned = self.container.is_some() || self.pid.is_some();
        let concerns = |observer: &str| match self.observer {
            Some(wanted) => wanted == observer,
            None => !(is_owned && observer == "node"),
        };
        claim::types_of(concerns)
    }
}

/// Whether the event can be of any container or unit, because its cgroup has no name in it.
pub fn is_silent_of_owner(event: &Event<'_>) -> bool {
    event.data.container_id.is_none() && event.data.cgroup_path.is_none()
}

/// By the start of its id, or by the uid of its pod.
pub fn is_of_container(event: &Event<'_>, wanted: &str) -> bool {
    let id = event.data.container_id.as_ref();
    let pod = event.data.pod_uid.as_ref();
    id.is_some_and(|id| id.starts_with(wanted)) || pod.is_some_and(|pod| pod == wanted)
}
