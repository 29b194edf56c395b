//! What is in a file: the content of a secret or config, with its placeholders replaced if it is templated (swarmkit `template/`). Pure.

use swarmlite_proto::object::Document;
use swarmlite_proto::spec::ConfigReference;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::Data;
use swarmlite_proto::spec::FileTarget;
use swarmlite_proto::spec::SecretReference;

use super::documents::Documents;
use super::error::FilesError;
use crate::task::template::Context;
use crate::task::template::TemplateError;
use crate::task::template::expand;
use crate::task::template::replace;
use crate::task::template::value;

/// What is in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// The bytes.
    pub(super) data: Data,
    /// Whether there is a secret among them.
    pub(super) is_secret: bool,
}

/// What is in the file that a container has of a secret.
pub(super) fn of_secret(
    reference: &SecretReference,
    context: &Context<'_>,
    documents: &Documents,
) -> Result<Content, FilesError> {
    let secret = secret(reference, documents)?;
    let content = render("secret", secret, context, documents)?;
    Ok(Content { is_secret: true, ..content })
}

/// What is in the file that a container has of a config.
pub(super) fn of_config(
    reference: &ConfigReference,
    context: &Context<'_>,
    documents: &Documents,
) -> Result<Content, FilesError> {
    render("config", config(reference, documents)?, context, documents)
}

fn secret<'a>(
    reference: &SecretReference,
    documents: &'a Documents,
) -> Result<&'a Document<swarmlite_proto::id::SecretId>, FilesError> {
    let found = reference.secret_id.parse().ok().and_then(|id| documents.secrets.get(&id));
    let missing = || FilesError::Missing { kind: "secret", name: reference.secret_name.clone() };
    found.map(AsRef::as_ref).ok_or_else(missing)
}

fn config<'a>(
    reference: &ConfigReference,
    documents: &'a Documents,
) -> Result<&'a Document<swarmlite_proto::id::ConfigId>, FilesError> {
    let found = reference.config_id.parse().ok().and_then(|id| documents.configs.get(&id));
    let missing = || FilesError::Missing { kind: "config", name: reference.config_name.clone() };
    found.map(AsRef::as_ref).ok_or_else(missing)
}

/// Why placeholders were not replaced.
enum Unrendered {
    Template(TemplateError),
    Missing(FilesError),
}

impl From<TemplateError> for Unrendered {
    fn from(error: TemplateError) -> Self {
        Self::Template(error)
    }
}

impl From<FilesError> for Unrendered {
    fn from(error: FilesError) -> Self {
        Self::Missing(error)
    }
}

fn render<I>(
    kind: &'static str,
    document: &Document<I>,
    context: &Context<'_>,
    documents: &Documents,
) -> Result<Content, FilesError> {
    let spec = &document.spec;
    if !spec.is_templated() {
        return Ok(Content { data: spec.data.clone(), is_secret: false });
    }
    let mut is_secret = false;
    let rendered = text(&spec.data).and_then(|text| {
        replace(text, |action| match function(action) {
            Some((name, argument)) => {
                is_secret |= name == "secret";
                call(name, argument, context, documents)
            }
            None => Ok(value(action, context)?),
        })
    });
    match rendered {
        Ok(text) => Ok(Content { data: Data::from(text.into_bytes()), is_secret }),
        Err(Unrendered::Missing(error)) => Err(error),
        Err(Unrendered::Template(source)) => {
            Err(FilesError::Template { kind, name: spec.name.clone(), source })
        }
    }
}

/// The function that an action calls, with its one argument in quotes, as `secret "tls"`.
fn function(action: &str) -> Option<(&str, &str)> {
    let (name, argument) = action.split_once(char::is_whitespace)?;
    let argument = argument.trim();
    let quoted = |quote| argument.strip_prefix(quote)?.strip_suffix(quote);
    let argument = quoted('"').or_else(|| quoted('`'))?;
    matches!(name, "secret" | "config" | "env").then_some((name, argument))
}

/// What a function gives. Secrets and configs are named by their files, as in Swarm, and are not expanded in turn.
fn call(
    name: &str,
    argument: &str,
    context: &Context<'_>,
    documents: &Documents,
) -> Result<String, Unrendered> {
    let none = ContainerSpec::default();
    let container = context.task.spec.container_spec.as_ref().unwrap_or(&none);
    let is_it = |file: &Option<FileTarget>| file.as_ref().is_some_and(|file| file.name == argument);
    let unknown = || TemplateError::UnknownTarget(format!("{name} target {argument}"));
    match name {
        "secret" => {
            let reference = container.secrets.iter().find(|one| is_it(&one.file));
            Ok(text(&secret(reference.ok_or_else(unknown)?, documents)?.spec.data)?.to_owned())
        }
        "config" => {
            let reference = container.configs.iter().find(|one| is_it(&one.file));
            Ok(text(&config(reference.ok_or_else(unknown)?, documents)?.spec.data)?.to_owned())
        }
        _ => {
            let variables = container.env.iter().filter_map(|entry| entry.split_once('='));
            let mut named = variables.filter(|(name, _)| name.eq_ignore_ascii_case(argument));
            Ok(expand(named.next().map_or("", |(_, value)| value), context)?)
        }
    }
}

fn text(data: &Data) -> Result<&str, Unrendered> {
    std::str::from_utf8(data.as_bytes()).map_err(|_| TemplateError::NotText.into())
}
