//! Which events are asked for.

use tapio_common::catalogue::Severity;
use tapio_common::evidence::claim;

use crate::event::Event;
use crate::settings::Settings;

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
        let severe = |least: Severity| event.severity().is_none_or(|severity| severity >= least);
        let of_type = |wanted: &String| *wanted == event.event_type;
        self.observer
            .is_none_or(|observer| event.observer() == observer)
            && self.event_type.as_ref().is_none_or(of_type)
            && self.severity.is_none_or(severe)
            && self
                .container
                .as_ref()
                .is_none_or(|wanted| is_of_container(event, wanted))
            && self.pid.is_none_or(|pid| event.data.pid == Some(pid))
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

/// By the start of its id, or by the uid of its pod.
pub fn is_of_container(event: &Event<'_>, wanted: &str) -> bool {
    let id = event.data.container_id.as_ref();
    let pod = event.data.pod_uid.as_ref();
    id.is_some_and(|id| id.starts_with(wanted)) || pod.is_some_and(|pod| pod == wanted)
}
