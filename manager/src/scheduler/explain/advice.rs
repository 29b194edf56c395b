//! What would let a task that waits be placed: for each node the least that has to change there, and of these the smallest first.

use swarmlite_proto::id::NodeId;

use super::change::Change;
use super::verdict::Verdict;

/// So many ways out are named in one line.
const NAMED: usize = 3;

/// Changes after which a task fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The changes, all of which are needed.
    pub changes: Vec<Change>,
    /// The nodes on which the task fits then.
    pub nodes: Vec<NodeId>,
}

impl Advice {
    /// What to do, in words.
    #[must_use]
    pub fn text(&self) -> String {
        let changes: Vec<String> = self.changes.iter().map(ToString::to_string).collect();
        changes.join(" and ")
    }
}

/// All that would help, the smallest first: where one thing is in the way, any change that takes it away, and elsewhere all that has to
/// change together.
pub(super) fn of(verdicts: &[&Verdict]) -> Vec<Advice> {
    let mut all: Vec<Advice> = Vec::new();
    for verdict in verdicts {
        for changes in ways_out(verdict) {
            match all.iter_mut().find(|advice| advice.changes == changes) {
                Some(advice) => advice.nodes.push(verdict.node_id.clone()),
                None => all.push(Advice { changes, nodes: vec![verdict.node_id.clone()] }),
            }
        }
    }
    all.sort_by_key(|advice| {
        let weight: u64 = advice.changes.iter().map(|change| u64::from(change.weight())).sum();
        let size: i128 = advice.changes.iter().map(|change| i128::from(change.size())).sum();
        (advice.changes.len(), weight, size)
    });
    all
}

/// The ways in which a node could take the task.
fn ways_out(verdict: &Verdict) -> Vec<Vec<Change>> {
    match &verdict.obstacles[..] {
        [] => Vec::new(),
        [only] => only.changes.iter().map(|change| vec![change.clone()]).collect(),
        several => {
            let first = several.iter().map(|obstacle| obstacle.changes.first().cloned());
            first.collect::<Option<Vec<Change>>>().into_iter().collect()
        }
    }
}

/// The smallest of each kind in one line, for a task that needs one node, whichever.
pub(super) fn any(advice: &[Advice]) -> String {
    let fewest = advice.first().map_or(0, |advice| advice.changes.len());
    let mut named: Vec<&Advice> = Vec::new();
    for advice in advice.iter().filter(|advice| advice.changes.len() == fewest) {
        let is_new = named.iter().all(|named| !alike(named, advice));
        if is_new && named.len() < NAMED {
            named.push(advice);
        }
    }
    let texts: Vec<String> = named.into_iter().map(Advice::text).collect();
    texts.join(", or ")
}

/// The smallest for each node in one line, for tasks that have a node each.
pub(super) fn each(verdicts: &[&Verdict]) -> String {
    let advice = verdicts.iter().filter_map(|verdict| of(&[verdict]).into_iter().next());
    let texts: Vec<String> = advice.map(|advice| advice.text()).collect();
    let (named, more) = texts.split_at(texts.len().min(NAMED));
    let more = match more.len() {
        0 => String::new(),
        more => format!("; and so on for {more} more"),
    };
    format!("{}{more}", named.join("; "))
}

/// Whether both are changes of the same kinds.
fn alike(one: &Advice, other: &Advice) -> bool {
    let kinds =
        |advice: &Advice| advice.changes.iter().map(std::mem::discriminant).collect::<Vec<_>>();
    kinds(one) == kinds(other)
}
