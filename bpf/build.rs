//! Compiles every `*.bpf.c` beside it with plain clang, without debugger tables.
//!
//! `CLANG` names another compiler. The C headers are those of the libbpf that will load the
//! objects. Nothing here asks what the running kernel is: the objects are for all of them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const FLAGS: &[&str] = &[
    "-target",
    "bpf",
    // v2: what 5.10's verifier follows best; v3's 32-bit arithmetic costs it range knowledge.
    "-mcpu=v2",
    "-g",
    "-O2",
    "-fno-unroll-loops",
    "-Wall",
    "-Wextra",
    "-Werror",
];

/// What only a linker would read.
const UNREAD: &[&str] = &[
    "--remove-section=.rel.BTF",
    "--remove-section=.rel.BTF.ext",
    "--remove-section=.llvm_addrsig",
];

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(variable("OUT_DIR"));
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    println!("cargo:rerun-if-env-changed=CLANG");
    println!("cargo:rerun-if-changed={}", root.join("include").display());
    for source in programs(&root) {
        println!("cargo:rerun-if-changed={}", source.display());
        let name = source.file_stem().expect("a program has a name");
        let object = out.join(name).with_extension("bpf.o");
        compile(&clang, &root, &source, &object);
        strip(&clang, &object);
    }
}

/// The C programs, in a fixed order.
fn programs(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).expect("the crate's folder can be read");
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the crate's folder can be read").path())
        .filter(|path| path.to_string_lossy().ends_with(".bpf.c"))
        .collect();
    found.sort();
    found
}

fn compile(clang: &str, root: &Path, source: &Path, object: &Path) {
    let libbpf = PathBuf::from(variable("DEP_BPF_INCLUDE"));
    let mut command = Command::new(clang);
    command
        .args(FLAGS)
        .arg(format!("-ffile-prefix-map={}=bpf", root.display()))
        .arg("-I")
        .arg(root.join("include"))
        .arg("-isystem")
        .arg(libbpf)
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(object);
    run(
        command,
        "clang is needed to build the kernel programs (Debian: clang)",
    );
}

/// Leaves out DWARF, which no loader reads; BTF stays.
fn strip(clang: &str, object: &Path) {
    let asked = Command::new(clang)
        .arg("-print-prog-name=llvm-strip")
        .output();
    let answer = asked.expect("clang has just run").stdout;
    let strip = String::from_utf8(answer).expect("clang prints a path");
    let mut command = Command::new(strip.trim());
    command.arg("--strip-debug").args(UNREAD).arg(object);
    run(
        command,
        "llvm-strip is needed to build the kernel programs (Debian: llvm)",
    );
}

fn run(mut command: Command, needed: &str) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{command:?}: {status}"),
        Err(error) => panic!("{needed}: {error}"),
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
