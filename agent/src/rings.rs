//! The thread of one ring: parse, classify, pass on, count.
//!
//! It sleeps until the kernel has a record and leaves when it is told that no more will come,
//! after reading what is there. No JSON, no lock, no allocation for a record; what the batcher's
//! queue cannot take is counted and gone.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use tapio_common::catalogue::Observer;

use crate::accounts::RingAccount;
use crate::batch::Item;
use crate::kernel::Ring;
use crate::observer::{Classified, classify};
use crate::queue::Sender;
use crate::roll_call::RollCall;
use crate::stop::Stop;

/// One observer's ring and where its records go.
pub struct RingTask<'a> {
    pub observer: Observer,
    pub ring: &'a Ring,
    /// Readable when names of cgroups should be read before there are too many.
    pub names: Option<BorrowedFd<'a>>,
    pub account: &'a RingAccount,
    pub roll: &'a RollCall,
    pub items: Sender<Item>,
}

impl RingTask<'_> {
    /// Runs until `halt`, which comes after the programs were detached; meanwhile `stop` is kept
    /// open. The error is that of epoll.
    pub fn run(self, stop: &Stop, halt: &Stop) -> io::Result<()> {
        let _guard = stop.guard();
        self.roll.answer(self.observer);
        let also: Vec<BorrowedFd<'_>> = self.names.into_iter().chain([self.roll.as_fd()]).collect();
        let roll_at = also.len() - 1;
        self.ring.run(
            halt.as_fd(),
            &also,
            |record| self.pass_on(record),
            |at| self.hear(at == roll_at),
        )
    }

    fn hear(&self, is_question: bool) {
        let item = match is_question {
            true => {
                self.roll.answer(self.observer);
                Item::Asked
            }
            false => Item::Names,
        };
        // A queue that is full is read soon, and then this is seen as well.
        let _ = self.items.try_send(item);
    }

    fn pass_on(&self, record: &[u8]) {
        match classify(self.observer, record) {
            Err(_) => self.account.malform(),
            Ok(Classified::Ignored(anomaly)) => {
                self.account.receive(anomaly);
                self.account.ignore(anomaly);
            }
            Ok(Classified::Anomalous(anomalous)) => {
                let (anomaly, opens_fold) = (anomalous.anomaly, anomalous.fold().is_some());
                self.account.receive(anomaly);
                if self.items.try_send(Item::Anomalous(anomalous)).is_err() {
                    self.account.drop_at_queue(anomaly);
                    if opens_fold {
                        self.account.lose_opening();
                    }
                }
            }
        }
    }
}
