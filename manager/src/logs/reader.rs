//! What one reader still has to be given. Pure: it is fed with the state and with what became of orders, and says what to order next.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use swarmlite_proto::id::NodeId;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::logs::LogOptions;
use swarmlite_proto::logs::LogSelector;
use swarmlite_proto::logs::LogSubscription;
use swarmlite_proto::object::Task;
use swarmlite_proto::task_state::TaskState;

use crate::state::State;

/// Logs to be ordered from one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The node.
    pub(super) node_id: NodeId,
    /// Tasks of it.
    pub(super) tasks: Vec<TaskId>,
    /// Which part of their logs.
    pub(super) options: LogOptions,
}

/// Why an order was not carried out to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The node is not in session, or does not answer.
    NotAvailable(NodeId),
    /// The node has broken off.
    Disconnected(NodeId),
    /// The logs of a task cannot be read.
    Unreadable(TaskId, String),
}

/// How far one reader is.
#[derive(Debug)]
pub(super) struct ReaderState {
    subscription: LogSubscription,
    /// Whether the state was looked at before.
    begun: bool,
    /// The tasks whose logs were ordered.
    ordered: BTreeSet<TaskId>,
    /// What is missing and why, in Docker's words (swarmkit `manager/logbroker/subscription.go`).
    notes: Vec<String>,
}

impl ReaderState {
    pub(super) const fn new(subscription: LogSubscription) -> Self {
        Self { subscription, begun: false, ordered: BTreeSet::new(), notes: Vec::new() }
    }

    /// Whether the reader waits for what is still to come.
    pub(super) const fn follows(&self) -> bool {
        self.subscription.options.follow
    }

    /// What is to be ordered now that the state is `state`. A reader who does not follow is given what there is at the first look.
    pub(super) fn observe(&mut self, state: &State) -> Vec<Wanted> {
        if self.begun && !self.follows() {
            return Vec::new();
        }
        let mut wanted: BTreeMap<(NodeId, bool), Vec<TaskId>> = BTreeMap::new();
        for task in self.selected(state) {
            let Some(node_id) = &task.node_id else {
                if !self.follows() && awaits_a_node(&task) {
                    self.notes.push(format!("task {} has not been scheduled", task.id));
                }
                continue;
            };
            if self.ordered.insert(task.id.clone()) {
                // What has ended has nothing more to say, and perhaps no container to wait for.
                let follow = self.follows() && task.status.state <= TaskState::Running;
                wanted.entry((node_id.clone(), follow)).or_default().push(task.id.clone());
            }
        }
        // The last lines of what was there before: a task that is new to the reader is new altogether.
        let tail = self.subscription.options.tail.filter(|_| !self.begun);
        self.begun = true;
        let options = LogOptions { tail, ..self.subscription.options };
        let orders = wanted.into_iter().map(|((node_id, follow), tasks)| Wanted {
            node_id,
            tasks,
            options: LogOptions { follow, ..options },
        });
        orders.collect()
    }

