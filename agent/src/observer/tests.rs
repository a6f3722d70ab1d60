//! Bytes that are no record are told apart, whatever they are.

mod table;

use tapio_common::abi::container::{RECORD_ABNORMAL_EXIT, RECORD_OOM_KILL};
use tapio_common::abi::network::RECORD_RETRANSMITS;
use tapio_common::abi::node::RECORD_CPU_STALL;
use tapio_common::abi::storage::{RECORD_IO_ERROR, RECORD_LATENCY_SPIKE};
use tapio_common::ident::UlidSource;
use tapio_common::occurrence::{Head, write_line};
use tapio_common::time::Timestamp;

use super::*;
pub(super) use table::{flags, number, play_table, said_of};

const SEED: u64 = 0x7a11_0bad_c0de_5eed;
const ROUNDS: usize = 20_000;

/// Small, and the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// The one line of an anomaly, as the batcher would write it around our facts.
pub(super) fn line_of(anomalous: &Anomalous) -> Vec<u8> {
    let (outcome, error) = anomalous.describe();
    let head = Head {
        id: UlidSource::new([0; 10]).next(0),
        at: Timestamp(0),
        anomaly: anomalous.anomaly,
        severity: anomalous.severity,
        outcome,
        error,
        node: "n",
    };
    let named = |cgroup: CgroupRef| (cgroup.id == 77).then_some("/limited");
    let mut line = Vec::new();
    write_line(&mut line, &head, |facts| anomalous.fill(facts, &named));
    line
}

fn whole_records() -> [(Observer, Vec<u8>); 6] {
    let header = |kind| RecordHeader {
        kind,
        abi_version: ABI_VERSION,
        ..RecordHeader::zeroed()
    };
    let kill = OomKill {
        header: header(RECORD_OOM_KILL),
        ..OomKill::zeroed()
    };
    let exit = AbnormalExit {
        header: header(RECORD_ABNORMAL_EXIT),
        status: 9,
        ..AbnormalExit::zeroed()
    };
    let mut fact = ConnectionFact {
        header: header(RECORD_RETRANSMITS),
        ..ConnectionFact::zeroed()
    };
    fact.connection.family = 2;
    let turn = CpuTurn {
        header: header(RECORD_CPU_STALL),
        ..CpuTurn::zeroed()
    };
    let request = |kind| RequestFact {
        header: header(kind),
        errno: 5,
        ..RequestFact::zeroed()
    };
    [
        (Observer::Container, kill.as_bytes().to_vec()),
        (Observer::Container, exit.as_bytes().to_vec()),
        (Observer::Network, fact.as_bytes().to_vec()),
        (Observer::Node, turn.as_bytes().to_vec()),
        (
            Observer::Storage,
            request(RECORD_IO_ERROR).as_bytes().to_vec(),
        ),
        (
            Observer::Storage,
            request(RECORD_LATENCY_SPIKE).as_bytes().to_vec(),
        ),
    ]
}

#[test]
fn a_record_has_exactly_its_length() {
    for (observer, record) in whole_records() {
        assert!(classify(observer, &record).is_ok());
        for cut in 0..record.len() {
            let result = classify(observer, &record[..cut]);
            assert_eq!(result, Err(Malformed::Length { bytes: cut }));
        }
        let mut longer = record;
        longer.push(0);
        let bytes = longer.len();
        let result = classify(observer, &longer);
        assert_eq!(result, Err(Malformed::Length { bytes }));
    }
}

#[test]
fn another_version_kind_or_hierarchy_is_named() {
    let [(_, record), ..] = whole_records();
    let with = |at: usize, value: u8| {
        let mut record = record.clone();
        record[at] = value;
        classify(Observer::Container, &record)
    };
    assert_eq!(with(2, 9), Err(Malformed::Version { version: 9 }));
    assert_eq!(with(0, 250), Err(Malformed::Kind { kind: 250 }));
    assert_eq!(with(24, 3), Err(Malformed::Hierarchy { hierarchy: 3 }));
    assert!(with(24, 2).is_ok());
}

#[test]
fn random_bytes_never_stop_the_reader() {
    let mut random = Random(SEED);
    let mut malformed = 0;
    for round in 0..ROUNDS {
        let len = usize::try_from(random.next() % 400).expect("a small number");
        let bytes = random.bytes(len);
        for observer in Observer::ALL {
            malformed += usize::from(classify(*observer, &bytes).is_err());
        }
        // And whole records with random contents: these classify, and their facts are written.
        for (observer, mut record) in whole_records() {
            let body = random.bytes(record.len() - size_of::<RecordHeader>());
            record[size_of::<RecordHeader>()..].copy_from_slice(&body);
            let Ok(Classified::Anomalous(anomalous)) = classify(observer, &record) else {
                continue; // a random status may be that of a healthy exit, a family that of none
            };
            let (outcome, _) = anomalous.describe();
            let may_succeed = anomalous.anomaly == Anomaly::LatencySpike;
            assert!(may_succeed || outcome != Outcome::Success, "round {round}");
            let line = line_of(&anomalous);
            assert!(line.ends_with(b"}\n"), "round {round}");
        }
    }
    assert!(
        malformed > ROUNDS * 3,
        "random bytes are hardly ever a record"
    );
}
