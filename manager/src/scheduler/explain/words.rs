//! The matter in one sentence.

use std::cmp::Ordering;

use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::Strategy;
use swarmlite_proto::task_state::TaskState;

use super::name;
use super::verdict::Verdict;
use crate::scheduler::strategy::percent;
use crate::state::State;

/// What is true of every explanation of what has happened.
pub(super) const NOT_KEPT: &str = "What the nodes had when it was placed is not kept.";

/// How a service stands.
pub(super) fn of_service(
    state: &State,
    service: &Service,
    waiting: usize,
    nodes: &[Verdict],
    error: &str,
    strategy: Strategy,
) -> String {
    let name = &service.spec.name;
    let tasks = state.tasks_of_service(&service.id);
    let is_live = |task: &&std::sync::Arc<Task>| {
        task.desired_state.is_wanted() && !task.status.state.is_terminal()
    };
    let (new, live): (Vec<_>, Vec<_>) =
        tasks.filter(is_live).partition(|task| task.status.state < TaskState::Pending);
    let waits = match waiting {
        0 => format!("No task of {name} waits for a node"),
        _ => {
            let wait = if waiting == 1 { "waits" } else { "wait" };
            format!("{waiting} of {} tasks of {name} {wait} for a node", live.len() + new.len())
        }
    };
    let more = match (service.spec.mode.is_global(), waiting, error) {
        (_, 1.., error) if !error.is_empty() => format!(": {error}"),
        (true, ..) => {
            let fit = nodes.iter().filter(|verdict| verdict.obstacles.is_empty()).count();
            format!(
                ": {fit} of {} nodes fit, and each of these has a task or gets one",
                nodes.len()
            )
        }
        (false, 0, "") => format!(". One more would go to {}", choice(nodes, strategy)),
        (false, 0, error) => format!(". One more would: {error}"),
        (false, ..) => format!(". The next goes to {}", choice(nodes, strategy)),
    };
    let more = format!("{waits}{more}.");
    match new.len() {
        0 => more,
        1 => format!("{more} 1 task has no addresses yet."),
        new => format!("{more} {new} tasks have no addresses yet."),
    }
}

/// How a task stands.
pub(super) fn of_task(
    state: &State,
    task: &Task,
    nodes: &[Verdict],
    error: &str,
    strategy: Strategy,
) -> String {
    let name = name::of_task(task);
    let status = task.status.state;
    if status.is_terminal() {
        return format!("{name} has ended ({status}) and needs no node any more.");
    }
    if status >= TaskState::Assigned {
        return of_placed(state, task, nodes, strategy);
    }
    if !task.desired_state.is_wanted() {
        return format!("{name} is to end and needs no node any more.");
    }
    if status < TaskState::Pending {
        return format!("{name} waits for its addresses; a node is looked for when it has them.");
    }
    match error {
        "" if task.node_id.is_some() => format!("{name} waits, and its node takes it."),
        "" => format!("{name} waits, and goes to {}.", choice(nodes, strategy)),
        error => format!("{name} waits for a node: {error}."),
    }
}

/// How a task stands that has a node.
fn of_placed(state: &State, task: &Task, nodes: &[Verdict], strategy: Strategy) -> String {
    let name = name::of_task(task);
    let Some(here) = nodes.iter().find(|verdict| verdict.is_here) else {
        let node = task.node_id.as_ref().map(ToString::to_string).unwrap_or_default();
        return format!("{name} is on {node}, which is not there any more.");
    };
    let host = &here.hostname;
    let is_global = state.revision_of(task).is_some_and(|it| it.service.mode.is_global());
    let now = match (here.obstacles.is_empty(), here.rank) {
        (false, _) => {
            let texts: Vec<&str> = here.obstacles.iter().map(|it| it.text.as_str()).collect();
            format!("Placed now, it would not go there: {}.", texts.join("; "))
        }
        (true, Some(1)) => {
            format!("Placed now, it would go there again: {}.", why(nodes, strategy))
        }
        (true, Some(rank)) => {
            let fit = nodes.iter().filter(|verdict| verdict.rank.is_some()).count();
            let choice = choice(nodes, strategy);
            format!(
                "Placed now, it would go to {choice}. {host} is number {rank} of {fit} that fit."
            )
        }
        (true, None) if is_global => "The node still fits.".to_owned(),
        (true, None) => {
            format!("Placed now, it would go to {}. {host} fits, too.", choice(nodes, strategy))
        }
    };
    let because = if is_global { ", as each node that fits has a task of the service" } else { "" };
    format!("{name} is on {host}{because}. {now} {NOT_KEPT}")
}

/// The best node, and why it is the best.
fn choice(nodes: &[Verdict], strategy: Strategy) -> String {
    let is_known = nodes.first().is_some_and(|verdict| verdict.rank == Some(1));
    if !is_known {
        return "one of the nodes that fit, by chance".to_owned();
    }
    let best = nodes.first().map(|verdict| verdict.hostname.as_str()).unwrap_or_default();
    format!("{best}: {}", why(nodes, strategy))
}

