//! Why tasks are where they are, or nowhere: a picture of nodes and rules, and below it what each node has to say.

use console::Style;
use swarmlite_proto::api::Explanation;
use swarmlite_proto::api::NodeVerdict;
use swarmlite_proto::id::NodeId;

use super::pretty::Page;

/// With more nodes than this, the rest is only counted.
const SHOWN: usize = 40;

/// As many nodes are named in one line.
const IN_LINE: usize = 5;

/// Longer names of nodes are cut in the picture.
const MAX_NAME: usize = 24;

/// What stands between columns.
const GAP: &str = "   ";

/// How a picture is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canvas {
    /// So many characters are in a line.
    pub(crate) width: usize,
    /// Whether there are colours.
    pub(crate) color: bool,
}

impl Canvas {
    /// What suits where standard output goes.
    pub(crate) fn new(interactive: bool) -> Self {
        let (_, columns) = console::Term::stdout().size();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            width: if interactive { columns.into() } else { 80 },
            color: interactive && !no_color,
        }
    }
}

/// The explanation on a page.
pub(crate) fn page(explanation: &Explanation, canvas: Canvas) -> String {
    let mut page = Page::default();
    page.line(&explanation.sentence);
    let shown = &explanation.nodes[..explanation.nodes.len().min(SHOWN)];
    if !shown.is_empty() {
        page.line("");
        picture(explanation, shown, canvas).into_iter().for_each(|line| page.line(line));
        page.line("");
        shown.iter().for_each(|node| page.line(format!("{}: {}", node.hostname, says(node))));
    }
    let more = explanation.nodes.len() - shown.len();
    if more > 0 {
        page.line(format!("and {more} more nodes, which --format json has too"));
    }
    if !explanation.hint.is_empty() {
        page.line("");
        page.line(format!("To place it: {}", explanation.hint));
    } else if !explanation.error.is_empty() {
        page.line("");
        page.line("No change of the service or of one of these nodes would place it.");
    }
    page.finish()
}

/// The explanation in one line, of all nodes or of `only` one: what the tables of tasks show beside Docker's error.
pub(crate) fn line(explanation: &Explanation, only: Option<&NodeId>) -> String {
    let refuses = |node: &&NodeVerdict| !node.fits && only.is_none_or(|only| node.node_id == *only);
    let refusing: Vec<&NodeVerdict> = explanation.nodes.iter().filter(refuses).collect();
    let (named, more) = refusing.split_at(refusing.len().min(IN_LINE));
    let mut parts: Vec<String> = named
        .iter()
        .map(|node| format!("{}: {}", node.hostname, obstacles(node).join(", ")))
        .collect();
    parts.extend((!more.is_empty()).then(|| format!("and {} more nodes", more.len())));
    parts.join("; ")
}

