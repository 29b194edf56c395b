//! Secrets and configs as files of a container.

use super::super::error::ComposeError;
use super::super::error::Result;
use super::super::section::Node;
use super::super::section::Section;
use super::FileReference;
use super::definitions::Objects;

/// Who may read such a file when nothing is said: everybody.
const DEFAULT_MODE: u32 = 0o444;

/// The secrets or configs of a service, by their names in the cluster.
pub(super) fn files(
    section: &mut Section<'_>,
    kind: &str,
    objects: &Objects,
) -> Result<Vec<FileReference>> {
    let Some(list) = section.take(kind) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for node in list.items()? {
        let mut section = node.section()?;
        let source = section.get("source", Node::string)?;
        let object = objects.names.get(&source).ok_or_else(|| {
            ComposeError::Refused(format!("undefined {} {source:?}", kind.trim_end_matches('s')))
        })?;
        let owner = || "0".to_owned();
        files.push(FileReference {
            object: object.clone(),
            target: section.read("target", Node::string)?.unwrap_or(source),
            uid: section.read("uid", Node::string)?.unwrap_or_else(owner),
            gid: section.read("gid", Node::string)?.unwrap_or_else(owner),
            mode: section.read("mode", mode)?.unwrap_or(DEFAULT_MODE),
        });
        section.finish()?;
    }
    files.sort_by(|a, b| a.object.cmp(&b.object));
    Ok(files)
}

/// A mode as a number, or as text in octal digits.
fn mode(node: &Node<'_>) -> Result<u32> {
    match node.string() {
        Ok(text) if text.starts_with('0') => {
            let digits = text.trim_start_matches("0o");
            u32::from_str_radix(digits, 8).map_err(|_| node.invalid("must be an octal mode"))
        }
        _ => node.integer(),
    }
}
