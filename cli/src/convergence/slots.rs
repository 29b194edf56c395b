//! How many slots of a service run, and what each is doing. A slot is a replica, or a node for a global service.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::api::Service;
use swarmlite_proto::api::Task;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::RestartCondition;
use swarmlite_proto::task_state::TaskState;

use super::Line;

/// With more slots than this, only the overall line is shown.
pub(crate) const MAX_BARS: usize = 20;

/// The states up to running, as the steps of a bar. Docker counts a state that is never used.
const STEPS: [TaskState; 9] = [
    TaskState::New,
    TaskState::New,
    TaskState::Pending,
    TaskState::Assigned,
    TaskState::Accepted,
    TaskState::Preparing,
    TaskState::Ready,
    TaskState::Starting,
    TaskState::Running,
];

/// The widest name of a state, `preparing` and `allocated`, so that bars stand below each other.
const STATE_WIDTH: usize = 9;

/// What the API calls a task that every live node sends traffic.
const ROUTED: &str = "routed";

/// What is looked at.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    /// The service.
    pub(super) service: &'a Service,
    /// Its tasks that were made from its present spec.
    pub(super) tasks: &'a [Task],
    /// The nodes that are not down.
    pub(super) active: &'a BTreeSet<&'a NodeId>,
}

/// What is remembered of the slots between observations.
#[derive(Debug, Default)]
pub(super) struct Slots {
    started: bool,
    /// Whether all ran when last seen; the bars are then left alone.
    done: bool,
    /// Numbers of slots may have gaps after scaling down; the display has none.
    shown_as: BTreeMap<u64, usize>,
}

impl Slots {
    /// Takes in the tasks of a replicated service. Returns whether all replicas run.
    pub(super) fn replicated(
        &mut self,
        replicas: u64,
        look: Look<'_>,
        rolling_back: bool,
        lines: &mut Vec<Line>,
    ) -> bool {
        let wanted = usize::try_from(replicas).unwrap_or(usize::MAX);
        if !self.started {
            lines.push(overall(0, wanted, rolling_back));
            if wanted <= MAX_BARS {
                lines.extend((1..=wanted).map(|slot| Line::new(format!("{slot}/{wanted}"), " ")));
            }
            self.started = true;
        }
        let alive =
            |task: &&Task| task.node_id.as_ref().is_none_or(|node| look.active.contains(node));
        let by_slot = leading(look.tasks.iter().filter(alive), |task| Some(task.slot));
        self.notice_failures(by_slot.values(), look.service);
        for (slot, task) in &by_slot {
            let next = self.shown_as.len() + 1;
            let shown = *self.shown_as.entry(*slot).or_insert(next);
            if !self.done && wanted <= MAX_BARS && shown <= wanted {
                lines.extend(describe(&format!("{shown}/{wanted}"), task));
            }
        }
        let running = by_slot.values().filter(|task| is_as_asked(task, look.service)).count();
        self.conclude(running, wanted, rolling_back, lines)
    }

    /// Takes in the tasks of a global service. Returns whether all nodes that have a task run it.
    pub(super) fn global(
        &mut self,
        look: Look<'_>,
        rolling_back: bool,
        lines: &mut Vec<Line>,
    ) -> bool {
        // Which nodes fit is not known here. But tasks for all that do are made at once, so the tasks tell.
        let by_node = leading(look.tasks.iter(), |task| task.node_id.clone());
        let wanted = by_node.len();
        if !self.started {
            if wanted == 0 {
                lines.push(Line::new("overall progress", "waiting for new tasks"));
                return false;
            }
            lines.push(overall(0, wanted, rolling_back));
            self.started = true;
        }
        self.notice_failures(by_node.values(), look.service);
        let alive = || by_node.iter().filter(|(node, _)| look.active.contains(node));
        if !self.done && wanted <= MAX_BARS {
            for (node, task) in alive() {
                lines.extend(describe(&node.as_str()[..12], task));
            }
        }
        let running = alive().filter(|(_, task)| is_as_asked(task, look.service)).count();
        self.conclude(running, wanted, rolling_back, lines)
    }

