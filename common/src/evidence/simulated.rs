//! A disk for tests that can be full, read-only, or lose its process or its power at any call.
//!
//! What a process wrote survives the process; what it synced survives a loss of power, of the rest
//! any prefix does. Names are durable at once, as with an ordered journal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Cursor, ErrorKind};
use std::rc::Rc;

use super::disk::{Disk, Listed};

/// Clones share the disk, as runs of the agent do.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<String, u64>,
    inodes: BTreeMap<u64, Inode>,
    next_inode: u64,
    bytes_max: Option<usize>,
    read_only: bool,
    refuses_cuts: bool,
    refuses_syncs: bool,
    unreadable: Option<String>,
    /// Calls that change something until the process ends; `Some(0)` is after its end.
    calls_left: Option<u64>,
    /// How many bytes of the append that is cut short by the end still arrive.
    torn_bytes: usize,
}

#[derive(Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    synced: usize,
    frozen: bool,
}

/// How a run ends without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    Process,
    /// Of what was not synced this many bytes per file survive, or as many zeros stand there.
    Power {
        kept: usize,
        zeroed: bool,
    },
}

#[derive(Debug)]
pub struct SimulatedFile(u64);

fn refused(kind: ErrorKind) -> io::Error {
    kind.into()
}

impl State {
    /// Every call that changes something comes through here.
    fn change(&mut self) -> io::Result<()> {
        self.live()?;
        if self.read_only {
            return Err(refused(ErrorKind::ReadOnlyFilesystem));
        }
        Ok(())
    }

    fn live(&mut self) -> io::Result<()> {
        if let Some(left) = &mut self.calls_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Err(io::Error::other("the process has ended"));
            }
        }
        Ok(())
    }

    fn free(&self) -> usize {
        let used: usize = self.inodes.values().map(|inode| inode.bytes.len()).sum();
        self.bytes_max
            .map_or(usize::MAX, |max| max.saturating_sub(used))
    }

    fn inode(&mut self, name: &str) -> io::Result<&mut Inode> {
        let number = self
            .names
            .get(name)
            .ok_or_else(|| refused(ErrorKind::NotFound))?;
        Ok(self.inodes.get_mut(number).expect("a name has an inode"))
    }

    fn open(&mut self, file: &SimulatedFile) -> &mut Inode {
        self.inodes.entry(file.0).or_default() // removed while open
    }
}

impl SimulatedDisk {
    /// Room for this many bytes in all from now on.
    pub fn limit(&self, bytes_max: Option<usize>) {
        self.0.borrow_mut().bytes_max = bytes_max;
    }

    pub fn bytes_used(&self) -> usize {
        let state = self.0.borrow();
        state.inodes.values().map(|inode| inode.bytes.len()).sum()
    }

    pub fn set_read_only(&self, read_only: bool) {
        self.0.borrow_mut().read_only = read_only;
    }

    /// As a disk may that has just said that it is full.
    pub fn refuse_cuts(&self, refuses_cuts: bool) {
        self.0.borrow_mut().refuses_cuts = refuses_cuts;
    }

    /// As a disk with bad blocks does.
    pub fn refuse_syncs(&self, refuses_syncs: bool) {
        self.0.borrow_mut().refuses_syncs = refuses_syncs;
    }

    /// A bad block in this file.
    pub fn spoil(&self, name: &str) {
        self.0.borrow_mut().unreadable = Some(name.to_owned());
    }

    /// The process ends at the given call from now; an append then leaves that many bytes.
    pub fn end_after(&self, calls: u64, torn_bytes: usize) {
        let mut state = self.0.borrow_mut();
        state.calls_left = Some(calls.max(1));
        state.torn_bytes = torn_bytes;
    }

    pub fn has_ended(&self) -> bool {
        self.0.borrow().calls_left == Some(0)
    }

    /// The next process finds what the crash left.
    pub fn restart(&self, crash: Crash) {
        let mut state = self.0.borrow_mut();
        state.calls_left = None;
        let Crash::Power { kept, zeroed } = crash else {
            return;
        };
        for inode in state.inodes.values_mut() {
            let len = inode.bytes.len();
            let survives = (inode.synced + kept).min(len);
            inode.bytes.truncate(survives);
            if zeroed {
                inode.bytes.resize(len, 0);
            }
            inode.synced = inode.bytes.len();
        }
    }

