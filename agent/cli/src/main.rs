//! `tapio`: what is asked, and what the exit code says about the answer.

use std::process::ExitCode;

use tapio_cli::{Failure, Verdict, run};

/// What `run` answers, as an exit code; there is no other place that decides one.
fn main() -> ExitCode {
    let answer = run(std::env::args_os().skip(1), |name| std::env::var_os(name));
    match answer {
        Ok(Verdict::Said) => ExitCode::SUCCESS,
        Ok(Verdict::Broken) => ExitCode::from(1),
        Ok(Verdict::CannotSay) => ExitCode::from(3),
        // Whoever read the output has had enough of it.
        Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tapio: {failure}");
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                Failure::Directory(..)
                | Failure::Controller(..)
                | Failure::Output(_)
                | Failure::Closed
                | Failure::System(..) => ExitCode::from(1),
            }
        }
    }
}
