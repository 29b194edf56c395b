//! Secrets and configs as files of a container.

use swarmlite_proto::spec::ConfigReference;
use swarmlite_proto::spec::FileTarget;
use swarmlite_proto::spec::SecretReference;

use super::super::error::ComposeError;
use super::super::error::Result;
use super::super::section::Node;
use super::super::section::Section;
use super::definitions::Objects;

/// The secrets of a service, by their names in the cluster. Their ids are for somebody else to find.
pub(super) fn secrets(
    section: &mut Section<'_>,
    secrets: &Objects,
) -> Result<Vec<SecretReference>> {
    let reference = |(secret_name, file)| SecretReference {
        file: Some(file),
        secret_id: String::new(),
        secret_name,
    };
    Ok(files(section, "secret", secrets)?.into_iter().map(reference).collect())
}

/// The same for configs.
pub(super) fn configs(
    section: &mut Section<'_>,
    configs: &Objects,
) -> Result<Vec<ConfigReference>> {
    let reference = |(config_name, file)| ConfigReference {
        file: Some(file),
        config_name,
        ..ConfigReference::default()
    };
    Ok(files(section, "config", configs)?.into_iter().map(reference).collect())
}

/// Names of the cluster, and which files they become, in the order of the names.
fn files(
    section: &mut Section<'_>,
    kind: &str,
    objects: &Objects,
) -> Result<Vec<(String, FileTarget)>> {
    let mut files = Vec::new();
    for node in section.get(&format!("{kind}s"), Node::items)? {
        let mut section = node.section()?;
        let source = section.get("source", Node::string)?;
        let name = objects.names.get(&source);
        let name =
            name.ok_or_else(|| ComposeError::Refused(format!("undefined {kind} {source:?}")))?;
        let default = FileTarget::default();
        let file = FileTarget {
            name: section.read("target", Node::string)?.unwrap_or(source),
            uid: section.read("uid", Node::string)?.unwrap_or(default.uid),
            gid: section.read("gid", Node::string)?.unwrap_or(default.gid),
            mode: section.read("mode", mode)?.unwrap_or(default.mode),
        };
        section.finish()?;
        files.push((name.clone(), file));
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
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
