//! `swarmlite rebalance`.

use std::collections::BTreeMap;

use swarmlite_proto::api::Rebalance;
use swarmlite_proto::api::RebalanceMove;
use swarmlite_proto::api::RebalanceRequest;
use swarmlite_proto::api::Task;
use swarmlite_proto::id::TaskId;

use super::poll;
use crate::args::RebalanceArgs;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::pretty::Page;
use crate::value::filter::Filters;

/// Moves tasks to nodes that have become better, and waits until they have moved.
pub(super) async fn rebalance(
    args: RebalanceArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let RebalanceArgs { services, plan, max_moves, detach } = args;
    let max_moves = max_moves.unwrap_or_default();
    let answer = client.rebalance(&RebalanceRequest { services, max_moves, plan }).await?;
    console.print(&page(&answer, plan))?;
    if plan || detach || answer.moves.is_empty() {
        return Ok(());
    }
    let Some(stayed) = poll::until(async || stayed(&answer.moves, client).await).await? else {
        return Ok(());
    };
    if stayed.is_empty() {
        return console.line("All have moved.");
    }
    let names: Vec<String> = stayed.into_iter().map(name).collect();
    Err(Error::refused(format!(
        "these stay where they are, as no node took the new task or it has failed: {}",
        names.join(", ")
    )))
}

fn page(answer: &Rebalance, plan: bool) -> String {
    let mut page = Page::default();
    let would = if plan { "would move" } else { "move" };
    match answer.moves.len() {
        0 => page.line("No task would be better off on another node."),
        1 => page.line(format_args!("1 task {}:", if plan { "would move" } else { "moves" })),
        count => page.line(format_args!("{count} tasks {would}:")),
    }
    for it in &answer.moves {
        page.line(format_args!("  {}\t{} -> {}", name(it), it.from, it.to));
    }
    if plan {
        page.line("");
        page.line("This is a plan: nothing was changed.");
    }
    page.aligned()
}

fn name(it: &RebalanceMove) -> String {
    format!("{}.{}", it.service_name, it.slot)
}

/// Those that are where they were and stay there, once all the others have ended.
async fn stayed<'a>(
    moves: &'a [RebalanceMove],
    client: &Client,
) -> Result<Option<Vec<&'a RebalanceMove>>> {
    let tasks = client.tasks(&Filters::default()).await?;
    let tasks: BTreeMap<&TaskId, &Task> = tasks.iter().map(|task| (&task.id, task)).collect();
    let live = moves.iter().filter_map(|it| {
        let task = tasks.get(&it.task_id)?;
        (!task.status.state.is_terminal()).then_some((it, *task))
    });
    let live: Vec<(&RebalanceMove, &Task)> = live.collect();
    let is_moving = |task: &Task| task.migrate || !task.desired_state.is_wanted();
    let all_decided = !live.iter().any(|(_, task)| is_moving(task));
    Ok(all_decided.then(|| live.into_iter().map(|(it, _)| it).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;
    use serde_json::json;

    use super::*;

    fn answer(count: u64) -> Rebalance {
        let node = "node0000000000000000000n1";
        let moves = (1..=count).map(|slot| {
            json!({
                "TaskID": format!("task0000000000000000000t{slot}"), "ServiceID": "web000000000000000000000w",
                "ServiceName": "web", "Slot": slot, "FromID": node, "From": "node1", "ToID": node, "To": "node12",
            })
        });
        from_value(json!({ "Moves": moves.collect::<Vec<_>>() })).expect("an answer")
    }

    #[test]
    fn every_move_has_a_line() {
        insta::assert_snapshot!(page(&answer(2), true), @r"
        2 tasks would move:
          web.1   node1 -> node12
          web.2   node1 -> node12

        This is a plan: nothing was changed.
        ");
        assert_eq!(page(&answer(1), false), "1 task moves:\n  web.1   node1 -> node12\n");
        assert_eq!(page(&answer(0), false), "No task would be better off on another node.\n");
    }
}
