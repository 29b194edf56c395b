//! The `filters` parameter of lists (moby `api/types/filters/parse.go`).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::spec::Labels;

/// The filters of one list. Several values of one key are alternatives; all keys have to match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters(BTreeMap<String, BTreeSet<String>>);

impl Filters {
    /// Reads both encodings: `{"label":{"a=b":true}}`, and the older `{"label":["a=b"]}`. Empty text has no filters.
    ///
    /// # Errors
    ///
    /// `invalid filter`, with the key if it is not one of `accepted`.
    pub(super) fn parse(text: &str, accepted: &[&str]) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let invalid = || Error::invalid("invalid filter");
        let json: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|_| invalid())?;
        let mut filters = BTreeMap::new();
        for (key, values) in json {
            if !accepted.contains(&key.as_str()) {
                return Err(Error::invalid(format!("invalid filter '{key}'")));
            }
            filters.insert(key, read_values(values).ok_or_else(invalid)?);
        }
        Ok(Self(filters))
    }

    /// The values of a key, if it has any.
    pub(super) fn values(&self, key: &str) -> Option<&BTreeSet<String>> {
        self.0.get(key).filter(|values| !values.is_empty())
    }

    /// Whether a value of `key` satisfies `test`, or there is none.
    pub(super) fn any(&self, key: &str, test: impl Fn(&str) -> bool) -> bool {
        self.values(key).is_none_or(|values| values.iter().any(|value| test(value)))
    }

    /// The filters as the engine reads them.
    pub(super) fn to_json(&self) -> Value {
        let list = |values: &BTreeSet<String>| values.iter().cloned().collect::<Value>();
        self.0.iter().map(|(key, values)| (key.clone(), list(values))).collect()
    }

    /// Whether none of the labels that `key` lists is among `labels`.
    pub(super) fn without_labels(&self, key: &str, labels: &Labels) -> bool {
        self.values(key).is_none_or(|unwanted| !unwanted.iter().any(|one| has_label(labels, one)))
    }

    /// Whether `text` starts with a value of `key`, or there is none.
    pub(super) fn prefix(&self, key: &str, text: &str) -> bool {
        self.any(key, |value| text.starts_with(value))
    }

    /// Whether every label that `key` lists is among `labels`: `name` has to be there, `name=value` has to be equal.
    pub(super) fn labels(&self, key: &str, labels: &Labels) -> bool {
        self.values(key).is_none_or(|wanted| wanted.iter().all(|one| has_label(labels, one)))
    }
}

fn has_label(labels: &Labels, wanted: &str) -> bool {
    match wanted.split_once('=') {
        None | Some((_, "")) => labels.contains_key(wanted.trim_end_matches('=')),
        Some((name, value)) => labels.get(name).is_some_and(|have| have == value),
    }
}

fn read_values(values: Value) -> Option<BTreeSet<String>> {
    match values {
        Value::Object(members) => {
            let set = |(value, on): (String, Value)| match on {
                Value::Bool(true) => Some(Some(value)),
                Value::Bool(false) | Value::Null => Some(None),
                _ => None,
            };
            members
                .into_iter()
                .map(set)
                .collect::<Option<Vec<_>>>()
                .map(|all| all.into_iter().flatten().collect())
        }
        Value::Array(elements) => elements
            .into_iter()
            .map(|element| match element {
                Value::String(value) => Some(value),
                _ => None,
            })
            .collect(),
        Value::Null => Some(BTreeSet::new()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["label", "name"];

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn both_encodings_mean_the_same() {
        let go = Filters::parse(r#"{"label":{"a=b":true,"c":true,"d":false}}"#, KEYS);
        assert_eq!(go, Filters::parse(r#"{"label":["a=b","c"]}"#, KEYS));
        assert!(go.is_ok());
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for (text, message) in [
            ("{", "invalid filter"),
            ("[]", "invalid filter"),
            (r#"{"label":1}"#, "invalid filter"),
            (r#"{"label":[1]}"#, "invalid filter"),
            (r#"{"colour":["red"]}"#, "invalid filter 'colour'"),
        ] {
            assert_eq!(Filters::parse(text, KEYS), Err(Error::invalid(message)), "{text}");
        }
    }

    #[test]
    fn all_labels_have_to_match_and_one_of_other_values() {
        let filters =
            Filters::parse(r#"{"label":["a=b","c"],"name":["x","y"]}"#, KEYS).expect("filters");
        for (have, matches) in [
            (labels(&[("a", "b"), ("c", "1")]), true),
            (labels(&[("a", "b")]), false),
            (labels(&[("a", "c"), ("c", "1")]), false),
        ] {
            assert_eq!(filters.labels("label", &have), matches, "{have:?}");
        }
        assert!(filters.prefix("name", "yes"));
        assert!(!filters.prefix("name", "no"));
        assert!(Filters::default().prefix("name", "no"));
    }

    #[test]
    fn a_label_without_a_value_asks_for_its_presence() {
        for text in [r#"{"label":["a"]}"#, r#"{"label":["a="]}"#] {
            let filters = Filters::parse(text, KEYS).expect("filters");
            assert!(filters.labels("label", &labels(&[("a", "b")])), "{text}");
            assert!(!filters.labels("label", &labels(&[("b", "b")])), "{text}");
        }
    }
}
