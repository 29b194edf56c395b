//! Conditions of lists, as `label=a=b`, and how they travel (Docker API `filters`).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::str::FromStr;

/// One condition from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    key: String,
    value: String,
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| "invalid argument: filters have the form key=value".to_owned())?;
        Ok(Self { key: key.trim().to_ascii_lowercase(), value: value.trim().to_owned() })
    }
}

/// All conditions of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filters(BTreeMap<String, BTreeSet<String>>);

impl Filters {
    /// Adds one condition. Values of one key are alternatives, keys have to hold all.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.0.entry(key.to_owned()).or_default().insert(value.to_owned());
        self
    }

    /// Takes all values of a key out.
    pub(crate) fn take(&mut self, key: &str) -> BTreeSet<String> {
        self.0.remove(key).unwrap_or_default()
    }

    /// The value of the `filters` parameter; absent when there is no condition.
    pub(crate) fn to_query(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let object = self.0.iter().map(|(key, values)| {
            let values = values.iter().map(|value| (value.clone(), true.into()));
            (key.clone(), serde_json::Value::Object(values.collect()))
        });
        Some(serde_json::Value::Object(object.collect()).to_string())
    }
}

impl<'a> FromIterator<&'a Filter> for Filters {
    fn from_iter<I: IntoIterator<Item = &'a Filter>>(filters: I) -> Self {
        filters.into_iter().fold(Self::default(), |all, one| all.with(&one.key, &one.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_travel_as_docker_sends_them() {
        let parsed: Vec<Filter> =
            ["label=a=b", "Label=c", "name=web"].map(|text| text.parse().expect("a filter")).into();
        assert_eq!(
            parsed.iter().collect::<Filters>().to_query().expect("some"),
            r#"{"label":{"a=b":true,"c":true},"name":{"web":true}}"#
        );
        assert_eq!(Filters::default().to_query(), None);
    }

    #[test]
    fn a_filter_has_a_key_and_a_value() {
        "name".parse::<Filter>().expect_err("no value");
    }
}
