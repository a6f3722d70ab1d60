//! Going through the events of an interval: only the segments that can hold them, line by line.

use std::io::BufReader;

use tapio_common::evidence::claim::{Doubt, Why};
use tapio_common::evidence::disk::{Disk, Folder};
use tapio_common::evidence::line::moment_of;
use tapio_common::evidence::listing::{Lines, Segment, segments};
use tapio_common::time::Timestamp;

use crate::Failure;
use crate::event::Event;
use crate::progress::Progress;

const READ_BYTES: usize = 64 << 10;

/// A directory, and what is asked of it.
pub struct Scan<'a> {
    pub folder: &'a Folder,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub moment: Timestamp,
    /// Among the segments of the scan, and in the segment.
    pub segment: usize,
    pub offset: u64,
}

/// Lines that were passed over because they are no events.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    pub lines: u64,
}

impl Damage {
    /// Each of the lines can have been an event that was asked for.
    pub fn doubt(self, from: Timestamp, to: Timestamp) -> Option<Doubt> {
        let lines = self.lines;
        (lines > 0).then(|| Doubt::new(from, to, Why::Damaged { lines }))
    }
}

impl Scan<'_> {
    pub fn segments(&self) -> Result<Vec<Segment>, Failure> {
        segments(self.folder, self.from, self.to).map_err(|error| self.failed(error))
    }

    pub fn failed(&self, error: std::io::Error) -> Failure {
        Failure::Directory(self.folder.path().to_owned(), error)
    }

    /// Hands every event of a segment that is of the interval and asked for to `each`.
    pub fn read(
        &self,
        (index, segment): (usize, &Segment),
        takes: &dyn Fn(&Event<'_>) -> bool,
        progress: &mut Progress,
        mut each: impl FnMut(Place, &Event<'_>, &[u8]) -> Result<(), Failure>,
    ) -> Result<Damage, Failure> {
        let mut damage = Damage::default();
        let reader = match self.folder.read(&segment.name.file()) {
            Ok(reader) => BufReader::with_capacity(READ_BYTES, reader),
            // Retention has removed it meanwhile, and says so.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(damage),
            Err(error) => return Err(self.failed(error)),
        };
        let mut lines = Lines::new(reader);
        let mut reported = 0;
        while let Some((offset, line)) = lines.read_next().map_err(|error| self.failed(error))? {
            if offset - reported >= 1 << 20 {
                progress.add(offset - reported);
                reported = offset;
            }
            let Some(moment) = moment_of(line) else {
                damage.lines += 1;
                continue;
            };
            if moment < self.from || moment > self.to {
                continue;
            }
            let Some(event) = Event::of(line) else {
                damage.lines += 1;
                continue;
            };
            if takes(&event) {
                let segment = index;
                each(
                    Place {
                        moment,
                        segment,
                        offset,
                    },
                    &event,
                    line,
                )?;
            }
        }
        progress.add(segment.bytes.saturating_sub(reported));
        Ok(damage)
    }
}