/// Nodes and rules, with a mark where a rule refuses. Where the line is too short for all rules, those that refuse nowhere are left out.
fn picture(explanation: &Explanation, nodes: &[NodeVerdict], canvas: Canvas) -> Vec<String> {
    let names: Vec<String> = nodes.iter().map(name).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    let ranks: Vec<String> = nodes.iter().map(rank).collect();
    let width = |checks: &[&String]| {
        let columns = checks.iter().map(|check| GAP.len() + check.len());
        name_width + GAP.len() + "RANK".len() + columns.sum::<usize>()
    };
    let mut checks: Vec<&String> = explanation.checks.iter().collect();
    if width(&checks) > canvas.width {
        checks.retain(|check| nodes.iter().any(|node| refuses(node, check)));
    }
    let headings: Vec<String> = checks.iter().map(|check| check.to_uppercase()).collect();
    let mut lines = vec![format!("{:name_width$}{GAP}RANK{GAP}{}", "NODE", headings.join(GAP))];
    for ((node, name), rank) in nodes.iter().zip(&names).zip(&ranks) {
        let marks = checks.iter().map(|check| {
            let mark = mark(refuses(node, check), canvas);
            format!("{mark}{:1$}", "", check.len() - 1)
        });
        let marks: Vec<String> = marks.collect();
        lines.push(format!("{name:name_width$}{GAP}{rank:4}{GAP}{}", marks.join(GAP)));
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

fn mark(refuses: bool, canvas: Canvas) -> String {
    let (sign, style) =
        if refuses { ("✗", Style::new().red()) } else { ("·", Style::new().dim()) };
    style.force_styling(canvas.color).apply_to(sign).to_string()
}

fn refuses(node: &NodeVerdict, check: &str) -> bool {
    node.obstacles.iter().any(|obstacle| obstacle.check == check)
}

/// The name of a node as it stands in the picture, with a star if the task is there.
fn name(node: &NodeVerdict) -> String {
    let mut name = node.hostname.clone();
    if name.chars().count() > MAX_NAME {
        name = name.chars().take(MAX_NAME - 1).chain(['…']).collect();
    }
    if node.here { format!("{name} *") } else { name }
}

fn rank(node: &NodeVerdict) -> String {
    match (node.rank, node.fits) {
        (Some(rank), _) => rank.to_string(),
        (None, true) => "fits".to_owned(),
        (None, false) => "-".to_owned(),
    }
}

/// What a node has to say.
fn says(node: &NodeVerdict) -> String {
    if !node.fits {
        return obstacles(node).join("; ");
    }
    let tasks =
        |count: u64| if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") };
    let parts = node.parts.iter().map(|part| {
        format!("{} of the service where {} is {:?}", tasks(part.tasks), part.label, part.value)
    });
    let here = format!("{} of the service, {} in all", tasks(node.tasks_of_service), node.tasks);
    let failures = (node.failures > 0).then(|| format!("{} failed of late", tasks(node.failures)));
    let merits = node.merits.iter().cloned();
    let all: Vec<String> = parts.chain([here]).chain(failures).chain(merits).collect();
    format!("fits: {}", all.join(", "))
}

fn obstacles(node: &NodeVerdict) -> Vec<&str> {
    node.obstacles.iter().map(|obstacle| obstacle.text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::explanation;

    const PLAIN: Canvas = Canvas { width: 100, color: false };

    #[test]
    fn nodes_and_rules_are_a_picture() {
        insta::assert_snapshot!(page(&explanation(), PLAIN), @r"
        1 of 2 tasks of web waits for a node: no suitable node (scheduling constraints not satisfied on 2 nodes; insufficient resources on 1 node).

        NODE    RANK   READY   RESOURCES   PLUGIN   CONSTRAINT   PLATFORM   PORT   MAX-REPLICAS   FILTER
        node2   -      ·       ✗           ·        ·            ·          ·      ·              ·
        node1   -      ·       ·           ·        ✗            ·          ·      ·              ·
        node3   -      ·       ✗           ·        ✗            ·          ·      ·              ·

        node2: 300 MiB of memory short: 512 MiB needed, 212 MiB left
        node1: constraint node.labels.zone==b is not met
        node3: 300 MiB of memory short: 512 MiB needed, 212 MiB left; constraint node.labels.zone==b is not met

        To place it: free 300 MiB of memory on node2, or drop constraint node.labels.zone==b
        ");
    }

    #[test]
    fn a_narrow_picture_has_the_rules_that_refuse() {
        let narrow = page(&explanation(), Canvas { width: 60, ..PLAIN });
        let heading = narrow.lines().find(|line| line.starts_with("NODE")).expect("a heading");
        assert_eq!(
            heading.split_whitespace().collect::<Vec<_>>(),
            ["NODE", "RANK", "RESOURCES", "CONSTRAINT"]
        );
    }

    #[test]
    fn colours_are_only_where_they_are_wanted() {
        let red = "\u{1b}[31m✗\u{1b}[0m";
        assert!(page(&explanation(), Canvas { color: true, ..PLAIN }).contains(red));
        assert!(!page(&explanation(), PLAIN).contains('\u{1b}'));
    }

    #[test]
    fn many_nodes_are_counted() {
        let mut many = explanation();
        let node = many.nodes[0].clone();
        many.nodes = vec![node; 45];
        assert!(page(&many, PLAIN).contains("\nand 5 more nodes, which --format json has too\n"));
        assert!(line(&many, None).ends_with("; and 40 more nodes"), "{}", line(&many, None));
    }

    #[test]
    fn one_line_has_what_refuses() {
        insta::assert_snapshot!(line(&explanation(), None), @"node2: 300 MiB of memory short: 512 MiB needed, 212 MiB left; node1: constraint node.labels.zone==b is not met; node3: 300 MiB of memory short: 512 MiB needed, 212 MiB left, constraint node.labels.zone==b is not met");
        let explanation = explanation();
        insta::assert_snapshot!(line(&explanation, Some(&explanation.nodes[1].node_id)), @"node1: constraint node.labels.zone==b is not met");
    }

    #[test]
    fn what_decides_between_nodes_that_fit_is_said() {
        let mut explanation = explanation();
        let node = &mut explanation.nodes[0];
        (node.fits, node.rank, node.failures) = (true, Some(1), 5);
        node.obstacles.clear();
        node.merits = vec!["drawn by lot".to_owned()];
        let line = "\nnode2: fits: 0 tasks of the service, 3 in all, 5 tasks failed of late, drawn by lot\n";
        let page = page(&explanation, PLAIN);
        assert!(page.contains(line), "{page}");
    }

    #[test]
    fn what_nothing_would_change_is_said() {
        let mut hopeless = explanation();
        hopeless.hint.clear();
        assert!(
            page(&hopeless, PLAIN)
                .ends_with("\nNo change of the service or of one of these nodes would place it.\n")
        );
    }
}
