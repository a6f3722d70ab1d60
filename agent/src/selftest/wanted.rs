//! The cases: what is done, and what must be said of it. One table, and another of what has no case.

use serde_json::{Value, json};
use tapio_common::catalogue::{Anomaly, Observer};

use super::Caused;
use super::cause::Act;
use super::scene::{MEMORY_LIMIT_BYTES, Scene};

/// One thing that is done in a group of its own.
#[derive(Debug)]
pub struct Case {
    pub group: &'static str,
    pub says: &'static str,
    pub act: Act,
    pub events: &'static [Event],
}

/// One event that must come of it, exactly once.
#[derive(Debug)]
pub struct Event {
    pub anomaly: Anomaly,
    facts: fn(&Caused, &Scene) -> Vec<(&'static str, Value)>,
}

/// What a self test cannot cause, and why.
pub const LEFT_OUT: &[(Observer, &str)] = &[
    (
        Observer::Storage,
        "no disk fails or takes long because it is asked to",
    ),
    (Observer::Node, "no CPU stalls because it is asked to"),
];

pub const CASES: &[Case] = &[
    Case {
        group: "code",
        says: "a workload's first process ends with code 3",
        act: Act::Exit(3),
        events: &[Event {
            anomaly: Anomaly::AbnormalExit,
            facts: |_, _| {
                vec![
                    ("/data/exit_code", json!(3)),
                    ("/data/is_workload_root", json!(true)),
                    ("/data/cause", json!("exit_code")),
                ]
            },
        }],
    },
    Case {
        group: "kill",
        says: "a process is killed by another",
        act: Act::BeKilled,
        events: &[Event {
            anomaly: Anomaly::AbnormalExit,
            facts: |_, scene| {
                let mut facts = vec![
                    ("/data/signal", json!(9)),
                    ("/data/cause", json!("signal_from_process")),
                ];
                if scene.sees_kernel_pids {
                    facts.push(("/data/sender/pid", json!(std::process::id())));
                }
                facts
            },
        }],
    },
    Case {
        group: "fault",
        says: "a process touches memory it must not",
        act: Act::Fault,
        events: &[Event {
            anomaly: Anomaly::AbnormalExit,
            facts: |_, _| {
                vec![
                    ("/data/signal", json!(11)),
                    ("/data/sender", json!("kernel")),
                    ("/data/cause", json!("fault_signal")),
                ]
            },
        }],
    },
    Case {
        group: "memory",
        says: "a process takes more memory than its group may",
        act: Act::Fill,
        events: &[
            Event {
                anomaly: Anomaly::OomKill,
                facts: |_, _| vec![("/data/memory_limit_bytes", json!(MEMORY_LIMIT_BYTES))],
            },
            Event {
                anomaly: Anomaly::AbnormalExit,
                facts: |_, _| {
                    vec![
                        ("/data/signal", json!(9)),
                        ("/data/oom_victim", json!(true)),
                    ]
                },
            },
        ],
    },
    Case {
        group: "refused",
        says: "a process connects to a port where nobody listens",
        act: Act::BeRefused,
        events: &[Event {
            anomaly: Anomaly::ConnectionRefused,
            facts: |_, _| {
                vec![
                    ("/data/errno", json!(libc::ECONNREFUSED)),
                    ("/data/old_state", json!("SYN_SENT")),
                    ("/data/dst_ip", json!("127.0.0.1")),
                ]
            },
        }],
    },
    Case {
        group: "reset",
        says: "a process has its connection reset",
        act: Act::BeReset,
        events: &[Event {
            anomaly: Anomaly::ConnectionReset,
            facts: |_, _| {
                vec![
                    ("/data/errno", json!(libc::ECONNRESET)),
                    ("/data/old_state", json!("ESTABLISHED")),
                ]
            },
        }],
    },
];

impl Case {
    /// Whether one of these observers could report it.
    pub fn is_seen_by(&self, observers: &[Observer]) -> bool {
        let mut wanted = self.events.iter().map(|event| event.anomaly.observer());
        wanted.all(|observer| observers.contains(&observer))
    }

    /// What is to be reported.
    pub fn names(&self) -> String {
        let names: Vec<_> = self
            .events
            .iter()
            .map(|event| event.anomaly.name())
            .collect();
        names.join(" and ")
    }
}

impl Event {
    pub fn is_kind_of(&self, line: &Value) -> bool {
        line["type"] == self.anomaly.event_type()
    }

    /// What this event must say, the process included where its number means the same here.
    pub fn facts(&self, caused: &Caused, scene: &Scene) -> Vec<(&'static str, Value)> {
        let mut facts = (self.facts)(caused, scene);
        if scene.sees_kernel_pids {
            facts.push(("/data/pid", json!(caused.pid)));
        }
        facts
    }
}

/// Every fact that is not as wanted, in words.
pub fn differences(line: &Value, wanted: &[(&'static str, Value)]) -> Vec<String> {
    wanted
        .iter()
        .filter_map(|(pointer, wanted)| match line.pointer(pointer) {
            Some(found) if found == wanted => None,
            Some(found) => Some(format!("{pointer} is {found}, not {wanted}")),
            None => Some(format!("{pointer} is missing, not {wanted}")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_that_differs_or_is_missing_is_named() {
        let line = json!({"data": {"signal": 9, "sender": {"pid": 4}}});
        let wanted = [
            ("/data/signal", json!(9)),
            ("/data/sender/pid", json!(5)),
            ("/data/cause", json!("x")),
        ];
        assert_eq!(
            differences(&line, &wanted),
            [
                "/data/sender/pid is 4, not 5",
                "/data/cause is missing, not \"x\""
            ]
        );
    }

    #[test]
    fn every_observer_has_a_case_or_a_reason() {
        for observer in Observer::ALL {
            let is_tried = CASES.iter().any(|case| case.is_seen_by(&[*observer]));
            let is_left_out = LEFT_OUT.iter().any(|(left_out, _)| left_out == observer);
            assert!(is_tried != is_left_out, "{observer:?}");
        }
    }

    #[test]
    fn groups_are_unique() {
        for (at, case) in CASES.iter().enumerate() {
            let rest = &CASES[at + 1..];
            assert!(rest.iter().all(|other| other.group != case.group));
        }
    }
}
