//! What an expression can come to.

use std::fmt;

/// What an expression can come to. The names are those of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Double,
    Text,
    /// Texts by texts.
    Labels,
    List(Box<Self>),
}

impl Kind {
    pub(super) const fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }

    /// Whether one is as great as or greater than the other.
    pub(super) const fn has_order(&self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Text)
    }

    /// Whether values of both can be equal.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self == other || self.is_number() && other.is_number()
    }

    /// What loops go over, one by one.
    pub(super) fn element(&self) -> Option<Self> {
        match self {
            Self::List(element) => Some(Self::clone(element)),
            // Its keys.
            Self::Labels => Some(Self::Text),
            Self::Bool | Self::Int | Self::Double | Self::Text => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::Text => "string",
            Self::Labels => "map",
            Self::List(_) => "list",
        })
    }
}
