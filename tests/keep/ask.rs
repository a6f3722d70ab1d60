//! Asking: time and memory of `tapio` over a directory of 2 GiB.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use tapio_tests::program::Program;
use tapio_tests::report::Figure;

/// Seconds, and the most memory it held.
fn ask(directory: &Path, arguments: &[&str]) -> io::Result<(f64, f64)> {
    let begun = Instant::now();
    let child = Command::new(Program::Cli.path())
        .args(arguments)
        .arg("--data-dir")
        .arg(directory)
        .stdout(Stdio::null())
        .spawn()?;
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: rusage is a plain struct of integers, for which all zeros is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the child is ours and not waited for yet; both places are valid to write to.
    if unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } != pid {
        return Err(io::Error::last_os_error());
    }
    let ended = libc::WIFEXITED(status) && [0, 3].contains(&libc::WEXITSTATUS(status));
    if !ended {
        return Err(io::Error::other(format!(
            "tapio {arguments:?} ended with {status}"
        )));
    }
    Ok((
        begun.elapsed().as_secs_f64(),
        usage.ru_maxrss as f64 / 1_024.0,
    ))
}

pub fn cost(rounds: usize, directory: &Path) -> io::Result<Vec<Figure>> {
    let mut recent = Figure::promised("2 GiB: recent --since 5m", 0.3, "s");
    let mut recent_memory = Figure::promised("  its memory", 32.0, "MiB");
    let mut all = Figure::beside("2 GiB: recent of everything, none of it chosen", "s");
    let mut all_memory = Figure::promised("  its memory", 32.0, "MiB");
    let mut verify = Figure::beside("2 GiB: verify", "s");
    let mut verify_memory = Figure::promised("  its memory", 32.0, "MiB");
    let mut status = Figure::beside("2 GiB: status", "s");
    for _ in 0..rounds {
        for (figures, arguments) in [
            (
                (&mut recent, Some(&mut recent_memory)),
                &["recent", "--since", "5m"][..],
            ),
            (
                (&mut all, Some(&mut all_memory)),
                &["recent", "--since", "400d", "--pid", "99999"],
            ),
            ((&mut verify, Some(&mut verify_memory)), &["verify"]),
            ((&mut status, None), &["status"]),
        ] {
            let (seconds, memory) = ask(directory, arguments)?;
            figures.0.add(seconds);
            figures.1.into_iter().for_each(|figure| figure.add(memory));
        }
    }
    Ok(vec![
        recent,
        recent_memory,
        all,
        all_memory,
        verify,
        verify_memory,
        status,
    ])
}
