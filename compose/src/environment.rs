//! The environment of a service: its files of variables, its own variables, and the user's values for those without one.
//!
//! The rules are docker's (`resolveEnvironment` in `cli/compose/loader` of docker/cli): lines of a file are taken as they are, and
//! a variable that is empty or has no value takes the user's.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;
use swarmlite_proto::value::env;

use super::error::ComposeError;
use super::error::Result;
use super::input::Files;
use super::notes::Notes;
use super::section::Node;
use super::yaml::Tree;

/// Puts the variables of its files into the environment of a service, and takes the files out.
pub(super) fn resolve(
    path: &str,
    service: &mut Tree,
    user: &BTreeMap<String, String>,
    files: &dyn Files,
    notes: &mut Notes,
) -> Result<()> {
    let mut environment = BTreeMap::new();
    if let Some(list) = service.remove("env_file") {
        for file in Node::new(format!("{path}.env_file"), &list).items()? {
            for variable in read(&file, user, files, notes)? {
                let (name, value) = variable.split_once('=').unwrap_or((&variable, ""));
                environment.insert(name.to_owned(), Some(value.to_owned()));
            }
        }
    }
    if let Some(own) = service.get("environment") {
        environment.extend(Node::new(format!("{path}.environment"), own).variables()?);
    }
    if environment.is_empty() {
        return Ok(());
    }
    let resolved = environment.into_iter().map(|(name, value)| {
        let value = match (value, user.get(&name)) {
            (None, Some(of_user)) => Some(of_user.clone()),
            (Some(value), Some(of_user)) if value.is_empty() => Some(of_user.clone()),
            (value, _) => value,
        };
        (name, value.map_or(Value::Null, Value::from))
    });
    service.insert("environment".to_owned(), Value::Object(resolved.collect()));
    Ok(())
}

/// The lines of one file.
fn read(
    file: &Node<'_>,
    user: &BTreeMap<String, String>,
    files: &dyn Files,
    notes: &mut Notes,
) -> Result<Vec<String>> {
    let mut section = file.section()?;
    let path = section.get("path", Node::string)?;
    let required = section.read("required", Node::boolean)?.unwrap_or(true);
    section.read("format", |format| format.one_of(&[("raw", ())]))?;
    section.finish()?;
    let bytes = match files.read(Path::new(&path)) {
        Ok(bytes) => bytes,
        Err(error) if !required && error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            return Err(ComposeError::Read {
                path: file.path().to_owned(),
                file: path.into(),
                source,
            });
        }
    };
    let text = String::from_utf8(bytes).map_err(|_| file.invalid("is not UTF-8"))?;
    let lines = env::file(&text, |name| user.get(name).cloned());
    let lines = lines.map_err(|why| file.invalid(format!("{path}: {why}")))?;
    for line in &lines {
        if let Some((name, value)) = line.split_once('=')
            && is_quoted(value)
        {
            notes.say(format!("{path}: the quotes around the value of {name} are part of it"));
        }
    }
    Ok(lines)
}

/// Whether somebody may take the quotes around a value for no part of it.
fn is_quoted(value: &str) -> bool {
    let inner = |quote: char| value.strip_prefix(quote).is_some_and(|rest| rest.ends_with(quote));
    inner('"') || inner('\'')
}
