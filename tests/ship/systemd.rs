//! Under a real systemd, booted in a container: ready when it observes, restarted when it hangs.

use std::time::Duration;

use tapio_tests::deadline::wait_for;

use crate::podman::Podman;
use crate::{dist, folder, said};

const BOOT_MAX: Duration = Duration::from_secs(180);

/// So often an agent has to say that it lives, in this test.
const WATCHDOG: &str = "[Service]\nWatchdogSec=2\n";

/// A booted Debian whose root is a layer over the one that was made once.
struct Machine {
    podman: Podman,
    id: String,
}

impl Machine {
    fn boot() -> Self {
        let podman = Podman::new();
        let root = format!("{}:O", folder("TAPIO_SYSTEMD_ROOT").display());
        let dist = format!("--volume={}:/dist:ro", dist().display());
        let id = podman.run(&[
            "run",
            "--detach",
            "--systemd=always",
            "--cap-add=all",
            "--security-opt=seccomp=unconfined",
            &dist,
            "--rootfs",
            &root,
            "/sbin/init",
        ]);
        let machine = Self { podman, id };
        wait_for("systemd", BOOT_MAX, || {
            let state = machine.tries(&["systemctl", "is-system-running"]).0;
            matches!(state.trim(), "running" | "degraded").then_some(())
        });
        machine
    }

    /// What a command inside says, and whether it succeeded.
    fn tries(&self, words: &[&str]) -> (String, bool) {
        let output = self.podman.command(&[&["exec", &self.id], words].concat());
        (said(&output), output.status.success())
    }

    #[track_caller]
    fn does(&self, words: &[&str]) -> String {
        let (said, succeeded) = self.tries(words);
        assert!(succeeded, "{words:?}: {said}\n{}", self.journal());
        said.trim().to_owned()
    }

    fn journal(&self) -> String {
        self.tries(&["journalctl", "--no-pager", "--lines=50", "--unit=tapio-*"])
            .0
    }

    #[track_caller]
    fn shows(&self, property: &str) -> String {
        self.does(&[
            "systemctl",
            "show",
            "--value",
            "--property",
            property,
            "tapio-agent",
        ])
    }
}

#[test]
fn units_start_stop_and_come_back() {
    let machine = Machine::boot();
    machine.does(&["/dist/install"]);
    // The network is the host's, where the usual port may be somebody's.
    let settings =
        "mkdir -p /etc/tapio && echo TAPIO_LISTEN=127.0.0.1:0 >/etc/tapio/controller.env";
    machine.does(&["sh", "-c", settings]);
    machine.does(&["systemctl", "start", "tapio-agent", "tapio-controller"]);
    assert_eq!(
        machine.shows("StatusText"),
        "observing",
        "started means ready"
    );
    let pid = machine.shows("MainPID");
    let status = machine.does(&["cat", &format!("/proc/{pid}/status")]);
    assert!(!status.contains("Uid:\t0"), "it is nobody: {status}");
    for set in ["CapPrm:", "CapEff:", "CapAmb:"] {
        assert!(
            status.contains(&format!("{set}\t0000000000000000")),
            "{status}"
        );
    }
    machine.tries(&["setsid", "--wait", "sh", "-c", "ulimit -c 0; kill -SEGV $$"]);
    wait_for("evidence", BOOT_MAX, || {
        let recent = machine.tries(&["tapio", "recent"]).0;
        recent.contains("signal 11 (SEGV)").then_some(())
    });
    machine.does(&["systemctl", "reload", "tapio-controller"]);
    machine.does(&["systemctl", "stop", "tapio-agent"]);
    assert_eq!(machine.shows("Result"), "success");
    machine.does(&["/usr/local/share/tapio/uninstall"]);
    assert!(!machine.tries(&["ls", "/usr/local/bin/tapio-agent"]).1);
    assert!(
        !machine
            .tries(&["systemctl", "is-active", "tapio-controller"])
            .1
    );
}

#[test]
fn an_agent_that_hangs_is_replaced() {
    let machine = Machine::boot();
    machine.does(&["/dist/install"]);
    let drop_in = "/etc/systemd/system/tapio-agent.service.d";
    let write = format!("mkdir -p {drop_in} && printf '{WATCHDOG}' >{drop_in}/test.conf");
    machine.does(&["sh", "-c", &write]);
    machine.does(&["systemctl", "daemon-reload"]);
    machine.does(&["systemctl", "start", "tapio-agent"]);
    let pid = machine.shows("MainPID");
    // Idle for longer than it may be silent: its word comes without an event to handle.
    let silent = machine.does(&[
        "sh",
        "-c",
        "sleep 5; systemctl show -p NRestarts --value tapio-agent",
    ]);
    assert_eq!(silent, "0", "{}", machine.journal());
    machine.does(&["sh", "-c", &format!("kill -STOP {pid}")]);
    wait_for("another agent", BOOT_MAX, || {
        let is_active = machine.tries(&["systemctl", "is-active", "tapio-agent"]).1;
        let is_another = machine.shows("NRestarts") == "1" && machine.shows("MainPID") != pid;
        (is_active && is_another).then_some(())
    });
}
