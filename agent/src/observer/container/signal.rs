//! Signals by number: the names of x86-64 and arm64, which are the same.

/// From SIGHUP on.
const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// What the kernel raises for what a thread itself just did: ILL TRAP BUS FPE SEGV SYS.
const FAULTS: [u32; 6] = [4, 5, 7, 8, 11, 31];

pub(super) fn name(number: u32) -> &'static str {
    usize::try_from(number)
        .ok()
        .and_then(|number| NAMES.get(number.checked_sub(1)?))
        .copied()
        .unwrap_or("SIGRT")
}

pub(super) fn is_fault(number: u32) -> bool {
    FAULTS.contains(&number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_c_library() {
        for (number, wanted) in [
            (libc::SIGHUP, "SIGHUP"),
            (libc::SIGBUS, "SIGBUS"),
            (libc::SIGUSR1, "SIGUSR1"),
            (libc::SIGSEGV, "SIGSEGV"),
            (libc::SIGCHLD, "SIGCHLD"),
            (libc::SIGXCPU, "SIGXCPU"),
            (libc::SIGSYS, "SIGSYS"),
        ] {
            assert_eq!(name(number.unsigned_abs()), wanted);
        }
        assert_eq!((name(0), name(32), name(64)), ("SIGRT", "SIGRT", "SIGRT"));
    }

    #[test]
    fn faults_are_those_of_the_c_library() {
        let faults = [
            libc::SIGILL,
            libc::SIGTRAP,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGSEGV,
            libc::SIGSYS,
        ];
        assert_eq!(faults.map(i32::unsigned_abs), FAULTS);
    }
}
