//! The systemd unit of a path, as `systemctl status PID` would name it.
//!
//! systemd's own rule: leave out the leading slices; what follows is the unit, if it is one. Below
//! `user@UID.service` the rule starts anew for the user's manager. Units of a systemd inside a
//! container are that container's affair and are not reported as the host's.

const UNIT_SUFFIXES: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];

#[derive(Default, Clone, Copy)]
enum Stage {
    /// Only slices so far.
    #[default]
    System,
    /// Below `user@….service`, only slices so far.
    User,
    Done,
}

/// Reads a path component by component.
#[derive(Default)]
pub struct Reader<'path> {
    stage: Stage,
    pub system: Option<&'path str>,
    pub user: Option<&'path str>,
}

impl<'path> Reader<'path> {
    pub fn read(&mut self, component: &'path str) {
        // systemd writes `_` before a name that the kernel would take for an attribute.
        let name = component.strip_prefix('_').unwrap_or(component);
        if name.ends_with(".slice") {
            return;
        }
        let unit = is_unit(name).then_some(name);
        self.stage = match self.stage {
            Stage::System => {
                self.system = unit;
                match name.starts_with("user@") && name.ends_with(".service") {
                    true => Stage::User,
                    false => Stage::Done,
                }
            }
            Stage::User => {
                self.user = unit;
                Stage::Done
            }
            Stage::Done => Stage::Done,
        };
    }
}

fn is_unit(name: &str) -> bool {
    let of_suffix = |suffix: &&str| name.strip_suffix(*suffix);
    UNIT_SUFFIXES
        .iter()
        .find_map(of_suffix)
        .is_some_and(|stem| !stem.is_empty())
}
