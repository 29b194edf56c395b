//! Replaces tasks of an old spec by tasks of the new one, a few slots at a time (swarmkit `manager/orchestrator/update/updater.go`).
//!
//! Where an update stands is read off the tasks: a slot is under way from the moment its new task is made until that task is routed, and
//! rests for the delay after that. It is watched as long as its monitor period says; what becomes of it later is up to the restart policy, and
//! nothing to the update, however much of the delay is left. So an update goes on under the next leader where it was.

use std::time::Duration;

use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::UpdateState;
use swarmlite_proto::object::UpdateStatus;
use swarmlite_proto::spec::FailureAction;
use swarmlite_proto::spec::UpdateConfig;
use swarmlite_proto::spec::UpdateOrder;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::handover;
use super::handover::Standing;
use super::pass::Pass;
use super::restart;
use super::slot::Slot;
use crate::reconcile::Plan;
use crate::state::Op;
use crate::state::State;

/// How long a task that has left a drained node keeps others from following while it does not get going. They cannot wait for one that never does.
const SETTLE_PATIENCE: Duration = Duration::from_secs(60);

/// Looks after the slots that a service should have: the restart policy first, then what is on drained nodes, then the update of what
/// is left.
pub(super) fn tend_slots(
    pass: &mut Pass<'_>,
    service: &Service,
    slots: &[Slot<'_>],
    plan: &mut Plan,
    groups: &mut Vec<Vec<Op>>,
) {
    let update = Update::of(service);
    let mut progress = Progress::default();
    for slot in slots {
        let ops = restart::tend(pass, service, slot, plan);
        let done_since = update.done_since(slot);
        progress.routed_since.extend(done_since);
        if ops.is_empty() {
            groups.push(progress.look_at(pass, service, slot, done_since.is_some(), plan));
        } else {
            groups.push(ops);
            progress.under_way += usize::from(done_since.is_none());
            progress.moving += 1;
        }
    }
    let verdict = update.verdict(pass, &progress, slots, plan);
    if let Some(changed) = &verdict.service {
        groups.push(vec![Op::PutService(Box::new(changed.clone()))]);
    }
    for (slot, keeper) in &progress.doubled {
        let others = slot.live().filter(|task| task.id != keeper.id);
        groups.push(others.map(|task| pass.want(task, TaskState::Shutdown)).collect());
    }
    groups.extend(update.move_some(pass, &progress, plan));
    if verdict.goes_on {
        groups.extend(update.replace_some(pass, &progress, plan));
    }
}

/// The update of one service.
struct Update<'a> {
    service: &'a Service,
    config: UpdateConfig,
    status: Option<&'a UpdateStatus>,
}

/// Where the slots of a service are.
#[derive(Default)]
struct Progress<'a> {
    /// Slots that have only tasks of an old spec.
    old: Vec<Slot<'a>>,
    /// Slots that have only tasks on drained nodes.
    leaving: Vec<Slot<'a>>,
    /// Slots that have more than one task, and the one that stays.
    doubled: Vec<(Slot<'a>, &'a Task)>,
    /// How many slots have a new task that is not routed yet.
    under_way: usize,
    /// How many slots have left a drained node and are not routed elsewhere yet.
    moving: usize,
    /// Since when the new tasks of updated slots are routed.
    routed_since: Vec<Timestamp>,
}

/// What becomes of an update.
struct Verdict {
    /// The service, if the update has entered another state.
    service: Option<Service>,
    /// Whether more slots may be replaced.
    goes_on: bool,
}

impl<'a> Progress<'a> {
    /// Takes a slot in, and returns what has to be done in it at once.
    fn look_at(
        &mut self,
        pass: &Pass<'_>,
        service: &Service,
        slot: &Slot<'a>,
        is_done: bool,
        plan: &mut Plan,
    ) -> Vec<Op> {
        match handover::standing(pass.state, service, slot) {
            Standing::Empty => {}
            Standing::Stale { outdated: true } => self.old.push(slot.clone()),
            Standing::Stale { outdated: false } => {
                let ops = handover::call_off_failed(pass.state, slot);
                if !ops.is_empty() {
                    return ops;
                }
                self.leaving.push(slot.clone());
            }
            Standing::HandingOver { stale, fresh, outdated } => {
                *(if outdated { &mut self.under_way } else { &mut self.moving }) += 1;
                if !outdated && let Some(ops) = handover::call_off(pass, &stale, fresh, plan) {
                    return ops;
                }
                return handover::go_on(pass, &stale, fresh, plan);
            }
            Standing::Doubled(keeper) => self.doubled.push((slot.clone(), keeper)),
            Standing::Single(_) if is_done => {}
            Standing::Single(task) => self.look_at_single(pass, service, slot, task, plan),
        }
        Vec::new()
    }

