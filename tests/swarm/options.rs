//! The few flags of the swarm.

use std::net::SocketAddrV4;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

pub const HELP: &str = "\
tapio-swarm: many agents of tapio-wire/v1 over real sockets, in one process and without eBPF

  tapio-swarm bench     against a controller of its own: CPU and memory of the controller, and what
                        two restarts of it bring, each figure beside its target
  tapio-swarm ADDR      against the controller at this IPv4 address, such as 127.0.0.1:8080

  --agents N      1 to 50000 (default 10000)
  --interval S    seconds from one poll and heartbeat to the next (default 30)
  --events N      events in the batch each agent sends in an interval, 0 to 256 (default 8)
  --for S         how long to play against ADDR (default 60)
  --seed N        another seed, another spread (default 1)
  --quick         bench: 500 agents every 2 s: to see that it works, not to be quoted
  --help

The bench takes its controller from TAPIO_BIN_DIR, or builds it in the profile of this program.
";

const AGENTS_MAX: usize = 50_000;
const EVENTS_MAX: usize = 256;

#[derive(Debug, Clone)]
pub struct Options {
    pub agents: usize,
    pub interval: Duration,
    pub events: usize,
    pub lasting: Duration,
    pub seed: u64,
}

pub enum Asked {
    Help,
    Bench(Options),
    Play(SocketAddrV4, Options),
}

pub fn parse() -> Result<Asked, lexopt::Error> {
    let mut options = Options {
        agents: 10_000,
        interval: Duration::from_secs(30),
        events: 8,
        lasting: Duration::from_secs(60),
        seed: 1,
    };
    let mut what = None;
    let mut parser = Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("agents") => options.agents = parser.value()?.parse()?,
            Arg::Long("interval") => options.interval = seconds(&mut parser)?,
            Arg::Long("events") => options.events = parser.value()?.parse()?,
            Arg::Long("for") => options.lasting = seconds(&mut parser)?,
            Arg::Long("seed") => options.seed = parser.value()?.parse()?,
            Arg::Long("quick") => {
                (options.agents, options.interval) = (500, Duration::from_secs(2));
            }
            Arg::Short('h') | Arg::Long("help") => return Ok(Asked::Help),
            Arg::Value(value) if what.is_none() => what = Some(value.string()?),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected()),
        }
    }
    if !(1..=AGENTS_MAX).contains(&options.agents) || options.events > EVENTS_MAX {
        return Err("--agents is 1 to 50000 and --events at most 256".into());
    }
    match what.as_deref() {
        Some("bench") => Ok(Asked::Bench(options)),
        Some(address) => {
            let address = address
                .parse()
                .map_err(|_| "ADDR is an IPv4 address and a port")?;
            Ok(Asked::Play(address, options))
        }
        None => Err("say bench, or the address of a controller".into()),
    }
}

fn seconds(parser: &mut Parser) -> Result<Duration, lexopt::Error> {
    let seconds: u64 = parser.value()?.parse()?;
    match seconds {
        0 => Err("a time is a second at least".into()),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}
