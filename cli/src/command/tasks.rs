//! Lists of tasks, as `service ps` and `node ps` print them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use swarmlite_proto::api::Explanation;
use swarmlite_proto::api::Task;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use crate::args::TaskListArgs;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;
use crate::output::explanation;
use crate::output::format::Field;
use crate::output::format::Listing;
use crate::output::format::Style;
use crate::output::natural_order;
use crate::output::short_id;
use crate::output::template::pretty;
use crate::value::duration;
use crate::value::image;

/// Errors are cut to this many characters in tables.
const MAX_ERROR: usize = 30;

/// Names of services and nodes by their ids. An id without a name stands for itself.
pub(crate) type Names = BTreeMap<String, String>;

/// Why tasks wait for a node, by their services.
type Explanations = BTreeMap<ServiceId, Explanation>;

/// How tasks are shown.
struct View<'a> {
    names: &'a Names,
    explanations: &'a Explanations,
    truncate: bool,
    /// Whether former tasks of a slot are set off, as tables do.
    indent: bool,
    now: Timestamp,
}

/// Prints tasks.
pub(crate) async fn print(
    tasks: Vec<Task>,
    args: &TaskListArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let names = if args.no_resolve { Names::new() } else { names(&tasks, client).await? };
    let style = Style { format: args.list.format.as_deref(), quiet: args.list.quiet };
    let is_whole = args.no_trunc && style.format.is_none() && !style.quiet;
    let explanations =
        if is_whole { explanations(&tasks, client).await } else { Explanations::new() };
    let view = View {
        names: &names,
        explanations: &explanations,
        truncate: !args.no_trunc && !args.list.quiet,
        indent: style.format.is_none_or(|format| format.trim().starts_with("table")),
        now: Timestamp::now(),
    };
    console.print(&listing(tasks, &view).render(style)?)
}

/// Asks why tasks wait, for the services of those that do.
async fn explanations(tasks: &[Task], client: &Client) -> Explanations {
    let mut explanations = Explanations::new();
    for task in tasks.iter().filter(|task| waits(task)) {
        // What cannot be explained is shown without.
        if !explanations.contains_key(&task.service_id)
            && let Ok(explanation) = client.explanation(task.service_id.as_str()).await
        {
            explanations.insert(task.service_id.clone(), explanation);
        }
    }
    explanations
}

fn waits(task: &Task) -> bool {
    task.status.state == TaskState::Pending && !task.status.err.is_empty()
}

/// Asks for the names of the services and nodes that tasks belong to. What is gone keeps its id.
pub(crate) async fn names(tasks: &[Task], client: &Client) -> Result<Names> {
    let mut names = Names::new();
    for task in tasks {
        let service = task.service_id.as_str();
        if !names.contains_key(service) {
            let name = client.service_name(service).await?.filter(|name| !name.is_empty());
            names.insert(service.to_owned(), name.unwrap_or_else(|| service.to_owned()));
        }
        if let Some(node) = &task.node_id
            && !names.contains_key(node.as_str())
        {
            let name = client.node_name(node.as_str()).await?.filter(|name| !name.is_empty());
            names.insert(node.to_string(), name.unwrap_or_else(|| node.to_string()));
        }
    }
    Ok(names)
}

/// The tasks as rows: by name as a person sorts, the newest of a slot first.
fn listing(tasks: Vec<Task>, view: &View<'_>) -> Listing {
    let mut tasks: Vec<_> = tasks.into_iter().map(|task| (name(&task, view.names), task)).collect();
    tasks.sort_by(|(name, task), (other_name, other)| {
        natural_order(name, other_name).then_with(|| other.created_at.cmp(&task.created_at))
    });
    let rows = tasks.iter().enumerate().map(|(at, (name, task))| {
        let former = at > 0 && tasks[at - 1].0 == *name;
        let indent = if former && view.indent { r" \_ " } else { "" };
        row(&format!("{indent}{name}"), task, view)
    });
    Listing {
        fields: &[
            Field { name: "ID", heading: "ID" },
            Field { name: "Name", heading: "NAME" },
            Field { name: "Image", heading: "IMAGE" },
            Field { name: "Node", heading: "NODE" },
            Field { name: "DesiredState", heading: "DESIRED STATE" },
            Field { name: "CurrentState", heading: "CURRENT STATE" },
            Field { name: "Error", heading: "ERROR" },
            Field { name: "Ports", heading: "PORTS" },
            // Not docker's: whether the nodes send the task traffic.
            Field { name: "Routing", heading: "ROUTING" },
        ],
        default_table: concat!(
            r"{{.ID}}\t{{.Name}}\t{{.Image}}\t{{.Node}}\t",
            r"{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}\t{{.Ports}}"
        ),
        rows: rows.collect(),
    }
}

/// `service.slot`, or `service.node` for a task of a global service.
pub(crate) fn name(task: &Task, names: &Names) -> String {
    let service = resolved(task.service_id.as_str(), names);
    match (task.slot, &task.node_id) {
        (0, Some(node)) => format!("{service}.{node}"),
        (0, None) => format!("{service}."),
        (slot, _) => format!("{service}.{slot}"),
    }
}

