//! `tapio-controller`: the exit codes, and nothing else. 0 ok, 1 failed, 2 usage.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    match tapio_controller::run(arguments, |name| std::env::var_os(name)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.exit_code()),
    }
}
