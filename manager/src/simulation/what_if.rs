//! What would move, and what would not fit, if nodes were lost or added.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;

use super::Simulation;
use crate::placement::SlotKey;
use crate::placement::live_slots;
use crate::scheduler::explain;
use crate::scheduler::explain::Explanation;
use crate::state::NodeReport;
use crate::state::NodeUsage;
use crate::state::Op;
use crate::state::Reserved;
use crate::state::State;

/// A node that might be added: a worker like those that are there, but for this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// What it is called.
    pub hostname: String,
    /// Its processors, in billionths of a core.
    pub nano_cpus: i64,
    /// Its memory in bytes.
    pub memory: i64,
    /// Its labels.
    pub labels: Labels,
}

/// What would become of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The tasks that would not be where they are, or that would be where they are not.
    pub moves: Vec<Move>,
    /// The services some of whose tasks would wait for a node, and why.
    pub waiting: Vec<Explanation>,
    /// What each node would have, those included that would be lost.
    pub nodes: Vec<Change>,
    /// Whether more than half of the managers would be left. Without, nothing of all this happens.
    pub quorum: bool,
}

/// A task that would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its service.
    pub service_id: ServiceId,
    /// What that is called.
    pub service_name: String,
    /// Its number; 0 for services with a task on each node.
    pub slot: u64,
    /// Where it is now. `None`: it waits.
    pub from: Option<NodeId>,
    /// Where it would be. `None`: nowhere.
    pub to: Option<NodeId>,
}

/// What a node has to do, before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The node, as it would be.
    pub node: Arc<Node>,
    /// What it has to do now.
    pub before: Load,
    /// What it would have to do.
    pub after: Load,
    /// Whether it would be gone.
    pub lost: bool,
    /// Whether it would be new.
    pub new: bool,
}

/// What a node has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How many tasks it should run.
    pub tasks: usize,
    /// How much of its processors they have set aside, in billionths of a core.
    pub nano_cpus: i64,
    /// How much of its memory, in bytes.
    pub memory_bytes: i64,
}

impl Simulation {
    /// A node goes down, and does not come back.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    pub fn lose(&mut self, node: &NodeId) -> Result<()> {
        let known = self.state().nodes().get(node);
        let known = known.ok_or_else(|| Error::not_found(format!("node {node} not found")))?;
        let status = NodeStatus { state: NodeState::Down, ..known.status.clone() };
        let report = NodeReport {
            node_id: node.clone(),
            status,
            description: None,
            data_path_addr: None,
            versions: None,
        };
        self.view.sessions.forget(node);
        self.view.programmed.remove(node);
        self.commit(vec![Op::ReportNode(Box::new(report))])
    }

    /// A node joins, and is ready.
    ///
    /// # Errors
    ///
    /// When there is no node that it could be like.
    pub fn add(&mut self, new: NewNode) -> Result<NodeId> {
        let described =
            |node: &&Arc<Node>| node.description.is_some() && node.status.state == NodeState::Ready;
        let like = self.state().nodes().values().find(described);
        let like = like.ok_or_else(|| Error::unavailable("no node is ready"))?.as_ref().clone();
        let id = NodeId::random(&mut self.rng);
        let node = described_as(new, &id, like, free_index(self.state())?);
        self.commit(vec![Op::PutNode(Box::new(node))])?;
        Ok(id)
    }

    /// How the cluster differs from what it was `before`.
    #[must_use]
    pub fn outcome(&self, before: &State) -> Outcome {
        let after = self.state();
        let (old, mut new) = (Places::of(before), Places::of(after));
        let mut moves = Vec::new();
        for (key, place) in old.0 {
            let now = new.0.remove(&key);
            moves.extend(moved(&key, &place.name, place.node, now.and_then(|it| it.node)));
        }
        for (key, place) in new.0 {
            moves.extend(moved(&key, &place.name, None, place.node));
        }
        let waiting = after.services().values().filter_map(|service| {
            let waits = after.pending_tasks().any(|task| task.service_id == service.id);
            waits.then(|| explain::service(after, self.loads(), service, self.now())).flatten()
        });
        let (nodes, quorum) = (changes(before, after), has_quorum(after));
        Outcome { moves, waiting: waiting.collect(), nodes, quorum }
    }
}

