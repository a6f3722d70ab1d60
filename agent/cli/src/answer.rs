//! The three answers in words: seen; not seen, fully covered; cannot say, and why.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tapio_common::catalogue::{Anomaly, Observer};
use tapio_common::coverage::Entry;
use tapio_common::evidence::claim::{Claim, Coverage, Doubt, Until};
use tapio_common::evidence::disk::Folder;
use tapio_common::time::Timestamp;

use crate::screen::{Ink, Screen};
use crate::settings::Settings;
use crate::{Failure, Verdict, terminal};

/// Reasons beyond this are counted.
const DOUBTS_SHOWN: usize = 8;

/// What the coverage of a directory says, and whether somebody writes there now.
pub fn coverage(folder: &Folder) -> Result<Coverage, Failure> {
    let is_live = terminal::is_written_to(folder.path());
    Coverage::read(folder, is_live)
        .map_err(|error| Failure::Directory(folder.path().to_owned(), error))
}

/// Adds what retention has removed since the coverage was read: what was looked at later cannot
/// hold it any more.
pub fn learn_expiry(coverage: &mut Coverage, folder: &Folder) -> Result<(), Failure> {
    let later = self::coverage(folder)?;
    let expired = later.expired().cloned().map(Entry::Expired);
    coverage.entries.extend(expired);
    Ok(())
}

/// The directory asked about, if it can be read at all.
pub fn folder(settings: &Settings) -> Result<Folder, Failure> {
    let path = &settings.data_dir;
    let unreadable = |error| Failure::Directory(path.clone(), error);
    std::fs::read_dir(path).map_err(unreadable)?;
    Ok(Folder::new(path))
}

pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    });
    Timestamp(nanos)
}

/// Up to when something is asked.
pub fn until(settings: &Settings, now: Timestamp) -> Until {
    settings
        .until
        .map_or(Until::Now(now), |when| Until::Moment(when.moment(now)))
}

/// `2026-11-21T10:00:00.123Z`
pub fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}Z", &text[..23])
}

/// Says the answer to "what of this was there", of which so many events were shown.
pub fn tell(screen: &mut Screen, seen: &str, claim: &Claim<'_>) -> Result<Verdict, Failure> {
    let is_seen = !seen.is_empty();
    let word = word(is_seen, claim);
    if is_seen {
        screen.line(Ink::Bold, &format!("{word}: {seen}"))?;
        tell_coverage(screen, claim)?;
    } else if claim.doubts.is_empty() {
        screen.line(Ink::Green, word)?;
        screen.line(Ink::Plain, &format!("  {}", interval(claim.from, claim.to)))?;
    } else {
        tell_covered(screen, claim, word)?;
        tell_doubts(screen, &claim.doubts)?;
    }
    Ok(verdict(is_seen, claim))
}

/// What can be said all the same, and that the rest cannot.
fn tell_covered(screen: &mut Screen, claim: &Claim<'_>, word: &str) -> Result<(), Failure> {
    let covered = claim.covered();
    if covered.is_empty() {
        screen.line(Ink::Yellow, &format!("{word}:"))?;
        return Ok(());
    }
    let covered = format!("not seen, fully covered: {}", names(&covered));
    for (at, line) in wrapped(&covered, screen.width, 2).iter().enumerate() {
        let line = if at == 0 { line.trim_start() } else { line };
        screen.line(Ink::Green, line)?;
    }
    screen.line(Ink::Plain, &format!("  {}", interval(claim.from, claim.to)))?;
    screen.line(Ink::Yellow, &format!("{word} of the rest:"))?;
    Ok(())
}

