//! Placement constraints, such as `node.labels.disk == ssd` (swarmkit `manager/constraint/constraint.go`).

use crate::error::Error;
use crate::error::Result;

/// One constraint, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// What it looks at, as `node.role`. Keys that mean nothing are never satisfied.
    pub key: String,
    /// Whether the value must be equal, or must not be.
    pub equal: bool,
    /// What it is compared with.
    pub value: String,
}

impl Constraint {
    /// Takes `text` apart.
    ///
    /// # Errors
    ///
    /// [`crate::error::ErrorKind::Unknown`], as in Docker, when it is not `KEY==VALUE` or `KEY!=VALUE`.
    pub fn parse(text: &str) -> Result<Self> {
        // In Docker's order: a text with both operators is cut at the first `==`.
        let (key, equal, value) = match (text.split_once("=="), text.split_once("!=")) {
            (Some((key, value)), _) => (key, true, value),
            (None, Some((key, value))) => (key, false, value),
            (None, None) => {
                return Err(Error::unknown("constraint expected one operator from ==, !="));
            }
        };
        let (key, value) = (key.trim(), value.trim());
        if !is_key(key) {
            return Err(Error::unknown(format!("key '{key}' is invalid")));
        }
        if value.is_empty() || !value.chars().all(is_value_char) {
            return Err(Error::unknown(format!("value '{value}' is invalid")));
        }
        Ok(Self { key: key.to_owned(), equal, value: value.to_owned() })
    }
}

pub(super) fn is_key(key: &str) -> bool {
    let mut letters = key.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && key.len() > 1
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

pub(super) fn is_value_char(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || letter.is_ascii_whitespace()
        || ":-_.*()?+[]\\^$|/".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_taken_apart() {
        for (text, key, equal, value) in [
            ("node.role==manager", "node.role", true, "manager"),
            (" node.labels.disk != ssd ", "node.labels.disk", false, "ssd"),
            ("node.hostname==a b", "node.hostname", true, "a b"),
        ] {
            let expected = Constraint { key: key.to_owned(), equal, value: value.to_owned() };
            assert_eq!(Constraint::parse(text), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_constraint_is_refused_in_dockers_words() {
        for (text, message) in [
            ("node.role", "constraint expected one operator from ==, !="),
            ("node.role=manager", "constraint expected one operator from ==, !="),
            ("1key==x", "key '1key' is invalid"),
            ("==x", "key '' is invalid"),
            ("node.role==", "value '' is invalid"),
            ("node.role==a,b", "value 'a,b' is invalid"),
        ] {
            assert_eq!(Constraint::parse(text), Err(Error::unknown(message)), "{text}");
        }
    }
}