/// Where the tasks that are wanted are: one for each slot of each service.
struct Places(BTreeMap<(ServiceId, SlotKey), Place>);

struct Place {
    name: String,
    node: Option<NodeId>,
}

impl Places {
    fn of(state: &State) -> Self {
        let place = |task: &Task| {
            let node = task.node_id.clone().filter(|node| is_up(state, node));
            Place { name: task.service_name.clone(), node }
        };
        let of_service = |service: &Arc<Service>| {
            let slots = live_slots(state, service).into_iter();
            let id = service.id.clone();
            slots.map(move |(key, task)| ((id.clone(), key), place(task))).collect::<Vec<_>>()
        };
        Self(state.services().values().flat_map(of_service).collect())
    }
}

fn is_up(state: &State, node: &NodeId) -> bool {
    state.nodes().get(node).is_some_and(|node| node.status.state != NodeState::Down)
}

fn moved(
    (service, slot): &(ServiceId, SlotKey),
    name: &str,
    from: Option<NodeId>,
    to: Option<NodeId>,
) -> Option<Move> {
    let slot = match slot {
        SlotKey::Number(number) => *number,
        SlotKey::Node(_) => 0,
    };
    let (service_id, service_name) = (service.clone(), name.to_owned());
    (from != to).then_some(Move { service_id, service_name, slot, from, to })
}

fn changes(before: &State, after: &State) -> Vec<Change> {
    let change = |node: &Arc<Node>| Change {
        node: Arc::clone(node),
        before: load(before, &node.id),
        after: load(after, &node.id),
        lost: is_up(before, &node.id) && !is_up(after, &node.id),
        new: !before.nodes().contains_key(&node.id),
    };
    after.nodes().values().map(change).collect()
}

/// What a node has to do. One that is down does nothing, whatever it should.
fn load(state: &State, node: &NodeId) -> Load {
    if !is_up(state, node) {
        return Load::default();
    }
    let NodeUsage { tasks, reserved, .. } = state.usage(node);
    let Reserved { nano_cpus, memory_bytes, .. } = *reserved;
    Load { tasks: *tasks, nano_cpus, memory_bytes }
}

/// Whether more than half of the managers are up.
fn has_quorum(state: &State) -> bool {
    let managers: Vec<&NodeId> =
        state.nodes().values().filter(|node| node.manager.is_some()).map(|node| &node.id).collect();
    let up = managers.iter().filter(|node| is_up(state, node)).count();
    up * 2 > managers.len()
}

/// A worker that is like another node but for what is asked.
fn described_as(new: NewNode, id: &NodeId, like: Node, index: NodeIndex) -> Node {
    let mut description: NodeDescription = like.description.unwrap_or_default();
    description.hostname = new.hostname;
    description.resources.nano_cpus = new.nano_cpus;
    description.resources.memory_bytes = new.memory;
    description.resources.generic_resources.clear();
    description.engine.labels.clear();
    Node {
        id: id.clone(),
        meta: Default::default(),
        spec: NodeSpec { labels: new.labels, ..NodeSpec::default() },
        description: Some(description),
        status: NodeStatus { state: NodeState::Ready, ..NodeStatus::default() },
        role: NodeRole::Worker,
        index,
        data_path_addr: Some(Ipv4Addr::UNSPECIFIED.into()),
        manager: None,
        witness: false,
        versions: like.versions,
    }
}

fn free_index(state: &State) -> Result<NodeIndex> {
    let taken: BTreeSet<u16> = state.nodes().values().map(|node| node.index.0).collect();
    let free = (1..=u16::MAX).find(|index| !taken.contains(index));
    free.map(NodeIndex)
        .ok_or_else(|| Error::conflict("the cluster has as many nodes as it can have"))
}
