//! Reading a tree place by place, such that no key can be overlooked.
//!
//! A [`Section`] hands out each of its keys once. What nobody has asked for when it is finished is refused by name: so every key
//! of a Compose file is converted, noted as ignored, or an error.

use std::collections::BTreeMap;

use serde_json::Value;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::time::Nanoseconds;
use swarmlite_proto::time::duration;
use swarmlite_proto::value::bytes;

use super::error::ComposeError;
use super::error::Result;
use super::notes::Notes;
use super::yaml;

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn new(path: impl Into<String>, value: &'a Value) -> Self {
        Self { path: path.into(), value }
    }

    /// Where it stands, as `services.web.image`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// An error about it.
    pub(super) fn invalid(&self, problem: impl Into<String>) -> ComposeError {
        ComposeError::invalid(&*self.path, problem)
    }

    /// A text. Numbers are taken as they would be written, as versions are often left without quotes.
    pub(super) fn string(&self) -> Result<String> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(_) => yaml::scalar(self.value).ok_or_else(|| self.must_be("a string")),
            _ => Err(self.must_be("a string")),
        }
    }

    /// A whole number, also as text, which is what interpolation makes of it.
    pub(super) fn integer<T: TryFrom<i128>>(&self) -> Result<T> {
        let number: Option<i128> = match self.value {
            Value::Number(number) => number
                .as_i128()
                .or_else(|| number.as_f64().filter(|it| it.fract() == 0.0).map(|it| it as i128)),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| self.must_be("an integer"))
    }

    /// A number with a fraction.
    pub(super) fn float(&self) -> Result<f64> {
        let number = match self.value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite()).ok_or_else(|| self.must_be("a number"))
    }

    /// Yes or no, also in the words of YAML 1.1 as text (yaml.org/type/bool.html).
    pub(super) fn boolean(&self) -> Result<bool> {
        let boolean = match self.value {
            Value::Bool(value) => Some(*value),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "y" | "yes" | "true" | "on" => Some(true),
                "n" | "no" | "false" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        };
        boolean.ok_or_else(|| self.must_be("a boolean"))
    }

    /// A length of time in Go's notation.
    pub(super) fn duration(&self) -> Result<Nanoseconds> {
        let Value::String(text) = self.value else { return Err(self.must_be("a duration")) };
        duration::parse(text).map_err(|why| self.invalid(why))
    }

    /// A size in bytes, as `64m`.
    pub(super) fn bytes(&self) -> Result<i64> {
        let text = self.string()?;
        bytes::parse(&text).map_err(|why| self.invalid(why))
    }

    /// The values of a list.
    pub(super) fn items(&self) -> Result<Vec<Self>> {
        let Value::Array(items) = self.value else { return Err(self.must_be("a list")) };
        let item = |(at, value)| Self::new(format!("{}.{at}", self.path), value);
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// A list of texts.
    pub(super) fn strings(&self) -> Result<Vec<String>> {
        self.items()?.iter().map(Self::string).collect()
    }

    /// The values of a mapping whose keys are names that the user chose. Extensions (`x-...`) are left out.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Self)>> {
        let Value::Object(entries) = self.value else { return Err(self.must_be("a mapping")) };
        let entry = |(name, value): (&'a String, &'a Value)| {
            (name.as_str(), Self::new(format!("{}.{name}", self.path), value))
        };
        let known = entries.iter().filter(|(name, _)| !is_extension(name));
        Ok(known.map(entry).collect())
    }

    /// A mapping of scalars, such as labels. All keys are data.
    pub(super) fn labels(&self) -> Result<Labels> {
        let Value::Object(entries) = self.value else { return Err(self.must_be("a mapping")) };
        let label = |(key, value): (&String, &Value)| {
            let problem = || {
                let path = format!("{}.{key}", self.path);
                ComposeError::invalid(path, "must be a string, number or null")
            };
            Ok((key.clone(), yaml::scalar(value).ok_or_else(problem)?))
        };
        entries.iter().map(label).collect()
    }

    /// The same, where no value at all is something else than an empty one.
    pub(super) fn variables(&self) -> Result<BTreeMap<String, Option<String>>> {
        let Value::Object(entries) = self.value else { return Err(self.must_be("a mapping")) };
        let labels = self.labels()?;
        let is_null = |key: &str| entries.get(key).is_none_or(Value::is_null);
        Ok(labels
            .into_iter()
            .map(|(key, value)| if is_null(&key) { (key, None) } else { (key, Some(value)) })
            .collect())
    }

    /// One of some words.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T> {
        let text = self.string()?;
        let known = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        known.ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.invalid(format!("must be one of {}, not {text:?}", words.join(", ")))
        })
    }

    /// A mapping whose keys all have a meaning. Nothing stands for an empty one.
    pub(super) fn section(&self) -> Result<Section<'a>> {
        let entries = match self.value {
            Value::Object(entries) => entries
                .iter()
                .filter(|(key, value)| !is_extension(key) && !value.is_null())
                .map(|(key, value)| (key.as_str(), value))
                .collect(),
            Value::Null => BTreeMap::new(),
            _ => return Err(self.must_be("a mapping")),
        };
        Ok(Section { path: self.path.clone(), entries })
    }

    fn must_be(&self, what: &str) -> ComposeError {
        self.invalid(format!("must be {what}"))
    }
}

