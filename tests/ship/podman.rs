//! Podman as root, with a configuration and a storage of the test's own.

use std::path::PathBuf;
use std::process::{Command, Output};

use tapio_tests::folder::TestFolder;
use tapio_tests::repository;

use crate::{dist, said};

/// No limit is raised that the machine may not raise; no network but the machine's own.
const CONTAINERS: &str = r#"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"#;

pub struct Podman {
    pub folder: TestFolder,
}

impl Podman {
    pub fn new() -> Self {
        let folder = TestFolder::new();
        let at = |name: &str| folder.join(name).display().to_string();
        folder.write("containers.conf", CONTAINERS);
        let (run, graph) = (at("run"), at("graph"));
        let storage =
            format!("[storage]\ndriver = \"vfs\"\nrunroot = {run:?}\ngraphroot = {graph:?}\n");
        folder.write("storage.conf", storage);
        Self { folder }
    }

    fn configured(&self, mut command: Command) -> Command {
        command
            .env("CONTAINERS_CONF", self.folder.join("containers.conf"))
            .env("CONTAINERS_STORAGE_CONF", self.folder.join("storage.conf"))
            .env("STORAGE_DRIVER", "vfs");
        command
    }

    pub fn command(&self, words: &[&str]) -> Output {
        let mut command = self.configured(Command::new("podman"));
        command.args(words).output().expect("podman is installed")
    }

    /// What it says, which must succeed.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> String {
        let output = self.command(words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Builds an image from what `scripts/dist` left: its name.
    #[track_caller]
    pub fn image(&self, target: &str) -> String {
        self.image_with(target, &[])
    }

    /// The same, with more words for `scripts/image`.
    #[track_caller]
    pub fn image_with(&self, target: &str, more: &[&str]) -> String {
        let dist: PathBuf = dist();
        let from = dist
            .strip_prefix(repository::top())
            .expect("it is in this clone");
        let mut command = self.configured(Command::new("scripts/image"));
        let output = command
            .arg(target)
            .arg("--prebuilt")
            .arg(from)
            .args(more)
            .current_dir(repository::top())
            .output()
            .expect("the script starts");
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What distroless calls static: who is who, certificates, a folder for anybody, no shell; and a
    /// user who is nobody. Its name.
    #[track_caller]
    pub fn base(&self) -> String {
        const NAME: &str = "localhost/base:1";
        self.folder
            .write("passwd", "root:x:0:0::/:\nnonroot:x:65532:65532::/:\n");
        self.folder.write("certificates", "none\n");
        let recipe = "FROM scratch\nCOPY passwd /etc/passwd\n\
            COPY certificates /etc/ssl/certs/ca-certificates.crt\nUSER 65532:65532\n";
        let recipe = self
            .folder
            .write("Dockerfile", recipe)
            .display()
            .to_string();
        let context = self.folder.path().display().to_string();
        let words = [
            "build",
            "--isolation=chroot",
            "--tag",
            NAME,
            "--file",
            &recipe,
        ];
        self.run(&[&words[..], &[&context]].concat());
        NAME.to_owned()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let output = self.command(&["rm", "--all", "--force", "--time=0"]);
        if !output.status.success() {
            eprintln!("containers left behind: {}", said(&output));
        }
    }
}
