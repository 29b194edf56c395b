//! Why a task has ended, for people.

use swarmlite_proto::api::Task;
use swarmlite_proto::task_state::TaskState;

/// What a task ended with, below the sentence that says what that led to. `name` is that of the task, `node` that of its node, and `log` has the
/// last lines of what it printed.
pub(crate) fn report(task: &Task, name: &str, node: Option<&str>, log: &[String]) -> String {
    let what = match task.status.state {
        TaskState::Rejected => "was rejected".to_owned(),
        TaskState::Complete => "ended".to_owned(),
        state => match state.is_terminal() {
            true => state.to_string(),
            false => format!("is {state}"),
        },
    };
    let whereabouts = node.map(|node| format!(" on {node}")).unwrap_or_default();
    let reason = [&task.status.err, &task.status.message].into_iter().find(|it| !it.is_empty());
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let mut lines = vec![format!("task {name} ({}) {what}{whereabouts}{reason}", task.id)];
    let container = task.status.container_status.as_ref();
    lines.extend(container.map(|container| format!("exit code: {}", container.exit_code)));
    if !log.is_empty() {
        lines.push("last lines of its log:".to_owned());
        lines.extend(log.iter().map(|line| format!("    {line}")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::tasks;

    #[test]
    fn the_error_the_exit_code_and_the_log_are_told() {
        let mut failed = tasks().remove(1);
        let log = ["starting".to_owned(), "cannot open the database".to_owned()];
        insta::assert_snapshot!(report(&failed, "web.2", Some("node2"), &log), @r"
        task web.2 (task000000000000000000002) failed on node2: task: non-zero exit (1): a long story about it
        last lines of its log:
            starting
            cannot open the database
        ");
        failed.status.container_status =
            Some(swarmlite_proto::api::ContainerStatus { exit_code: 1, ..Default::default() });
        failed.status.state = TaskState::Rejected;
        insta::assert_snapshot!(report(&failed, "web.2", None, &[]), @r"
        task web.2 (task000000000000000000002) was rejected: task: non-zero exit (1): a long story about it
        exit code: 1
        ");
    }
}
