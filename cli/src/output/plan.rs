//! Where tasks would go.

use std::collections::BTreeMap;

use swarmlite_proto::api::Plan;
use swarmlite_proto::api::PlannedService;
use swarmlite_proto::api::PlannedTask;

use super::explanation;
use super::explanation::Canvas;
use super::natural_order;
use super::pretty::Page;

/// So many tasks of a node are named; of more it is said how many.
const NAMED: usize = 8;

/// The plan on a page.
pub(crate) fn page(plan: &Plan, canvas: Canvas) -> String {
    let mut page = Page::default();
    for service in &plan.services {
        page.line(heading(service));
        for (node, tasks) in by_node(service) {
            page.line(format!("  {node}: {}", names(&service.name, &tasks)));
        }
        let waiting: Vec<&PlannedTask> =
            service.tasks.iter().filter(|task| task.node_id.is_none()).collect();
        if !waiting.is_empty() {
            page.line(format!("  no node: {}", names(&service.name, &waiting)));
        }
        if service.explanation.waiting > 0 {
            page.line("");
            page.line(explanation::page(&service.explanation, canvas).trim_end());
        }
        page.line("");
    }
    page.line("This is a plan: nothing was changed.");
    page.finish()
}

fn heading(service: &PlannedService) -> String {
    let what = if service.new { "would be created" } else { "would be updated" };
    let count = |count: u64, what: &str| match count {
        0 => None,
        1 => Some(format!("1 task {what}")),
        count => Some(format!("{count} tasks {what}")),
    };
    let replaced = service.tasks.iter().filter(|task| !task.before.is_empty()).count() as u64;
    let new = service.tasks.len() as u64 - replaced;
    let all = [
        count(new, "new"),
        count(replaced, "replaced"),
        count(service.stay, "as before"),
        count(service.end, "less"),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    let all = if all.is_empty() { "no tasks".to_owned() } else { all.join(", ") };
    format!("{} {what}: {all}", service.name)
}

/// The tasks by the names of their nodes, in the order of those.
fn by_node(service: &PlannedService) -> Vec<(&str, Vec<&PlannedTask>)> {
    let mut nodes: BTreeMap<&str, Vec<&PlannedTask>> = BTreeMap::new();
    for task in service.tasks.iter().filter(|task| task.node_id.is_some()) {
        nodes.entry(&task.hostname).or_default().push(task);
    }
    let mut nodes: Vec<_> = nodes.into_iter().collect();
    nodes.sort_by(|(one, _), (other, _)| natural_order(one, other));
    nodes
}

fn names(service: &str, tasks: &[&PlannedTask]) -> String {
    let (named, more) = tasks.split_at(tasks.len().min(NAMED));
    let mut names: Vec<String> = named.iter().map(|task| name(service, task)).collect();
    names.extend((!more.is_empty()).then(|| format!("and {} more", more.len())));
    names.join(", ")
}

fn name(service: &str, task: &PlannedTask) -> String {
    let name = match task.slot {
        0 => service.to_owned(),
        slot => format!("{service}.{slot}"),
    };
    let moves = !task.before.is_empty() && task.before != task.hostname;
    if moves { format!("{name} (now on {})", task.before) } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::explanation;

    const PLAIN: Canvas = Canvas { width: 100, color: false };

    fn task(slot: u64, node: Option<usize>, before: &str) -> PlannedTask {
        let nodes = explanation().nodes;
        PlannedTask {
            slot,
            node_id: node.map(|at| nodes[at].node_id.clone()),
            hostname: node.map(|at| nodes[at].hostname.clone()).unwrap_or_default(),
            before: before.to_owned(),
            error: String::new(),
        }
    }

    fn planned(tasks: Vec<PlannedTask>) -> PlannedService {
        let mut explanation = explanation();
        explanation.waiting = 0;
        PlannedService { name: "web".to_owned(), new: true, tasks, stay: 0, end: 0, explanation }
    }

    #[test]
    fn tasks_stand_with_their_nodes() {
        let tasks = vec![task(1, Some(1), ""), task(2, Some(0), ""), task(3, Some(1), "")];
        let update = PlannedService {
            new: false,
            stay: 1,
            end: 2,
            ..planned(vec![task(1, Some(0), "node1"), task(2, Some(0), "node2")])
        };
        let plan = Plan { services: vec![planned(tasks), update] };
        insta::assert_snapshot!(page(&plan, PLAIN), @r"
        web would be created: 3 tasks new
          node1: web.1, web.3
          node2: web.2

        web would be updated: 2 tasks replaced, 1 task as before, 2 tasks less
          node2: web.1 (now on node1), web.2

        This is a plan: nothing was changed.
        ");
    }

    #[test]
    fn what_would_wait_is_explained() {
        let mut service = planned(vec![task(1, None, "")]);
        service.explanation = explanation();
        let page = page(&Plan { services: vec![service] }, PLAIN);
        assert!(
            page.starts_with("web would be created: 1 task new\n  no node: web.1\n\n"),
            "{page}"
        );
        assert!(page.contains("\nTo place it: "), "{page}");
        assert!(page.ends_with("\n\nThis is a plan: nothing was changed.\n"), "{page}");
    }

    #[test]
    fn many_tasks_of_a_node_are_counted() {
        let tasks = (1..=10).map(|slot| task(slot, Some(0), "")).collect();
        let page = page(&Plan { services: vec![planned(tasks)] }, PLAIN);
        assert!(page.contains("web.8, and 2 more\n"), "{page}");
    }

    #[test]
    fn nothing_to_do_is_said() {
        let page = page(&Plan { services: vec![planned(Vec::new())] }, PLAIN);
        assert!(page.starts_with("web would be created: no tasks\n"), "{page}");
    }
}
