//! What an earlier run left.

use super::*;

#[test]
fn a_crash_costs_the_unfinished_line_which_is_cut_and_counted() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    let from = clock.0.wall;
    writer.cover(looking(from), clock.0);
    put(&mut writer, from, 1, clock.0);
    disk.end_after(1, 20);
    writer
        .append(from, &line(from, 2), clock.0)
        .expect_err("the process ends");
    disk.restart(Crash::Process);
    assert_eq!(
        disk.content("2026-11-21T14.jsonl").len(),
        line(from, 1).len() + 20
    );
    let word = Timestamp(from.0 + 1);
    let now = clock.pass(5 * SECOND);
    let (mut writer, recovered) =
        Writer::open(disk.clone(), Limits::default(), Some(word), now).expect("it opens");
    let gap = Gap {
        from: word,
        to: now.wall,
        reason: "the run before did not end in good order".into(),
        cut_lines: 1,
    };
    assert_eq!(
        (recovered.cut_lines, recovered.cut_bytes, recovered.reopened),
        (1, 20, 1)
    );
    assert_eq!(recovered.gap, Some(gap.clone()));
    assert_eq!(coverage(&disk)[1..], [Entry::Gap(gap)]);
    put(&mut writer, from, 3, now);
    assert_eq!(
        disk.content("2026-11-21T14.jsonl"),
        [line(from, 1), line(from, 3)].concat()
    );
}

#[test]
fn zeros_that_a_loss_of_power_leaves_are_cut_and_damage_before_good_lines_stays() {
    let (disk, clock) = (SimulatedDisk::default(), Clock::new("2026-11-21T14:10:00Z"));
    let from = clock.0.wall;
    let good = [line(from, 1), b"damaged\n".to_vec(), line(from, 2)].concat();
    disk.put(
        "2026-11-21T14.jsonl",
        &[&good[..], b"torn\n", &[0; 4_000], b"\n\0\0"].concat(),
    );
    let (mut writer, recovered) = open(&disk, Limits::default(), clock.0);
    assert_eq!(disk.content("2026-11-21T14.jsonl"), good);
    assert_eq!(
        (recovered.cut_lines, recovered.cut_bytes),
        (3, 5 + 4_000 + 3)
    );
    let mut later = clock;
    writer.settle(later.pass(2 * NANOS_PER_HOUR));
    assert!(disk.text("2026-11-21T14.seal").contains("\"events\":3,"));
    whole(&disk);
}

#[test]
fn a_run_that_ended_in_good_order_leaves_no_gap() {
    let (disk, mut writer, mut clock) = fresh("2026-11-21T14:10:00Z");
    writer.cover(looking(clock.0.wall), clock.0);
    let stopped = Stopped {
        at: clock.pass(SECOND).wall,
        boot_id: "b".into(),
    };
    writer.cover(Entry::Stopped(stopped), clock.0);
    writer.finish(clock.0);
    let (_, recovered) = open(&disk, Limits::default(), clock.pass(SECOND));
    assert_eq!(recovered, Recovered::default());
    assert_eq!(coverage(&disk).len(), 2);
}

#[test]
fn what_is_read_only_without_a_seal_is_not_touched() {
    let (disk, clock) = (SimulatedDisk::default(), Clock::new("2026-11-21T14:10:00Z"));
    let moment = clock.0.wall;
    disk.put("2026-11-21T14.jsonl", &line(moment, 1));
    disk.freeze("2026-11-21T14.jsonl").expect("it is there");
    let (mut writer, recovered) = open(&disk, Limits::default(), clock.0);
    assert_eq!(recovered.damaged, ["2026-11-21T14.jsonl"]);
    put(&mut writer, moment, 2, clock.0);
    assert_eq!(disk.content("2026-11-21T14.jsonl"), line(moment, 1));
    assert_eq!(disk.content("2026-11-21T14.1.jsonl"), line(moment, 2));
}
