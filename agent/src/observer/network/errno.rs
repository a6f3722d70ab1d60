//! The errors a connection ends with, by the numbers of every architecture but a few old ones.

/// Those of the catalogue, and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errno {
    BrokenPipe,
    NetUnreachable,
    Reset,
    TimedOut,
    Refused,
    HostDown,
    HostUnreachable,
}

impl Errno {
    pub(super) fn of(number: u32) -> Option<Self> {
        match number {
            32 => Some(Self::BrokenPipe),
            101 => Some(Self::NetUnreachable),
            104 => Some(Self::Reset),
            110 => Some(Self::TimedOut),
            111 => Some(Self::Refused),
            112 => Some(Self::HostDown),
            113 => Some(Self::HostUnreachable),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BrokenPipe => "EPIPE",
            Self::NetUnreachable => "ENETUNREACH",
            Self::Reset => "ECONNRESET",
            Self::TimedOut => "ETIMEDOUT",
            Self::Refused => "ECONNREFUSED",
            Self::HostDown => "EHOSTDOWN",
            Self::HostUnreachable => "EHOSTUNREACH",
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::BrokenPipe => "broken pipe",
            Self::NetUnreachable => "network is unreachable",
            Self::Reset => "connection reset by peer",
            Self::TimedOut => "connection timed out",
            Self::Refused => "connection refused",
            Self::HostDown => "host is down",
            Self::HostUnreachable => "no route to host",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_c_library() {
        let known = [
            (libc::EPIPE, "EPIPE"),
            (libc::ENETUNREACH, "ENETUNREACH"),
            (libc::ECONNRESET, "ECONNRESET"),
            (libc::ETIMEDOUT, "ETIMEDOUT"),
            (libc::ECONNREFUSED, "ECONNREFUSED"),
            (libc::EHOSTDOWN, "EHOSTDOWN"),
            (libc::EHOSTUNREACH, "EHOSTUNREACH"),
        ];
        for (number, wanted) in known {
            let errno = Errno::of(number.unsigned_abs()).expect(wanted);
            assert_eq!(errno.name(), wanted);
        }
        for other in [0, 1, libc::ECONNABORTED.unsigned_abs(), u32::MAX] {
            assert_eq!(Errno::of(other), None);
        }
    }
}
