//! The rules of the house that a machine can hold: what may import what, what may stand where.
//!
//! Each failure names the file and the rule. An exception is a row of a table with its reason.

mod dependencies;
mod hosts;
mod layout;
mod manifests;
mod oracles;
mod pages;
mod readme;
mod scripts;
mod size;
mod words;