/// The answer in its own words.
pub fn word(is_seen: bool, claim: &Claim<'_>) -> &'static str {
    match (is_seen, claim.doubts.is_empty()) {
        (true, _) => "seen",
        (false, true) => "not seen, fully covered",
        (false, false) => "cannot say",
    }
}

pub fn verdict(is_seen: bool, claim: &Claim<'_>) -> Verdict {
    match is_seen || claim.doubts.is_empty() {
        true => Verdict::Said,
        false => Verdict::CannotSay,
    }
}

pub fn claim_to_json(claim: &Claim<'_>) -> Value {
    let doubts = claim.doubts.iter().take(DOUBTS_SHOWN).map(doubt_to_json);
    json!({
        "from": moment(claim.from),
        "to": moment(claim.to),
        "is_full": claim.doubts.is_empty(),
        "covered": claim.covered(),
        "doubts": doubts.collect::<Vec<_>>(),
        "more_doubts": claim.doubts.len().saturating_sub(DOUBTS_SHOWN),
    })
}

pub fn doubt_to_json(doubt: &Doubt) -> Value {
    json!({
        "from": moment(doubt.from),
        "to": moment(doubt.to),
        "types": names(&doubt.types),
        "why": doubt.why.to_string(),
    })
}

/// Says whether what was seen is all there was.
pub fn tell_coverage(screen: &mut Screen, claim: &Claim<'_>) -> Result<(), Failure> {
    if claim.doubts.is_empty() {
        let covered = format!("fully covered: {}", interval(claim.from, claim.to));
        screen.line(Ink::Faint, &covered)?;
        return Ok(());
    }
    screen.line(Ink::Yellow, "there may be more:")?;
    tell_doubts(screen, &claim.doubts)
}

/// The newest of them, and how many there are besides.
pub fn tell_newest_doubts(screen: &mut Screen, doubts: &[Doubt]) -> Result<(), Failure> {
    let before = doubts.len().saturating_sub(DOUBTS_SHOWN);
    if before > 0 {
        let before = format!("  {before} before these, see tapio status --json");
        screen.line(Ink::Plain, &before)?;
    }
    tell_doubts(screen, &doubts[before..])
}

fn interval(from: Timestamp, to: Timestamp) -> String {
    format!("{} to {}", moment(from), moment(to))
}

fn tell_doubts(screen: &mut Screen, doubts: &[Doubt]) -> Result<(), Failure> {
    for doubt in doubts.iter().take(DOUBTS_SHOWN) {
        let when = format!("  {}", interval(doubt.from, doubt.to));
        screen.line(Ink::Plain, &when)?;
        let about = match doubt.types.is_empty() {
            true => String::new(),
            false => format!("{}: ", names(&doubt.types)),
        };
        for line in wrapped(&format!("{about}{}", doubt.why), screen.width, 4) {
            screen.line(Ink::Plain, &line)?;
        }
    }
    let more = doubts.len().saturating_sub(DOUBTS_SHOWN);
    if more > 0 {
        screen.line(
            Ink::Plain,
            &format!("  and {more} more reasons, see tapio status --json"),
        )?;
    }
    Ok(())
}

/// Types by their names, an observer standing for all of its own: `network, container.oom_kill`.
pub fn names(types: &BTreeSet<String>) -> String {
    let mut rest = types.clone();
    let mut names = Vec::new();
    for observer in Observer::ALL {
        let own: Vec<&str> = observer.anomalies().map(Anomaly::event_type).collect();
        if own.iter().all(|name| rest.contains(*name)) {
            rest.retain(|name| !own.contains(&name.as_str()));
            names.push(observer.name().to_owned());
        }
    }
    names.extend(
        rest.iter()
            .map(|name| name.trim_start_matches("kernel.").to_owned()),
    );
    names.join(", ")
}

/// The words in lines of the width, each set in by so much.
pub fn wrapped(text: &str, width: Option<usize>, indent: usize) -> Vec<String> {
    let width = width.unwrap_or(usize::MAX);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(format!("{:indent$}{word}", "")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use tapio_common::coverage::Expired;
    use tapio_common::evidence::COVERAGE_FILE;
    use tapio_common::evidence::seal::Sha;

    use super::*;

    #[test]
    fn an_observer_stands_for_all_its_types() {
        let types = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(names(&types(&[])), "");
        assert_eq!(
            names(&types(&["kernel.storage.io_error"])),
            "storage.io_error"
        );
        assert_eq!(
            names(&types(&[
                "kernel.storage.io_error",
                "kernel.storage.latency_spike",
                "kernel.container.oom_kill"
            ])),
            "storage, container.oom_kill"
        );
    }

    #[test]
    fn words_that_do_not_fit_go_to_the_next_line() {
        assert_eq!(wrapped("a bb ccc", Some(6), 2), ["  a bb", "  ccc"]);
        assert_eq!(wrapped("a bb ccc", None, 1), [" a bb ccc"]);
        assert_eq!(wrapped("abcdefgh", Some(4), 0), ["abcdefgh"]);
    }

    #[test]
    fn a_moment_is_told_to_the_millisecond() {
        assert_eq!(
            moment(Timestamp(1_795_258_799_999_999_999)),
            "2026-11-21T10:59:59.999Z"
        );
    }

    /// Retention came between the reading of the coverage and that of the events.
    #[test]
    fn what_has_expired_meanwhile_stands_against_the_claim() {
        let path = std::env::temp_dir().join(format!("tapio-expiry-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a new folder");
        let folder = Folder::new(&path);
        let mut before = coverage(&folder).expect("readable");
        let expired = Entry::Expired(Expired {
            at: Timestamp(30),
            from: Timestamp(10),
            to: Timestamp(20),
            segments: 1,
            events: 3,
            last_seal: "1970-01-01T00.seal".to_owned(),
            last_sha256: Sha::of(b"a seal"),
        });
        let mut line = serde_json::to_vec(&expired).expect("it serialises");
        line.push(b'\n');
        std::fs::write(path.join(COVERAGE_FILE), line).expect("room");
        learn_expiry(&mut before, &folder).expect("readable");
        std::fs::remove_dir_all(&path).expect("it is ours");
        let claim = before.claim(&[], Timestamp(15), Until::Moment(Timestamp(16)));
        let is_expired = |doubt: &Doubt| doubt.why.to_string().contains("retention removed");
        assert!(claim.doubts.iter().any(is_expired), "{claim:?}");
    }
}
