//! The systemd unit of a path, as `systemctl status PID` would name it.
//!
//! systemd's own rule: leave out the leading slices; what follows is the unit. Below
//! `user@UID.service` the rule starts anew for the user's manager. Where systemd's tree does not
//! begin at the root (an LXC container, a hierarchy that is shared), it begins at its first slice.
//! The first unit counts: what a systemd inside that unit runs is that unit's own affair.

const UNIT_SUFFIXES: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];

#[derive(Default, Clone, Copy)]
enum Stage {
    /// No unit so far.
    #[default]
    System,
    /// Below `user@….service`, no unit of the user's so far.
    User,
    Done,
}

/// Reads a path component by component.
pub struct Reader<'path> {
    stage: Stage,
    /// At the root or directly below a slice, where units are.
    is_below_slice: bool,
    pub system: Option<&'path str>,
    pub user: Option<&'path str>,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Self {
            stage: Stage::default(),
            is_below_slice: true,
            system: None,
            user: None,
        }
    }
}

impl<'path> Reader<'path> {
    pub fn read(&mut self, component: &'path str) {
        // systemd writes `_` before a name that the kernel would take for an attribute.
        let name = component.strip_prefix('_').unwrap_or(component);
        let may_be_unit = std::mem::replace(&mut self.is_below_slice, name.ends_with(".slice"));
        if !may_be_unit || !is_unit(name) {
            return;
        }
        self.stage = match self.stage {
            Stage::System => {
                self.system = Some(name);
                match name.starts_with("user@") && name.ends_with(".service") {
                    true => Stage::User,
                    false => Stage::Done,
                }
            }
            Stage::User => {
                self.user = Some(name);
                Stage::Done
            }
            Stage::Done => Stage::Done,
        };
        // The user's own tree begins right here, as the system's does at the root.
        self.is_below_slice = matches!(self.stage, Stage::User);
    }
}

fn is_unit(name: &str) -> bool {
    let of_suffix = |suffix: &&str| name.strip_suffix(*suffix);
    UNIT_SUFFIXES
        .iter()
        .find_map(of_suffix)
        .is_some_and(|stem| !stem.is_empty())
}
