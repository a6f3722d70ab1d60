//! The images: what is in them, and whether the rights of the DaemonSet are enough, and necessary.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use tapio_tests::deadline::{poll_for, wait_for};
use tapio_tests::manifests::{daemon_set, folder, items, strings};
use tapio_tests::place::free_place;
use tapio_tests::scripted::{Asked, ScriptedController};

use crate::podman::Podman;
use crate::{name_server, said};

const AGENT_BYTES_MAX: u64 = 2_000_000;
/// What the DaemonSet calls it.
const CONTROLLER: &str = "tapio-controller";
const START_MAX: Duration = Duration::from_secs(180);

/// `podman run` as the DaemonSet has it, with these capabilities of it; the state is the test's own.
fn run_words(podman: &Podman, capabilities: &[&str], cgroups: &str) -> Vec<String> {
    let set = daemon_set();
    let pod = &set.template().expect("a template")["spec"];
    let rights = &pod["containers"][0]["securityContext"];
    assert_eq!(strings(&rights["capabilities"]["drop"]), ["ALL"]);
    let filter = folder().join("localhost-seccomp/tapio-agent.json");
    let state = podman.folder.join("state");
    std::fs::create_dir_all(&state).expect("a folder");
    let mut words: Vec<String> = ["run", "--cap-drop=all", "--cgroupns=host", "--user=0:0"]
        .map(str::to_owned)
        .to_vec();
    if rights["readOnlyRootFilesystem"] == true {
        words.push("--read-only".into());
    }
    if rights["allowPrivilegeEscalation"] == false {
        words.push("--security-opt=no-new-privileges".into());
    }
    words.push(format!("--security-opt=seccomp={}", filter.display()));
    words.extend(capabilities.iter().map(|name| format!("--cap-add={name}")));
    for volume in items(&pod["volumes"]) {
        words.push(match volume["hostPath"]["path"].as_str().expect("a path") {
            "/sys/fs/cgroup" => format!("--volume=/sys/fs/cgroup:/sys/fs/cgroup:{cgroups}"),
            "/var/lib/tapio" => format!("--volume={}:/var/lib/tapio", state.display()),
            other => panic!("{other} is a mount this test does not know"),
        });
    }
    words
}

fn capabilities() -> Vec<String> {
    let set = daemon_set();
    let pod = &set.template().expect("a template")["spec"];
    let added = &pod["containers"][0]["securityContext"]["capabilities"]["add"];
    strings(added).into_iter().map(str::to_owned).collect()
}

fn words<'a>(words: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    words
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect()
}

