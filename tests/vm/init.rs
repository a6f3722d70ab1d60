//! The first process of a test guest: mounts what a machine has, loads the packed modules, runs the
//! plan and ends the emulator with an exit status that a panic cannot fake.
//!
//! `/plan` holds one command a line. Orphans of the tests end up here and are reaped, as on any
//! machine. There is no shell in a guest and nothing else runs there.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// What the emulator leaves with: nothing that it would leave with by itself.
const ALL_PASSED: u8 = 33;
const SOME_FAILED: u8 = 35;

/// What emulation is slower by: floods and their rates are divided by it.
const FLOOD_DIVISOR: &str = "20";

/// Parameters of modules whose defaults would make devices that no test asked for.
const PARAMETERS: [(&str, &str); 2] = [("null_blk", "nr_devices=0"), ("scsi_debug", "add_host=0")];

/// From the kernel's command line: `v1` puts the memory controller into a hierarchy of its own.
const MEMORY_VARIABLE: &str = "TAPIO_MEMORY";
const V1_MEMORY: &str = "/v1-memory";

const MOUNTS: [(&str, &str); 8] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("tmpfs", "/tmp"),
    ("cgroup2", "/sys/fs/cgroup"),
    ("bpf", "/sys/fs/bpf"),
    ("tracefs", "/sys/kernel/tracing"),
    ("configfs", "/sys/kernel/config"),
];

fn main() {
    load_modules(); // first: configfs is one
    for (kind, target) in MOUNTS {
        if let Err(error) = mount(kind, target) {
            println!("vm-init: {kind} not mounted on {target}: {error}");
        }
    }
    // Before it is taken by v2, and only where the kernel still has it.
    if std::env::var(MEMORY_VARIABLE).is_ok_and(|value| value == "v1") {
        report(
            "the v1 memory controller",
            mount_as("cgroup", V1_MEMORY, "memory"),
        );
        // As systemd does it: up to 5.10 a group's limit is not its children's otherwise.
        let file = format!("{V1_MEMORY}/memory.use_hierarchy");
        report(&file, fs::write(&file, "1"));
    }
    for controller in ["cpu", "io", "memory", "pids"] {
        report(
            &format!("the {controller} controller"),
            delegate(controller),
        );
    }
    report("the loopback interface", raise_loopback());
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("READY {}", release.trim());
    println!("vm-init: floods and their rates are a host's divided by {FLOOD_DIVISOR}");
    let passed = run_plan();
    leave(if passed { ALL_PASSED } else { SOME_FAILED });
}

fn report(what: &str, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        println!("vm-init: {what}: {error}");
    }
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

fn mount(kind: &str, target: &str) -> io::Result<()> {
    mount_as(kind, target, "")
}

fn mount_as(kind: &str, target: &str, options: &str) -> io::Result<()> {
    fs::create_dir_all(target)?;
    let (kind, target) = (CString::new(kind)?, CString::new(target)?);
    let options = CString::new(options)?;
    // SAFETY: all strings end in NUL and outlive the call; options are text for these file systems.
    checked(unsafe {
        libc::mount(
            kind.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            0,
            options.as_ptr().cast(),
        )
    })?;
    Ok(())
}

/// Modules are numbered so that what another one needs comes first.
fn load_modules() {
    let mut files: Vec<_> = match fs::read_dir("/modules") {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => return,
    };
    files.sort();
    for file in files {
        report(&file.display().to_string(), load_module(&file));
    }
}

fn load_module(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let (_, name) = stem.split_once('-').unwrap_or_default();
    let parameters = PARAMETERS.iter().find(|(module, _)| *module == name);
    let parameters = CString::new(parameters.map_or("", |(_, value)| value))?;
    // SAFETY: the descriptor is open and the parameters end in NUL for the whole call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_finit_module,
            file.as_raw_fd(),
            parameters.as_ptr(),
            0,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn delegate(controller: &str) -> io::Result<()> {
    fs::write(
        "/sys/fs/cgroup/cgroup.subtree_control",
        format!("+{controller}"),
    )
}

fn raise_loopback() -> io::Result<()> {
    // SAFETY: no pointers are passed; the descriptor is closed with the process.
    let socket = checked(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0) })?;
    // SAFETY: ifreq is plain data, for which all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(*b"lo") {
        *slot = libc::c_char::try_from(byte).unwrap_or_default();
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or_default();
    // SAFETY: the request is a whole ifreq that lives across the call.
    checked(unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw const request) })?;
    Ok(())
}