    fn notice_failures<'a>(
        &mut self,
        tasks: impl IntoIterator<Item = &'a &'a Task>,
        service: &Service,
    ) {
        if tasks.into_iter().any(|task| !is_as_asked(task, service)) {
            self.done = false;
        }
    }

    fn conclude(
        &mut self,
        running: usize,
        wanted: usize,
        rolling_back: bool,
        lines: &mut Vec<Line>,
    ) -> bool {
        if !self.done {
            lines.push(overall(running, wanted, rolling_back));
            self.done = running == wanted;
        }
        running == wanted
    }
}

/// For each key the task that counts: the one with the lowest desired state, which is the successor of one that is being
/// shut down, and of two that both should run the one that has come less far.
fn leading<'a, K: Ord>(
    tasks: impl Iterator<Item = &'a Task>,
    key: impl Fn(&Task) -> Option<K>,
) -> BTreeMap<K, &'a Task> {
    let mut leading: BTreeMap<K, &Task> = BTreeMap::new();
    for task in tasks.filter(|task| is_shown(task.desired_state) && is_shown(task.status.state)) {
        let Some(key) = key(task) else { continue };
        let order = |task: &Task| (task.desired_state, task.status.state);
        let first = leading.entry(key).or_insert(task);
        if order(task) < order(first) {
            *first = task;
        }
    }
    leading
}

/// Tasks that nobody knows the end of, or that are about to be forgotten, do not count.
pub(super) fn is_shown(state: TaskState) -> bool {
    !matches!(state, TaskState::Remove | TaskState::Orphaned)
}

/// Whether a task does what is asked of it: it runs and has traffic, or it has done its work and shall not be repeated.
fn is_as_asked(task: &Task, service: &Service) -> bool {
    match task.status.state {
        TaskState::Running => !task.desired_state.is_terminal() && has_traffic(task),
        TaskState::Complete => {
            task.desired_state.is_terminal() && condition(service) != RestartCondition::Any
        }
        _ => false,
    }
}

/// Whether a task runs and every live node sends it traffic.
pub(crate) fn has_traffic(task: &Task) -> bool {
    task.status.state == TaskState::Running && task.routing == ROUTED
}

/// After which endings the tasks of a service are replaced.
fn condition(service: &Service) -> RestartCondition {
    let policy = service.spec.task_template.restart_policy.as_ref();
    policy.map(|policy| policy.condition).unwrap_or_default()
}

fn overall(running: usize, wanted: usize, rolling_back: bool) -> Line {
    let what = if rolling_back { "rolling back update: " } else { "" };
    Line::new("overall progress", format!("{what}{running} out of {wanted} tasks"))
}

/// What a slot is doing, if that is worth a line.
fn describe(id: &str, task: &Task) -> Option<Line> {
    if !task.status.err.is_empty() {
        return Some(Line::new(id, task.status.err.replace('\n', " ")));
    }
    if task.desired_state.is_terminal() {
        return None;
    }
    let steps = STEPS.len() as u64;
    if task.status.state == TaskState::Running && !has_traffic(task) {
        let text = format!("{:STATE_WIDTH$}", "routing");
        return Some(Line { bar: Some((steps - 1, steps)), ..Line::new(id, text) });
    }
    let step = STEPS.iter().rposition(|state| *state == task.status.state)? + 1;
    let text = format!("{:STATE_WIDTH$}", task.status.state);
    Some(Line { bar: Some((step as u64, steps)), ..Line::new(id, text) })
}

/// How far a task of a job is: its end is one step more.
pub(super) fn describe_job(id: &str, task: &Task) -> Line {
    if !task.status.err.is_empty() {
        return Line::new(id, task.status.err.replace('\n', " "));
    }
    let steps = STEPS.len() as u64 + 1;
    let step = STEPS.iter().rposition(|state| *state == task.status.state);
    let text = format!("{:STATE_WIDTH$}", task.status.state);
    Line { bar: Some((step.map_or(steps, |step| step as u64 + 1), steps)), ..Line::new(id, text) }
}
