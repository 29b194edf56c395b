//! Which nodes get no new connections from this one. Pure.
//!
//! A node that was lost may be back without its containers, which this node learns from a manager alone. What answers through the tunnel again is
//! therefore avoided until a manager has said what there is by now.

use std::collections::BTreeSet;

use swarmlite_proto::id::NodeId;

/// The nodes that are avoided.
#[derive(Debug, Default)]
pub(super) struct Avoided {
    nodes: BTreeSet<NodeId>,
    /// Whether what this node knows is what the managers say now: it is in session, and has been told everything since that began.
    is_told: bool,
}

impl Avoided {
    /// The nodes that are avoided by now: `lost` are those that do not answer, `in_session` says whether a manager does, and `news` whether
    /// there are other assignments than before.
    pub(super) fn update(
        &mut self,
        lost: &BTreeSet<NodeId>,
        in_session: bool,
        news: bool,
    ) -> &BTreeSet<NodeId> {
        self.is_told = in_session && (self.is_told || news);
        if self.is_told {
            self.nodes.clone_from(lost);
        } else {
            self.nodes.extend(lost.iter().cloned());
        }
        &self.nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(letters: &str) -> BTreeSet<NodeId> {
        letters.chars().map(|it| it.to_string().repeat(25).parse().expect("an id")).collect()
    }

    #[test]
    fn what_is_back_is_avoided_until_a_manager_has_said_what_there_is() {
        let mut avoided = Avoided::default();
        assert_eq!(*avoided.update(&nodes(""), true, true), nodes(""));
        assert_eq!(*avoided.update(&nodes("ab"), false, false), nodes("ab"));
        assert_eq!(*avoided.update(&nodes("b"), false, false), nodes("ab"), "nobody says so");
        assert_eq!(*avoided.update(&nodes("b"), true, false), nodes("ab"), "nothing is said yet");
        assert_eq!(*avoided.update(&nodes("b"), true, true), nodes("b"));
    }

    #[test]
    fn with_a_manager_it_is_as_the_tunnel_says() {
        let mut avoided = Avoided::default();
        avoided.update(&nodes(""), true, true);
        assert_eq!(*avoided.update(&nodes("a"), true, false), nodes("a"));
        assert_eq!(*avoided.update(&nodes(""), true, false), nodes(""));
    }

    #[test]
    fn what_is_known_from_before_a_restart_is_no_word_of_a_manager() {
        let mut avoided = Avoided::default();
        assert_eq!(*avoided.update(&nodes("a"), false, true), nodes("a"));
        assert_eq!(*avoided.update(&nodes(""), false, false), nodes("a"));
    }
}
