//! One form for each thing: short syntaxes become long ones, and paths are made absolute, so that merging and converting see one kind
//! of each only.
//!
//! What has a form that is not known stays as it is. To refuse it is for whoever reads it.

mod ports;
mod volumes;

use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

pub(super) use self::ports::ignored_address;
use super::error::ComposeError;
use super::error::Result;
use super::notes::Notes;
use super::yaml;
use super::yaml::Tree;

/// What paths in a file are relative to, and whom to tell what has no effect.
pub(super) struct Origin<'a> {
    /// The directory that relative paths start from.
    pub(super) directory: &'a Path,
    /// The user's home, if known.
    pub(super) home: Option<&'a str>,
    /// For what has no effect.
    pub(super) notes: &'a mut Notes,
}

impl Origin<'_> {
    /// A path of the machine that the files are on, as an absolute one.
    fn absolute(&self, path: &str) -> String {
        let joined = match (path.strip_prefix('~'), self.home) {
            (Some(rest), Some(home)) => PathBuf::from(format!("{home}{rest}")),
            _ => self.directory.join(path),
        };
        clean(&joined).to_string_lossy().into_owned()
    }
}

/// A path without `.` and `..`, as Go's `filepath.Clean`.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // The parent of the root is the root.
            Component::ParentDir => drop(cleaned.pop()),
            component => cleaned.push(component),
        }
    }
    cleaned
}

/// Brings a whole file into this form.
pub(super) fn file(tree: &mut Tree, origin: &mut Origin<'_>) -> Result<()> {
    for (name, service) in entries(tree, "services") {
        if let Value::Object(service) = service {
            self::service(&format!("services.{name}"), service, origin)?;
        }
    }
    for section in ["networks", "volumes", "secrets", "configs"] {
        for (name, definition) in entries(tree, section) {
            if let Value::Object(definition) = definition {
                external(&format!("{section}.{name}"), definition)?;
                in_place(definition, "labels", |value| mapping(value, false));
                in_place(definition, "file", |value| {
                    value.as_str().map(|file| origin.absolute(file).into())
                });
            }
        }
    }
    Ok(())
}

/// The definitions of a section.
fn entries<'a>(
    tree: &'a mut Tree,
    section: &str,
) -> impl Iterator<Item = (&'a String, &'a mut Value)> {
    tree.get_mut(section).and_then(Value::as_object_mut).into_iter().flatten()
}

fn service(path: &str, service: &mut Tree, origin: &mut Origin<'_>) -> Result<()> {
    for key in ["command", "entrypoint"] {
        if let Some(Value::String(line)) = service.get(key) {
            let problem =
                || ComposeError::invalid(format!("{path}.{key}"), "has unbalanced quotes");
            let words = shlex::split(line).ok_or_else(problem)?;
            service.insert(key.to_owned(), words.into());
        }
    }
    in_place(service, "environment", |value| mapping(value, true));
    for key in ["labels", "sysctls"] {
        in_place(service, key, |value| mapping(value, false));
    }
    for key in ["dns", "dns_search", "tmpfs", "env_file", "label_file"] {
        in_place(service, key, |value| value.is_string().then(|| json!([value])));
    }
    in_place(service, "env_file", |value| env_files(value, origin));
    in_place(service, "extra_hosts", hosts);
    in_place(service, "networks", names);
    for key in ["secrets", "configs"] {
        in_place(service, key, |value| {
            each(value, |item| item.is_string().then(|| json!({"source": item})))
        });
    }
    if let Some(Value::Object(check)) = service.get_mut("healthcheck") {
        in_place(check, "test", |value| value.is_string().then(|| json!(["CMD-SHELL", value])));
    }
    if let Some(Value::Object(deploy)) = service.get_mut("deploy") {
        in_place(deploy, "labels", |value| mapping(value, false));
    }
    if let Some(value) = service.get_mut("ports") {
        ports::expand(&format!("{path}.ports"), value, origin.notes)?;
    }
    if let Some(value) = service.get_mut("volumes") {
        volumes::expand(&format!("{path}.volumes"), value, origin)?;
    }
    Ok(())
}

/// Replaces a value by another form, if it has one.
fn in_place(tree: &mut Tree, key: &str, form: impl FnOnce(&Value) -> Option<Value>) {
    if let Some(value) = tree.get_mut(key)
        && let Some(other) = form(value)
    {
        *value = other;
    }
}

/// A list with another form for each item that has one.
fn each(list: &Value, form: impl Fn(&Value) -> Option<Value>) -> Option<Value> {
    let items = list.as_array()?;
    Some(items.iter().map(|item| form(item).unwrap_or_else(|| item.clone())).collect())
}

/// A list of `key=value` as a mapping. A key alone has no value if that `may_lack`, and an empty one otherwise.
fn mapping(value: &Value, may_lack: bool) -> Option<Value> {
    let item = |item: &Value| {
        let text = item.as_str()?;
        Some(match text.split_once('=') {
            Some((key, value)) => (key.to_owned(), value.into()),
            None if may_lack => (text.to_owned(), Value::Null),
            None => (text.to_owned(), "".into()),
        })
    };
    value.as_array()?.iter().map(item).collect::<Option<Tree>>().map(Value::Object)
}

/// A list of names as a mapping without values.
fn names(value: &Value) -> Option<Value> {
    let name = |item: &Value| Some((item.as_str()?.to_owned(), Value::Null));
    value.as_array()?.iter().map(name).collect::<Option<Tree>>().map(Value::Object)
}

/// Hosts as a list of `name:address`, whatever separates them and with whatever brackets.
fn hosts(value: &Value) -> Option<Value> {
    let line = |name: &str, address: &str| {
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        Value::from(format!("{name}:{}", bare.unwrap_or(address)))
    };
    match value {
        Value::Object(hosts) => {
            let mut lines = Vec::new();
            for (name, addresses) in hosts {
                match addresses {
                    Value::Array(several) => {
                        for address in several {
                            lines.push(line(name, address.as_str()?));
                        }
                    }
                    address => lines.push(line(name, &yaml::scalar(address)?)),
                }
            }
            Some(lines.into())
        }
        Value::Array(_) => each(value, |item| {
            let text = item.as_str()?;
            let (name, address) = text.split_once('=').or_else(|| text.split_once(':'))?;
            Some(line(name, address))
        }),
        _ => None,
    }
}

/// Files of variables, each as `{path, required, format}` with an absolute path.
fn env_files(value: &Value, origin: &Origin<'_>) -> Option<Value> {
    each(value, |item| {
        let mut file = match item {
            Value::String(_) => json!({"path": item}),
            other => other.clone(),
        };
        let path = file.get_mut("path")?;
        *path = origin.absolute(path.as_str()?).into();
        Some(file)
    })
}

/// `external: {name: x}` as `external: true` and `name: x`.
fn external(path: &str, definition: &mut Tree) -> Result<()> {
    let Some(Value::Object(external)) = definition.get("external") else { return Ok(()) };
    let name = external.get("name").cloned();
    definition.insert("external".to_owned(), true.into());
    let Some(name) = name else { return Ok(()) };
    if definition.contains_key("name") {
        return Err(ComposeError::invalid(path, "external.name and name conflict; only use name"));
    }
    definition.insert("name".to_owned(), name);
    Ok(())
}

#[cfg(test)]
mod tests;
