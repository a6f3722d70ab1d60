//! What happens, and how long it lasts.

use std::time::Duration;

use tapio_tests::proxy::Fault;

#[derive(Debug, Clone, Copy)]
pub enum Blow {
    /// SIGKILL after it took what nobody has its answer to, and another one at once.
    ControllerKilled,
    /// SIGSTOP: it takes connections and says nothing.
    ControllerStopped,
    /// Ended, and started with another profile.
    ControllerReprofiled,
    /// SIGKILL, with a batch under way that the controller took.
    AgentKilled,
    /// SIGTERM: it leaves as it should, and another one comes.
    AgentTerminated,
    Between(Fault),
    /// Nothing that is sent arrives, in either direction, and nobody is told.
    BlackHole,
}

impl Blow {
    /// Both sides and what is between them, in turn.
    pub const ALL: [Self; 13] = [
        Self::Between(Fault::CutInHalf),
        Self::ControllerKilled,
        Self::Between(Fault::Refused),
        Self::AgentKilled,
        Self::Between(Fault::ServerError),
        Self::ControllerReprofiled,
        Self::Between(Fault::WrongTag),
        Self::AgentTerminated,
        Self::Between(Fault::Garbage),
        Self::Between(Fault::Slow),
        Self::Between(Fault::Redirect),
        Self::ControllerStopped,
        Self::BlackHole,
    ];

    pub const fn lasts(self) -> Duration {
        match self {
            Self::ControllerReprofiled | Self::AgentTerminated => Duration::from_secs(1),
            Self::ControllerKilled | Self::AgentKilled => Duration::from_secs(3),
            Self::ControllerStopped => Duration::from_secs(20),
            // Longer than an agent waits for one call.
            Self::Between(Fault::Slow) | Self::BlackHole => Duration::from_secs(7),
            Self::Between(
                Fault::None
                | Fault::Refused
                | Fault::CutInHalf
                | Fault::ServerError
                | Fault::Garbage
                | Fault::WrongTag
                | Fault::Redirect,
            ) => Duration::from_secs(4),
        }
    }
}
