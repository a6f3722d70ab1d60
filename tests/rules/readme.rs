//! The README's word: two commands, and nothing named that is not there.

use std::os::unix::fs::PermissionsExt;

use tapio_tests::repository;

fn readme() -> String {
    std::fs::read_to_string(repository::top().join("README.md")).expect("a README")
}

/// Every `scripts/name` the text speaks of.
fn scripts_named(text: &str) -> Vec<String> {
    text.split("scripts/")
        .skip(1)
        .map(|rest| {
            let end = rest
                .find(|char: char| !(char.is_ascii_alphanumeric() || "-_./".contains(char)))
                .unwrap_or(rest.len());
            format!("scripts/{}", rest[..end].trim_end_matches(['.', '/']))
        })
        .collect()
}

#[test]
fn the_two_commands_are_named_and_there() {
    let named = scripts_named(&readme());
    for command in ["scripts/quickstart", "scripts/test"] {
        assert!(
            named.iter().any(|name| name == command),
            "{command} is not named"
        );
        let mode = repository::top()
            .join(command)
            .metadata()
            .expect("it is there")
            .permissions()
            .mode();
        assert_ne!(mode & 0o111, 0, "{command} cannot be started");
    }
}

#[test]
fn every_script_it_names_is_there() {
    for name in scripts_named(&readme()) {
        assert!(
            repository::top().join(&name).exists(),
            "{name} is named and not there"
        );
    }
}

/// The name, the word for its value and the default of every flag in the README's table.
fn flags_of(text: &str) -> Vec<(&str, &str, Option<&str>)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `--"));
    rows.map(|row| {
        let mut cells = row.split(" | ");
        let mut next = || cells.next().expect("three cells");
        let (flag, default) = (next().trim_end_matches('`'), next().trim_matches('`'));
        let (name, value) = flag.split_once(' ').expect("a flag takes a value");
        (name, value, Some(default).filter(|text| *text != "–"))
    })
    .collect()
}

#[test]
fn the_flags_it_shows_are_the_agents() {
    let text = readme();
    let flags = flags_of(&text);
    assert!(flags.len() > 5, "{flags:?}");
    let table = std::fs::read_to_string(repository::top().join("agent/src/flags.rs"))
        .expect("the table of flags");
    for (name, value, default) in flags {
        let row = format!("Flag::new({name:?}, {value:?}, {default:?}, ");
        assert!(table.contains(&row), "there is no {row}");
    }
}

/// The table of kernels is what runs have kept, and not what somebody remembers.
#[test]
fn the_table_of_kernels_is_made_of_the_pages() {
    let text = readme();
    let (_, rest) = text
        .split_once("<!-- scripts/vm.d/table -->\n")
        .expect("a beginning of the table");
    let (table, _) = rest.split_once("<!-- end -->").expect("its end");
    let made = std::process::Command::new(repository::top().join("scripts/vm.d/table"))
        .output()
        .expect("it starts");
    assert!(made.status.success(), "{made:?}");
    assert_eq!(table, String::from_utf8_lossy(&made.stdout));
}
