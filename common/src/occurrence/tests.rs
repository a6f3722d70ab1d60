use super::*;
use crate::ident::UlidSource;

fn head(node: &str) -> Head<'_> {
    Head {
        id: UlidSource::new([7; 10]).next(1_795_258_799_999_999_999),
        at: Timestamp(1_795_258_799_999_999_999),
        anomaly: Anomaly::AbnormalExit,
        severity: Severity::Error,
        outcome: Outcome::Failure,
        error: Some(ErrorFact {
            code: "SIGSEGV".into(),
            message: "killed by a signal".into(),
        }),
        node,
    }
}

fn written(head: &Head<'_>, fill: impl FnOnce(&mut Facts<'_>)) -> String {
    let mut out = Vec::new();
    write_line(&mut out, head, fill);
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_line_is_written_in_its_order() {
    let line = written(&head("n1"), |facts| {
        facts.u64("pid", 7u32);
        facts.kernel_text("comm", b"a\"b\0\0");
        facts.i64("exit_code", -3);
        facts.flag("core_dumped", true);
        facts.absent("sender.comm", "gone");
        facts.nested("sender", |sender| sender.u64("pid", 1u32));
        facts.text("cause", "fault_signal");
        facts.absent("runtime_ms", "no_clock");
    });
    assert_eq!(
        line,
        concat!(
            r#"{"id":"01M7YW6NVZ0W3GE1R70W3GE1R7","timestamp":"2026-11-21T10:59:59.999999999Z","#,
            r#""source":"tapio","type":"kernel.container.abnormal_exit","protocol_version":"1.0","#,
            r#""severity":"error","outcome":"failure","#,
            r#""error":{"code":"SIGSEGV","message":"killed by a signal"},"context":{"node":"n1"},"#,
            r#""data":{"pid":7,"comm":"a\"b","exit_code":-3,"core_dumped":true,"sender":{"pid":1},"#,
            r#""cause":"fault_signal","#,
            r#""not_observed":{"sender.comm":"gone","runtime_ms":"no_clock"}}}"#,
            "\n"
        )
    );
}

#[test]
fn the_reader_finds_what_the_writer_wrote_and_serialises_the_same_bytes() {
    let line = written(&head("n\n1"), |facts| facts.u64("pid", 7u32));
    let read: Occurrence = serde_json::from_str(&line).expect("a line is an occurrence");
    assert_eq!(read.anomaly(), Some(Anomaly::AbnormalExit));
    assert_eq!(read.timestamp, Timestamp(1_795_258_799_999_999_999));
    assert_eq!(read.context.node, "n\n1");
    assert_eq!(
        serde_json::to_string(&read).expect("serialises") + "\n",
        line
    );
}

#[test]
fn without_facts_or_error_the_line_is_still_whole() {
    let bare = Head {
        error: None,
        ..head("n")
    };
    assert!(written(&bare, |_| {}).ends_with("\"context\":{\"node\":\"n\"},\"data\":{}}\n"));
    let absent_only = written(&bare, |facts| facts.absent("pid", "accepted"));
    let read: Occurrence = serde_json::from_str(&absent_only).expect("reads back");
    assert_eq!(read.error, None);
    assert_eq!(read.data["not_observed"]["pid"], "accepted");
}

#[test]
fn members_written_once_read_as_if_written_here() {
    let owner = Members::of(|facts| {
        facts.text("cgroup_path", "/a");
        facts.absent("container_runtime", "not_in_path");
    });
    let nothing = Members::default();
    let again = written(&head("n"), |facts| {
        facts.members(&nothing);
        facts.u64("pid", 7u32);
        facts.members(&owner);
        facts.members(&nothing);
        facts.flag("core_dumped", false);
    });
    let at_once = written(&head("n"), |facts| {
        facts.u64("pid", 7u32);
        facts.text("cgroup_path", "/a");
        facts.absent("container_runtime", "not_in_path");
        facts.flag("core_dumped", false);
    });
    assert_eq!(again, at_once);
    let first = written(&head("n"), |facts| facts.members(&owner));
    assert!(
        first.contains(r#""data":{"cgroup_path":"/a","not_observed":"#),
        "{first}"
    );
}

#[test]
fn every_word_of_our_tables_stands_as_it_is() {
    let read = |head: &Head<'_>| -> Occurrence {
        serde_json::from_str(&written(head, |_| {})).expect("an occurrence")
    };
    for anomaly in Anomaly::ALL.iter().copied() {
        let line = read(&Head {
            anomaly,
            ..head("n")
        });
        assert_eq!(line.event_type, anomaly.event_type());
        assert_eq!(
            (line.source.as_str(), line.protocol_version.as_str()),
            (SOURCE, PROTOCOL_VERSION)
        );
    }
    for severity in Severity::ALL {
        assert_eq!(
            read(&Head {
                severity,
                ..head("n")
            })
            .severity,
            severity
        );
    }
}
