//! `tapio verify`: the first place where the directory is not what was sealed, or that there is
//! none as far as can be told.

use tapio_common::evidence::disk::Disk;
use tapio_common::evidence::verify::{Anchor, Verdict as Found, verify};

use crate::progress::Progress;
use crate::screen::{Ink, Screen, size};
use crate::settings::Settings;
use crate::{Failure, Verdict, answer};

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    let folder = answer::folder(settings)?;
    let failed = |error| Failure::Directory(folder.path().to_owned(), error);
    let files = folder.list().map_err(failed)?;
    let mut progress = Progress::new(files.iter().map(|file| file.bytes).sum());
    let anchor = settings.head.map(|sha256| Anchor { sha256, seal: None });
    let found = verify(&folder, anchor.as_ref(), &mut |bytes| progress.add(bytes));
    drop(progress);
    let found = found.map_err(failed)?;
    match settings.json {
        true => tell_json(screen, &found)?,
        false => tell(screen, &found, anchor.is_some())?,
    }
    Ok(match found.fault {
        Some(_) => Verdict::Broken,
        None => Verdict::Said,
    })
}

fn tell(screen: &mut Screen, found: &Found, has_anchor: bool) -> Result<(), Failure> {
    let sound = format!(
        "{} sealed segments, {} events, {}",
        found.segments,
        found.events,
        size(found.bytes)
    );
    if let Some(fault) = &found.fault {
        screen.line(Ink::Red, "broken:")?;
        for line in answer::wrapped(&fault.to_string(), screen.width, 2) {
            screen.line(Ink::Plain, &line)?;
        }
        screen.line(Ink::Plain, &format!("before it: {sound}"))?;
        return Ok(());
    }
    screen.line(Ink::Green, &format!("whole: {sound}"))?;
    let heads = [("oldest", &found.oldest), ("newest", &found.newest)];
    for (which, head) in heads {
        if let Some(head) = head {
            screen.line(Ink::Plain, &format!("{which} seal: {}", head.seal))?;
            screen.line(Ink::Faint, &format!("  {}", head.sha256))?;
        }
    }
    if let Some(expired) = &found.expired {
        let gone = format!(
            "removed by retention: {} segments, {} events, the last {}",
            expired.segments, expired.events, expired.last_seal
        );
        screen.line(Ink::Plain, &gone)?;
    }
    if !found.unsealed.is_empty() {
        let open = format!(
            "not sealed yet, nothing vouches for it: {}",
            found.unsealed.join(", ")
        );
        screen.line(Ink::Plain, &open)?;
    }
    let told = match found.sealed_since_anchor {
        Some(0) => "the head given is the newest seal".to_owned(),
        Some(since) => format!("the head given is here, and {since} seals since then"),
        None if has_anchor => "the head given was the last that retention removed".to_owned(),
        None => "without --head it cannot be told whether the tail was cut".to_owned(),
    };
    screen.line(Ink::Plain, &told)?;
    Ok(())
}

fn tell_json(screen: &mut Screen, found: &Found) -> Result<(), Failure> {
    let answer = serde_json::json!({
        "whole": found.fault.is_none(),
        "fault": found.fault.as_ref().map(ToString::to_string),
        "segments": found.segments,
        "events": found.events,
        "bytes": found.bytes,
        "oldest": found.oldest,
        "newest": found.newest,
        "unsealed": found.unsealed,
        "expired": found.expired,
        "sealed_since_head": found.sealed_since_anchor,
    });
    screen.text(&format!("{answer}\n"))?;
    Ok(())
}
