//! How far a job is, and what each of its tasks is doing. The rules are docker's (`cli/command/service/progress` in docker/cli).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use swarmlite_proto::api::Service;
use swarmlite_proto::api::Task;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::spec::ReplicatedJob;
use swarmlite_proto::task_state::TaskState;

use super::Line;
use super::slots::MAX_BARS;
use super::slots::describe_job;
use super::slots::is_shown;

/// The overall line of a job.
const PROGRESS: &str = "job progress";

/// What is remembered of a job between observations.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    started: bool,
    /// The nodes of a global job when first seen. Later ones get their task too, but are not waited for.
    nodes: BTreeSet<NodeId>,
}

impl Jobs {
    /// Takes in the tasks of a replicated job. Returns whether it has completed.
    pub(super) fn replicated(
        &mut self,
        service: &Service,
        job: ReplicatedJob,
        tasks: &[Task],
        lines: &mut Vec<Line>,
    ) -> bool {
        let total = job.total_completions;
        if !self.started {
            lines.push(progress(0, total));
            lines.push(active(0, total.min(job.max_concurrent), job));
            if total <= MAX_BARS as u64 {
                lines.extend((1..=total).map(|slot| Line::new(format!("{slot}/{total}"), " ")));
            }
            self.started = true;
        }
        let by_slot = furthest_behind(service, tasks, |task| Some(task.slot));
        if total <= MAX_BARS as u64 {
            let shown = by_slot.iter();
            lines.extend(
                shown.map(|(slot, task)| describe_job(&format!("{}/{total}", slot + 1), task)),
            );
        }
        let completed = count(by_slot.values(), |state| state == TaskState::Complete);
        let running = count(by_slot.values(), |state| state < TaskState::Complete);
        lines.push(progress(completed, total));
        lines.push(active(running, total.saturating_sub(completed).min(job.max_concurrent), job));
        completed == total
    }

    /// Takes in the tasks of a global job. Returns whether it has completed on all nodes that it began with.
    pub(super) fn global(
        &mut self,
        service: &Service,
        tasks: &[Task],
        lines: &mut Vec<Line>,
    ) -> bool {
        let mut by_node = furthest_behind(service, tasks, |task| task.node_id.clone());
        if !self.started {
            if by_node.is_empty() {
                lines.push(Line::new(PROGRESS, "waiting for tasks"));
                return false;
            }
            self.nodes = by_node.keys().cloned().collect();
            lines.push(progress(0, self.nodes.len() as u64));
            self.started = true;
        }
        by_node.retain(|node, _| self.nodes.contains(node));
        if self.nodes.len() <= MAX_BARS {
            let shown = by_node.iter();
            lines.extend(shown.map(|(node, task)| describe_job(&node.as_str()[..12], task)));
        }
        let (completed, total) = (
            count(by_node.values(), |state| state == TaskState::Complete),
            self.nodes.len() as u64,
        );
        lines.push(progress(completed, total));
        completed == total
    }
}

/// For each place the task of the present iteration that has come least far: the one that tries again what another failed at.
fn furthest_behind<'a, K: Ord>(
    service: &Service,
    tasks: &'a [Task],
    key: impl Fn(&Task) -> Option<K>,
) -> BTreeMap<K, &'a Task> {
    let iteration = service.job_status.map(|status| status.job_iteration);
    let mut found: BTreeMap<K, &Task> = BTreeMap::new();
    let shown = tasks.iter().filter(|task| {
        task.job_iteration == iteration
            && is_shown(task.desired_state)
            && is_shown(task.status.state)
    });
    for task in shown {
        let Some(key) = key(task) else { continue };
        let first = found.entry(key).or_insert(task);
        if task.status.state < first.status.state {
            *first = task;
        }
    }
    found
}

fn count<'a>(tasks: impl Iterator<Item = &'a &'a Task>, test: impl Fn(TaskState) -> bool) -> u64 {
    tasks.filter(|task| test(task.status.state)).count() as u64
}

fn digits(number: u64) -> usize {
    number.to_string().len()
}

fn progress(completed: u64, total: u64) -> Line {
    let text = format!("{completed:width$} out of {total} complete", width = digits(total));
    Line::new(PROGRESS, text)
}

fn active(running: u64, desired: u64, job: ReplicatedJob) -> Line {
    let width = digits(job.max_concurrent);
    Line::new("active tasks", format!("{running:width$} out of {desired:width$} tasks"))
}
