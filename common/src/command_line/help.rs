//! What `--help` prints. Every page fits 80 columns and 24 lines, which each program's tests hold
//! with [`Program::pages`].

use super::{Flag, Program, Topic};

const COLUMNS_MAX: usize = 80;
const LINES_MAX: usize = 24;

const TWINS: &str = "Each flag has a twin in the environment: --data-dir is TAPIO_DATA_DIR.\n";

type Row = (String, String);

impl<C: Copy + PartialEq, S> Program<C, S> {
    /// About a command, a topic, or the whole where it is about neither.
    pub(super) fn help(&self, subject: &str) -> String {
        if let Some(topic) = self.topic(subject) {
            return self.topic_help(topic);
        }
        let Some(command) = self.command(subject).filter(|_| !subject.is_empty()) else {
            return self.whole_help();
        };
        let name = format!("{} {}", self.name, command.name);
        let mut page = format!("{name}: {}\n\n", command.help);
        let operand = spaced(command.operand_name());
        if self.flags_of(command.id).next().is_none() {
            page.push_str(&format!("Usage: {name}{operand}\n"));
            return page;
        }
        page.push_str(&format!("Usage: {name}{operand} [FLAGS]\n\n"));
        push_rows(&mut page, "  ", &self.flag_rows(command.id));
        page.push('\n');
        page.push_str(TWINS);
        page
    }

    fn topic_help(&self, topic: &Topic<C, S>) -> String {
        let mut page = format!("{}, {}: {}\n\n", self.name, topic.name, topic.help);
        let rows = topic.flags.iter().map(row_of).collect::<Vec<_>>();
        push_rows(&mut page, "  ", &rows);
        page.push('\n');
        page.push_str(TWINS);
        page
    }

    fn whole_help(&self) -> String {
        let default = self.command("");
        let mut page = format!("{}: {}\n\nUsage:", self.name, self.title);
        let mut usage = vec![(format!("{} COMMAND [FLAGS]", self.name), String::new())];
        if let Some(command) = default {
            let operand = match command.operand_name() {
                "" => String::new(),
                name => format!(" [{name}]"),
            };
            let without = format!("{}{operand} [FLAGS]", self.name);
            usage.insert(0, (without, command.help.to_owned()));
        }
        let mut lines = String::new();
        push_rows(&mut lines, "       ", &usage);
        page.push_str(lines.trim_start_matches("      "));
        let mut rows: Vec<Row> = self
            .named_commands()
            .map(|command| {
                let spelled = format!("{}{}", command.name, spaced(command.operand_name()));
                (spelled, command.help.to_owned())
            })
            .collect();
        rows.push((
            "man, completions SHELL".to_owned(),
            "manual page; completions for bash, zsh or fish".to_owned(),
        ));
        page.push('\n');
        push_rows(&mut page, "  ", &rows);
        page.push('\n');
        match default {
            Some(command) => push_rows(&mut page, "  ", &self.flag_rows(command.id)),
            None => {
                page.push_str("COMMAND --help shows its flags; -V, --version the version.\n");
            }
        }
        page.push_str(self.foot);
        page.push_str("Exit codes: ");
        page.push_str(self.exit_codes);
        page.push('\n');
        page
    }

    /// The flags of the first topic, and what the others are called.
    fn flag_rows(&self, command: C) -> Vec<Row> {
        let is_known = |flag: &&Flag<C, S>| flag.commands.contains(&command);
        let (mut rows, mut topics) = (Vec::new(), Vec::new());
        for topic in self.topics {
            let mut flags = topic.flags.iter().filter(is_known).peekable();
            if topic.name.is_empty() {
                rows.extend(flags.map(row_of));
            } else if flags.peek().is_some() {
                topics.push(topic.name);
            }
        }
        if !topics.is_empty() {
            let more = format!("more flags: {}", topics.join(", "));
            rows.push(("--help TOPIC".to_owned(), more));
        }
        rows.push(("-h, --help; -V, --version".to_owned(), String::new()));
        rows
    }

    /// Every page of help.
    ///
    /// # Panics
    ///
    /// Where one does not fit a screen.
    #[must_use]
    pub fn pages(&self) -> Vec<String> {
        let commands = self.named_commands().map(|command| command.name);
        let topics = self.topics.iter().map(|topic| topic.name);
        let subjects = commands.chain(topics).filter(|name| !name.is_empty());
        let pages: Vec<String> = subjects.chain([""]).map(|about| self.help(about)).collect();
        for page in &pages {
            let longest = page.lines().map(|line| line.chars().count()).max();
            assert!(
                page.lines().count() <= LINES_MAX && longest <= Some(COLUMNS_MAX),
                "{page}"
            );
        }
        pages
    }
}

fn row_of<C, S>(flag: &Flag<C, S>) -> Row {
    (flag.spelled(), flag.explained())
}

fn spaced(operand: &str) -> String {
    match operand {
        "" => String::new(),
        named => format!(" {named}"),
    }
}

/// Two columns, the first as wide as its widest word.
fn push_rows(page: &mut String, indent: &str, rows: &[Row]) {
    let explained = rows.iter().filter(|(_, right)| !right.is_empty());
    let width = explained.map(|(left, _)| left.chars().count()).max();
    let width = width.unwrap_or(0);
    for (left, right) in rows {
        page.push_str(format!("{indent}{left:<width$}  {right}").trim_end());
        page.push('\n');
    }
}
