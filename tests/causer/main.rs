//! Causes one kind of failure for real, and says on stdout what it caused: the tests' own log.
//!
//! `causer [--comm NAME] [--cpu N] [--oom-score-adj N] [--uid N] VERB [ARGUMENT…]`. A verb is one scene;
//! what a scene prints are JSON lines. It runs static, in containers and guests as on a host, and
//! undoes what std does to signals, so that a fault means what it means to any program.

mod contained;
mod disk;
mod flood;
mod fuse;
mod icmp;
mod kill;
mod lives;
mod memory;
mod netlink;
mod network;
mod os;
mod sockets;
mod storage;
mod threads;
mod verbs;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    os::default_signals();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    while let [option, value, ..] = arguments.as_slice() {
        match option.as_str() {
            "--comm" => os::name_this_thread(value),
            "--cpu" => os::pin(os::number(value)),
            "--oom-score-adj" => os::score(value),
            "--uid" => os::become_user(os::number(value)),
            _ => break,
        }
        arguments.drain(..2);
    }
    verbs::play(&arguments)
}
