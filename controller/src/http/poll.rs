//! The calls to the kernel that the standard library does not make: epoll, eventfd, a connection
//! that is accepted non-blocking, and the limit on open files.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// What is waited for on a descriptor. Errors are always reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    Read,
    Write,
    /// To read, but only one of all the pollers that wait for it is woken.
    ReadAlone,
}

impl Interest {
    const fn bits(self) -> u32 {
        let bits = match self {
            Self::Read => libc::EPOLLIN,
            Self::Write => libc::EPOLLOUT,
            Self::ReadAlone => libc::EPOLLIN | libc::EPOLLEXCLUSIVE,
        };
        u32::from_ne_bytes(bits.to_ne_bytes())
    }
}

/// Events fetched in one call.
const EVENTS: usize = 64;

/// An epoll instance and room for what it reports.
pub struct Poll {
    epoll: OwnedFd,
    events: [libc::epoll_event; EVENTS],
}

impl Poll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: epoll_create1 takes no pointer.
        let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self {
            // SAFETY: the descriptor was just made and nobody else owns it.
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS],
        })
    }

    pub fn add(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    pub fn change(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, Interest::Read)
    }

    fn control(
        &self,
        operation: libc::c_int,
        fd: BorrowedFd<'_>,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest.bits(),
            u64: token,
        };
        // SAFETY: both descriptors are open while borrowed, and `event` lives through the call.
        checked(unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                operation,
                fd.as_raw_fd(),
                &mut event,
            )
        })?;
        Ok(())
    }

    /// Waits for events, at most so long (for ever if `None`), and hands out their tokens.
    pub fn wait(&mut self, timeout_ms: Option<u32>, tokens: &mut Vec<u64>) -> io::Result<()> {
        tokens.clear();
        let timeout = timeout_ms.map_or(-1, |ms| {
            libc::c_int::try_from(ms).unwrap_or(libc::c_int::MAX)
        });
        let room = libc::c_int::try_from(EVENTS).unwrap_or(libc::c_int::MAX);
        // SAFETY: `events` has room for as many events as the call may write.
        let outcome = checked(unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                room,
                timeout,
            )
        });
        let found = match outcome {
            Ok(found) => usize::try_from(found).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        tokens.extend(self.events.iter().take(found).map(|event| event.u64));
        Ok(())
    }
}

/// Wakes a poller from another thread.
#[derive(Debug)]
pub struct Waker(OwnedFd);

impl Waker {
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointer.
        let fd = checked(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the descriptor was just made and nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes are read from `one`. The counter can only be full if a wake-up is
        // already pending.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Takes all wake-ups so far.
    pub fn settle(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight bytes are written to `count`. Nothing to take is as good as taken.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Accepts a connection that does not block, in one call.
pub fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the listener is open; a null address is allowed and means "not wanted".
    let fd = checked(unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            flags,
        )
    })?;
    // SAFETY: the descriptor was just made and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) }.into())
}

/// Longest line at the door; the kernel cuts it to its own limit.
const BACKLOG: libc::c_int = 4_096;

/// Makes a listener ready for many pollers: it does not block, its line is long, and what it
/// accepts sends each answer at once.
pub fn prepare(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    // SAFETY: the listener is open; listening again only changes the length of its line.
    checked(unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) })?;
    let on: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&on)).map_err(io::Error::other)?;
    // SAFETY: the option's value is a c_int that lives through the call, and its size is given.
    checked(unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NODELAY,
            (&raw const on).cast(),
            size,
        )
    })?;
    Ok(())
}

/// Raises the soft limit on open files to the hard one; the answer is what holds then.
pub fn raise_open_files() -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid rlimit to be written.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) })?;
    let before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is a valid rlimit to be read.
    let raised = checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }).is_ok();
    Ok(if raised { limit.rlim_cur } else { before })
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