/// Runs every line of the plan, and is true only if there was one and all of them left with 0.
fn run_plan() -> bool {
    let plan = fs::read_to_string("/plan").unwrap_or_default();
    let mut failures = usize::from(plan.trim().is_empty());
    for line in plan.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let program = words.next().unwrap_or_default();
        match run(program, words) {
            Ok(status) if status.success() => println!("DONE {program}: passed"),
            Ok(status) => {
                println!("DONE {program}: {status}");
                failures += 1;
            }
            Err(error) => {
                println!("DONE {program}: {error}");
                failures += 1;
            }
        }
    }
    failures == 0
}

/// Waits for the program by reaping whatever ends, since every orphan is a child of this process.
fn run<'a>(program: &str, arguments: impl Iterator<Item = &'a str>) -> io::Result<ExitStatus> {
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| name.starts_with("TAPIO_")))
        .envs([
            ("PATH", "/bin"),
            ("TAPIO_BIN_DIR", "/bin"),
            ("TAPIO_KILLS", "3"),
            ("TAPIO_MAY_SET_CLOCK", "yes"),
            ("TAPIO_FLOOD_DIVISOR", FLOOD_DIVISOR),
            ("RUST_BACKTRACE", "1"),
        ])
        .spawn()?;
    let wanted = libc::pid_t::try_from(child.id()).unwrap_or_default();
    loop {
        let mut status = 0;
        // SAFETY: `status` is a valid place for the status of whichever child ended.
        let ended = checked(unsafe { libc::waitpid(-1, &raw mut status, 0) })?;
        if ended == wanted {
            return Ok(ExitStatus::from_raw(status));
        }
    }
}

fn leave(code: u8) -> ! {
    // SAFETY: no pointers are involved.
    unsafe { libc::sync() };
    end_emulator(code);
    // Only reached where that is not offered: the emulator then leaves with 0, which is no pass.
    // SAFETY: as above.
    unsafe { libc::reboot(libc::RB_AUTOBOOT) };
    loop {
        std::thread::park();
    }
}

/// By the debug-exit device, which leaves with `2 n + 1` when `n` is written to its port.
#[cfg(target_arch = "x86_64")]
fn end_emulator(code: u8) {
    const DEBUG_EXIT_PORT: u16 = 0xf4;
    // SAFETY: iopl grants this process, root in a throw-away guest, the port that is then written;
    // the port belongs to the emulator's exit device and `out` touches no memory.
    unsafe {
        if libc::syscall(libc::SYS_iopl, 3) == 0 {
            std::arch::asm!("out dx, al", in("dx") DEBUG_EXIT_PORT, in("al") code / 2, options(nomem, nostack));
        }
    }
}

/// By semihosting, which the emulator is told to offer to this process.
#[cfg(target_arch = "aarch64")]
fn end_emulator(code: u8) {
    const EXIT_EXTENDED: u64 = 0x20;
    const APPLICATION_EXIT: u64 = 0x2_0026;
    let why = [APPLICATION_EXIT, u64::from(code)];
    // SAFETY: the emulator reads the two words, which live across the call, and ends the machine.
    // Where it does not listen, this process ends by a signal: a panic, which is no pass either.
    unsafe {
        std::arch::asm!("hlt #0xf000", inout("x0") EXIT_EXTENDED => _, in("x1") why.as_ptr(), options(nostack));
    }
}

/// Guests are of these two; elsewhere this only has to compile.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn end_emulator(code: u8) {
    println!("vm-init: no way to end an emulator with {code}");
}
