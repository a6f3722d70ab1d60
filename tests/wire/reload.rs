//! A changed profile becomes the next generation; an invalid one is refused and the old one stays.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, SystemTime};

use tapio_tests::controller::TestController;
use tapio_tests::deadline::{SOON, wait_until};
use tapio_tests::folder::TestFolder;
use tapio_tests::http::Request;
use tapio_tests::payload;

const QUERY: &str = "/v1/agents/config?agent_id=a&node_name=n";
const INVALID: &str = "apiVersion: tapio.false.systems/v0\nkind: Nothing\n";

fn profile(ratio: u32) -> String {
    format!(
        "apiVersion: tapio.false.systems/v0\nkind: EvidenceProfile\nbase: production-default\n\
         overrides: {{network: {{rtt_spike: {{ratio: {ratio}}}}}}}\n"
    )
}

/// Writes the profile so that its modification time differs, however coarse the clock.
fn rewrite(folder: &TestFolder, name: &str, content: &str, step: u64) {
    let path = folder.write(name, content);
    let when = SystemTime::now() + Duration::from_secs(step);
    let file = fs::File::options()
        .write(true)
        .open(path)
        .expect("the profile");
    file.set_modified(when).expect("a modification time");
}

fn start(content: &str) -> TestController {
    let folder = TestFolder::new();
    let path = folder.write("profile.yaml", content);
    let path = path.to_str().expect("a plain path").to_owned();
    TestController::start_in(folder, &["--profile", &path])
}

/// The generation and the RTT ratio served now.
fn served(controller: &TestController) -> (String, u64) {
    let config = controller.get(QUERY).ok();
    let ratio = config["config"]["network"]["rtt_spike_ratio"]
        .as_u64()
        .expect("a ratio");
    (config["version"].as_str().expect("text").to_owned(), ratio)
}

fn wait_for_config(controller: &TestController, version: &str, ratio: u64) {
    wait_until(&format!("version {version}, ratio {ratio}"), SOON, || {
        served(controller) == (version.to_owned(), ratio)
    });
}

#[test]
fn sighup_reloads_and_every_answer_knows() {
    let controller = start(&profile(3));
    controller.post(payload::HELLO, &payload::hello("a")).ok();
    let old_tag = controller
        .get(QUERY)
        .header("etag")
        .expect("a tag")
        .to_owned();
    controller.folder().write("profile.yaml", profile(4));
    controller.signal(libc::SIGHUP);
    wait_for_config(&controller, "2", 4);
    let conditional = Request::get(QUERY).header("If-None-Match", &old_tag);
    let answer = controller.send(&conditional);
    assert_eq!(answer.status, 200, "the old tag matches no more");
    let hash = answer.json()["config_hash"].clone();
    assert_ne!(answer.header("etag"), Some(old_tag.as_str()));
    assert_eq!(
        controller.status()["config"],
        serde_json::json!({"version": "2", "config_hash": hash})
    );
    let heartbeat = controller
        .post(payload::HEARTBEAT, &payload::heartbeat("a"))
        .ok();
    assert_eq!(
        (&heartbeat["accepted"], &heartbeat["next_config_version"]),
        (&true.into(), &"2".into())
    );
    let batch = controller
        .post(payload::EVENTS, &payload::batch("a", 1, 1))
        .ok();
    assert_eq!(batch["next_config_version"], "2");
    assert_eq!(
        controller.post(payload::HELLO, &payload::hello("b")).ok()["config_version"],
        "2"
    );
}

#[test]
fn a_changed_modification_time_is_enough() {
    let controller = start(&profile(3));
    assert_eq!(served(&controller), ("1".to_owned(), 3));
    rewrite(controller.folder(), "profile.yaml", &profile(4), 10);
    wait_for_config(&controller, "2", 4);
    rewrite(controller.folder(), "profile.yaml", &profile(5), 20);
    wait_for_config(&controller, "3", 5);
}

