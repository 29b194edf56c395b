//! From a tree to the specs of a stack (docker/cli `cli/compose/convert`).

mod container;
mod definitions;
mod deploy;
mod extension;
mod mount;
mod network;
mod reference;
mod service;

use std::collections::BTreeMap;

use swarmlite_proto::api::NetworkCreateRequest;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::ServiceSpec;

use self::definitions::Definitions;
use super::error::ComposeError;
use super::error::Result;
use super::input::Files;
use super::notes::Notes;
use super::section::Node;
use super::yaml::Tree;

/// The label that says which stack an object is of.
pub const LABEL_NAMESPACE: &str = "com.docker.stack.namespace";

/// The label of a service with the image as the Compose file has it.
pub const LABEL_IMAGE: &str = "com.docker.stack.image";

/// What a cluster is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Networks to be made, by name.
    pub networks: Vec<NetworkCreateRequest>,
    /// Networks that have to be there, by name.
    pub external_networks: Vec<String>,
    /// Secrets to be made, by name.
    pub secrets: Vec<DocumentSpec>,
    /// Configs to be made, by name.
    pub configs: Vec<DocumentSpec>,
    /// Services, by name. Their networks, secrets and configs are known by name only.
    pub services: Vec<ServiceSpec>,
}

/// What the conversion of a service needs beside the service.
struct Context<'a> {
    namespace: &'a str,
    definitions: &'a Definitions,
    notes: &'a mut Notes,
}

/// Converts a tree.
pub(super) fn stack(
    tree: &Tree,
    namespace: &str,
    environment: &BTreeMap<String, String>,
    files: &dyn Files,
    notes: &mut Notes,
) -> Result<Stack> {
    let tree = serde_json::Value::Object(tree.clone());
    let mut root = Node::new("", &tree).section()?;
    root.get("name", Node::string)?;
    // Which version of the format it is has no meaning any more, as the specification says.
    root.get("version", Node::string)?;
    let definitions = definitions::read(&mut root, namespace, environment, files)?;
    let mut services = Vec::new();
    let mut context = Context { namespace, definitions: &definitions, notes };
    for (name, node) in root.get("services", Node::entries)? {
        services.push(service::convert(name, &node, &mut context)?);
    }
    root.finish()?;
    let (networks, external_networks) = definitions.networks_of(&services);
    Ok(Stack {
        networks,
        external_networks,
        secrets: definitions.secrets.into_own(),
        configs: definitions.configs.into_own(),
        services,
    })
}

impl Stack {
    /// Refuses services without an image.
    ///
    /// # Errors
    ///
    /// For the first service that has none.
    pub fn require_images(&self) -> Result<(), ComposeError> {
        for service in &self.services {
            let container = service.task_template.container_spec.as_ref();
            if container.is_none_or(|container| container.image.is_empty()) {
                return Err(ComposeError::Refused(format!(
                    "invalid image reference for service {}: no image specified",
                    service.name
                )));
            }
        }
        Ok(())
    }
}

/// A name in the namespace of a stack.
fn scoped(namespace: &str, name: &str) -> String {
    format!("{namespace}_{name}")
}

/// Labels, with the one that says which stack it is.
fn stack_labels(namespace: &str, mut labels: Labels) -> Labels {
    labels.insert(LABEL_NAMESPACE.to_owned(), namespace.to_owned());
    labels
}
