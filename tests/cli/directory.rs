//! A directory as an agent writes it, at moments the test chooses.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use serde_json::{Value, json};
use tapio_common::coverage::{Entry, Gap, Hook, Looking, Loss, Lost, Stopped};
use tapio_common::evidence::disk::Folder;
use tapio_common::evidence::word::{LOCK_FILE, Word};
use tapio_common::evidence::{Limits, Writer};
use tapio_common::ledger::{Ledger, SinkCounts, TypeCounts};
use tapio_common::time::{Now, Timestamp};
use tapio_tests::command::{Finished, TestCommand};
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;

pub const OOM: &str = "kernel.container.oom_kill";
pub const EXIT: &str = "kernel.container.abnormal_exit";
pub const REFUSED: &str = "kernel.network.connection_refused";

pub fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).expect("a moment")
}

/// An evidence directory that nobody writes to any more.
pub struct Directory {
    folder: TestFolder,
    writer: Writer<Folder>,
    now: Now,
    written: u64,
}

impl Directory {
    /// Empty, at that moment.
    pub fn new(moment: &str, limits: Limits) -> Self {
        let folder = TestFolder::new();
        let wall = at(moment);
        let now = Now {
            wall,
            boot_nanos: wall.0,
        };
        let (writer, _) =
            Writer::open(Folder::new(folder.path()), limits, None, now).expect("a new directory");
        Self {
            folder,
            writer,
            now,
            written: 0,
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn pass_to(&mut self, moment: &str) {
        let wall = at(moment);
        self.now = Now {
            wall,
            boot_nanos: self.now.boot_nanos + (wall.0 - self.now.wall.0),
        };
        self.writer.settle(self.now);
    }

    /// From now on these types are looked for, and all others not.
    pub fn look(&mut self, types: &[&str]) {
        let text = |name: &&str| (*name).to_owned();
        let missing = [
            "kernel.node.cpu_stall",
            "kernel.node.memory_pressure",
            "kernel.node.ipc_degradation",
        ];
        let missing = missing.iter().map(|name| (text(name), "no_pmu".to_owned()));
        let hook = Hook {
            observer: "container".into(),
            name: "sched_process_exit".into(),
            attached: true,
            reason: None,
        };
        let looking = Looking {
            from: self.now.wall,
            boot_id: "7b268769-6f71-4dad-88ff-5afe794e3018".into(),
            config_generation: 1,
            config_hash: "sha256:845b719f50052b222e79a6f0a9e091e4fe5cc62f8049f7a9089cf20175f5ddef"
                .into(),
            scope: json!({}),
            types: types.iter().map(text).collect(),
            types_missing: missing.collect::<BTreeMap<_, _>>(),
            hooks: vec![hook],
        };
        self.writer.cover(Entry::Looking(looking), self.now);
    }

    pub fn stop(&mut self) {
        let at = self.now.wall;
        let boot_id = "7b268769-6f71-4dad-88ff-5afe794e3018".into();
        self.writer
            .cover(Entry::Stopped(Stopped { at, boot_id }), self.now);
        self.writer.finish(self.now);
    }

    pub fn say(&self, moment: &str) {
        let word = Word {
            stored_to: at(moment),
            pid: 1,
        };
        self.folder.write(LOCK_FILE, word.to_bytes());
    }

    /// Between now and then so many of these were lost.
    pub fn lose(&mut self, until: &str, event_type: &str, events: u64) {
        let from = self.now.wall;
        self.pass_to(until);
        let loss = Loss {
            of: event_type.into(),
            stage: "lost".into(),
            events,
        };
        let (to, losses) = (self.now.wall, vec![loss]);
        self.writer
            .cover(Entry::Lost(Lost { from, to, losses }), self.now);
    }

    /// The clock is set, and no time passes.
    pub fn step(&mut self, moment: &str) {
        self.now.wall = at(moment);
        self.writer.settle(self.now);
    }

    /// Nobody looked meanwhile.
    pub fn gap(&mut self, from: &str, to: &str) {
        self.pass_to(to);
        let gap = Gap {
            from: at(from),
            to: at(to),
            reason: "the run before did not end in good order".into(),
            cut_lines: 1,
        };
        self.writer.cover(Entry::Gap(gap), self.now);
    }

    /// As an agent does that writes here, until the file is dropped.
    pub fn hold(&self, moment: &str) -> File {
        self.say(moment);
        let file = File::options()
            .write(true)
            .open(self.folder.join(LOCK_FILE));
        let file = file.expect("it is there");
        // SAFETY: flock is a plain struct of integers, for which all zeros is a value.
        let mut whole: libc::flock = unsafe { std::mem::zeroed() };
        whole.l_type = libc::c_short::try_from(libc::F_WRLCK).expect("small");
        // SAFETY: the descriptor is open and `whole` a valid flock for the time of the call.
        let answer = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const whole) };
        assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
        file
    }

