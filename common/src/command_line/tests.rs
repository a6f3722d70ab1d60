use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use super::*;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Verb {
    Serve,
    Look,
}

/// What was set, in order.
type Said = Vec<String>;

fn say(said: &mut Said, value: &OsStr) -> Result<(), Unfit> {
    said.push(value::text(value)?.to_owned());
    Ok(())
}

fn say_small(said: &mut Said, value: &OsStr) -> Result<(), Unfit> {
    said.push(value::number(value, 1, 9)?.to_string());
    Ok(())
}

const BOTH: &[Verb] = &[Verb::Serve, Verb::Look];

const EVERYDAY: Topic<Verb, Said> = Topic {
    name: "",
    help: "",
    flags: &[
        Flag::new("listen", "ADDR", Some("here"), "where", &[Verb::Serve], say),
        Flag::new("data-dir", "DIR", None, "it's there", BOTH, say),
        Flag::new("json", "", None, "for programs", &[Verb::Look], say),
    ],
};

const RARE: Topic<Verb, Said> = Topic {
    name: "depth",
    help: "how deep",
    flags: &[Flag::new(
        "size",
        "N",
        Some("3"),
        "how much",
        BOTH,
        say_small,
    )],
};

const LOOK: Command<Verb, Said> = Command {
    id: Verb::Look,
    name: "look",
    operand: Operand::Needed("WHAT", say),
    help: "look at it",
};

const SERVER: Program<Verb, Said> = Program {
    name: "tapio-server",
    section: 8,
    title: "serves",
    description: "It serves.\n.It does.",
    commands: &[
        Command {
            id: Verb::Serve,
            name: "",
            operand: Operand::InsteadOf("LISTEN", "listen"),
            help: "serve",
        },
        LOOK,
    ],
    topics: &[EVERYDAY, RARE],
    foot: "Last words.\n",
    exit_codes: "0 served, 1 not.",
    blank: Vec::new,
};

/// The same without a command that needs no name.
const READER: Program<Verb, Said> = Program {
    name: "tapio-reader",
    commands: &[LOOK],
    ..SERVER
};

