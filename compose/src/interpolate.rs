//! Values in the places of variables, in all texts of a tree. Keys stay as they are.

use serde_json::Value;

use super::error::ComposeError;
use super::error::Result;
use super::template;
use super::template::Room;
use super::template::TemplateError;
use super::template::Variables;
use super::yaml::Tree;

/// Substitutes everywhere in a tree.
pub(super) fn tree(tree: &mut Tree, variables: &mut dyn Variables) -> Result<()> {
    let mut room = Room::of_file();
    tree.iter_mut().try_for_each(|(key, value)| self::value(key, value, variables, &mut room))
}

fn value(
    path: &str,
    value: &mut Value,
    variables: &mut dyn Variables,
    room: &mut Room,
) -> Result<()> {
    match value {
        Value::String(text) => {
            let substituted = template::substitute(text, variables, room);
            *text = substituted.map_err(|error| refused(path, text, &error))?;
            Ok(())
        }
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(at, item)| self::value(&format!("{path}.{at}"), item, variables, room)),
        Value::Object(entries) => entries.iter_mut().try_for_each(|(key, entry)| {
            self::value(&format!("{path}.{key}"), entry, variables, room)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The refusal, in docker's words.
fn refused(path: &str, text: &str, error: &TemplateError) -> ComposeError {
    ComposeError::Refused(match error {
        TemplateError::Invalid => format!(
            "invalid interpolation format for {path}: {text:?}; you may need to escape any $ with another $"
        ),
        TemplateError::Required { .. } | TemplateError::TooDeep | TemplateError::TooLong => {
            format!("error while interpolating {path}: {error}")
        }
    })
}