    fn look_at_single(
        &mut self,
        pass: &Pass<'_>,
        service: &Service,
        slot: &Slot<'a>,
        task: &Task,
        plan: &mut Plan,
    ) {
        let was_updated = slot.tasks.iter().any(|task| task.spec_version != service.spec_version)
            && task.spec_version == service.spec_version;
        match task.routing {
            Routing::Routed { at } if was_updated => self.routed_since.push(at),
            Routing::Routed { .. } => {}
            _ if was_updated => self.under_way += 1,
            _ => {
                let settled = task.meta.created_at + SETTLE_PATIENCE;
                let moved = slot.predecessor(task).is_some_and(|task| {
                    task.migrate || restart::is_on_drained_node(pass.state, task)
                });
                if moved && settled > pass.now {
                    plan.wake_by(settled);
                    self.moving += 1;
                }
            }
        }
    }
}

impl<'a> Update<'a> {
    fn of(service: &'a Service) -> Self {
        let status = service.update_status.as_ref();
        let rolls_back = status.is_some_and(|status| status.state == UpdateState::RollbackStarted);
        let config =
            if rolls_back { &service.spec.rollback_config } else { &service.spec.update_config };
        Self { service, config: config.clone().unwrap_or_else(UpdateConfig::defaults), status }
    }

    fn state(&self) -> Option<UpdateState> {
        self.status.map(|status| status.state)
    }

    /// For how long a new task is watched once it is routed.
    fn monitor(&self) -> Duration {
        self.config.monitor().to_duration()
    }

    /// Whether this update has made `task`.
    fn has_made(&self, task: &Task) -> bool {
        let since = self.status.and_then(|status| status.started_at).unwrap_or_default();
        task.spec_version == self.service.spec_version && task.meta.created_at >= since
    }

    /// Since when a slot is done with although its new task has ended: that had outlived its monitor period.
    fn done_since(&self, slot: &Slot<'_>) -> Option<Timestamp> {
        let served =
            slot.tasks.iter().filter(|task| self.has_made(task)).filter_map(|task| task.served);
        served.filter(|served| served.duration() > self.monitor()).map(|served| served.from).min()
    }

