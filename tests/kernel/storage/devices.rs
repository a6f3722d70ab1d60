//! Devices that the kernel or the emulator makes for tests, where they do: null_blk, scsi_debug, and
//! a disk of virtio_blk that fails below the guest.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tapio_tests::agent::{Event, Report, TestAgent};
use tapio_tests::deadline::{SOON, wait_for};

use super::{ALWAYS, IO_ERROR, MILLI, NEVER, SPIKE, one_disk};
use crate::cgroup::Cgroup;
use crate::oracle::{ALL, Trace};
use crate::pages::kernel;
use crate::scene::{Scene, number};

/// The sector at which scsi_debug has a bad medium when it is told to.
const BAD_SECTOR: u64 = 0x1234;

fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// A null_blk disk of these attributes, taken away on drop. Before 6.1 its number is the first that
/// is free whatever the folder is called, so every one is the first.
pub struct NullDisk(PathBuf);

impl NullDisk {
    pub fn new(name: &str, attributes: &[(&str, &str)]) -> Self {
        let folder = Path::new("/sys/kernel/config/nullb").join(name);
        fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let disk = Self(folder);
        for (name, value) in [("size", "64")].iter().chain(attributes) {
            put(&disk.0.join(name), value);
        }
        put(&disk.0.join("power"), "1");
        disk
    }
}

impl Drop for NullDisk {
    fn drop(&mut self) {
        let removed = fs::write(self.0.join("power"), "0").and_then(|()| fs::remove_dir(&self.0));
        if let Err(error) = removed {
            eprintln!("left behind: {}: {error}", self.0.display());
        }
    }
}

/// The disk of scsi_debug, which is told here how to fail.
struct ScsiDisk;

const SCSI_DEBUG: &str = "/sys/bus/pseudo/drivers/scsi_debug";

impl ScsiDisk {
    fn new() -> Self {
        put(&Path::new(SCSI_DEBUG).join("add_host"), "1");
        Self
    }

    fn set(name: &str, value: &str) {
        put(&Path::new(SCSI_DEBUG).join(name), value);
    }

    /// Its name, once the kernel has looked at it.
    fn name(&self) -> String {
        wait_for("the disk of scsi_debug", SOON, || {
            let disks = fs::read_dir("/sys/block").expect("the disks").flatten();
            let mut names = disks.map(|disk| disk.file_name().to_string_lossy().into_owned());
            let found = names.find(|name| name.starts_with("sd"))?;
            Path::new("/dev").join(&found).exists().then_some(found)
        })
    }
}

impl Drop for ScsiDisk {
    fn drop(&mut self) {
        for (name, value) in [("opts", "0"), ("delay", "1"), ("add_host", "-1")] {
            if let Err(error) = fs::write(Path::new(SCSI_DEBUG).join(name), value) {
                eprintln!("scsi_debug: {name}: {error}");
            }
        }
    }
}

/// The device of an event as the kernel's text has it.
fn numbers(event: &Event) -> String {
    let device = event.fact("device");
    format!("{},{}", device["major"], device["minor"])
}

/// The kernel's own text of the completion that an error tells of: where, how much, and with what.
#[track_caller]
fn assert_traced(error: &Event, errno: &Value, trace: &Trace) {
    let fact = |name: &str| number(&error.0["data"], name);
    let words = [
        numbers(error),
        fact("sector").to_string(),
        "+".to_owned(),
        (fact("bytes") / 512).to_string(),
        format!("[-{errno}]"),
    ];
    let lines = trace.lines_with(&words);
    assert_eq!(lines.len(), 1, "{words:?}: {lines:?} of {error:?}");
}

/// What an agent with this limit said of one direct read.
#[track_caller]
fn told_of_reading(disk: &str, from: u64, bytes: u64, warning_ns: u64) -> (u32, Report, Cgroup) {
    let trace = Trace::from_now("block/block_rq_complete", ALL);
    let agent = TestAgent::observe_storage(warning_ns, NEVER, &[]);
    let cgroup = Cgroup::new();
    let mut scene = Scene::member(&cgroup, &format!("read-disk /dev/{disk} {from} {bytes}"));
    scene.line();
    scene.end();
    let report = agent.stop();
    let errors = report.events.iter().filter(|event| event.is(IO_ERROR));
    errors
        .filter(|event| event.fact("device")["name"] == disk)
        .for_each(|error| assert_traced(error, error.fact("errno"), &trace));
    (scene.pid(), report, cgroup)
}

#[track_caller]
fn only<'a>(report: &'a Report, disk: &str, event_type: &str) -> &'a Event {
    let events = report.events.iter();
    let is_its = |event: &&Event| event.is(event_type) && event.fact("device")["name"] == disk;
    let found: Vec<_> = events.filter(is_its).collect();
    let [event] = found[..] else {
        panic!("{found:?} of {:?}", report.events);
    };
    event
}

