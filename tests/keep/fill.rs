//! Writing: processor time and space per event.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tapio_common::catalogue::{Anomaly, Outcome, Severity};
use tapio_common::evidence::disk::Folder;
use tapio_common::evidence::{Limits, Writer};
use tapio_common::ident::UlidSource;
use tapio_common::occurrence::{ErrorFact, Head, write_line};
use tapio_common::time::{NANOS_PER_SECOND, Now, Timestamp};
use tapio_tests::folder::TestFolder;
use tapio_tests::process;
use tapio_tests::report::Figure;

/// Events between two calls of the batcher, of which it makes one per batch.
const BATCH: u64 = 64;

/// A death in a container, with the facts the agent writes of one.
fn line(out: &mut Vec<u8>, ids: &mut UlidSource, at: Timestamp, pid: u64) {
    out.clear();
    let head = Head {
        id: ids.next(at.0),
        at,
        anomaly: Anomaly::AbnormalExit,
        severity: Severity::Error,
        outcome: Outcome::Failure,
        error: Some(ErrorFact {
            code: "SIGKILL".into(),
            message: "killed by signal 9".into(),
        }),
        node: "edge-7",
    };
    let id = "3f1c9a3f1c9a3f1c9a3f1c9a3f1c9a3f1c9a3f1c9a3f1c9a3f1c9a3f1c9abeef";
    write_line(out, &head, |facts| {
        facts.u64("pid", pid);
        facts.text("comm", "worker");
        facts.u64("signal", 9u32);
        facts.text("sender", "kernel");
        facts.flag("oom_victim", false);
        facts.u64("runtime_ms", 61_500u32);
        facts.text("cause", "signal_from_process");
        facts.u64("cgroup_id", 4_711u32);
        facts.text("cgroup_path", "/machine.slice/libpod-3f1c9a3f1c9a.scope");
        facts.text("container_runtime", "podman");
        facts.text("container_id", id);
        facts.u64("config_generation", 1u32);
        facts.text("boot_id", "7b268769-6f71-4dad-88ff-5afe794e3018");
    });
}

/// Writes so many events, so far apart, the last one now.
fn write(directory: &Path, events: u64, apart_nanos: u64, limits: Limits) -> io::Result<()> {
    let end = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(io::Error::other)?;
    let end = u64::try_from(end.as_nanos()).map_err(io::Error::other)?;
    let at = |number: u64| end - (events - number) * apart_nanos;
    let now = |number| Now {
        wall: Timestamp(at(number)),
        boot_nanos: at(number),
    };
    let (mut writer, _) = Writer::open(Folder::new(directory), limits, None, now(0))?;
    let (mut ids, mut text) = (UlidSource::new([7; 10]), Vec::new());
    for number in 0..events {
        line(&mut text, &mut ids, Timestamp(at(number)), number % 30_000);
        writer.append(Timestamp(at(number)), &text, now(number))?;
        if number % BATCH == 0 {
            writer.settle(now(number));
        }
    }
    writer.finish(now(events));
    Ok(())
}

/// A directory of that size, its events spread over the hours before now.
pub fn to(directory: &Path, bytes: u64) -> io::Result<()> {
    let limits = Limits {
        retain_bytes_max: 8 << 30,
        sync_within_nanos: u64::MAX, // half a day goes by in half a minute here
        ..Limits::default()
    };
    write(
        directory,
        bytes / 640,
        12 * NANOS_PER_SECOND / 1_000,
        limits,
    )
}

/// What an event costs, its line being made included and told apart.
pub fn cost(rounds: usize, events: u64) -> io::Result<Vec<Figure>> {
    let mut cpu = Figure::promised("file sink, sealing included, CPU per event", 4.0, "us");
    let mut made = Figure::beside("of which is making the line (not the sink's)", "us");
    let mut space = Figure::promised("on disk per event", 700.0, "bytes");
    let mut files = Figure::beside("files for all of them", "");
    let micros = |nanos: u128| nanos as f64 / 1_000.0 / events as f64;
    for _ in 0..rounds {
        let folder = TestFolder::new();
        let pid = std::process::id();
        let before = process::cpu_time(pid)?;
        write(folder.path(), events, 1_000_000, Limits::default())?;
        let written = process::cpu_time(pid)?;
        let (mut ids, mut text) = (UlidSource::new([7; 10]), Vec::new());
        (0..events).for_each(|number| line(&mut text, &mut ids, Timestamp(number), number));
        let alone = process::cpu_time(pid)? - written;
        cpu.add(micros((written - before).saturating_sub(alone).as_nanos()));
        made.add(micros(alone.as_nanos()));
        let (mut blocks, mut count) = (0, 0);
        for entry in fs::read_dir(folder.path())? {
            blocks += entry?.metadata()?.blocks();
            count += 1;
        }
        space.add(blocks as f64 * 512.0 / events as f64);
        files.add(f64::from(count));
    }
    Ok(vec![cpu, made, space, files])
}
