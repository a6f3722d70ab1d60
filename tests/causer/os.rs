//! The few system calls the scenes are made of, checked: a scene that cannot be set up ends the causer
//! with a panic, so that no test ever waits for a fact that was not caused.

use std::io::{self, Write};

pub fn checked(what: &str, result: i64) -> i64 {
    assert!(
        result >= 0,
        "causer: {what}: {}",
        io::Error::last_os_error()
    );
    result
}

pub fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| panic!("causer: not a number: {text:?}"))
}

/// The argument at `at`, as a number.
pub fn argument<T: std::str::FromStr>(arguments: &[String], at: usize) -> T {
    number(arguments.get(at).map_or("", String::as_str))
}

/// One line of the log, out at once: whoever reads it may act on it.
pub fn say(line: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        exit_now(99); // nobody is left to cause anything for
    }
}

/// Every signal as the kernel starts a program with, std's handlers and its ignored SIGPIPE undone.
pub fn default_signals() {
    for signal in 1..=31 {
        // SAFETY: SIG_DFL is a valid disposition; SIGKILL and SIGSTOP refuse, which changes nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

pub fn name_this_thread(name: &str) {
    let mut bytes = [0u8; 16];
    for (slot, byte) in bytes.iter_mut().zip(name.bytes().take(15)) {
        *slot = byte;
    }
    // SAFETY: the name is 16 bytes that end in NUL.
    let result = unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
    checked("PR_SET_NAME", i64::from(result));
}

/// Binds the calling thread to one CPU.
pub fn pin(cpu: usize) {
    // SAFETY: a cpu_set_t is plain bits; CPU_SET stays inside it for any cpu below 1,024, and the
    // size handed over is its own.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu.min(1_023), &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    checked("sched_setaffinity", i64::from(result));
}

/// Puts the calling thread before everything ordinary on its CPU.
pub fn real_time(priority: libc::c_int) {
    // SAFETY: sched_param is plain data and lives across the call.
    let result = unsafe {
        let mut parameters: libc::sched_param = std::mem::zeroed();
        parameters.sched_priority = priority;
        libc::syscall(
            libc::SYS_sched_setscheduler,
            0,
            libc::SCHED_FIFO,
            &raw const parameters,
        )
    };
    checked("sched_setscheduler", result);
}

pub fn score(adjustment: &str) {
    std::fs::write("/proc/self/oom_score_adj", adjustment).expect("causer: oom_score_adj");
}

pub fn become_user(uid: libc::uid_t) {
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::setuid(uid) };
    checked("setuid", i64::from(result));
}

pub fn fork() -> libc::pid_t {
    // SAFETY: the causer forks only while it has one thread.
    let pid = unsafe { libc::fork() };
    checked("fork", i64::from(pid));
    pid
}

/// Starts a process that runs `body(argument)` in this one's memory, while this one waits for its end.
pub fn start_sharing<T>(
    stack: &mut [u8],
    body: extern "C" fn(*mut T) -> libc::c_int,
    argument: *mut T,
) -> libc::pid_t {
    let top = stack.as_mut_ptr_range().end;
    let top = top.wrapping_sub(top.addr() % 16);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is this caller's alone and large enough for a system call; with CLONE_VFORK
    // the caller stands still until the child is gone, so nothing is shared at the same time. The
    // two function types differ in what a pointer points to, and in nothing a call depends on.
    let pid = unsafe {
        let body: extern "C" fn(*mut libc::c_void) -> libc::c_int = std::mem::transmute(body);
        libc::clone(body, top.cast(), flags, argument.cast())
    };
    checked("clone", i64::from(pid));
    pid
}

pub fn leave_a_core_of_any_size() {
    let limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the limit is a whole rlimit that lives across the call.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) };
    checked("setrlimit", i64::from(result));
}

pub fn leave_no_core() {
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
    checked("PR_SET_DUMPABLE", i64::from(result));
}

