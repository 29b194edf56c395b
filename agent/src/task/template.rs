//! Placeholders in host names, environment variables and mounts, as `{{.Service.Name}}` (swarmkit `template/`). Pure.
//!
//! Swarm runs Go's template language; here its fields and `index` are understood, which is what its documentation names. Anything else is refused.

use swarmlite_proto::agent::TaskAssignment;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::Platform;

/// What placeholders can stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) task: &'a TaskAssignment,
    /// The host name of the node.
    pub(crate) node_hostname: &'a str,
    /// What the node runs on.
    pub(crate) platform: &'a Platform,
}

/// A placeholder that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    /// An opening without an end.
    #[error("expanding template failed: unclosed action")]
    Unclosed,
    /// Something that is not understood.
    #[error("expanding template failed: unsupported action {0:?}")]
    Unsupported(String),
    /// A file that the container does not have.
    #[error("expanding template failed: {0} not found")]
    UnknownTarget(String),
    /// Bytes that are no text have no placeholders, and stand for none.
    #[error("expanding template failed: not UTF-8")]
    NotText,
}

/// The name of a task, which is also that of its container: `SERVICE.SLOT.TASK`, or `SERVICE.NODE.TASK` for a global service.
#[must_use]
pub(crate) fn task_name(task: &TaskAssignment) -> String {
    let TaskAssignment { service_name, slot, node_id, id, .. } = task;
    if *slot == 0 {
        format!("{service_name}.{node_id}.{id}")
    } else {
        format!("{service_name}.{slot}.{id}")
    }
}

/// `text` with every placeholder replaced.
///
/// # Errors
///
/// When a placeholder means nothing.
pub(crate) fn expand(text: &str, context: &Context<'_>) -> Result<String, TemplateError> {
    replace(text, |action| value(action, context))
}

/// `text` with every placeholder replaced by what `value` says that it stands for.
///
/// # Errors
///
/// When a placeholder has no end, and those of `value`.
pub(crate) fn replace<E: From<TemplateError>>(
    text: &str,
    mut value: impl FnMut(&str) -> Result<String, E>,
) -> Result<String, E> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (action, after) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
        expanded.push_str(before);
        expanded.push_str(&value(action.trim())?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// What a placeholder stands for.
///
/// # Errors
///
/// When it means nothing.
pub(crate) fn value(action: &str, context: &Context<'_>) -> Result<String, TemplateError> {
    let task = context.task;
    Ok(match action {
        ".Service.ID" => task.service_id.to_string(),
        ".Service.Name" => task.service_name.clone(),
        ".Service.Labels" => go_map(&task.service_labels),
        ".Node.ID" => task.node_id.to_string(),
        ".Node.Hostname" => context.node_hostname.to_owned(),
        // As Go prints a struct.
        ".Node.Platform" => {
            format!("{{{} {}}}", context.platform.architecture, context.platform.os)
        }
        ".Node.Platform.Architecture" => context.platform.architecture.clone(),
        ".Node.Platform.OS" => context.platform.os.clone(),
        ".Task.ID" => task.id.to_string(),
        ".Task.Name" => task_name(task),
        ".Task.Slot" => task.slot.to_string(),
        other => label(other, &task.service_labels)
            .ok_or_else(|| TemplateError::Unsupported(action.to_owned()))?,
    })
}

/// `.Service.Labels.x` or `index .Service.Labels "x"`; a label that is not there is empty, as in Go.
fn label(action: &str, labels: &Labels) -> Option<String> {
    let key = match action.strip_prefix(".Service.Labels.") {
        Some(key) => key,
        None => action
            .strip_prefix("index")?
            .trim_start()
            .strip_prefix(".Service.Labels")?
            .trim_start()
            .strip_prefix('"')?
            .strip_suffix('"')?,
    };
    Some(labels.get(key).cloned().unwrap_or_default())
}

/// A map as Go's templates print it.
fn go_map(labels: &Labels) -> String {
    let members: Vec<_> = labels.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    format!("map[{}]", members.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::samples::platform;
    use crate::task::samples::task;

    #[test]
    fn every_documented_placeholder_is_replaced() {
        let mut task = task('a');
        task.service_labels = [("tier".to_owned(), "front".to_owned())].into();
        let context = Context { task: &task, node_hostname: "host-1", platform: &platform() };
        let id = |letter: &str| letter.repeat(25);
        for (text, expected) in [
            ("plain", "plain".to_owned()),
            ("{{.Service.Name}}-{{ .Task.Slot }}", "web-1".to_owned()),
            ("{{.Service.ID}}", id("s")),
            ("{{.Node.ID}}@{{.Node.Hostname}}", format!("{}@host-1", id("n"))),
            ("{{.Node.Platform.OS}}", "linux".to_owned()),
            ("{{.Node.Platform.Architecture}}", "x86_64".to_owned()),
            ("{{.Node.Platform}}", "{x86_64 linux}".to_owned()),
            ("{{.Task.ID}}", id("a")),
            ("{{.Task.Name}}", format!("web.1.{}", id("a"))),
            ("{{.Service.Labels.tier}}", "front".to_owned()),
            (r#"{{index .Service.Labels "tier"}}"#, "front".to_owned()),
            (r#"{{index .Service.Labels "none"}}"#, String::new()),
            ("{{.Service.Labels}}", "map[tier:front]".to_owned()),
        ] {
            assert_eq!(expand(text, &context).as_ref(), Ok(&expected), "{text}");
        }
        task.slot = 0;
        assert_eq!(task_name(&task), format!("web.{}.{}", id("n"), id("a")));
    }

    #[test]
    fn what_means_nothing_is_refused_by_name() {
        let task = task('a');
        let context = Context { task: &task, node_hostname: "host-1", platform: &platform() };
        let refused = expand("x{{.Task.Colour}}", &context).expect_err("refused");
        assert_eq!(refused, TemplateError::Unsupported(".Task.Colour".to_owned()));
        let refused = expand("x{{.Task.ID", &context).expect_err("refused");
        assert_eq!(refused, TemplateError::Unclosed);
    }
}