fn ask(
    program: &Program<Verb, Said>,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<Asked<Verb, Said>, Usage> {
    let environment: HashMap<&str, &str> = environment.iter().copied().collect();
    program.parse(arguments.iter().map(OsString::from), |name| {
        environment.get(name).map(OsString::from)
    })
}

fn said(arguments: &[&str], environment: &[(&str, &str)]) -> (Verb, String) {
    match ask(&SERVER, arguments, environment) {
        Ok(Asked::Command(verb, said)) => (verb, said.join(" ")),
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

fn page(program: &Program<Verb, Said>, arguments: &[&str]) -> String {
    match ask(program, arguments, &[]) {
        Ok(Asked::Page(page)) => page,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

#[test]
fn a_flag_wins_over_its_twin_and_the_twin_over_the_default() {
    let twins = [("TAPIO_SIZE", "7"), ("TAPIO_DATA_DIR", "")];
    assert_eq!(said(&[], &[]), (Verb::Serve, "here 3".to_owned()));
    assert_eq!(said(&[], &twins), (Verb::Serve, "here 7".to_owned()));
    let nonsense = [("TAPIO_SIZE", "much")];
    let flag = said(&["--size=2", "--data-dir", "d"], &nonsense);
    assert_eq!(flag, (Verb::Serve, "here 2 d".to_owned()));
}

#[test]
fn a_command_stands_anywhere_and_has_its_own_flags_and_operand() {
    for arguments in [
        ["look", "it", "--json", "--size=2"],
        ["--size=2", "--json", "look", "it"],
    ] {
        let (verb, mut said) = said(&arguments, &[("TAPIO_LISTEN", "unread")]);
        if arguments[0] == "--size=2" {
            said = said.replace("2 true", "true 2");
        }
        assert_eq!((verb, &*said), (Verb::Look, "true 2 it"));
    }
}

#[test]
fn an_operand_may_stand_for_a_flag_but_not_beside_it() {
    let twin = [("TAPIO_LISTEN", "unread")];
    assert_eq!(said(&["there"], &twin), (Verb::Serve, "3 there".to_owned()));
    assert_eq!(said(&["--", "--x"], &[]).1, "3 --x");
}

#[test]
fn every_complaint_names_what_to_change() {
    for (arguments, wanted) in [
        (&["--snk", "x"][..], "unknown flag \"--snk\", see --help"),
        (&["-x"], "unknown flag \"-x\", see --help"),
        (&["--json"], "--json goes with a command, see --help"),
        (
            &["look", "it", "--listen=x"],
            "--listen does not go with look, see look --help",
        ),
        (&["look"], "look needs WHAT"),
        (&["look", ""], "WHAT: \"\" is empty"),
        (&["look", "1", "2"], "unexpected argument \"2\""),
        (&["a", "--listen=b"], "give LISTEN or --listen, not both"),
        (&["--size", "0"], "--size: \"0\" is not between 1 and 9"),
        (&["--size", "x"], "--size: \"x\" is not a whole number"),
        (&["--size"], "missing argument for option '--size'"),
        (&["completions"], "completions needs bash, zsh or fish"),
        (
            &["completions", "csh"],
            "completions: \"csh\" is not one of bash, zsh, fish",
        ),
        (&["man", "look"], "unexpected argument \"look\""),
    ] {
        match ask(&SERVER, arguments, &[]) {
            Err(usage) => assert_eq!(usage.to_string(), wanted),
            Ok(asked) => panic!("{arguments:?} gave {asked:?}"),
        }
    }
    let missing = ask(&READER, &["--json"], &[]).expect_err("no command");
    assert_eq!(missing.to_string(), "a command is missing, see --help");
    let unknown = ask(&READER, &["lok"], &[]).expect_err("no such command");
    assert_eq!(unknown.to_string(), "unknown command \"lok\", see --help");
    let twin = ask(&SERVER, &[], &[("TAPIO_SIZE", "x")]).expect_err("no number");
    assert_eq!(twin.to_string(), "TAPIO_SIZE: \"x\" is not a whole number");
}

#[test]
fn a_secret_is_never_repeated_in_a_complaint() {
    let usage = Usage::Unfit {
        origin: "--sink-header".to_owned(),
        value: "token".into(),
        why: Unfit::Secret("wants NAME=@FILE"),
    };
    assert_eq!(usage.to_string(), "--sink-header wants NAME=@FILE");
}

#[test]
fn help_is_about_the_whole_a_command_or_a_topic() {
    assert_eq!(
        page(&SERVER, &["--help"]),
        "tapio-server: serves\n\n\
         Usage: tapio-server [LISTEN] [FLAGS]  serve\n\
         \x20      tapio-server COMMAND [FLAGS]\n\n\
         \x20 look WHAT               look at it\n\
         \x20 man, completions SHELL  manual page; completions for bash, zsh or fish\n\n\
         \x20 --listen ADDR   where [here]\n\
         \x20 --data-dir DIR  it's there\n\
         \x20 --help TOPIC    more flags: depth\n\
         \x20 -h, --help; -V, --version\n\
         Last words.\n\
         Exit codes: 0 served, 1 not.\n"
    );
    for arguments in [&["look", "-h"][..], &["-h", "look"], &["look", "a", "-h"]] {
        assert_eq!(page(&SERVER, arguments), SERVER.help("look"));
    }
    assert!(
        SERVER
            .help("look")
            .contains("Usage: tapio-server look WHAT [FLAGS]")
    );
    assert!(page(&SERVER, &["--help", "depth"]).contains("--size N  how much [3]"));
    assert_eq!(SERVER.pages().len(), 3);
    assert_eq!(page(&SERVER, &["a", "b", "-V"]), SERVER.version());
}

#[test]
fn the_manual_says_all_and_gives_roff_no_orders() {
    let man = page(&SERVER, &["man"]);
    assert!(man.starts_with(".TH TAPIO\\-SERVER 8 "), "{man}");
    assert!(man.contains("It serves.\n\\&.It does.\n"), "{man}");
    assert!(man.contains(
        ".TP\n.B \\-\\-json \\fI\\fR\nfor programs. In the environment: TAPIO_JSON. Of look.\n"
    ));
    assert!(man.contains(".SS how deep\n.TP\n.B \\-\\-size \\fIN\\fR\nhow much. Default: 3."));
}

#[test]
fn completions_know_commands_flags_and_folders() {
    let bash = page(&SERVER, &["completions", "bash"]);
    for wanted in [
        "    look) words='--data-dir --json --size --help' ;;\n",
        "*) words='look man completions --listen --data-dir --size --help --version' ;;\n",
        "    --data-dir) COMPREPLY=($(compgen -d",
        "complete -F _tapio_server tapio-server\n",
    ] {
        assert!(bash.contains(wanted), "{wanted} is not in\n{bash}");
    }
    let zsh = page(&SERVER, &["completions", "zsh"]);
    assert!(zsh.starts_with("#compdef tapio-server\n"), "{zsh}");
    for wanted in [
        "    'look:look at it'\n",
        "    look) shift words; (( CURRENT-- ))\n      _arguments \\\n",
        "        '*--data-dir=[it'\\''s there]:DIR:_files -/' \\\n",
        "  compdef _tapio-server tapio-server\n",
    ] {
        assert!(zsh.contains(wanted), "{wanted} is not in\n{zsh}");
    }
    let fish = page(&SERVER, &["completions", "fish"]);
    assert!(fish.contains(
        "complete -c tapio-server -n '__fish_seen_subcommand_from look' -l data-dir -r -F -d 'it\\'s there'\n"
    ));
}
