//! From the tree of a template and a value to text.

use std::fmt::Write as _;

use serde_json::Value;

use super::Expression;
use super::Function;
use super::Node;

/// Whether functions change what they are given. In headings they do not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Functions {
    Applied,
    Ignored,
}

/// Prints nodes for one value.
pub(super) fn nodes(nodes: &[Node], value: &Value, functions: Functions) -> Result<String, String> {
    let mut out = String::new();
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Print(expression) => {
                out.push_str(&plain(&evaluate(expression, value, functions)?));
            }
            Node::If(condition, then, otherwise) => {
                let branch =
                    if truth(&evaluate(condition, value, functions)?) { then } else { otherwise };
                out.push_str(&self::nodes(branch, value, functions)?);
            }
            Node::Range(expression, each, empty) => {
                let items = match evaluate(expression, value, functions)? {
                    Value::Array(items) => items,
                    Value::Object(items) => items.into_iter().map(|(_, item)| item).collect(),
                    Value::Null => Vec::new(),
                    other => return Err(format!("range can't iterate over {}", plain(&other))),
                };
                if items.is_empty() {
                    out.push_str(&self::nodes(empty, value, functions)?);
                }
                for item in items {
                    out.push_str(&self::nodes(each, &item, functions)?);
                }
            }
        }
    }
    Ok(out)
}

fn evaluate(expression: &Expression, value: &Value, functions: Functions) -> Result<Value, String> {
    match expression {
        Expression::Field(names) => {
            names.iter().try_fold(value, |value, name| field(value, name)).cloned()
        }
        Expression::Literal(literal) => Ok(literal.clone()),
        Expression::Call(function, arguments) => {
            let arguments = arguments
                .iter()
                .map(|argument| evaluate(argument, value, functions))
                .collect::<Result<Vec<_>, _>>()?;
            match functions {
                Functions::Applied => apply(*function, &arguments),
                Functions::Ignored => Ok(arguments.into_iter().next().unwrap_or_default()),
            }
        }
    }
}

fn field<'a>(value: &'a Value, name: &str) -> Result<&'a Value, String> {
    match value {
        Value::Object(members) => members.get(name).ok_or_else(|| {
            let known: Vec<_> = members.keys().map(String::as_str).collect();
            format!("there is no field .{name} here, only {}", known.join(", "))
        }),
        _ => Err(format!("can't evaluate field {name} in {}", plain(value))),
    }
}

fn apply(function: Function, arguments: &[Value]) -> Result<Value, String> {
    match (function, arguments) {
        (Function::Json, [value]) => Ok(value.to_string().into()),
        (Function::Upper, [value]) => Ok(plain(value).to_uppercase().into()),
        (Function::Lower, [value]) => Ok(plain(value).to_lowercase().into()),
        (Function::Title, [value]) => Ok(pretty(&plain(value)).into()),
        (Function::Join, [Value::Array(items), Value::String(separator)]) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            Ok(items.join(separator).into())
        }
        (Function::Len, [Value::Array(items)]) => Ok(items.len().into()),
        (Function::Len, [Value::Object(items)]) => Ok(items.len().into()),
        (Function::Len, [Value::String(text)]) => Ok(text.len().into()),
        (Function::Index, [value, keys @ ..]) if !keys.is_empty() => {
            keys.iter().try_fold(value, index).cloned()
        }
        (Function::Println, values) => {
            let values: Vec<_> = values.iter().map(plain).collect();
            Ok(format!("{}\n", values.join(" ")).into())
        }
        (Function::Not, [value]) => Ok((!truth(value)).into()),
        (Function::Eq, [a, b]) => Ok((a == b).into()),
        (Function::Ne, [a, b]) => Ok((a != b).into()),
        _ => {
            let name = Function::ALL.iter().find(|(_, known)| *known == function);
            let name = name.map_or("function", |(name, _)| name);
            Err(format!("wrong arguments for {name}"))
        }
    }
}

fn index<'a>(value: &'a Value, key: &Value) -> Result<&'a Value, String> {
    match (value, key) {
        (Value::Object(members), Value::String(key)) => Ok(members.get(key).unwrap_or(&EMPTY)),
        (Value::Array(items), Value::Number(number)) => number
            .as_u64()
            .and_then(|number| items.get(usize::try_from(number).ok()?))
            .ok_or_else(|| format!("index out of range: {number}")),
        _ => Err(format!("can't index {}", plain(value))),
    }
}

/// What Go prints for a key that a map of strings does not have.
static EMPTY: Value = Value::String(String::new());

/// The first letter in upper case.
pub(crate) fn pretty(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Go's notion of an empty value.
fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// As Go's `fmt` prints it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(members) => {
            let mut out = String::from("map[");
            for (at, (key, value)) in members.iter().enumerate() {
                let space = if at > 0 { " " } else { "" };
                // Writing to a string cannot fail.
                let _ = write!(out, "{space}{key}:{}", plain(value));
            }
            out.push(']');
            out
        }
    }
}
