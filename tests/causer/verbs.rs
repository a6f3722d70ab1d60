//! The table of scenes.

use std::process::ExitCode;

use crate::{contained, flood, kill, lives, memory, network, storage, threads, wire};

type Verb = fn(&[String]) -> ExitCode;

const VERBS: [(&str, Verb); 47] = [
    ("exit", lives::exit),
    ("die", lives::die),
    ("fault", lives::fault),
    ("pause", lives::pause),
    ("orphan", lives::orphan),
    ("alarm", lives::alarm),
    ("posix-timer", lives::posix_timer),
    ("cpu-limit", lives::cpu_limit),
    ("parent-death", lives::parent_death),
    ("pid-namespace", lives::pid_namespace),
    ("session", lives::session),
    ("contained", contained::contained),
    ("crowd", threads::crowd),
    ("leader-first", threads::leader_first),
    ("zombie-leader", threads::zombie_leader),
    ("kill", kill::kill),
    ("thread-kill", kill::thread_kill),
    ("queue", kill::queue),
    ("kill-twice", kill::twice),
    ("kill-dumping", kill::dumping),
    ("eat", memory::eat),
    ("hold", memory::hold),
    ("hold-dying", memory::hold_dying),
    ("flood", flood::flood),
    ("deaths", flood::deaths),
    ("in-namespace", network::in_namespace),
    ("refused", network::refused),
    ("times-out", network::times_out),
    ("cancelled", network::cancelled),
    ("no-route", network::no_route),
    ("exhausted", network::exhausted),
    ("reset", network::reset),
    ("accepted", network::accepted),
    ("aborted", network::aborted),
    ("outnumbered", network::outnumbered),
    ("lost", network::lost),
    ("unreachable", network::unreachable),
    ("icmp-killed", network::icmp_killed),
    ("slow", network::slow),
    ("healthy", network::healthy),
    ("spin", network::spin),
    ("io", storage::io),
    ("read-disk", storage::read_disk),
    ("write-disk", storage::write_disk),
    ("degrades", wire::degrades),
    ("loses", wire::loses),
    ("stifled", wire::stifled),
];

/// Plays the scene that the first word names.
pub fn play(words: &[String]) -> ExitCode {
    let scene = words
        .first()
        .and_then(|word| VERBS.iter().find(|(verb, _)| verb == word));
    match scene {
        Some((_, verb)) => verb(&words[1..]),
        None => {
            let verbs: Vec<&str> = VERBS.iter().map(|(name, _)| *name).collect();
            eprintln!("causer [OPTION VALUE]… VERB…: {}", verbs.join(", "));
            ExitCode::from(2)
        }
    }
}