    /// Takes note of what is missing.
    pub(super) fn failed(&mut self, failure: Failure) {
        let note = match failure {
            Failure::NotAvailable(node_id) => format!("node {node_id} is not available"),
            Failure::Disconnected(node_id) => format!("node {node_id} disconnected unexpectedly"),
            Failure::Unreadable(task_id, reason) => format!("task {task_id}: {reason}"),
        };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// What is missing and why.
    pub(super) fn into_notes(self) -> Vec<String> {
        self.notes
    }

    fn selected(&self, state: &State) -> Vec<Arc<Task>> {
        match &self.subscription.selector {
            LogSelector::Service(service) => state.tasks_of_service(service).cloned().collect(),
            LogSelector::Task(task) => state.tasks().get(task).cloned().into_iter().collect(),
        }
    }
}

/// Whether `task` has no node yet and is to get one.
fn awaits_a_node(task: &Task) -> bool {
    task.status.state < TaskState::Assigned && task.desired_state <= TaskState::Running
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::object::Service;

    use super::*;
    use crate::state::Op;
    use crate::state::fixture::commit;
    use crate::state::fixture::node;
    use crate::state::fixture::service;
    use crate::state::fixture::task;

    const OPTIONS: LogOptions =
        LogOptions { stdout: true, stderr: true, follow: false, since: None, tail: Some(3) };

    fn state() -> (State, Arc<Service>) {
        let mut state = State::default();
        let web = service(1, "web");
        let nodes = [1, 2].map(|seed| Op::PutNode(Box::new(node(seed, 1 + seed as u16))));
        let ops = nodes.into_iter().chain([Op::PutService(Box::new(web.clone()))]);
        commit(&mut state, ops.collect()).expect("is sound");
        let web = Arc::clone(&state.services()[&web.id]);
        (state, web)
    }

    /// Adds task `seed` of `web`, on node `on` if there is one.
    fn add(state: &mut State, web: &Service, seed: u64, on: Option<u64>, at: TaskState) -> TaskId {
        let mut task = task(seed, web, seed);
        task.node_id = on.map(|on| node(on, 1).id);
        task.status.state = at;
        task.desired_state = TaskState::Running;
        commit(state, vec![Op::PutTask(Box::new(task.clone()))]).expect("is sound");
        task.id
    }

    fn reader(web: &Service, follow: bool) -> ReaderState {
        let selector = LogSelector::Service(web.id.clone());
        ReaderState::new(LogSubscription { selector, options: LogOptions { follow, ..OPTIONS } })
    }

    fn wanted(on: u64, tasks: &[&TaskId], options: LogOptions) -> Wanted {
        let tasks = tasks.iter().map(|task| (*task).clone()).collect();
        Wanted { node_id: node(on, 1).id, tasks, options }
    }

    #[test]
    fn each_node_is_asked_once_for_what_it_has() {
        let (mut state, web) = state();
        let mut tasks = [
            add(&mut state, &web, 11, Some(1), TaskState::Running),
            add(&mut state, &web, 12, Some(1), TaskState::Failed),
        ];
        tasks.sort();
        let other = add(&mut state, &web, 13, Some(2), TaskState::Running);
        let waits = add(&mut state, &web, 14, None, TaskState::Pending);
        let mut reader = reader(&web, false);
        let mut orders = reader.observe(&state);
        for order in &mut orders {
            order.tasks.sort();
        }
        let mut expected =
            vec![wanted(1, &[&tasks[0], &tasks[1]], OPTIONS), wanted(2, &[&other], OPTIONS)];
        expected.sort_by(|one, other| one.node_id.cmp(&other.node_id));
        assert_eq!(orders, expected);
        add(&mut state, &web, 15, Some(2), TaskState::Running);
        assert!(reader.observe(&state).is_empty(), "what comes later is not wanted");
        reader.failed(Failure::NotAvailable(node(2, 1).id));
        reader.failed(Failure::NotAvailable(node(2, 1).id));
        let gone = format!("node {} is not available", node(2, 1).id);
        let pending = format!("task {waits} has not been scheduled");
        assert_eq!(reader.into_notes(), [pending, gone]);
    }

    #[test]
    fn followers_get_what_comes_later_from_its_beginning() {
        let (mut state, web) = state();
        let ended = add(&mut state, &web, 11, Some(1), TaskState::Failed);
        let runs = add(&mut state, &web, 12, Some(1), TaskState::Starting);
        let mut reader = reader(&web, true);
        let following = LogOptions { follow: true, ..OPTIONS };
        let first = reader.observe(&state);
        assert_eq!(first, [wanted(1, &[&ended], OPTIONS), wanted(1, &[&runs], following)]);
        assert!(reader.observe(&state).is_empty());
        add(&mut state, &web, 13, None, TaskState::Pending);
        assert!(reader.observe(&state).is_empty(), "it has no node yet");
        let new = add(&mut state, &web, 14, Some(2), TaskState::Assigned);
        let whole = LogOptions { tail: None, ..following };
        assert_eq!(reader.observe(&state), [wanted(2, &[&new], whole)]);
        assert!(reader.into_notes().is_empty());
    }

    #[test]
    fn one_task_is_enough() {
        let (mut state, web) = state();
        let one = add(&mut state, &web, 11, Some(1), TaskState::Running);
        add(&mut state, &web, 12, Some(1), TaskState::Running);
        let selector = LogSelector::Task(one.clone());
        let mut reader = ReaderState::new(LogSubscription { selector, options: OPTIONS });
        assert_eq!(reader.observe(&state), [wanted(1, &[&one], OPTIONS)]);
    }
}
