//! The rows of the bench, in order, with the targets of the design.

use std::fs;
use std::io;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use tapio_tests::program::Program;

use crate::{flood, idle, latency, programs};
use tapio_tests::report::Figure;

pub const HELP: &str = "\
tapio-bench: what tapio-agent costs, in memory, processor time and kernel memory

  --rounds N      rounds of which the median is told (default 5)
  --quick         one round, five seconds of idleness: to see that it works, not to be quoted
  --help

The agent and the causer are taken from TAPIO_BIN_DIR. Needs root, bpftool and a quiet machine.
";

pub struct Options {
    rounds: usize,
    idle: Duration,
}

/// What the command line asks for; nothing when it asks for help.
pub fn asked() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        rounds: 5,
        idle: Duration::from_secs(60),
    };
    let mut parser = Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("rounds") => options.rounds = parser.value()?.parse()?,
            Arg::Long("quick") => (options.rounds, options.idle) = (1, Duration::from_secs(5)),
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected()),
        }
    }
    options.rounds = options.rounds.max(1);
    Ok(Some(options))
}

pub fn run(options: &Options) -> io::Result<()> {
    println!("{:<46} {:>10} {:>12}", "", "figure", "target");
    let mut binary = Figure::promised("binary", 1_250_000.0, "bytes");
    let bytes = fs::metadata(Program::Agent.path())?.len();
    binary.add(f64::from(u32::try_from(bytes).map_err(io::Error::other)?));
    binary.print();
    print(&programs::measure(options.rounds)?);
    print(&latency::measure(options.rounds)?);
    print(&flood::measure(options.rounds)?);
    print(&idle::measure(options.rounds, options.idle)?);
    Ok(())
}

fn print(figures: &[Figure]) {
    figures.iter().for_each(Figure::print);
}