    pub fn account(&mut self, delivered: u64) {
        self.account_for(delivered, 0);
    }

    pub fn deliver_earlier(&mut self, earlier: u64) {
        self.account_for(1, earlier);
    }

    fn account_for(&mut self, delivered: u64, earlier: u64) {
        let mut ledger = Ledger {
            format: 1,
            since_unix_nanos: self.now.wall.0,
            ..Ledger::default()
        };
        let row = TypeCounts {
            seen: delivered + 2,
            filtered: 2,
            submitted: delivered,
            received: delivered,
            emitted: delivered,
            ..TypeCounts::default()
        };
        let dropped = [("disk_full".to_owned(), 3)].into();
        let earlier_dropped = match earlier {
            0 => BTreeMap::new(),
            _ => [("expired".to_owned(), 8)].into(),
        };
        ledger.types.insert(EXIT.into(), row);
        ledger.sinks.insert(
            "file".into(),
            SinkCounts {
                delivered,
                earlier,
                dropped,
                earlier_dropped,
                ..SinkCounts::default()
            },
        );
        self.writer.account(&ledger, self.now);
    }

    /// Writes one occurrence of now.
    pub fn put(&mut self, event_type: &str, severity: &str, data: Value) {
        let occurrence = json!({
            "id": format!("{:026}", self.written),
            "timestamp": self.now.wall.to_string(),
            "source": "tapio",
            "type": event_type,
            "protocol_version": "1.0",
            "severity": severity,
            "outcome": "failure",
            "error": {"code": "E", "message": "as the kernel named it"},
            "context": {"node": "edge-7"},
            "data": data,
        });
        self.written += 1;
        let line = format!("{occurrence}\n");
        self.writer
            .append(self.now.wall, line.as_bytes(), self.now)
            .expect("there is room");
    }

    /// Runs `tapio` on it.
    pub fn ask(&self, arguments: &[&str]) -> Finished {
        TestCommand::new(Program::Cli)
            .args(arguments)
            .args(["--data-dir".as_ref(), self.path().as_os_str()])
            .run()
    }
}

/// A morning with something of everything: a container that is refused, runs out of memory and
/// dies, a name that tries to talk to the terminal, and a type from the future.
pub fn morning() -> Directory {
    let mut directory = Directory::new("2026-11-21T09:30:00Z", Limits::default());
    directory.look(&[OOM, EXIT, REFUSED]);
    let id = "3f1c9a".repeat(10) + "beef";
    let container = json!({"container_runtime": "podman", "container_id": id,
        "cgroup_path": format!("/machine.slice/libpod-{id}.scope"), "cgroup_id": 4711});
    let of_container = |more: Value| {
        let mut data = container.clone();
        let fields = more.as_object().expect("an object").clone();
        data.as_object_mut().expect("an object").extend(fields);
        data
    };
    directory.pass_to("2026-11-21T09:41:07.100Z");
    directory.put(EXIT, "warning", json!({"pid": 300, "comm": "backup", "exit_code": 2,
        "runtime_ms": 3_725_000, "systemd_unit": "backup.service", "cgroup_path": "/system.slice/backup.service"}));
    directory.pass_to("2026-11-21T10:04:30.250Z");
    directory.put(
        REFUSED,
        "warning",
        of_container(json!({"pid": 812, "comm": "worker",
        "src_ip": "10.88.0.4", "src_port": 41822, "dst_ip": "10.88.0.9", "dst_port": 5432})),
    );
    directory.pass_to("2026-11-21T10:04:58.000Z");
    directory.put(
        EXIT,
        "warning",
        json!({"pid": 900, "comm": "ev\u{1b}[2Jil\n", "exit_code": 1,
        "runtime_ms": 12, "cgroup_path": "/user.slice/\u{202e}gnp"}),
    );
    directory.pass_to("2026-11-21T10:05:01.119Z");
    directory.put(
        OOM,
        "critical",
        of_container(json!({"pid": 812, "comm": "worker",
        "anon_rss_bytes": 530_579_456, "file_rss_bytes": 0, "memory_limit_bytes": 536_870_912})),
    );
    directory.pass_to("2026-11-21T10:05:01.123456789Z");
    directory.put(
        EXIT,
        "error",
        of_container(json!({"pid": 812, "comm": "worker", "signal": 9,
        "sender": "kernel", "oom_victim": true, "runtime_ms": 61_500, "is_workload_root": true})),
    );
    directory.pass_to("2026-11-21T10:20:00Z");
    directory.put(
        "kernel.gpu.reset",
        "error",
        json!({"device": "card0", "attempt": 2}),
    );
    directory.account(6);
    directory.pass_to("2026-11-21T11:30:00Z");
    directory.say("2026-11-21T11:30:00Z");
    directory.stop();
    directory
}
