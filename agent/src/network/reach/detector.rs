//! Which nodes answer, from who was asked and who was heard. Pure: asynchronous failure detection as in RFC 5880, but that silence counts
//! only if this node was awake to hear.
//!
//! Time goes in rounds. In each, every other node is asked once, and what was heard since the round before is weighed. A node that was
//! never heard is not known to be there, and so cannot be lost.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use swarmlite_proto::id::NodeId;
use tokio::time::Instant;

/// The time between two rounds of a small cluster.
pub(super) const ROUND: Duration = Duration::from_millis(250);

/// What each node adds to the time between two rounds, if that is longer then: five hundred questions a second at most.
const PER_NODE: Duration = Duration::from_millis(2);

/// After so many silent rounds in a row a node is lost.
const SILENT: u32 = 4;

/// After so many rounds in a row in which it was heard, a lost node is back. Doubled with each loss.
const STEADY: u32 = 8;

/// The most rounds that it takes to be back.
const MOST: u32 = 256;

/// After so many rounds in a row in which it was heard, what a node has lost before does not count any more.
const FORGIVEN: u32 = 1024;

/// Who answers.
#[derive(Debug, Default)]
pub(super) struct Detector {
    nodes: BTreeMap<NodeId, Node>,
    last: Option<Instant>,
}

/// What is known of one node.
#[derive(Debug, Default)]
struct Node {
    /// Whether it was asked in the round before.
    asked: bool,
    standing: Standing,
    /// Silent rounds in a row.
    silent: u32,
    /// Rounds in a row in which it was heard.
    heard: u32,
    /// How many of those it takes to be back.
    steady: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// It was never heard.
    #[default]
    Unheard,
    Answers,
    Lost,
}

/// Which other nodes can be reached through the tunnel. Those that were never heard are in neither set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Those that answer.
    pub answering: BTreeSet<NodeId>,
    /// Those that have answered, and do not any more.
    pub lost: BTreeSet<NodeId>,
}

/// What a round has found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// This node does not answer any more.
    Lost(NodeId),
    /// This node answers again, and has for a while.
    Back(NodeId),
}

impl Detector {
    /// Ends a round: `nodes` are there to be asked, and `heard` are those that have answered since the round before.
    ///
    /// If this round comes late, the process or the machine had no time. What was not heard then may be this node's own fault, and
    /// counts against nobody.
    pub(super) fn round(
        &mut self,
        now: Instant,
        nodes: &BTreeSet<NodeId>,
        heard: &BTreeSet<NodeId>,
    ) -> Vec<News> {
        let awake = self.last.is_some_and(|last| now - last < self.pause() * 3 / 2);
        self.last = Some(now);
        self.nodes.retain(|id, _| nodes.contains(id));
        let mut news = Vec::new();
        for id in nodes {
            let node = self.nodes.entry(id.clone()).or_default();
            let asked = std::mem::take(&mut node.asked);
            let before = node.standing;
            if heard.contains(id) {
                node.hear();
            } else if asked && awake {
                node.miss();
            }
            match (before, node.standing) {
                (Standing::Answers, Standing::Lost) => news.push(News::Lost(id.clone())),
                (Standing::Lost, Standing::Answers) => news.push(News::Back(id.clone())),
                _ => {}
            }
        }
        news
    }

    /// Notes that a question to `id` is on its way. Silence after one that could not even be sent is not the fault of `id`.
    pub(super) fn asked(&mut self, id: &NodeId) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.asked = true;
        }
    }

    /// How long to wait for the next round.
    pub(super) fn pause(&self) -> Duration {
        let nodes = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        PER_NODE.saturating_mul(nodes).max(ROUND)
    }

    /// Who answers and who is lost.
    pub(super) fn reached(&self) -> Reached {
        let those = |standing| {
            let those = self.nodes.iter().filter(move |(_, node)| node.standing == standing);
            those.map(|(id, _)| id.clone()).collect()
        };
        Reached { answering: those(Standing::Answers), lost: those(Standing::Lost) }
    }
}

impl Node {
    fn hear(&mut self) {
        self.silent = 0;
        self.heard = self.heard.saturating_add(1);
        match self.standing {
            Standing::Unheard => self.standing = Standing::Answers,
            Standing::Lost if self.heard >= self.steady => self.standing = Standing::Answers,
            Standing::Answers if self.heard >= FORGIVEN => self.steady = 0,
            Standing::Answers | Standing::Lost => {}
        }
    }

