//! `tapio-agent healthcheck`: is there an agent, and do events get through it?
//!
//! For exec probes, container health checks and systemd: no shell, no /proc but the boot's own
//! name, nothing that a `FROM scratch` image lacks. It says one line, and exits with 0 if the agent
//! answered, with 1 if there is none or it does not, with 3 if it may not ask.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::lock::{self, Holder};
use super::{FILE, STATUS_BYTES, Stage, Status};
use crate::stop::await_any;
use crate::{Verdict, clock};

/// An agent in good order answers within milliseconds. Probes give a second or more by default,
/// so this is told apart from a probe that was cut short.
const ANSWER_MAX: Duration = Duration::from_millis(900);

/// Between two looks at the file.
const PAUSE: Duration = Duration::from_millis(2);

/// The signal that asks. Its default action ends a process, so it goes to a holder of the lock
/// alone, and an agent takes the lock after it has learnt to answer.
pub const ASK: libc::c_int = libc::SIGUSR1;

/// What a look at the file came to.
#[derive(Debug)]
pub enum Health {
    Answered {
        status: Status,
        after: Duration,
    },
    /// It holds the lock and does not answer.
    Silent(Holder),
    /// It answers, and the threads of these rings do not.
    RingsSilent(Holder, Vec<String>),
    /// Nobody has ever written there.
    Absent(PathBuf),
    /// The one that wrote there left in good order.
    Left,
    /// The one that wrote there is gone, and did not say so.
    Gone,
    /// The one that wrote there went with an earlier boot.
    OtherBoot,
    NotAStatus(PathBuf),
    /// It runs, and this process may not ask it.
    MayNotAsk(Holder, Option<io::Error>),
    Unreadable(PathBuf, io::Error),
}

impl fmt::Display for Health {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status, after } => {
                let Status {
                    since,
                    types,
                    types_missing,
                    ..
                } = status;
                write!(
                    out,
                    "observing since {since}: {types} event types looked for, "
                )?;
                write!(out, "{types_missing} not; ")?;
                match status.config_hash.as_str() {
                    "" => out.write_str("no config yet")?,
                    hash => write!(out, "config generation {} {hash}", status.config_generation)?,
                }
                write!(out, "; answered after {} ms", after.as_millis())
            }
            Self::Silent(holder) => write!(
                out,
                "hangs: {holder} runs and has not answered for {} ms",
                ANSWER_MAX.as_millis()
            ),
            Self::RingsSilent(holder, rings) => write!(
                out,
                "hangs: {holder} runs, and its threads for {} have not answered for {} ms",
                rings.join(", "),
                ANSWER_MAX.as_millis()
            ),
            Self::Absent(path) => write!(
                out,
                "absent: there is no {}; start an agent, or name its --state-dir",
                path.display()
            ),
            Self::Left => out.write_str("gone: the agent was stopped, and left in good order"),
            Self::Gone => out.write_str("gone: the agent ended without saying so"),
            Self::OtherBoot => {
                out.write_str("gone: the agent ran before this boot, and none since")
            }
            Self::NotAStatus(path) => {
                write!(
                    out,
                    "absent: {} was not written by an agent",
                    path.display()
                )
            }
            Self::MayNotAsk(holder, None) => write!(
                out,
                "cannot say: {holder} runs, and cannot be asked from here; ask in its container"
            ),
            Self::MayNotAsk(holder, Some(error)) => {
                write!(
                    out,
                    "cannot say: {holder} runs, and may not be asked: {error}; ask as its user"
                )
            }
            Self::Unreadable(path, error) => {
                write!(out, "cannot say: {}: {error}", path.display())
            }
        }
    }
}

/// What the exit code says of it.
pub fn verdict(health: &Health) -> Verdict {
    match health {
        Health::Answered { .. } => Verdict::Right,
        Health::Silent(_)
        | Health::RingsSilent(..)
        | Health::Absent(_)
        | Health::Left
        | Health::Gone
        | Health::OtherBoot
        | Health::NotAStatus(_) => Verdict::Wrong,
        Health::MayNotAsk(..) | Health::Unreadable(..) => Verdict::CannotSay,
    }
}

pub fn check(folder: &Path) -> Health {
    let path = folder.join(FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Health::Absent(path),
        Err(error) => return Health::Unreadable(path, error),
    };
    match lock::holder(&file) {
        Ok(Some(holder)) => ask(&file, holder),
        Ok(None) => what_was(&file, path),
        Err(error) => Health::Unreadable(path, error),
    }
}

/// Nobody holds the lock: what became of the last one who did.
fn what_was(file: &File, path: PathBuf) -> Health {
    let Some(status) = read(file) else {
        return Health::NotAStatus(path);
    };
    let is_of_this_boot = clock::boot_id().is_ok_and(|boot_id| boot_id == status.boot_id);
    match (status.stage, is_of_this_boot) {
        (Stage::Left, _) => Health::Left,
        (Stage::Starting | Stage::Observing, false) => Health::OtherBoot,
        (Stage::Starting | Stage::Observing, true) => Health::Gone,
    }
}

fn ask(file: &File, holder: Holder) -> Health {
    let Holder::Process(pid) = holder else {
        return Health::MayNotAsk(holder, None);
    };
    let before = read(file).map_or(0, |status| status.answers);
    let asked_at = clock::boot_nanos();
    match lock::signal(file, pid, ASK) {
        Ok(Some(())) => {}
        Ok(None) => return Health::Gone,
        Err(error) => return Health::MayNotAsk(holder, Some(error)),
    }
    loop {
        let after = Duration::from_nanos(clock::boot_nanos().saturating_sub(asked_at));
        let status = read(file).filter(|status| status.answers > before);
        let is_late = after >= ANSWER_MAX;
        let rings = status.as_ref().map(|status| status.silent_since(before));
        let silent: Vec<String> = rings.into_iter().flatten().map(str::to_owned).collect();
        match status {
            Some(status) if silent.is_empty() => return Health::Answered { status, after },
            Some(_) if is_late => return Health::RingsSilent(holder, silent),
            None if is_late => return Health::Silent(holder),
            Some(_) | None => await_any(&[], Some(PAUSE)),
        };
    }
}

/// `None` if nothing whole stands there: an agent writes in place.
fn read(file: &File) -> Option<Status> {
    let mut bytes = [0; STATUS_BYTES];
    let length = file.read_at(&mut bytes, 0).ok()?;
    serde_json::from_slice(&bytes[..length]).ok()
}
