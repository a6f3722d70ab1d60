//! A segment on a bad place of the disk.

use tapio_common::evidence::name::SegmentName;
use tapio_common::evidence::seal::{Seal, Sha};

use super::*;

impl Scratch {
    /// Of this many events; what else it says is not asked for here.
    fn seal(&self, segment: &str, events: u64) {
        let name = SegmentName::from_file(segment).expect("a segment's name");
        let seal = Seal {
            format: 1,
            segment: segment.to_owned(),
            events,
            bytes: 0,
            first: Timestamp(0),
            last: Timestamp(0),
            sha256: Sha::of(&[]),
            previous: None,
        };
        fs::write(self.0.join(name.seal_file()), seal.to_bytes()).expect("writable");
    }
}

#[test]
fn what_stays_unreadable_is_counted_as_that_and_the_rest_goes_on() {
    let (scratch, account) = (Scratch::with(3), SinkAccount::default());
    scratch.add(SECOND, 3..5);
    scratch.seal(FIRST, 3);
    let (link, counters) = (
        link(([127, 0, 0, 1], 9).into()),
        ControllerAccount::default(),
    );
    let bell = Arc::new(Bell::new().expect("an eventfd"));
    let mut stream = stream(&scratch, &link, &counters, &bell, &account);
    fs::remove_file(scratch.0.join(FIRST)).expect("ours");
    std::os::unix::fs::symlink("/proc/self/mem", scratch.0.join(FIRST)).expect("ours");
    for _ in 0..READ_FAILURES_MAX {
        let error = stream
            .directory
            .next(stream.limits())
            .expect_err("a bad disk");
        stream.fail_to_read(&error);
    }
    let batch = stream.directory.next(stream.limits()).expect("readable");
    stream.settle(&batch.expect("the second"), 2, DropReason::Refused, true);
    stream.expire(stream.waits(), 0);
    let counts = account.counts();
    assert_eq!(
        (counts.earlier, counts.earlier_dropped["unreadable"]),
        (2, 3)
    );
}
