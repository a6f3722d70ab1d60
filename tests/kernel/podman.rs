//! Real containers: Podman as root and rootless, with a configuration and a storage of the test's own.
//!
//! The image is one static busybox. The runtime may not raise limits here, so it is given none to raise.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tapio_tests::agent::{Event, TestAgent, container_config};
use tapio_tests::folder::TestFolder;

use crate::cgroup::{Cgroup, Standing};
use crate::{ABNORMAL_EXIT, OOM_KILL};

const CONTAINERS: &str = r#"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "none"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"#;
/// Whom a rootless container belongs to: somebody without any right of his own.
const NOBODY: u32 = 65_534;
const MIB: u64 = 1 << 20;

struct Podman {
    folder: TestFolder,
    user: Option<u32>,
}

impl Podman {
    #[track_caller]
    fn new(user: Option<u32>) -> Self {
        let podman = Self {
            folder: TestFolder::new(),
            user,
        };
        let at = |name: &str| podman.folder.join(name).display().to_string();
        let driver = if user.is_some() { "overlay" } else { "vfs" };
        podman.folder.write("containers.conf", CONTAINERS);
        let storage = format!(
            "[storage]\ndriver = {driver:?}\nrunroot = {:?}\ngraphroot = {:?}\n",
            at("run"),
            at("graph")
        );
        podman.folder.write("storage.conf", storage);
        let bin = podman.folder.join("root/bin");
        fs::create_dir_all(&bin).expect("a folder for the image");
        fs::copy("/bin/busybox", bin.join("busybox")).expect("busybox-static is installed");
        let tar = Command::new("tar")
            .args(["-C", &at("root"), "-cf", &at("box.tar"), "."])
            .status();
        assert!(
            tar.is_ok_and(|status| status.success()),
            "the image is packed"
        );
        if let Some(user) = user {
            own(podman.folder.path(), user);
        }
        podman.run(&["import", &at("box.tar"), "box"]);
        podman
    }

    fn command(&self, words: &[&str]) -> Command {
        let at = |name: &str| self.folder.join(name);
        let mut command = match self.user {
            None => Command::new("podman"),
            Some(user) => {
                let user = user.to_string();
                let mut command = Command::new("setpriv");
                command.args([
                    "--reuid",
                    &user,
                    "--regid",
                    &user,
                    "--clear-groups",
                    "podman",
                ]);
                command
            }
        };
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("CONTAINERS_CONF", at("containers.conf"))
            .env("CONTAINERS_STORAGE_CONF", at("storage.conf"))
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("HOME", self.folder.path());
        command
    }

    /// What a command of podman's says, which must succeed.
    #[track_caller]
    fn run(&self, words: &[&str]) -> String {
        let output = self.command(words).output().expect("podman is installed");
        assert!(
            output.status.success(),
            "podman {words:?}: {}",
            said(&output)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs a container to its end: its id.
    #[track_caller]
    fn container(&self, cgroup: Option<&Cgroup>, options: &[&str], words: &[&str]) -> String {
        let id_file = self.folder.join("id");
        let id_option = format!("--cidfile={}", id_file.display());
        let words = [
            &["run", &id_option],
            options,
            &["box", "/bin/busybox"],
            words,
        ]
        .concat();
        let mut command = self.command(&words);
        if let Some(cgroup) = cgroup {
            cgroup.hold(&mut command, Standing::Member);
        }
        let output = command.output().expect("podman is installed");
        let id = fs::read_to_string(&id_file)
            .unwrap_or_else(|error| panic!("{error}: no container: {}", said(&output)));
        fs::remove_file(&id_file).expect("it was there");
        id
    }

    /// What podman itself found, as an oracle.
    #[track_caller]
    fn state(&self, id: &str, field: &str) -> String {
        self.run(&[
            "inspect",
            "--format",
            &format!("{{{{.State.{field}}}}}"),
            id,
        ])
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        match self
            .command(&["rm", "--all", "--force", "--time=0"])
            .output()
        {
            Ok(output) if output.status.success() => {}
            other => eprintln!("containers left behind: {other:?}"),
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn own(path: &Path, user: u32) {
    std::os::unix::fs::chown(path, Some(user), Some(user)).expect("root may");
    if path.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("root may");
        for entry in fs::read_dir(path).expect("a folder").flatten() {
            own(&entry.path(), user);
        }
    }
}

/// What was said of one container.
fn of<'a>(events: &'a [Event], id: &str) -> Vec<&'a Event> {
    events
        .iter()
        .filter(|event| event.fact("container_id") == id)
        .collect()
}

#[test]
fn a_container_of_root_that_fails_is_one_exit_with_its_id() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let podman = Podman::new(None);
    let id = podman.container(None, &[], &["sh", "-c", "exit 3"]);
    assert_eq!(podman.state(&id, "ExitCode"), "3");
    let report = agent.stop();
    let events = of(&report.events, &id);
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].is(ABNORMAL_EXIT));
    assert_eq!(events[0].fact("exit_code"), 3);
    assert_eq!(events[0].fact("is_workload_root"), true);
    assert_eq!(events[0].fact("container_runtime"), "podman");
    assert_eq!(
        events[0].fact("cgroup_path"),
        format!("/libpod_parent/libpod-{id}").as_str()
    );
}