/// Why the first node comes before the second.
fn why(nodes: &[Verdict], strategy: Strategy) -> String {
    let fit = |at: usize| nodes.get(at).filter(|verdict| verdict.obstacles.is_empty());
    let (Some(best), Some(next)) = (fit(0), fit(1)) else {
        return "no other node fits".to_owned();
    };
    let before = by_parts(best, next).or_else(|| by_failures(best, next));
    let before = before.or_else(|| by_soft_rules(best, next)).or_else(|| by_score(best, next));
    before.unwrap_or_else(|| match strategy {
        Strategy::Spread => by_tasks(best, next),
        Strategy::Binpack => by_shares(best, next),
        Strategy::Usage => by_use(best, next),
        Strategy::Random => {
            "the service and the number of the task draw it among those that fit".to_owned()
        }
    })
}

/// Why, if the preferences decide.
fn by_parts(best: &Verdict, next: &Verdict) -> Option<String> {
    let both = best.branches.iter().zip(&next.branches);
    let (one, two) = both.into_iter().find(|(one, other)| one != other)?;
    let label = &one.label;
    let (first, second) = (&one.value, &two.value);
    Some(match one.tasks.cmp(&two.tasks) {
        Ordering::Equal => format!(
            "the parts of the cluster by {label} have as many tasks of the service each, and {first:?} comes before {second:?}"
        ),
        _ => format!(
            "{label} {first:?} has {} of the service, and {second:?} has {}",
            tasks(one.tasks),
            two.tasks
        ),
    })
}

/// Why, if tasks keep failing somewhere.
fn by_failures(best: &Verdict, next: &Verdict) -> Option<String> {
    if best.order.failures == next.order.failures {
        return None;
    }
    let failed = tasks(best.failures);
    let (other, more) = (&next.hostname, next.failures);
    Some(format!("{failed} of the service failed there in five minutes, and {more} on {other}"))
}

/// Why, if the service's own score decides.
fn by_score(best: &Verdict, next: &Verdict) -> Option<String> {
    if best.order.own == next.order.own {
        return None;
    }
    let (Some(Ok(first)), Some(second)) = (&best.score, &next.score) else { return None };
    let other = &next.hostname;
    Some(match second {
        Ok(second) => format!("its score is {first}, and that of {other} is {second}"),
        Err(why) => format!("its score is {first}, and that of {other} cannot be told: {why}"),
    })
}

/// Why, if soft rules decide.
fn by_soft_rules(best: &Verdict, next: &Verdict) -> Option<String> {
    if best.order.soft == next.order.soft {
        return None;
    }
    let all = i64::try_from(best.soft_rules).unwrap_or(i64::MAX);
    // What is ranked by is those that are not met less those that are.
    let met = |verdict: &Verdict| (all - verdict.order.soft) / 2;
    let rules = if all == 1 { "1 soft rule".to_owned() } else { format!("{all} soft rules") };
    Some(format!("it meets {} of {rules}, and {} {}", met(best), next.hostname, met(next)))
}

/// Why, if the fewest tasks decide.
fn by_tasks(best: &Verdict, next: &Verdict) -> String {
    let other = &next.hostname;
    if best.tasks_of_service != next.tasks_of_service {
        let here = tasks(best.tasks_of_service);
        return format!("it has {here} of the service, and {other} has {}", next.tasks_of_service);
    }
    if best.tasks != next.tasks {
        let (here, there) = (tasks(best.tasks), next.tasks);
        return format!(
            "it has {here} in all, and {other}, with as many of the service, has {there}"
        );
    }
    format!("it has as few tasks as {other}, and its id comes first")
}

/// Why, if the fullest node is wanted.
fn by_shares(best: &Verdict, next: &Verdict) -> String {
    let other = &next.hostname;
    let percent = |verdict: &Verdict| percent(-verdict.order.score.0);
    if best.order.score.0 != next.order.score.0 {
        let (here, there) = (percent(best), percent(next));
        return format!(
            "with it, its reserved shares of processor and memory add up to {here} %, and those of {other} to {there} %"
        );
    }
    if best.tasks != next.tasks {
        let (here, there) = (tasks(best.tasks), next.tasks);
        return format!("it has {here}, and {other}, of which as much is reserved, has {there}");
    }
    format!("it is as full as {other}, and its id comes first")
}

/// Why, if the node that is the least in use is wanted.
fn by_use(best: &Verdict, next: &Verdict) -> String {
    let other = &next.hostname;
    if best.order.score.0 != next.order.score.0 {
        let (here, there) = (percent(best.order.score.0), percent(next.order.score.0));
        return format!(
            "with it, the shares of its processors and memory that are in use add up to {here} %, and those of {other} to {there} %"
        );
    }
    if best.tasks != next.tasks {
        let (here, there) = (tasks(best.tasks), next.tasks);
        return format!("it has {here}, and {other}, of which as much is in use, has {there}");
    }
    format!("as much of it is in use as of {other}, and its id comes first")
}

fn tasks(count: usize) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}
