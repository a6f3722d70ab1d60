//! Loop devices over mappings of the device mapper that fail and delay: dm-error and dm-delay.
//!
//! A mapping has no queue of requests, so nothing is told of it; the disk on top of it has one. The
//! mapper is asked by its own ioctl, since no guest has a `dmsetup`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

use tapio_tests::agent::{Event, TestAgent};
use tapio_tests::deadline::{SOON, poll_for, wait_for};
use tapio_tests::loop_device::LoopDevice;

use super::devices::NullDisk;
use super::{IO_ERROR, MILLI, NEVER, SPIKE, one_disk};
use crate::cgroup::Cgroup;
use crate::scene::Scene;

/// `struct dm_ioctl`, then one `struct dm_target_spec` and its parameters.
const HEAD_BYTES: usize = 312;
const SPEC_BYTES: usize = 40;
const BUFFER_BYTES: usize = 512;
const SIZE_AT: usize = 12;
const START_AT: usize = 16;
const TARGETS_AT: usize = 20;
const NUMBER_AT: usize = 40;
const NAME_AT: usize = 48;

/// The mapper's commands, as `_IOWR(0xfd, command, struct dm_ioctl)`.
const CREATE: u32 = 0xc138_fd03;
const REMOVE: u32 = 0xc138_fd04;
/// Without a flag: goes on with the table that was loaded.
const SUSPEND: u32 = 0xc138_fd06;
const LOAD: u32 = 0xc138_fd09;

/// Of 512 bytes: as many as the disk below has.
const SECTORS: u64 = 64 << 11;
const DELAY_MS: u64 = 300;

/// A mapping of one target, taken away on drop.
struct Mapping {
    name: &'static str,
    number: u32,
}

/// What is said to the mapper.
struct Message(Vec<u8>);

impl Message {
    fn about(name: &str) -> Self {
        let mut message = Self(vec![0; BUFFER_BYTES]);
        message.put(0, &4u32.to_ne_bytes()); // the major version of this interface
        message.put(SIZE_AT, &512u32.to_ne_bytes());
        message.put(START_AT, &312u32.to_ne_bytes());
        message.put(NAME_AT, name.as_bytes());
        message
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn with_target(mut self, kind: &str, parameters: &str) -> Self {
        self.put(TARGETS_AT, &1u32.to_ne_bytes());
        self.put(HEAD_BYTES + 8, &SECTORS.to_ne_bytes());
        self.put(HEAD_BYTES + 24, kind.as_bytes());
        self.put(HEAD_BYTES + SPEC_BYTES, parameters.as_bytes());
        self
    }

    fn send(&mut self, command: u32) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let control = options.read(true).write(true).open("/dev/mapper/control")?;
        // SAFETY: the message is as long as it says itself, for reading and for the answer.
        let result = unsafe { libc::ioctl(control.as_raw_fd(), command as _, self.0.as_mut_ptr()) };
        match result {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The minor number that the mapper has answered.
    fn number(&self) -> u32 {
        let bytes = self.0[NUMBER_AT..NUMBER_AT + 4].try_into().expect("four");
        u32::from_ne_bytes(bytes) & 0xff
    }
}

impl Mapping {
    #[track_caller]
    fn new(name: &'static str, kind: &str, parameters: &str) -> Self {
        let mut created = Message::about(name);
        created.send(CREATE).expect("the device mapper");
        let number = created.number();
        let mapping = Self { name, number };
        let mut load = Message::about(name).with_target(kind, parameters);
        load.send(LOAD)
            .unwrap_or_else(|error| panic!("{kind}: {error}"));
        Message::about(name).send(SUSPEND).expect("it goes on");
        mapping
    }

    fn open(&self) -> File {
        let path = format!("/dev/dm-{}", self.number);
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        wait_for(&path, SOON, || options.open(&path).ok())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let removed = poll_for(SOON, || Message::about(self.name).send(REMOVE).ok());
        if removed.is_none() {
            eprintln!("left behind: the mapping {}", self.name);
        }
    }
}

/// The one event of this type about a loop device over the mapping, of which a block is read.
#[track_caller]
fn event_of_reading(mapping: &Mapping, warning_ns: u64, event_type: &str) -> Event {
    let agent = TestAgent::observe_storage(warning_ns, NEVER, &[]);
    let cgroup = Cgroup::new();
    let disk = LoopDevice::over(&mapping.open());
    let words = format!("read-disk /dev/{} 65536 4096", disk.name);
    let mut scene = Scene::member(&cgroup, &words);
    scene.line();
    scene.end();
    let report = agent.stop();
    let of_mapping = format!("dm-{}", mapping.number);
    let name = |event: &Event| event.fact("device")["name"].clone();
    assert!(
        !report.events.iter().any(|event| name(event) == *of_mapping),
        "of a mapping: {:?}",
        report.events
    );
    let events = report.events.iter();
    let found: Vec<&Event> = events
        .filter(|event| event.is(event_type) && name(event) == *disk.name)
        .collect();
    let [event] = found[..] else {
        panic!("{found:?} of {:?}", report.events);
    };
    assert_eq!(event.fact("pid"), scene.pid());
    assert_eq!(event.fact("sector"), 128);
    assert_eq!(event.fact("bytes"), 4_096);
    cgroup.assert_named_by(event);
    event.clone()
}

#[test]
fn a_loop_device_over_dm_error_fails() {
    let _alone = one_disk();
    let mapping = Mapping::new("tapio-error", "error", "");
    let event = event_of_reading(&mapping, NEVER, IO_ERROR);
    assert_eq!(event.fact("errno"), libc::EIO);
    assert_eq!(event.fact("op"), "read");
}

#[test]
fn a_loop_device_over_dm_delay_takes_as_long() {
    let _alone = one_disk();
    let _below = NullDisk::new("nullb0", &[("irqmode", "0")]);
    let parameters = format!("/dev/nullb0 0 {DELAY_MS}");
    let mapping = Mapping::new("tapio-delay", "delay", &parameters);
    let event = event_of_reading(&mapping, 200 * MILLI, SPIKE);
    let latency_us = event.fact("latency_us").as_u64();
    assert!(latency_us >= Some(DELAY_MS * 1_000), "{event:?}");
    assert!(latency_us < Some(1_500_000), "{event:?}");
}
