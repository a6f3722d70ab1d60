//! The few flags of the load generator.

use lexopt::{Arg, Parser, ValueExt};

pub const HELP: &str = "\
tapio-load: what a request costs tapio-controller, in its own processor time

  --only WORD     only the rows whose name holds this word
  --rounds N      rounds of which the median is told (default 5)
  --quick         a tenth of the requests, one round: to see that it works, not to be quoted
  --help

The controller is taken from TAPIO_BIN_DIR, or built in the profile of this program.
";

/// How the bench is to be run.
#[derive(Debug, Clone)]
pub struct Options {
    pub only: String,
    pub rounds: usize,
    /// Requests are divided by this.
    pub thinned: usize,
}

impl Options {
    pub fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

pub enum Asked {
    Help,
    /// To be the server that does nothing, for the run that started it.
    Floor,
    Run(Options),
}

pub fn parse() -> Result<Asked, lexopt::Error> {
    let mut options = Options {
        only: String::new(),
        rounds: 5,
        thinned: 1,
    };
    let mut parser = Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("only") => options.only = parser.value()?.string()?,
            Arg::Long("rounds") => options.rounds = parser.value()?.parse()?,
            Arg::Long("quick") => (options.rounds, options.thinned) = (1, 10),
            Arg::Long("floor") => return Ok(Asked::Floor),
            Arg::Short('h') | Arg::Long("help") => return Ok(Asked::Help),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected()),
        }
    }
    options.rounds = options.rounds.max(1);
    Ok(Asked::Run(options))
}
