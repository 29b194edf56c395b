//! How a transaction that is refused half way leaves no trace.
//!
//! A copy of the whole state would do, as it shares all structure with the state; but then each change would have to copy the parts of the
//! tables that it touches, and most transactions are of many changes of tasks. Those are noted one by one instead.

use std::sync::Arc;

use swarmlite_proto::id::TaskId;
use swarmlite_proto::object::Task;

use super::Op;
use super::State;

/// What a transaction has changed so far.
#[derive(Debug, Default)]
pub(super) struct Undo {
    /// Tasks as they were, in the order of the changes.
    tasks: Vec<Arc<Task>>,
    /// The state as it was before the first change of another kind, which all later ones follow.
    rest: Option<Box<State>>,
}

impl Undo {
    /// `op` is about to be carried out on `state`.
    pub(super) fn note(&mut self, state: &State, op: &Op) {
        if self.rest.is_some() || matches!(op, Op::Expect(..)) {
            return;
        }
        match task_changed_by(state, op) {
            Some(task) => self.tasks.push(task),
            None => self.rest = Some(Box::new(state.clone())),
        }
    }

    /// Makes `state` what it was before.
    pub(super) fn take_back(self, state: &mut State) {
        if let Some(rest) = self.rest {
            *state = *rest;
        }
        for task in self.tasks.into_iter().rev() {
            let now = state.tasks().get(&task.id).cloned();
            state.replace_task(now.as_deref(), Some(task));
        }
    }
}

/// The task that `op` changes, if it changes nothing else.
fn task_changed_by(state: &State, op: &Op) -> Option<Arc<Task>> {
    let known = |id: &TaskId| state.tasks().get(id).cloned();
    match op {
        // New addresses move the cursors on.
        Op::PutTask(task) => known(&task.id).filter(|old| old.attachments == task.attachments),
        Op::ReportTask { task_id, .. } => known(task_id),
        _ => None,
    }
}
