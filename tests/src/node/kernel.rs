//! What the kernel and the engine of a node hold, as text to be compared.

use crate::command::run;
use crate::node::Node;

/// One section per command, for the node itself and for each of its named network namespaces.
const SCRIPT: &str = include_str!("kernel.sh");

/// The state of `node`.
pub(crate) async fn dump(node: &Node) -> anyhow::Result<String> {
    let mut command = node.namespace()?.command("sh");
    command.args(["-c", SCRIPT]);
    command.env("SCRIPT", SCRIPT);
    command.env("DAEMON", node.state_dir().join("netns"));
    let mut text = run(&mut command).await?;
    text.push_str("# networks of the engine\n");
    let networks = ["network", "ls", "--format", "{{.Name}} {{.Driver}}"];
    text.push_str(&sorted(&node.docker(&networks).await?));
    text.push_str("# containers\n");
    let containers = ["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}}"];
    text.push_str(&sorted(&node.docker(&containers).await?));
    Ok(text)
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}