    fn miss(&mut self) {
        self.heard = 0;
        self.silent = self.silent.saturating_add(1);
        if self.standing == Standing::Answers && self.silent >= SILENT {
            self.standing = Standing::Lost;
            self.steady = (self.steady * 2).clamp(STEADY, MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(letter: char) -> NodeId {
        letter.to_string().repeat(25).parse().expect("an id")
    }

    /// A detector at some time, with two nodes to ask.
    struct Clock {
        detector: Detector,
        now: Instant,
    }

    impl Clock {
        /// One in which both nodes have been heard.
        fn new() -> Self {
            let mut clock = Self { detector: Detector::default(), now: Instant::now() };
            clock.round("ab");
            clock.round("ab");
            clock
        }

        /// A round that comes `after` the one before.
        fn round_after(&mut self, after: Duration, heard: &str) -> Vec<News> {
            self.now += after;
            let (nodes, heard) = ("ab".chars().map(id).collect(), heard.chars().map(id).collect());
            let news = self.detector.round(self.now, &nodes, &heard);
            nodes.iter().for_each(|node| self.detector.asked(node));
            news
        }

        fn round(&mut self, heard: &str) -> Vec<News> {
            self.round_after(self.detector.pause(), heard)
        }

        /// The news of several rounds in which the same nodes are heard.
        fn rounds(&mut self, count: u32, heard: &str) -> Vec<News> {
            (0..count).flat_map(|_| self.round(heard)).collect()
        }
    }

    #[test]
    fn a_node_is_lost_after_four_silent_rounds_and_no_sooner() {
        let mut clock = Clock::new();
        assert_eq!(clock.rounds(SILENT - 1, "a"), []);
        assert_eq!(clock.detector.reached().lost, BTreeSet::new());
        assert_eq!(clock.round("a"), [News::Lost(id('b'))]);
        assert_eq!(clock.detector.reached().lost, BTreeSet::from([id('b')]));
        assert_eq!(clock.rounds(100, "a"), []);
    }

    #[test]
    fn one_answer_ends_a_silence() {
        let mut clock = Clock::new();
        for _ in 0..20 {
            assert_eq!(clock.rounds(SILENT - 1, "a"), []);
            assert_eq!(clock.round("ab"), []);
        }
    }

    #[test]
    fn who_wakes_late_blames_nobody() {
        let mut clock = Clock::new();
        for late in [2, 4, 40] {
            for _ in 0..20 {
                assert_eq!(clock.round_after(ROUND * late, ""), []);
            }
        }
        // Awake again, it sees what is so.
        assert_eq!(clock.rounds(SILENT, "a"), [News::Lost(id('b'))]);
    }

    #[test]
    fn who_could_not_ask_blames_nobody() {
        let mut clock = Clock::new();
        let nodes = BTreeSet::from([id('a'), id('b')]);
        for _ in 0..20 {
            clock.now += ROUND;
            let news = clock.detector.round(clock.now, &nodes, &BTreeSet::new());
            clock.detector.asked(&id('a'));
            assert!(!news.contains(&News::Lost(id('b'))), "b was not asked: {news:?}");
        }
        assert_eq!(clock.detector.reached().lost, BTreeSet::from([id('a')]));
    }

    #[test]
    fn who_was_never_heard_cannot_be_lost() {
        let mut clock = Clock { detector: Detector::default(), now: Instant::now() };
        assert_eq!(clock.rounds(100, "a"), []);
        assert_eq!(clock.detector.reached().lost, BTreeSet::new());
        assert_eq!(clock.rounds(1, "b"), []);
        assert_eq!(clock.rounds(SILENT - 1, "a"), []);
        assert_eq!(clock.round("a"), [News::Lost(id('b'))]);
    }

    #[test]
    fn a_node_is_back_when_it_has_answered_for_a_while() {
        let mut clock = Clock::new();
        clock.rounds(SILENT, "a");
        assert_eq!(clock.rounds(STEADY - 1, "ab"), []);
        assert_eq!(clock.round("a"), [], "it has to begin anew");
        assert_eq!(clock.rounds(STEADY - 1, "ab"), []);
        assert_eq!(clock.round("ab"), [News::Back(id('b'))]);
        assert_eq!(clock.detector.reached().lost, BTreeSet::new());
    }

    #[test]
    fn a_node_that_comes_and_goes_has_to_answer_for_longer_each_time() {
        let mut clock = Clock::new();
        let mut needed = Vec::new();
        for _ in 0..8 {
            clock.rounds(SILENT, "a");
            let rounds = (1..).find(|_| !clock.round("ab").is_empty()).expect("is back");
            needed.push(rounds);
        }
        assert_eq!(needed, [8, 16, 32, 64, 128, 256, 256, 256]);
        clock.rounds(FORGIVEN, "ab");
        clock.rounds(SILENT, "a");
        assert_eq!(clock.rounds(STEADY, "ab"), [News::Back(id('b'))]);
    }

    #[test]
    fn a_node_that_is_not_there_any_more_is_not_lost() {
        let mut clock = Clock::new();
        clock.rounds(SILENT, "a");
        clock.now += ROUND;
        clock.detector.round(clock.now, &BTreeSet::from([id('a')]), &BTreeSet::from([id('a')]));
        assert_eq!(clock.detector.reached().lost, BTreeSet::new());
    }

    #[test]
    fn many_nodes_are_asked_less_often() {
        let mut detector = Detector::default();
        assert_eq!(detector.pause(), ROUND);
        let ids = (0..1000).map(|seed| {
            use rand::SeedableRng;
            NodeId::random(&mut rand::rngs::StdRng::seed_from_u64(seed))
        });
        detector.round(Instant::now(), &ids.collect(), &BTreeSet::new());
        assert_eq!(detector.pause(), Duration::from_secs(2));
    }
}