    /// Whether the update has to start, to stop or to end.
    fn verdict(
        &self,
        pass: &Pass<'_>,
        progress: &Progress<'_>,
        slots: &[Slot<'_>],
        plan: &mut Plan,
    ) -> Verdict {
        let rolls_back = match self.state() {
            Some(UpdateState::Paused | UpdateState::RollbackPaused) => {
                return Verdict { service: None, goes_on: false };
            }
            None | Some(UpdateState::Completed | UpdateState::RollbackCompleted) => {
                let starts = !progress.old.is_empty();
                let started =
                    starts.then(|| self.entered(pass, UpdateState::Updating, "update in progress"));
                return Verdict { service: started, goes_on: starts };
            }
            Some(UpdateState::Updating) => false,
            Some(UpdateState::RollbackStarted) => true,
        };
        if let Some(failed) = self.failure(slots) {
            return Verdict { service: Some(self.stopped(pass, failed)), goes_on: false };
        }
        if !progress.old.is_empty() || !progress.doubled.is_empty() || progress.under_way > 0 {
            return Verdict { service: None, goes_on: true };
        }
        let over = progress.routed_since.iter().max().map(|last| *last + self.monitor());
        if let Some(over) = over.filter(|over| *over > pass.now) {
            plan.wake_by(over);
            return Verdict { service: None, goes_on: true };
        }
        let completed = if rolls_back {
            self.entered(pass, UpdateState::RollbackCompleted, "rollback completed")
        } else {
            self.entered(pass, UpdateState::Completed, "update completed")
        };
        Verdict { service: Some(completed), goes_on: true }
    }

    /// The service with its update in another state.
    fn entered(&self, pass: &Pass<'_>, state: UpdateState, message: &str) -> Service {
        let started_at = match state {
            UpdateState::Updating | UpdateState::RollbackStarted => Some(pass.now),
            _ => self.status.and_then(|status| status.started_at),
        };
        let ends = matches!(state, UpdateState::Completed | UpdateState::RollbackCompleted);
        let completed_at = ends.then_some(pass.now);
        let status = UpdateStatus { state, started_at, completed_at, message: message.to_owned() };
        Service { update_status: Some(status), ..self.service.clone() }
    }

    /// A task that this update made and that has ended while it was watched, if there are too many such.
    fn failure<'t>(&self, slots: &[Slot<'t>]) -> Option<&'t Task> {
        if self.config.failure_action == FailureAction::Continue {
            return None;
        }
        let version = self.service.spec_version;
        let has_failed = |task: &&Task| {
            self.has_made(task)
                && task.served.is_none_or(|served| served.duration() <= self.monitor())
                && task.desired_state < TaskState::Remove
                && matches!(
                    task.status.state,
                    TaskState::Complete | TaskState::Failed | TaskState::Rejected
                )
        };
        let failed: Vec<&'t Task> = slots
            .iter()
            .filter_map(|slot| slot.tasks.iter().copied().map(AsRef::as_ref).find(has_failed))
            .collect();
        let concerned =
            slots.iter().filter(|slot| slot.tasks.iter().any(|task| task.spec_version != version));
        let allowed = self.config.max_failure_ratio * concerned.count() as f64;
        failed.first().copied().filter(|_| failed.len() as f64 > allowed)
    }

    /// The service after too many tasks have failed.
    fn stopped(&self, pass: &Pass<'_>, failed: &Task) -> Service {
        let because = format!("due to failure or early termination of task {}", failed.id);
        if self.state() == Some(UpdateState::RollbackStarted) {
            let message = format!("rollback paused {because}");
            return self.entered(pass, UpdateState::RollbackPaused, &message);
        }
        let goes_back = self.config.failure_action == FailureAction::Rollback;
        let (true, Some(previous)) = (goes_back, &self.service.previous_spec) else {
            let message = format!("update paused {because}");
            return self.entered(pass, UpdateState::Paused, &message);
        };
        if let Err(missing) = pass.state.check_needed(previous) {
            let message = format!("update paused {because}, and not rolled back: {missing}");
            return self.entered(pass, UpdateState::Paused, &message);
        }
        let message = format!("update rolled back {because}");
        let service = self.entered(pass, UpdateState::RollbackStarted, &message);
        Service {
            spec: previous.clone(),
            spec_version: service.previous_spec_version.unwrap_or(service.spec_version),
            previous_spec: None,
            previous_spec_version: None,
            registry_auth: service.previous_registry_auth.clone(),
            previous_registry_auth: None,
            ..service
        }
    }

    /// Replaces the tasks of as many slots as may be under way at a time.
    fn replace_some(
        &self,
        pass: &mut Pass<'_>,
        progress: &Progress<'_>,
        plan: &mut Plan,
    ) -> Vec<Vec<Op>> {
        let delay = self.config.delay.to_duration();
        let resting = progress.routed_since.iter().map(|since| *since + delay);
        let resting: Vec<Timestamp> = resting.filter(|until| *until > pass.now).collect();
        resting.iter().for_each(|until| plan.wake_by(*until));
        let busy = progress.under_way + progress.doubled.len() + resting.len();
        self.begin_some(pass, &progress.old, busy, |_| self.config.order, plan)
    }

    /// Replaces tasks on drained nodes, as many at a time as an update would. Whether there is an update, and how it goes, does not matter.
    fn move_some(
        &self,
        pass: &mut Pass<'_>,
        progress: &Progress<'_>,
        plan: &mut Plan,
    ) -> Vec<Vec<Op>> {
        let state = pass.state;
        let order = |slot: &Slot<'_>| handover::order_of(state, slot, self.config.order);
        self.begin_some(pass, &progress.leaving, progress.moving, order, plan)
    }

    fn begin_some(
        &self,
        pass: &mut Pass<'_>,
        slots: &[Slot<'_>],
        busy: usize,
        order: impl Fn(&Slot<'_>) -> UpdateOrder,
        plan: &mut Plan,
    ) -> Vec<Vec<Op>> {
        let at_most = match self.config.parallelism {
            0 => usize::MAX,
            some => usize::try_from(some).unwrap_or(usize::MAX),
        };
        let mut groups = Vec::new();
        for slot in slots {
            let retry_at = self.retry_at(pass.state, slot);
            if retry_at > pass.now {
                plan.wake_by(retry_at);
            } else if busy + groups.len() < at_most {
                groups.push(handover::begin(pass, self.service, order(slot), slot));
            }
        }
        groups
    }

    /// A new task that has failed beside the old one is tried again only after the restart delay.
    fn retry_at(&self, state: &State, slot: &Slot<'_>) -> Timestamp {
        let live_since = slot.live().map(|task| task.meta.created_at).max();
        let failed = slot.tasks.iter().filter(|task| {
            task.spec_version == self.service.spec_version
                && matches!(task.status.state, TaskState::Failed | TaskState::Rejected)
                && live_since.is_none_or(|since| task.meta.created_at >= since)
        });
        let last = failed.max_by_key(|task| task.meta.created_at);
        last.map_or(Timestamp::ZERO, |task| {
            task.meta.updated_at + restart::delay_of(state, task, slot)
        })
    }
}