    pub fn names(&self) -> Vec<String> {
        self.0.borrow().names.keys().cloned().collect()
    }

    pub fn content(&self, name: &str) -> Vec<u8> {
        let mut state = self.0.borrow_mut();
        state.inode(name).expect("the file is there").bytes.clone()
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.content(name)).expect("UTF-8")
    }

    /// What somebody else did to a file, whatever its mode.
    pub fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.borrow_mut();
        change(&mut state.inode(name).expect("the file is there").bytes);
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut file = self.create(name).expect("a new file");
        assert_eq!(self.append(&mut file, bytes).expect("room"), bytes.len());
    }

    pub fn is_frozen(&self, name: &str) -> bool {
        self.0
            .borrow_mut()
            .inode(name)
            .expect("the file is there")
            .frozen
    }
}

impl Disk for SimulatedDisk {
    type File = SimulatedFile;
    type Reader = Cursor<Vec<u8>>;

    fn list(&self) -> io::Result<Vec<Listed>> {
        let state = self.0.borrow();
        let listed = |(name, number): (&String, &u64)| {
            let inode = &state.inodes[number];
            Listed {
                name: name.clone(),
                bytes: inode.bytes.len() as u64,
                frozen: inode.frozen,
            }
        };
        Ok(state.names.iter().map(listed).collect())
    }

    fn read(&self, name: &str) -> io::Result<Cursor<Vec<u8>>> {
        let mut state = self.0.borrow_mut();
        if state.unreadable.as_deref() == Some(name) {
            return Err(io::Error::other("a bad block"));
        }
        Ok(Cursor::new(state.inode(name)?.bytes.clone()))
    }

    fn create(&self, name: &str) -> io::Result<SimulatedFile> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        if state.names.contains_key(name) {
            return Err(refused(ErrorKind::AlreadyExists));
        }
        if state.free() == 0 {
            return Err(refused(ErrorKind::StorageFull));
        }
        let number = state.next_inode;
        state.next_inode += 1;
        state.names.insert(name.to_owned(), number);
        state.inodes.insert(number, Inode::default());
        Ok(SimulatedFile(number))
    }

    fn reopen(&self, name: &str) -> io::Result<SimulatedFile> {
        let mut state = self.0.borrow_mut();
        if state.inode(name)?.frozen {
            return Err(refused(ErrorKind::PermissionDenied));
        }
        Ok(SimulatedFile(state.names[name]))
    }

    fn append(&self, file: &mut SimulatedFile, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        let changed = state.change();
        let fits = match &changed {
            Ok(()) => bytes.len().min(state.free()),
            Err(_) if state.calls_left == Some(0) => {
                let torn = state.torn_bytes.min(bytes.len()).min(state.free());
                state.torn_bytes = 0;
                torn
            }
            Err(_) => 0,
        };
        state.open(file).bytes.extend_from_slice(&bytes[..fits]);
        changed?;
        if fits == 0 && !bytes.is_empty() {
            return Err(refused(ErrorKind::StorageFull));
        }
        Ok(fits)
    }

    fn cut(&self, file: &mut SimulatedFile, bytes: u64) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        if state.refuses_cuts {
            return Err(refused(ErrorKind::StorageFull));
        }
        let inode = state.open(file);
        inode.bytes.truncate(bytes as usize);
        inode.synced = inode.synced.min(inode.bytes.len());
        Ok(())
    }

    fn sync(&self, file: &mut SimulatedFile) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.live()?; // also where nothing new can be written
        if state.refuses_syncs {
            return Err(io::Error::other("a bad block"));
        }
        let inode = state.open(file);
        inode.synced = inode.bytes.len();
        Ok(())
    }

    fn freeze(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        state.inode(name)?.frozen = true;
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        let number = state
            .names
            .remove(from)
            .ok_or_else(|| refused(ErrorKind::NotFound))?;
        if let Some(replaced) = state.names.insert(to.to_owned(), number) {
            state.inodes.remove(&replaced);
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.change()?;
        let number = state
            .names
            .remove(name)
            .ok_or_else(|| refused(ErrorKind::NotFound))?;
        state.inodes.remove(&number);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.0.borrow_mut().live()
    }
}
