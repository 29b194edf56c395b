//! Pairs, as `key=value`, for labels, options of drivers and kernel parameters.

use std::str::FromStr;

use swarmlite_proto::spec::Labels;

/// A key with a value; the value is empty when there is no `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// What stands before the first `=`.
    pub(crate) key: String,
    /// What stands after it.
    pub(crate) value: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if key.is_empty() {
            return Err(format!("invalid label '{text}': empty name"));
        }
        if key.chars().any(char::is_whitespace) {
            return Err(format!("label '{key}' contains whitespaces"));
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// The pairs as a map; the last of several values for one key counts.
pub(crate) fn labels(pairs: &[Pair]) -> Labels {
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_separates() {
        let pairs: Vec<Pair> =
            ["a=b=c", "d", "e="].map(|text| text.parse().expect("a pair")).into();
        let expected = [("a", "b=c"), ("d", ""), ("e", "")];
        assert_eq!(labels(&pairs), expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn a_pair_has_a_key_without_spaces() {
        assert_eq!("=x".parse::<Pair>(), Err("invalid label '=x': empty name".to_owned()));
        assert_eq!("a b=x".parse::<Pair>(), Err("label 'a b' contains whitespaces".to_owned()));
    }
}
