//! `tapio` from outside: on directories written by the agent's own writer.

mod answers;
mod directory;
mod screens;
mod sealed;
mod watched;
