//! The completions of all programs, asked of the shells they are for.
//!
//! `scripts/setup test` installs the shells.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use tapio_tests::command::TestCommand;
use tapio_tests::deadline::poll_for;
use tapio_tests::folder::TestFolder;
use tapio_tests::program::Program;

/// For a shell to start, complete and end, on a machine with much else to do.
const SHELL_MAX: Duration = Duration::from_secs(30);

const PROGRAMS: [(Program, &str); 3] = [
    (Program::Cli, "tapio"),
    (Program::Agent, "tapio-agent"),
    (Program::Controller, "tapio-controller"),
];

fn page(program: Program, shell: &str) -> String {
    let asked = TestCommand::new(program).args(["completions", shell]);
    asked.run().expect_code(0).stdout
}

/// What a shell says when it runs this, its complaints after it.
fn said(shell: &str, arguments: &[&str]) -> String {
    let folder = TestFolder::new();
    let to = |name: &str| fs::File::create(folder.join(name)).expect("a new file");
    let mut child = Command::new(shell)
        .args(arguments)
        .env("HOME", folder.path())
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(to("out"))
        .stderr(to("err"))
        .spawn()
        .unwrap_or_else(|error| panic!("{shell}: {error}; scripts/setup test installs it"));
    let ended = poll_for(SHELL_MAX, || child.try_wait().expect("our child"));
    if ended.is_none() {
        child.kill().expect("our child");
        child.wait().expect("our child");
    }
    let said = ["out", "err"].map(|name| fs::read(folder.join(name)).expect("a file"));
    let said = String::from_utf8_lossy(&said.concat()).into_owned();
    assert!(
        ended.is_some(),
        "{shell} {arguments:?} does not end: {said}"
    );
    said
}

fn file(folder: &TestFolder, name: &str, text: String) -> String {
    let path = folder.write(name, text);
    path.to_str().expect("UTF-8").to_owned()
}

/// The line so far, and a word that has to be among the answers.
const CASES: [(&str, &str, &str); 5] = [
    ("tapio", "tapio re", "recent"),
    ("tapio", "tapio recent --sev", "--severity"),
    ("tapio-agent", "tapio-agent health", "healthcheck"),
    ("tapio-agent", "tapio-agent --sink-h", "--sink-header"),
    ("tapio-controller", "tapio-controller compi", "compile"),
];

#[test]
fn fish_completes_commands_and_flags_and_says_what_they_are_for() {
    let folder = TestFolder::new();
    for (program, name) in PROGRAMS {
        let path = file(&folder, name, page(program, "fish"));
        assert_eq!(said("fish", &["--no-execute", &path]), "");
        for (_, line, wanted) in CASES.iter().filter(|(of, _, _)| *of == name) {
            let asked = format!("source {path}; complete -C '{line}'");
            let told = said("fish", &["--no-config", "-c", &asked]);
            let row = told
                .lines()
                .find(|row| row.starts_with(&format!("{wanted}\t")));
            assert!(row.is_some(), "{line}: {told}");
        }
    }
}

#[test]
fn bash_completes_commands_and_flags() {
    let folder = TestFolder::new();
    for (program, name) in PROGRAMS {
        let path = file(&folder, name, page(program, "bash"));
        for (_, line, wanted) in CASES.iter().filter(|(of, _, _)| *of == name) {
            let (words, last) = line.rsplit_once(' ').expect("two words");
            let before = words.rsplit(' ').next().expect("a word");
            let count = words.split(' ').count();
            let function = name.replace('-', "_");
            let asked = format!(
                "set -u; . {path}; COMP_WORDS=({line}) COMP_CWORD={count}; \
                 _{function} {name} {last} {before}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
            );
            let told = said("bash", &["--norc", "-c", &asked]);
            assert!(told.lines().any(|row| row == *wanted), "{line}: {told}");
        }
    }
}

/// A terminal within zsh, on which somebody types the line and a tab; `typed` is what it becomes.
const TYPE: &str = r#"
zmodload zsh/zpty
zpty shell 'TERM=dumb zsh -f -i'
zpty -w shell "PROMPT='%%' fpath=($1 \$fpath); autoload -Uz compinit; compinit -D -u; echo rea''dy"
zpty -r -m shell before '*ready*'
zpty -w -n shell "$2"$'\t'
zpty -r -m shell after "*$3*"
print -r -- $after
zpty -d shell
"#;

#[test]
fn zsh_completes_commands_and_flags_from_a_folder_of_its_functions() {
    for (program, name) in PROGRAMS {
        let folder = TestFolder::new();
        let path = file(&folder, &format!("_{name}"), page(program, "zsh"));
        assert_eq!(said("zsh", &["-f", "-n", &path]), "");
        let functions = folder.path().to_str().expect("UTF-8");
        for (_, line, wanted) in CASES.iter().filter(|(of, _, _)| *of == name) {
            let (words, _) = line.rsplit_once(' ').expect("two words");
            let typed = format!("{words} {wanted}");
            let told = said("zsh", &["-f", "-c", TYPE, "type", functions, line, &typed]);
            assert!(told.contains(&typed), "{line}: {told}");
        }
    }
}