/// The name that stands for an id.
pub(crate) fn resolved<'a>(id: &'a str, names: &'a Names) -> &'a str {
    names.get(id).map_or(id, String::as_str)
}

fn row(name: &str, task: &Task, view: &View<'_>) -> Vec<Value> {
    let image = task.spec.container_spec.as_ref().map_or("", |container| &container.image);
    let id = task.id.as_str();
    let age = duration::human(view.now.since(task.status.timestamp));
    vec![
        if view.truncate { short_id(id) } else { id }.into(),
        name.into(),
        if view.truncate { image::familiar(image) } else { image }.into(),
        task.node_id.as_ref().map_or("", |node| resolved(node.as_str(), view.names)).into(),
        pretty(task.desired_state.as_str()).into(),
        format!("{} {age} ago", pretty(task.status.state.as_str())).into(),
        error(&explained(task, view.explanations), view.truncate).into(),
        ports(task).into(),
        task.routing.as_str().into(),
    ]
}

/// The error, with what is known about why the task waits.
fn explained<'a>(task: &'a Task, explanations: &Explanations) -> Cow<'a, str> {
    let err = task.status.err.as_str();
    let explanation = explanations.get(&task.service_id).filter(|_| waits(task));
    let why = explanation.map(|it| explanation::line(it, task.node_id.as_ref()));
    match why.filter(|why| !why.is_empty()) {
        Some(why) => format!("{err}: {why}").into(),
        None => err.into(),
    }
}

/// The error in quotes; nothing if there is none.
fn error(error: &str, truncate: bool) -> String {
    if error.is_empty() {
        String::new()
    } else if truncate && error.chars().count() > MAX_ERROR {
        let cut: String = error.chars().take(MAX_ERROR - 1).collect();
        format!("\"{cut}…\"")
    } else {
        format!("\"{error}\"")
    }
}

/// The ports that the task published on its node itself.
fn ports(task: &Task) -> String {
    let ports = task.status.port_status.ports.iter().map(|port| {
        format!("*:{}->{}/{}", port.published_port, port.target_port, port.protocol.as_str())
    });
    ports.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixtures::nodes;
    use crate::fixtures::services;
    use crate::fixtures::tasks;

    fn render(truncate: bool, style: Style<'_>) -> String {
        render_with(&Explanations::new(), truncate, style)
    }

    fn render_with(explanations: &Explanations, truncate: bool, style: Style<'_>) -> String {
        let mut names = Names::new();
        names.extend(services().into_iter().map(|it| (it.id.to_string(), it.spec.name)));
        names.extend(nodes().into_iter().map(|it| (it.id.to_string(), it.description.hostname)));
        let now = Timestamp::EPOCH + Duration::from_secs(100);
        let view =
            View { names: &names, explanations, truncate, indent: style.format.is_none(), now };
        listing(tasks(), &view).render(style).expect("prints")
    }

    #[test]
    fn the_table_is_dockers_with_former_tasks_below() {
        insta::assert_snapshot!(render(true, Style::default()), @r#"
        ID             NAME        IMAGE           NODE      DESIRED STATE   CURRENT STATE                ERROR                              PORTS
        task00000000   web.1       whoami:latest   node1     Running         Running 3 seconds ago                                           *:5353->53/udp
        task00000000   web.2       whoami:latest   node1     Running         Running about a minute ago                                      *:5353->53/udp
        task00000000    \_ web.2   whoami:latest   node2     Shutdown        Failed about a minute ago    "task: non-zero exit (1): a lo…"   *:5353->53/udp
        task00000000   web.10      whoami:latest             Running         Pending about a minute ago   "no suitable node"                 *:5353->53/udp
        "#);
    }

    #[test]
    fn nothing_is_cut_when_asked() {
        let format = Some("{{.ID}} {{.Name}} {{.Image}} {{.Error}}");
        insta::assert_snapshot!(render(false, Style { format, quiet: false }), @r#"
        task000000000000000000003 web.1 whoami:latest@sha256:00 
        task000000000000000000004 web.2 whoami:latest@sha256:00 
        task000000000000000000002 web.2 whoami:latest@sha256:00 "task: non-zero exit (1): a long story about it"
        task000000000000000000001 web.10 whoami:latest@sha256:00 "no suitable node"
        "#);
    }

    #[test]
    fn what_waits_is_explained_node_by_node() {
        let explanation = crate::fixtures::explanation();
        let explanations = Explanations::from([(explanation.service_id.clone(), explanation)]);
        let table = render_with(&explanations, false, Style::default());
        let waiting = table.lines().find(|line| line.contains("web.10")).expect("is listed");
        let says = r#""no suitable node: node2: 300 MiB of memory short: 512 MiB needed, 212 MiB left; node1: "#;
        assert!(waiting.contains(says), "{waiting}");
        let failed = table.lines().find(|line| line.contains("Failed")).expect("is listed");
        assert!(failed.contains(r#""task: non-zero exit (1): a long story about it""#), "{failed}");
    }
}