#[test]
fn null_blk_with_bad_blocks() {
    let _alone = one_disk();
    let attributes = [("irqmode", "0"), ("badblocks", "+16-31")];
    let _disk = NullDisk::new("nullb0", &attributes);
    let (pid, report, cgroup) = told_of_reading("nullb0", 8_192, 4_096, NEVER);
    let event = only(&report, "nullb0", IO_ERROR);
    assert_eq!(event.fact("pid"), pid);
    assert_eq!(event.fact("errno"), libc::EIO);
    assert_eq!(event.fact("sector"), 16);
    assert_eq!(event.fact("bytes"), 4_096);
    cgroup.assert_named_by(event);
}

/// Its completions come from a timer's interrupt, in the middle of whatever runs then.
#[test]
fn null_blk_that_takes_three_hundred_milliseconds() {
    let _alone = one_disk();
    let attributes = [("irqmode", "2"), ("completion_nsec", "300000000")];
    let _disk = NullDisk::new("nullb0", &attributes);
    let cgroup = Cgroup::new();
    let mut spinners =
        ["--cpu 0 spin 5", "--cpu 1 spin 5"].map(|words| Scene::member(&cgroup, words));
    let (pid, report, cgroup) = told_of_reading("nullb0", 0, 4_096, 200 * MILLI);
    spinners.iter_mut().for_each(|spinner| {
        spinner.line();
    });
    let event = only(&report, "nullb0", SPIKE);
    assert_eq!(event.fact("pid"), pid, "and not whoever was interrupted");
    let latency_us = event.fact("latency_us").as_u64();
    assert!(
        latency_us >= Some(300_000) && latency_us < Some(1_500_000),
        "{event:?}"
    );
    cgroup.assert_named_by(event);
}

/// One at a time goes to the device, so the second is issued when the first is done: by whoever is sent.
#[test]
fn a_request_is_of_whoever_queued_it_whoever_issues_it() {
    let _alone = one_disk();
    let attributes = [
        ("irqmode", "2"),
        ("completion_nsec", "2000000000"),
        ("hw_queue_depth", "1"),
    ];
    let _disk = NullDisk::new("nullb0", &attributes);
    put(
        Path::new("/sys/block/nullb0/queue/scheduler"),
        "mq-deadline",
    );
    let trace = Trace::from_now("block/block_rq_issue", ALL);
    let agent = TestAgent::observe_storage(200 * MILLI, NEVER, &[]);
    let cgroup = Cgroup::new();
    let read = |sector: u64| {
        format!(
            "--comm reads-{sector} read-disk /dev/nullb0 {} 4096",
            sector * 512
        )
    };
    let mut scenes = [128, 1_024].map(|sector| (sector, Scene::member(&cgroup, &read(sector))));
    for (_, scene) in &mut scenes {
        scene.line();
        scene.end();
    }
    let report = agent.stop();
    let events = cgroup.events(&report);
    let mut by_others = 0;
    for (sector, scene) in &scenes {
        let is_its = |event: &&&Event| event.is(SPIKE) && event.fact("sector") == *sector;
        let [event] = events.iter().filter(is_its).collect::<Vec<_>>()[..] else {
            panic!("of sector {sector}: {events:?}");
        };
        assert_eq!(event.fact("pid"), scene.pid(), "{event:?}");
        assert_eq!(event.fact("comm"), format!("reads-{sector}").as_str());
        assert_eq!(event.fact("owner_is_kernel"), false, "{event:?}");
        let issued = trace.lines_with(&[numbers(event), sector.to_string(), "+".to_owned()]);
        let own = format!("[reads-{sector}]");
        by_others += issued.iter().filter(|line| !line.ends_with(&own)).count();
    }
    assert!(by_others > 0, "the scene failed: each issued its own");
}