#[test]
fn a_mounted_config_map_is_followed_through_its_links() {
    let folder = TestFolder::new();
    for (generation, ratio) in [("g1", 3), ("g2", 4)] {
        fs::create_dir(folder.join(generation)).expect("a folder");
        let step = u64::from(ratio) * 10;
        rewrite(
            &folder,
            &format!("{generation}/profile.yaml"),
            &profile(ratio),
            step,
        );
    }
    symlink("g1", folder.join("..data")).expect("a link");
    symlink("..data/profile.yaml", folder.join("profile.yaml")).expect("a link");
    let path = folder
        .join("profile.yaml")
        .to_str()
        .expect("a plain path")
        .to_owned();
    let controller = TestController::start_in(folder, &["--profile", &path]);
    assert_eq!(served(&controller), ("1".to_owned(), 3));
    let folder = controller.folder();
    symlink("g2", folder.join("..data_tmp")).expect("a link");
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("the swap");
    wait_for_config(&controller, "2", 4);
}

#[test]
fn the_same_config_again_is_no_new_generation() {
    let controller = start(&profile(3));
    let tag = controller
        .get(QUERY)
        .header("etag")
        .expect("a tag")
        .to_owned();
    // Other bytes, the same meaning; then a real change shows that the reload before it was done.
    controller
        .folder()
        .write("profile.yaml", format!("# a comment\n{}", profile(3)));
    controller.signal(libc::SIGHUP);
    wait_until("the reload to be told", SOON, || {
        controller.stderr().contains("the config is the same")
    });
    assert_eq!(served(&controller), ("1".to_owned(), 3));
    assert_eq!(controller.get(QUERY).header("etag"), Some(tag.as_str()));
}

#[test]
fn an_invalid_profile_is_refused_loudly_and_the_old_one_stays() {
    let controller = start(&profile(3));
    for (broken, named) in [
        (INVALID.to_owned(), "kind"),
        (profile(0), "network.rtt_spike.ratio"),
    ] {
        controller.folder().write("profile.yaml", broken);
        controller.signal(libc::SIGHUP);
        wait_until(&format!("{named} to be told"), SOON, || {
            controller.stderr().lines().any(|line| line.contains(named))
        });
        assert_eq!(served(&controller), ("1".to_owned(), 3));
    }
    fs::remove_file(controller.folder().join("profile.yaml")).expect("the profile");
    controller.signal(libc::SIGHUP);
    wait_until("the absence to be told", SOON, || {
        controller.stderr().contains("No such file")
    });
    assert_eq!(served(&controller), ("1".to_owned(), 3));
    controller.folder().write("profile.yaml", profile(4));
    controller.signal(libc::SIGHUP);
    wait_for_config(&controller, "2", 4);
}

#[test]
fn a_broken_file_is_told_once_and_not_at_every_look() {
    let controller = start(&profile(3));
    rewrite(controller.folder(), "profile.yaml", INVALID, 10);
    let told = || {
        controller
            .stderr()
            .lines()
            .filter(|line| line.contains("kind"))
            .count()
    };
    wait_until("the refusal", SOON, || told() > 0);
    // Two good reloads later every look in between has happened.
    rewrite(controller.folder(), "profile.yaml", &profile(4), 20);
    wait_for_config(&controller, "2", 4);
    assert_eq!(told(), 1, "{}", controller.stderr());
}

#[test]
fn sighup_without_a_profile_changes_nothing() {
    let controller = TestController::start(&[]);
    controller.signal(libc::SIGHUP);
    controller.signal(libc::SIGHUP);
    assert_eq!(served(&controller), ("1".to_owned(), 2));
    controller.post(payload::HELLO, &payload::hello("a")).ok();
}

#[test]
fn a_profile_from_a_pipe_is_read_once_and_holds_nothing_up() {
    let folder = TestFolder::new();
    let pipe = folder.join("profile");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo starts").success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, profile(3))
    });
    let mut controller = TestController::start(&["--profile", pipe.to_str().expect("plain")]);
    writer.join().expect("a writer").expect("it is written");
    // Nobody writes any more: whoever opened the pipe again would wait until the end of days.
    controller.signal(libc::SIGHUP);
    wait_until("the reload to be refused", SOON, || {
        controller.stderr().contains("is no file")
    });
    assert_eq!(served(&controller), ("1".to_owned(), 3));
    controller.signal(libc::SIGTERM);
    let ended = controller.wait_for_end(SOON).expect("it ends");
    assert_eq!(ended.code(), Some(0), "{}", controller.stderr());
}
