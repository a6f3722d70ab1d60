//! The leaves of a profile: values that are in their range because nothing else can be made.

use tapio_wire::config::ExitCodes;
use tapio_wire::limits::IGNORE_EXIT_CODES_MAX;
use tapio_wire::names::ContainerExits;

use crate::error::{Problem, ProfileError};
use crate::node::Node;

/// What can be made of a node of a document.
pub(crate) trait FromNode: Sized {
    fn from_node(node: &Node) -> Result<Self, ProfileError>;
}

/// A leaf that may be left out. A null in its place is a slip, not an omission.
impl<T: FromNode> FromNode for Option<T> {
    fn from_node(node: &Node) -> Result<Self, ProfileError> {
        T::from_node(node).map(Some)
    }
}

impl FromNode for bool {
    fn from_node(node: &Node) -> Result<Self, ProfileError> {
        match node {
            Node::Bool(value) => Ok(*value),
            other => Err(ProfileError::not_allowed("true or false", other)),
        }
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whole<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Whole<MIN, MAX> {
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> FromNode for Whole<MIN, MAX> {
    fn from_node(node: &Node) -> Result<Self, ProfileError> {
        let in_range = match node {
            Node::Whole(value) => u32::try_from(*value)
                .ok()
                .filter(|value| (MIN..=MAX).contains(value)),
            _ => None,
        };
        in_range.map(Self).ok_or_else(|| {
            ProfileError::not_allowed(format!("a whole number from {MIN} to {MAX}"), node)
        })
    }
}

/// A number from 0 to `MAX`, finite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Number<const MAX: u32>(f64);

impl<const MAX: u32> Number<MAX> {
    pub(crate) const fn get(self) -> f64 {
        self.0
    }
}

impl<const MAX: u32> FromNode for Number<MAX> {
    fn from_node(node: &Node) -> Result<Self, ProfileError> {
        let value = match node {
            Node::Whole(value) => u32::try_from(*value).ok().map(f64::from),
            Node::Decimal(value) => Some(*value),
            _ => None,
        };
        value
            .filter(|value| (0.0..=f64::from(MAX)).contains(value))
            .map(Self)
            .ok_or_else(|| ProfileError::not_allowed(format!("a number from 0 to {MAX}"), node))
    }
}

/// At most sixteen exit codes; those that come again are dropped, the order stays.
impl FromNode for ExitCodes {
    fn from_node(node: &Node) -> Result<Self, ProfileError> {
        let Node::List(items) = node else {
            return Err(ProfileError::not_allowed("a list of exit codes", node));
        };
        if items.len() > IGNORE_EXIT_CODES_MAX {
            return Err(ProfileError::new(Problem::TooManyEntries {
                max: IGNORE_EXIT_CODES_MAX,
                found: items.len(),
            }));
        }
        let mut codes = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let code = exit_code(item).map_err(|error| error.within_index(index))?;
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        Ok(Self(codes))
    }
}

fn exit_code(node: &Node) -> Result<i32, ProfileError> {
    match node {
        Node::Whole(value) => u8::try_from(*value).ok().map(i32::from),
        _ => None,
    }
    .ok_or_else(|| ProfileError::not_allowed("an exit code from 0 to 255", node))
}

/// On the wire this enum is open; whoever writes a profile gets the names there are.
impl FromNode for ContainerExits {
    fn from_node(node: &Node) -> Result<Self, ProfileError> {
        let found = match node {
            Node::Text(text) => Self::KNOWN.iter().find(|known| known.as_str() == text),
            _ => None,
        };
        found.cloned().ok_or_else(|| {
            let names: Vec<&str> = Self::KNOWN.iter().map(Self::as_str).collect();
            ProfileError::not_allowed(names.join(" or "), node)
        })
    }
}
