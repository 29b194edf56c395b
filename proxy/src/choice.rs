//! Which of the tasks of a service gets a request: each in turn, without those that could not be reached lately. Pure: time is an argument.

use std::collections::HashMap;

use swarmlite_proto::id::TaskId;
use tokio::time::Instant;

use crate::table::Task;

/// The tasks that could not be reached lately.
#[derive(Debug, Default)]
pub(crate) struct Aside(HashMap<TaskId, Instant>);

impl Aside {
    /// A task could not be reached. Others take its requests until `until`.
    pub(crate) fn put(&mut self, task: TaskId, until: Instant) {
        self.0.insert(task, until);
    }

    /// Forgets what is over at `now`.
    pub(crate) fn clean(&mut self, now: Instant) {
        self.0.retain(|_, until| *until > now);
    }

    fn has(&self, task: &TaskId, now: Instant) -> bool {
        self.0.get(task).is_some_and(|until| *until > now)
    }

    /// The task that gets the request with number `turn`: `preferred`, or the next in turn, of those that serve and are not among the `tried`.
    /// One that could not be reached lately is the last resort. `None` if there is none.
    pub(crate) fn choose<'a>(
        &self,
        tasks: &'a [Task],
        preferred: Option<&TaskId>,
        tried: &[TaskId],
        (turn, now): (usize, Instant),
    ) -> Option<&'a Task> {
        let open = || tasks.iter().filter(|task| task.serving && !tried.contains(&task.id));
        let good = || open().filter(|task| !self.has(&task.id, now));
        let preferred = good().find(|task| Some(&task.id) == preferred);
        let next = |count: usize| turn.checked_rem(count);
        let good_next = || next(good().count()).and_then(|number| good().nth(number));
        let any_next = || next(open().count()).and_then(|number| open().nth(number));
        preferred.or_else(good_next).or_else(any_next)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    fn task(number: u8, serving: bool) -> Task {
        let id = format!("{number:0>25}").parse().expect("an id");
        Task { id, address: Ipv4Addr::new(10, 0, 0, number), serving, lost: false }
    }

    fn numbers(chosen: impl Iterator<Item = Option<u8>>) -> Vec<u8> {
        chosen.map(|number| number.expect("a task")).collect()
    }

    const fn number(task: &Task) -> u8 {
        task.address.octets()[3]
    }

    #[test]
    fn tasks_that_serve_take_turns() {
        let tasks = [task(1, true), task(2, false), task(3, true)];
        let aside = Aside::default();
        let now = Instant::now();
        let chosen = (0..4).map(|turn| aside.choose(&tasks, None, &[], (turn, now)).map(number));
        assert_eq!(numbers(chosen), [1, 3, 1, 3]);
        assert!(aside.choose(&tasks[1..2], None, &[], (0, now)).is_none());
    }

    #[test]
    fn who_could_not_be_reached_is_asked_last_for_a_while() {
        let tasks = [task(1, true), task(2, true), task(3, true)];
        let mut aside = Aside::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        aside.put(tasks[1].id.clone(), later);
        let chosen = |aside: &Aside, tried: &[TaskId], now| {
            let choose = |turn| aside.choose(&tasks, None, tried, (turn, now)).map(number);
            numbers((0..3).map(choose))
        };
        assert_eq!(chosen(&aside, &[], now), [1, 3, 1]);
        let tried = [tasks[0].id.clone(), tasks[2].id.clone()];
        assert_eq!(chosen(&aside, &tried, now), [2, 2, 2]);
        assert_eq!(chosen(&aside, &[], later), [1, 2, 3]);
        aside.clean(later);
        assert!(aside.0.is_empty());
    }

    #[test]
    fn a_client_comes_back_to_its_task_as_long_as_it_can_be_reached() {
        let tasks = [task(1, true), task(2, true), task(3, false)];
        let mut aside = Aside::default();
        let now = Instant::now();
        let chosen = |aside: &Aside, preferred: usize, turn| {
            aside.choose(&tasks, Some(&tasks[preferred].id), &[], (turn, now)).map(number)
        };
        assert_eq!(numbers((0..3).map(|turn| chosen(&aside, 1, turn))), [2, 2, 2]);
        assert_eq!(numbers((0..2).map(|turn| chosen(&aside, 2, turn))), [1, 2]);
        aside.put(tasks[1].id.clone(), now + Duration::from_secs(5));
        assert_eq!(chosen(&aside, 1, 1), Some(1));
    }
}
