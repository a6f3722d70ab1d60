//! `tapio export`: evidence as it is, or as rows of the facts that have columns.
//!
//! Segment by segment, by hour and part, in the order in which each was written.

use std::borrow::Cow;

use tapio_common::evidence::claim::Until;

use crate::event::Event;
use crate::filter::Filter;
use crate::progress::Progress;
use crate::scan::Scan;
use crate::screen::{Screen, escaped, escaped_json};
use crate::settings::{Format, Settings};
use crate::{Failure, Verdict, answer};

const HEADER: &str =
    "timestamp,type,severity,pid,comm,container_id,pod_uid,systemd_unit,cgroup_path,occurrence\n";

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let folder = &answer::folder(settings)?;
    let now = answer::now();
    let from = settings.since.moment(now);
    let to = match answer::until(settings, now) {
        Until::Moment(to) | Until::Now(to) => to,
    };
    let filter = Filter::of(settings);
    let scan = Scan { folder, from, to };
    let segments = scan.segments()?;
    let bytes = segments.iter().map(|segment| segment.bytes).sum();
    let mut progress = Progress::beside_answer(Some(bytes));
    if settings.format == Format::Csv {
        screen.text(HEADER)?;
    }
    let mut damaged = 0;
    for entry in segments.iter().enumerate() {
        let takes = |event: &Event<'_>| filter.takes(event);
        let damage = scan.read(entry, &takes, &mut progress, |_, event, line| {
            match settings.format {
                Format::JsonLines => screen.raw_line(line)?,
                Format::Csv => screen.text(&row(event, line))?,
            }
            Ok(())
        })?;
        damaged += damage.lines;
    }
    drop(progress);
    if damaged > 0 {
        eprintln!("tapio: {damaged} lines are damaged and left out, see tapio verify");
    }
    Ok(Verdict::Said)
}

fn row(event: &Event<'_>, line: &[u8]) -> String {
    let data = &event.data;
    let pid = data.pid.map(|pid| pid.to_string());
    let severity = event.severity().map_or("", |severity| severity.name());
    // People open it in a terminal all the same.
    let text = |field: &Option<Cow<'_, str>>| {
        let safe = field.as_deref().map(escaped);
        safe.as_deref().map(quoted).unwrap_or_default()
    };
    let fields = [
        event.timestamp.to_string(),
        quoted(&escaped(&event.event_type)),
        severity.to_owned(),
        pid.unwrap_or_default(),
        text(&data.comm),
        text(&data.container_id),
        text(&data.pod_uid),
        text(&data.systemd_unit),
        text(&data.cgroup_path),
        quoted(&escaped_json(&String::from_utf8_lossy(line))),
    ];
    let mut row = fields.join(",");
    row.push('\n');
    row
}

/// As RFC 4180 asks, and with what a spreadsheet would calculate marked as text.
fn quoted(text: &str) -> String {
    let calculates = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if calculates { "'" } else { "" };
    if !calculates && !text.contains([',', '"', '\n', '\r']) {
        return text.to_owned();
    }
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_has_to_be() {
        for (text, wanted) in [
            ("sh", "sh"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("", ""),
        ] {
            assert_eq!(quoted(text), wanted);
        }
    }
}
