//! What a user is to know about Compose files that are taken: everything in them that has no effect, by its name.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Warnings, gathered while files are read and converted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    unsupported: BTreeSet<String>,
    deprecated: BTreeMap<&'static str, &'static str>,
    unset: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Notes {
    /// An option that services of a swarm do not have.
    pub(super) fn unsupported(&mut self, option: impl Into<String>) {
        self.unsupported.insert(option.into());
    }

    /// An option that is not needed any more, and why.
    pub(super) fn deprecated(&mut self, option: &'static str, why: &'static str) {
        self.deprecated.insert(option, why);
    }

    /// A variable that is used and not set.
    pub(super) fn unset(&mut self, variable: impl Into<String>) {
        self.unset.insert(variable.into());
    }

    /// Anything else, as a sentence.
    pub(super) fn say(&mut self, sentence: impl Into<String>) {
        self.others.insert(sentence.into());
    }

    /// All of them, as paragraphs. Those that docker has are in its words (`cli/command/stack/loader` in docker/cli).
    pub fn paragraphs(&self) -> Vec<String> {
        let unset =
            |name| format!("The {name:?} variable is not set. Defaulting to a blank string.");
        let mut paragraphs: Vec<_> = self.unset.iter().map(unset).collect();
        paragraphs.extend(self.others.iter().cloned());
        if !self.unsupported.is_empty() {
            let options: Vec<_> = self.unsupported.iter().map(String::as_str).collect();
            paragraphs.push(format!("Ignoring unsupported options: {}\n", options.join(", ")));
        }
        if !self.deprecated.is_empty() {
            let options = self.deprecated.iter().map(|(option, why)| format!("{option}: {why}"));
            let options: Vec<_> = options.collect();
            paragraphs.push(format!("Ignoring deprecated options:\n\n{}\n", options.join("\n\n")));
        }
        paragraphs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_dockers() {
        let mut notes = Notes::default();
        notes.unsupported("links");
        notes.unsupported("build");
        notes.deprecated("expose", "Exposing ports is unnecessary.");
        notes.unset("TAG");
        assert_eq!(
            notes.paragraphs(),
            [
                "The \"TAG\" variable is not set. Defaulting to a blank string.",
                "Ignoring unsupported options: build, links\n",
                "Ignoring deprecated options:\n\nexpose: Exposing ports is unnecessary.\n",
            ]
        );
        assert!(Notes::default().paragraphs().is_empty());
    }
}
