//! A network namespace of the test's own, and a wire to it that can be cut.
//!
//! Whoever lives in it reaches this end of the wire and nothing else. A wire that is cut takes every
//! frame and delivers none, in either direction, and nobody is told: a black hole. Needs root and
//! `ip`.

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

/// The end of the wire inside.
const INSIDE: &str = "eth0";

/// Frames to this address are for nobody.
const NOBODY: &str = "02:00:00:00:00:0f";

/// 198.18.0.0/15 is there for tests of networks; each wire takes four addresses of it.
const WIRES: u32 = 1 << 15;

#[derive(Debug)]
pub struct Namespace {
    name: String,
    /// The end of the wire on this side.
    outside: String,
    near: Ipv4Addr,
    far: Ipv4Addr,
}

impl Namespace {
    /// # Panics
    /// When it cannot be made.
    #[track_caller]
    pub fn make() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (pid, number) = (process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let first = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + 4 * ((pid + number) % WIRES);
        let namespace = Self {
            name: format!("tapio-{pid}-{number}"),
            outside: format!("tapio{:x}-{:x}", pid, number & 0xff),
            near: Ipv4Addr::from(first + 1),
            far: Ipv4Addr::from(first + 2),
        };
        let Self {
            name,
            outside,
            near,
            far,
        } = &namespace;
        ip(&format!("netns add {name}"));
        ip(&format!(
            "link add {outside} type veth peer name {INSIDE} netns {name}"
        ));
        ip(&format!("address add {near}/30 dev {outside}"));
        ip(&format!("link set {outside} up"));
        ip(&format!("-n {name} address add {far}/30 dev {INSIDE}"));
        ip(&format!("-n {name} link set {INSIDE} up"));
        namespace
    }

    /// The address of this end of the wire.
    pub fn near(&self) -> Ipv4Addr {
        self.near
    }

    /// What this command becomes lives in the namespace.
    ///
    /// # Panics
    /// When the namespace is gone.
    #[track_caller]
    pub fn enter(&self, command: &mut Command) {
        let path = format!("/run/netns/{}", self.name);
        let namespace = File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let enter = move || {
            // SAFETY: no pointers are involved; the closure owns the descriptor.
            match unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        };
        // SAFETY: between fork and exec it makes one system call and touches no lock and no heap.
        unsafe { command.pre_exec(enter) };
    }

    /// From now on both ends speak to an address that nobody has.
    ///
    /// # Panics
    /// When `ip` fails.
    #[track_caller]
    pub fn cut(&self) {
        self.at_both_ends("replace", &format!("lladdr {NOBODY} nud permanent"));
    }

    /// Both ends find each other again.
    ///
    /// # Panics
    /// When `ip` fails.
    #[track_caller]
    pub fn mend(&self) {
        self.at_both_ends("delete", "");
    }

    fn at_both_ends(&self, what: &str, how: &str) {
        let Self {
            name,
            outside,
            near,
            far,
        } = self;
        ip(&format!("neighbour {what} {far} dev {outside} {how}"));
        ip(&format!(
            "-n {name} neighbour {what} {near} dev {INSIDE} {how}"
        ));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The wire goes with either of its ends.
        for words in [
            format!("link delete {}", self.outside),
            format!("netns delete {}", self.name),
        ] {
            if let Err(why) = try_ip(&words) {
                eprintln!("left behind: {why}");
            }
        }
    }
}

#[track_caller]
fn ip(words: &str) {
    try_ip(words).unwrap_or_else(|why| panic!("{why}"));
}

fn try_ip(words: &str) -> Result<(), io::Error> {
    let output = Command::new("ip").args(words.split_whitespace()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ip {words}: {}", said.trim())))
}
