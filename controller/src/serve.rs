//! Running: everything that can fail at the start fails here, before the first request; then the
//! main thread waits for signals and does the housekeeping.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tapio_wire::Batching;

use crate::accepted::Accepted;
use crate::config::{ActiveConfig, FIRST_GENERATION};
use crate::failure::Failure;
use crate::forget::Forgetter;
use crate::http::server::Server;
use crate::moment::Clock;
use crate::registry::{Registry, Shared};
use crate::reload::Reloader;
use crate::settings::{AcceptedTarget, Settings};
use crate::site::Site;
use crate::{logging, profile_file, routes};

/// How often the main thread looks at the profile and at silent agents.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// How long the copy of accepted events may take to end once nobody writes any more.
const COPY_LEAVES_WITHIN: Duration = Duration::from_secs(1);

pub fn run(settings: &Settings) -> Result<(), Failure> {
    let compiled =
        profile_file::load_or_default(settings.profile.as_deref()).map_err(Failure::Profile)?;
    let batching = Batching {
        send_interval_ms: settings.send_interval_ms,
        max_batch_events: settings.batch_events_max,
    };
    let config = ActiveConfig::new(FIRST_GENERATION, compiled, batching)
        .map_err(|error| system("cannot write the config as JSON", error.into()))?;
    logging::start(settings.log_level, settings.log_format);
    let registry = Arc::new(Shared::new(Registry::new(config, settings.agents_max)));
    let signals = listen_for_signals()?;
    let listener = TcpListener::bind(&*settings.listen).map_err(|source| Failure::Listen {
        address: settings.listen.clone(),
        source,
    })?;
    let (accepted, copy) = start_copy(settings, &registry)?.unzip();
    let clock = Clock::start();
    let site = Site::new(
        settings,
        clock,
        Arc::clone(&registry),
        accepted,
        routes::dispatch,
    );
    let site = Arc::new(site);
    let reloader = settings
        .profile
        .as_ref()
        .map(|path| Reloader::new(path.clone(), batching, Arc::clone(&registry)));
    let forgetter = Forgetter::new(settings.forget_after, clock, registry);
    let server = Server::start(listener, &site, settings.workers)
        .map_err(|source| system("cannot start the server", source))?;
    log::info!("listening on {}", server.address);
    wait(&site, &signals, reloader, forgetter);
    site.drain();
    server.stop();
    drop(site);
    copy.map_or(Ok(()), leave)
}

fn system(what: &'static str, source: io::Error) -> Failure {
    Failure::System { what, source }
}

fn start_copy(
    settings: &Settings,
    registry: &Arc<Shared>,
) -> Result<Option<(Accepted, JoinHandle<()>)>, Failure> {
    let Some(target) = &settings.accepted else {
        return Ok(None);
    };
    Accepted::start(target, Arc::clone(registry))
        .map(Some)
        .map_err(|source| Failure::Accepted {
            target: match target {
                AcceptedTarget::Stdout => "-".to_owned(),
                AcceptedTarget::File(path) => path.display().to_string(),
            },
            source,
        })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Reload,
    Leave,
}

/// A thread that does nothing but hand on signals; it ends with the process.
fn listen_for_signals() -> Result<Receiver<Signal>, Failure> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])
        .map_err(|source| system("cannot listen for signals", source))?;
    let (sender, receiver) = mpsc::sync_channel(8);
    let forward = move || {
        for signal in signals.forever() {
            let signal = if signal == SIGHUP {
                Signal::Reload
            } else {
                Signal::Leave
            };
            if sender.send(signal).is_err() {
                break;
            }
        }
    };
    thread::Builder::new()
        .name("signal".to_owned())
        .spawn(forward)
        .map_err(|source| system("cannot start a thread", source))?;
    Ok(receiver)
}

/// Until SIGTERM or SIGINT.
fn wait(
    site: &Site,
    signals: &Receiver<Signal>,
    mut reloader: Option<Reloader>,
    mut forgetter: Forgetter,
) {
    loop {
        match signals.recv_timeout(HOUSEKEEPING) {
            Ok(Signal::Reload) => {
                if let Some(reloader) = &mut reloader {
                    reloader.reload_as_asked();
                }
                if let Some(accepted) = &site.accepted {
                    accepted.reopen();
                }
            }
            Ok(Signal::Leave) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                if let Some(reloader) = &mut reloader {
                    reloader.look(SystemTime::now());
                }
                forgetter.sweep();
            }
        }
    }
}

/// Waits for the copy to be finished, but no longer than a stuck disk deserves.
fn leave(copy: JoinHandle<()>) -> Result<(), Failure> {
    let (sender, finished) = mpsc::channel();
    thread::Builder::new()
        .name("farewell".to_owned())
        .spawn(move || {
            let ended = copy.join();
            // Nobody listens any more once the wait is over.
            let _ = sender.send(ended.is_ok());
        })
        .map_err(|source| system("cannot start a thread", source))?;
    match finished.recv_timeout(COPY_LEAVES_WITHIN) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(system(
            "the copy of accepted events did not end in time",
            io::ErrorKind::TimedOut.into(),
        )),
    }
}