#[test]
fn a_container_of_root_that_runs_out_of_memory_is_a_kill_by_its_own_limit() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let podman = Podman::new(None);
    let id = podman.container(None, &["--memory=32m"], &["tail", "-n", "1", "/dev/zero"]);
    assert_eq!(podman.state(&id, "ExitCode"), "137");
    let report = agent.stop();
    let events = of(&report.events, &id);
    let kill: Vec<_> = events.iter().filter(|event| event.is(OOM_KILL)).collect();
    let death: Vec<_> = events
        .iter()
        .filter(|event| event.is(ABNORMAL_EXIT))
        .collect();
    assert_eq!((kill.len(), death.len()), (1, 1), "{events:?}");
    assert_eq!(kill[0].fact("memory_limit_bytes"), 32 * MIB);
    let limit_path = format!("/libpod_parent/libpod-{id}");
    assert_eq!(kill[0].fact("limit_cgroup_path"), limit_path.as_str());
    assert_eq!(kill[0].fact("container_runtime"), "podman");
    assert_eq!(death[0].fact("oom_victim"), true);
    assert_eq!(death[0].fact("pid"), kill[0].fact("pid"));
}

#[test]
fn a_container_that_is_killed_names_its_killer() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let podman = Podman::new(None);
    let id = podman.run(&["run", "--detach", "box", "/bin/busybox", "sleep", "1000"]);
    let pid = podman.state(&id, "Pid");
    podman.run(&["kill", "--signal=KILL", &id]);
    podman.run(&["wait", &id]);
    let report = agent.stop();
    let events = of(&report.events, &id);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].fact("pid").to_string(), pid);
    assert_eq!(events[0].fact("signal"), libc::SIGKILL);
    let killer = &events[0].fact("sender")["comm"];
    assert!(
        killer.as_str().is_some_and(|comm| comm.starts_with("runc")),
        "{killer}"
    );
}

/// Without a systemd that delegates, a rootless container lives in the cgroup of whoever started it:
/// that is named, and no container id is made up.
#[test]
fn a_rootless_container_that_fails_is_one_exit_in_its_owners_cgroup() {
    let agent = TestAgent::observe(&container_config("workloads", &[]), &[]);
    let podman = Podman::new(Some(NOBODY));
    let cgroup = Cgroup::new();
    let id = podman.container(Some(&cgroup), &[], &["sh", "-c", "exit 4"]);
    assert_eq!(podman.state(&id, "ExitCode"), "4");
    let report = agent.stop();
    // Its monitor leaves with the same code, and leads a session: another root, and no container.
    let events: Vec<_> = cgroup
        .events(&report)
        .into_iter()
        .filter(|event| event.fact("comm") == "busybox")
        .collect();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].fact("exit_code"), 4);
    assert_eq!(events[0].fact("is_workload_root"), true);
    assert_eq!(*events[0].fact("container_id"), Value::Null);
    cgroup.assert_named_by(events[0]);
}
