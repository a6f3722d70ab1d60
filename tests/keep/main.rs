//! `tapio-keep-bench`: what keeping evidence costs, and what asking for it does.
//!
//! Writes with the agent's own writer and asks the `tapio` that ships. Exits 0 whatever the figures
//! are: a missed target is told, not hidden.

mod ask;
mod fill;

use std::io;
use std::process::ExitCode;

use tapio_tests::folder::TestFolder;
use tapio_tests::report::Figure;

const ROUNDS: usize = 5;
/// Enough for a dozen sealed segments.
const WRITE_EVENTS: u64 = 300_000;
const DIRECTORY_BYTES: u64 = 2 << 30;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tapio-keep-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> io::Result<()> {
    println!("{:<46} {:>10} {:>12}", "", "figure", "target");
    let print = |figures: Vec<Figure>| figures.iter().for_each(Figure::print);
    print(fill::cost(ROUNDS, WRITE_EVENTS)?);
    let folder = TestFolder::new();
    fill::to(folder.path(), DIRECTORY_BYTES)?;
    print(ask::cost(ROUNDS, folder.path())?);
    Ok(())
}
