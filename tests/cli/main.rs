//! `tapio` from outside: on directories written by the agent's own writer.

mod answers;
mod completions;
mod directory;
mod fleet;
mod mcp;
mod screens;
mod sealed;
mod terminal;
mod watched;