/// Beyond the statuses that mean the same everywhere there is only the number; 5.10 hands over an errno.
#[test]
fn null_blk_whose_zones_are_all_in_use() {
    const ZONE_BYTES: u64 = 4 << 20;
    let _alone = one_disk();
    let attributes = [
        ("irqmode", "0"),
        ("zoned", "1"),
        ("zone_size", "4"),
        ("zone_max_active", "1"),
    ];
    let _disk = NullDisk::new("nullb0", &attributes);
    let trace = Trace::from_now("block/block_rq_complete", ALL);
    let agent = TestAgent::observe_storage(NEVER, NEVER, &[]);
    let cgroup = Cgroup::new();
    let words = format!("write-disk /dev/nullb0 4096 0 {ZONE_BYTES}");
    let mut scene = Scene::member(&cgroup, &words);
    let errno = json!(libc::EOVERFLOW);
    assert_eq!(scene.line()["errno"], errno, "the scene failed");
    scene.end();
    let report = agent.stop();
    let event = only(&report, "nullb0", IO_ERROR);
    assert_traced(event, &errno, &trace);
    assert_eq!(event.fact("pid"), scene.pid());
    assert_eq!(event.fact("sector"), ZONE_BYTES / 512);
    let (wanted, status) = match kernel().as_str() {
        "5.10" => (errno, Value::Null),
        "6.1" => (Value::Null, json!(16)),
        _ => (Value::Null, json!(15)),
    };
    assert_eq!(*event.fact("status"), status, "{event:?}");
    assert_eq!(*event.fact("errno"), wanted, "{event:?}");
    assert_eq!(event.not_observed("errno").is_string(), wanted.is_null());
    cgroup.assert_named_by(event);
}

/// Completed up to the bad sector, then failed from there on.
#[test]
fn scsi_debug_with_a_bad_medium_in_the_middle() {
    let _alone = one_disk();
    let disk = ScsiDisk::new();
    let name = disk.name();
    ScsiDisk::set("opts", "2");
    let from = (BAD_SECTOR - 4) * 512;
    let (pid, report, _) = told_of_reading(&name, from, 4_096, ALWAYS);
    let error = only(&report, &name, IO_ERROR);
    assert_eq!(error.fact("errno"), libc::ENODATA, "{error:?}");
    assert_eq!(error.0["error"]["code"], "ENODATA");
    assert_eq!(error.fact("pid"), pid);
    let (sector, bytes) = (error.fact("sector").as_u64(), error.fact("bytes").as_u64());
    assert!(
        sector >= Some(BAD_SECTOR - 4) && sector <= Some(BAD_SECTOR) && bytes > Some(0),
        "{error:?}"
    );
    let events = report.events.iter();
    let spike = events
        .filter(|event| event.is(SPIKE) && event.fact("sector") == BAD_SECTOR - 4)
        .collect::<Vec<_>>();
    let [spike] = spike[..] else {
        panic!("{spike:?} of {:?}", report.events);
    };
    assert_eq!(spike.fact("bytes"), 4_096);
    assert!(spike.fact("latency_us").as_u64() > Some(0), "{spike:?}");
}

/// The emulator's disk of this serial number.
fn disk_of_serial(wanted: &str) -> String {
    let disks = fs::read_dir("/sys/block").expect("the disks").flatten();
    let mut names = disks.map(|disk| disk.file_name().to_string_lossy().into_owned());
    let has_it = |name: &String| {
        let serial = fs::read_to_string(format!("/sys/block/{name}/serial"));
        serial.is_ok_and(|serial| serial.trim() == wanted)
    };
    names
        .find(has_it)
        .unwrap_or_else(|| panic!("the emulator gave no disk {wanted}; scripts/vm does"))
}

/// The emulator's block layer fails it, so the driver is told what a real disk would tell it.
#[test]
fn virtio_blk_whose_disk_has_a_bad_sector() {
    const BAD: u64 = 128;
    let _alone = one_disk();
    let name = disk_of_serial("tapio-fails");
    let (pid, report, cgroup) = told_of_reading(&name, BAD * 512, 4_096, NEVER);
    let event = only(&report, &name, IO_ERROR);
    assert_eq!(event.fact("pid"), pid);
    assert_eq!(event.fact("errno"), libc::EIO);
    assert_eq!(event.fact("sector"), BAD);
    assert_eq!(event.fact("bytes"), 4_096);
    cgroup.assert_named_by(event);
    let (_, healthy, _) = told_of_reading(&name, 0, 4_096, NEVER);
    let of_disk = |event: &&Event| event.fact("device")["name"] == *name;
    assert_eq!(healthy.events.iter().filter(of_disk).count(), 0);
}

/// Looking at a new disk is done by commands past the block layer, some of which it refuses.
#[test]
fn what_a_driver_asks_a_disk_is_no_request_of_anybody() {
    let _alone = one_disk();
    let agent = TestAgent::observe_storage(ALWAYS, NEVER, &[]);
    let disk = ScsiDisk::new();
    let name = disk.name();
    drop(disk);
    let report = agent.stop();
    let filtered = report.ledger.types.get(SPIKE).map_or(0, |row| row.filtered);
    assert!(filtered > 0, "{:?}", report.ledger);
    let of_disk = report
        .events
        .iter()
        .filter(|event| event.fact("device")["name"] == name);
    for event in of_disk {
        let known = ["read", "write", "flush", "discard", "write_zeroes"].map(|op| json!(op));
        assert!(known.contains(event.fact("op")), "{event:?}");
        assert_ne!(*event.fact("device"), Value::Null);
    }
}
