//! `tapio verify`: the first place where the directory is not what was sealed, or that there is
//! none as far as can be told.

use tapio_common::command_line::Usage;
use tapio_common::evidence::disk::Disk;
use tapio_common::evidence::verify::{Anchor, Verdict as Found, verify};

use crate::controller::{Reported, evidence_head};
use crate::progress::Progress;
use crate::screen::{Ink, Screen, size};
use crate::settings::Settings;
use crate::{Failure, Verdict, answer, terminal};

pub fn run(settings: &Settings, screen: &mut Screen) -> Result<Verdict, Failure> {
    if settings.head.is_some() && settings.controller.is_some() {
        let (flag, operand) = ("head", "--controller");
        return Err(Failure::Usage(Usage::Twice { flag, operand }));
    }
    let folder = answer::folder(settings)?;
    let failed = |error| Failure::Directory(folder.path().to_owned(), error);
    let files = folder.list().map_err(failed)?;
    let mut progress = Progress::new(files.iter().map(|file| file.bytes).sum());
    let (anchor, source) = known_outside(settings)?;
    let found = verify(&folder, anchor.as_ref(), &mut |bytes| progress.add(bytes));
    drop(progress);
    let found = found.map_err(failed)?;
    match settings.json {
        true => tell_json(screen, &found)?,
        false => tell(screen, &found, &source)?,
    }
    Ok(match (&found.fault, source) {
        (Some(_), _) => Verdict::Broken,
        // It was asked for, and is not to be had.
        (None, Source::Absent(_)) => Verdict::CannotSay,
        (None, Source::None | Source::Given | Source::Controller) => Verdict::Said,
    })
}

/// Where the head comes from that the directory is held against.
enum Source {
    None,
    Given,
    Controller,
    /// The controller was asked for it and has none, because of this.
    Absent(String),
}

fn known_outside(settings: &Settings) -> Result<(Option<Anchor>, Source), Failure> {
    let Some(endpoint) = &settings.controller else {
        let anchor = settings.head.map(|sha256| Anchor { sha256, seal: None });
        let source = if anchor.is_some() {
            Source::Given
        } else {
            Source::None
        };
        return Ok((anchor, source));
    };
    let Some(agent_id) = settings.agent_id.clone().or_else(terminal::host_name) else {
        let why = "this host has no name: --agent-id says which agent it is from".to_owned();
        return Ok((None, Source::Absent(why)));
    };
    Ok(match evidence_head(endpoint, &agent_id)? {
        Reported::Head(anchor) => (Some(anchor), Source::Controller),
        Reported::NoSeal => {
            let why = format!("agent {agent_id} has told the controller of no seal yet");
            (None, Source::Absent(why))
        }
        Reported::NoSuchAgent => {
            let why = format!("the controller knows no agent {agent_id}, see --agent-id");
            (None, Source::Absent(why))
        }
    })
}

fn tell(screen: &mut Screen, found: &Found, source: &Source) -> Result<(), Failure> {
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
    let head = match source {
        Source::None | Source::Given => "the head given",
        Source::Controller | Source::Absent(_) => "the controller's head",
    };
    let told = match (found.sealed_since_anchor, source) {
        (Some(0), _) => format!("{head} is the newest seal"),
        (Some(since), _) => format!("{head} is here, and {since} seals since then"),
        (None, Source::Given | Source::Controller) => {
            format!("{head} was the last that retention removed")
        }
        (None, Source::Absent(why)) => {
            screen.line(Ink::Yellow, "cannot say whether the tail was cut:")?;
            format!("  {why}")
        }
        (None, Source::None) => {
            "without --head or --controller it cannot be told whether the tail was cut".to_owned()
        }
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
