//! `tapio-agent`: what is asked for, and what the exit code says about it.

use std::process::ExitCode;

use tapio_agent::{Failure, Verdict, run};

/// What `run` answers, as an exit code; there is no other place that decides one.
fn main() -> ExitCode {
    let answer = run(std::env::args_os().skip(1), |name| std::env::var_os(name));
    match answer {
        Ok(Verdict::Right) => ExitCode::SUCCESS,
        Ok(Verdict::Wrong) => ExitCode::from(1),
        Ok(Verdict::CannotSay) => ExitCode::from(3),
        Err(failure) => match failure {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Config(_)
            | Failure::Sink(_)
            | Failure::Metrics(_)
            | Failure::Privilege(_)
            | Failure::System(_, _)
            | Failure::NothingToObserve(_)
            | Failure::Ring(_) => ExitCode::from(1),
        },
    }
}