/// The files in an image, but for those that Podman makes to mount something over.
fn files_of(podman: &Podman, image: &str) -> Vec<String> {
    let id = podman.run(&["create", image]);
    let tar = podman.folder.join("root.tar").display().to_string();
    podman.run(&["export", "--output", &tar, &id]);
    let list = std::process::Command::new("tar")
        .args(["-tvf", &tar])
        .output()
        .expect("tar");
    String::from_utf8_lossy(&list.stdout)
        .lines()
        .filter(|line| line.starts_with('-') && !line.contains(" 0 "))
        .filter_map(|line| line.split_whitespace().last())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_agents_image_is_small_and_holds_its_program_alone() {
    let podman = Podman::new();
    let image = podman.image("agent");
    let size = podman.run(&["image", "inspect", "--format={{.Size}}", &image]);
    let size: u64 = size.parse().expect("a number");
    assert!(size <= AGENT_BYTES_MAX, "{size} bytes");
    assert_eq!(files_of(&podman, &image), ["tapio-agent"]);
}

/// A base may bring a user of its own, who would have no right to begin with.
#[test]
fn on_another_base_the_agent_is_root_still_and_probes() {
    let podman = Podman::new();
    let base = podman.base();
    let image = podman.image_with("agent", &["--base", &base]);
    let user = podman.run(&["image", "inspect", "--format={{.User}}", &image]);
    assert_eq!(user, "0:0");
    let files = files_of(&podman, &image);
    for wanted in ["etc/passwd", "tapio-agent"] {
        assert!(files.iter().any(|file| file == wanted), "{files:?}");
    }
    let capabilities = capabilities();
    let held: Vec<&str> = capabilities.iter().map(String::as_str).collect();
    let mut run = run_words(&podman, &held, "ro");
    run.retain(|word| !word.starts_with("--user"));
    let output = podman.command(&words(&run, &["--rm", &image, "probe"]));
    assert!(output.status.success(), "{}", said(&output));
}

/// The hierarchy is mounted to be written to, which the DaemonSet does not do: a self test makes
/// groups. What it may not try here it names.
#[test]
fn with_exactly_the_daemon_sets_rights_the_self_test_passes() {
    let podman = Podman::new();
    let image = podman.image("agent");
    let capabilities = capabilities();
    let held: Vec<&str> = capabilities.iter().map(String::as_str).collect();
    let run = run_words(&podman, &held, "rw");
    let output = podman.command(&words(&run, &["--rm", &image, "selftest"]));
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in page.lines().filter(|line| line.starts_with("not tried")) {
        println!("not run ship selftest in an image: {line}");
    }
    assert!(
        matches!(output.status.code(), Some(0 | 3)),
        "{}",
        said(&output)
    );
    assert!(!page.contains("WRONG"), "{page}");
    let verdict_on = |what: &str| {
        let line = page.lines().find(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("no {what} in {page}"))
    };
    for what in [
        "code 3",
        "killed by another",
        "memory it must not",
        "connects to a port",
    ] {
        assert!(verdict_on(what).starts_with("right"), "{page}");
    }
    // The agent listens on nothing, and its filter holds it to that.
    let reset = verdict_on("its connection reset");
    assert!(reset.contains("no port can be listened on"), "{page}");
}

#[test]
fn each_of_its_capabilities_is_necessary() {
    let podman = Podman::new();
    let image = podman.image("agent");
    let capabilities = capabilities();
    for missing in &capabilities {
        let held: Vec<&str> = capabilities
            .iter()
            .filter(|name| *name != missing)
            .map(String::as_str)
            .collect();
        let run = run_words(&podman, &held, "ro");
        let output = podman.command(&words(&run, &["--rm", &image, "probe"]));
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let page = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(page.contains(&format!("missing CAP_{missing}")), "{page}");
    }
}

#[test]
fn it_observes_the_host_and_answers_its_probe() {
    let podman = Podman::new();
    let image = podman.image("agent");
    let capabilities = capabilities();
    let held: Vec<&str> = capabilities.iter().map(String::as_str).collect();
    let run = run_words(&podman, &held, "ro");
    let id = podman.run(&words(&run, &["--detach", &image, "--sink=file"]));
    let healthy = poll_for(START_MAX, || {
        let output = podman.command(&["exec", &id, "/tapio-agent", "healthcheck"]);
        output.status.success().then_some(())
    });
    assert!(
        healthy.is_some(),
        "{}",
        said(&podman.command(&["logs", &id]))
    );
    // A session of its own: a workload's first process, which is what the default looks for.
    let mut child = std::process::Command::new("setsid")
        .args(["--wait", "sh", "-c", "ulimit -c 0; kill -SEGV $$"])
        .spawn()
        .expect("setsid is there");
    child.wait().expect("it is our child");
    let evidence = podman.folder.join("state/evidence");
    wait_for("evidence of the crash", START_MAX, || {
        let entries = std::fs::read_dir(&evidence).ok()?;
        entries
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
            .any(|text| text.contains("\"code\":\"SIGSEGV\""))
            .then_some(())
    });
    podman.run(&["stop", "--time=10", &id]);
    assert_eq!(
        podman.run(&["inspect", "--format={{.State.ExitCode}}", &id]),
        "0"
    );
}

/// A name is asked for over a socket, and a socket is what a filter knows about.
#[test]
fn under_its_filter_it_finds_its_controller_by_name() {
    let podman = Podman::new();
    let image = podman.image("agent");
    let first_day = include_str!("../data/wire/exchange/controller/first-day.json");
    let script = serde_json::from_str(first_day).expect("JSON");
    let controller = ScriptedController::start(script);
    let IpAddr::V4(address) = controller.address().ip() else {
        panic!("{} is no address of version 4", controller.address());
    };
    let dns = format!("--dns={}", name_server::start(address));
    let capabilities = capabilities();
    let held: Vec<&str> = capabilities.iter().map(String::as_str).collect();
    let run = run_words(&podman, &held, "ro");
    let port = controller.address().port();
    let endpoint = format!("--controller-endpoint=http://{CONTROLLER}:{port}");
    let more = ["--detach", &dns, &image, "--sink=controller", &endpoint];
    let id = podman.run(&words(&run, &more));
    let is_known = poll_for(START_MAX, || {
        let heard = controller.heard();
        let is_hello = heard.iter().any(|heard| heard.asked == Asked::Hello);
        is_hello.then_some(())
    });
    let log = said(&podman.command(&["logs", &id]));
    assert!(is_known.is_some(), "{log}");
}

#[test]
fn the_controller_is_nobody_and_answers() {
    let podman = Podman::new();
    let image = podman.image("controller");
    let listen = free_place().expect("a place").to_string();
    let id = podman.run(&[
        "run",
        "--detach",
        "--cap-drop=all",
        "--read-only",
        "--security-opt=no-new-privileges",
        &image,
        "--listen",
        &listen,
    ]);
    let answer = wait_for("an answer", START_MAX, || {
        let mut stream = TcpStream::connect(&listen).ok()?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    });
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let pid = podman.run(&["inspect", "--format={{.State.Pid}}", &id]);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    assert!(
        status.contains("Uid:\t65532\t65532\t65532\t65532"),
        "{status}"
    );
    assert!(status.contains("CapPrm:\t0000000000000000"), "{status}");
}