/// Ends the process with no flushing and no handlers.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes any number and does not return.
    unsafe { libc::_exit(code) }
}

/// Ends the calling thread alone, as no library would: the process lives on with the others.
pub fn exit_thread(code: i32) -> ! {
    // SAFETY: the raw call ends this thread only; nothing it owns is touched afterwards.
    unsafe { libc::syscall(libc::SYS_exit, code) };
    exit_now(98)
}

pub fn send(pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::kill(pid, signal) };
    checked("kill", i64::from(result));
}

/// To one thread instead of its process.
pub fn send_to_thread(pid: libc::pid_t, thread: libc::pid_t, signal: libc::c_int) {
    // SAFETY: no pointers are involved.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, pid, thread, signal) };
    checked("tgkill", result);
}

/// A request that takes a number.
pub fn ptrace<R: TryInto<i64>>(name: &str, request: R, pid: libc::pid_t, data: libc::c_int) {
    let request = request.try_into().unwrap_or(-1);
    // SAFETY: the requests in use take numbers alone and write to no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_ptrace, request, pid, 0, i64::from(data)) };
    checked(name, result);
}

/// Lets a stopped child go on, unless a signal has done so already.
pub fn let_go(pid: libc::pid_t) {
    // SAFETY: the request takes numbers alone and writes to no memory of ours.
    unsafe { libc::syscall(libc::SYS_ptrace, libc::PTRACE_CONT, pid, 0, 0) };
}

pub fn this_pid() -> libc::pid_t {
    // SAFETY: no pointers are involved.
    unsafe { libc::getpid() }
}

/// The wait status of a child.
pub fn wait(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is a valid place for the status.
    let result = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    checked("waitpid", i64::from(result));
    status
}

/// Sleeps until a signal ends the process.
pub fn rest() -> ! {
    loop {
        // SAFETY: no pointers are involved.
        unsafe { libc::pause() };
    }
}

/// The monotonic clock.
pub fn clock_ns() -> u64 {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// The clock on the wall, since 1970.
pub fn wall_clock_ns() -> u64 {
    read_clock(libc::CLOCK_REALTIME)
}

fn read_clock(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid place for one timespec.
    let result = unsafe { libc::clock_gettime(clock, &raw mut now) };
    checked("clock_gettime", i64::from(result));
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Waits for a moment of the monotonic clock; one that has passed costs a system call.
pub fn wait_until_ns(moment_ns: u64) {
    let moment = libc::timespec {
        tv_sec: (moment_ns / 1_000_000_000).try_into().unwrap_or(0),
        tv_nsec: (moment_ns % 1_000_000_000).try_into().unwrap_or(0),
    };
    // SAFETY: the moment is a whole timespec that lives across the call; no remainder is asked for.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const moment,
            std::ptr::null_mut(),
        );
    }
}

/// A pipe: (to read, to write).
pub fn pipe() -> (libc::c_int, libc::c_int) {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors.
    let result = unsafe { libc::pipe(ends.as_mut_ptr()) };
    checked("pipe", i64::from(result));
    (ends[0], ends[1])
}

/// Writes one byte, for a reader that waits for it.
pub fn nudge(end: libc::c_int) {
    // SAFETY: one byte is read from a live array.
    let result = unsafe { libc::write(end, [1u8].as_ptr().cast(), 1) };
    checked("write", i64::try_from(result).unwrap_or(-1));
}

/// Waits for one byte, or for the other end to close.
pub fn await_nudge(end: libc::c_int) {
    let mut byte = [0u8];
    // SAFETY: one byte is written into a live array.
    let result = unsafe { libc::read(end, byte.as_mut_ptr().cast(), 1) };
    checked("read", i64::try_from(result).unwrap_or(-1));
}

/// Waits for a line, or the end, of stdin: how a test says "now".
pub fn await_word() {
    let mut line = String::new();
    if io::stdin().read_line(&mut line).is_err() {
        exit_now(97);
    }
}