/// A mapping that is read key by key.
#[derive(Debug)]
#[must_use = "what is not read has to be refused with finish"]
pub(super) struct Section<'a> {
    path: String,
    entries: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Section<'a> {
    /// Takes one value out, if there is one that is not null.
    pub(super) fn take(&mut self, key: &str) -> Option<Node<'a>> {
        let value = self.entries.remove(key)?;
        Some(Node::new(self.place(key), value))
    }

    /// Takes one value out and reads it.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Node<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.take(key).as_ref().map(read).transpose()
    }

    /// The same, with the default for what is absent.
    pub(super) fn get<T: Default>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Node<'a>) -> Result<T>,
    ) -> Result<T> {
        self.read(key, read).map(Option::unwrap_or_default)
    }

    /// A mapping below, empty if it is absent.
    pub(super) fn section(&mut self, key: &str) -> Result<Self> {
        let absent = Section { path: self.place(key), entries: BTreeMap::new() };
        Ok(self.read(key, Node::section)?.unwrap_or(absent))
    }

    /// Takes keys out that have no effect, and notes them under their names with something in front.
    pub(super) fn ignore(&mut self, keys: &[&str], prefix: &str, notes: &mut Notes) {
        for key in keys {
            if self.take(key).is_some() {
                notes.unsupported(format!("{prefix}{key}"));
            }
        }
    }

    /// Where a key of it stands.
    pub(super) fn place(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Refuses what nobody has read.
    pub(super) fn finish(self) -> Result<()> {
        let path = if self.path.is_empty() { "(root)" } else { &self.path };
        match self.entries.keys().next() {
            None => Ok(()),
            Some(key) => {
                let problem = format!("Additional property {key} is not allowed");
                Err(ComposeError::invalid(path, problem))
            }
        }
    }
}

/// Whether a key is for other tools.
pub(super) fn is_extension(key: &str) -> bool {
    key.starts_with("x-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.expect_err("refused").to_string()
    }

    #[test]
    fn what_nobody_reads_is_refused() {
        let value = json!({"image": "a", "imgae": "b", "x-note": 1, "user": null});
        let mut section = Node::new("services.web", &value).section().expect("a section");
        assert_eq!(section.get("image", Node::string).expect("read"), "a");
        assert_eq!(
            message(section.finish()),
            "services.web Additional property imgae is not allowed"
        );
        let value = json!({"foo": 1});
        let root = Node::new("", &value).section().expect("a section");
        assert_eq!(message(root.finish()), "(root) Additional property foo is not allowed");
    }

    #[test]
    fn scalars_are_read_from_what_interpolation_leaves() {
        let value = json!(["3", 3, 3.0, "x", -1, "Yes", true, 1.5, "1.5", "1m"]);
        let nodes = Node::new("a", &value).items().expect("a list");
        for node in &nodes[..3] {
            assert_eq!(node.integer::<u64>().expect("a number"), 3);
        }
        assert_eq!(message(nodes[3].integer::<u64>()), "a.3 must be an integer");
        assert_eq!(message(nodes[4].integer::<u64>()), "a.4 must be an integer");
        assert!(nodes[5].boolean().expect("a boolean") && nodes[6].boolean().expect("a boolean"));
        for node in &nodes[7..9] {
            assert_eq!(node.float().expect("a number"), 1.5);
            assert_eq!(node.string().expect("a string"), "1.5");
        }
        assert_eq!(nodes[9].bytes().expect("a size"), 1 << 20);
        assert_eq!(message(nodes[6].string()), "a.6 must be a string");
        assert_eq!(message(nodes[1].duration()), "a.1 must be a duration");
    }

    #[test]
    fn no_value_is_not_an_empty_value() {
        let value = json!({"A": null, "B": "", "C": 1});
        let node = Node::new("environment", &value);
        assert_eq!(
            node.variables().expect("variables"),
            [("A", None), ("B", Some("")), ("C", Some("1"))]
                .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)))
                .into()
        );
        assert_eq!(node.labels().expect("labels")["A"], "");
    }
}
