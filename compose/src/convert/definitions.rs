//! The top-level sections: networks, volumes, secrets and configs.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

use ipnet::IpNet;
use swarmlite_proto::api::NetworkCreateRequest;
use swarmlite_proto::spec::Data;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::spec::Driver;
use swarmlite_proto::spec::IpamConfig;
use swarmlite_proto::spec::IpamOptions;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::MountDriver;
use swarmlite_proto::spec::ServiceSpec;

use super::super::error::ComposeError;
use super::super::error::Result;
use super::super::input::Files;
use super::super::section::Node;
use super::super::section::Section;
use super::scoped;
use super::stack_labels;

/// The network of services that name none.
pub(super) const DEFAULT_NETWORK: &str = "default";

/// Everything that services can refer to, by the names in the file.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) volumes: BTreeMap<String, Volume>,
    pub(super) secrets: Objects,
    pub(super) configs: Objects,
}

/// A network that is made with the stack, or has to be there.
#[derive(Debug)]
pub(super) struct Network {
    /// Its name in the cluster.
    pub(super) name: String,
    /// How it is made; none for an external one.
    request: Option<NetworkCreateRequest>,
}

/// A volume, which engines make when a container needs it.
#[derive(Debug)]
pub(super) struct Volume {
    /// Its name on the nodes.
    pub(super) name: String,
    /// Whether it is not of this stack.
    pub(super) external: bool,
    /// Its labels, if an engine makes it.
    pub(super) labels: Labels,
    /// Its driver, if an engine makes it.
    pub(super) driver: Option<MountDriver>,
}

/// Secrets or configs.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// The names in the cluster, by the names in the file.
    pub(super) names: BTreeMap<String, String>,
    own: Vec<DocumentSpec>,
}

impl Objects {
    /// Those that are made with the stack, by name.
    pub(super) fn into_own(self) -> Vec<DocumentSpec> {
        self.own
    }
}

impl Definitions {
    /// The networks that services are on: those to be made, and the names of those that have to be there.
    pub(super) fn networks_of(
        &self,
        services: &[ServiceSpec],
    ) -> (Vec<NetworkCreateRequest>, Vec<String>) {
        let attachments = services.iter().flat_map(|service| &service.task_template.networks);
        let used: BTreeSet<_> = attachments.map(|network| network.target.as_str()).collect();
        let (mut own, mut external) = (BTreeMap::new(), BTreeSet::new());
        for network in self.networks.values().filter(|it| used.contains(it.name.as_str())) {
            match &network.request {
                Some(request) => drop(own.insert(network.name.clone(), request.clone())),
                None => drop(external.insert(network.name.clone())),
            }
        }
        (own.into_values().collect(), external.into_iter().collect())
    }
}

/// Reads the four sections.
pub(super) fn read(
    root: &mut Section<'_>,
    namespace: &str,
    environment: &BTreeMap<String, String>,
    files: &dyn Files,
) -> Result<Definitions> {
    let mut definitions = Definitions::default();
    for (name, node) in root.get("networks", Node::entries)? {
        definitions.networks.insert(name.to_owned(), network(name, &node, namespace)?);
    }
    if !definitions.networks.contains_key(DEFAULT_NETWORK) {
        let node = Node::new("networks.default", &serde_json::Value::Null);
        let default = network(DEFAULT_NETWORK, &node, namespace)?;
        definitions.networks.insert(DEFAULT_NETWORK.to_owned(), default);
    }
    for (name, node) in root.get("volumes", Node::entries)? {
        definitions.volumes.insert(name.to_owned(), volume(name, &node, namespace)?);
    }
    let reader = ObjectReader { namespace, environment, files };
    for (name, node) in root.get("secrets", Node::entries)? {
        reader.read(name, &node, true, &mut definitions.secrets)?;
    }
    for (name, node) in root.get("configs", Node::entries)? {
        reader.read(name, &node, false, &mut definitions.configs)?;
    }
    for objects in [&mut definitions.secrets, &mut definitions.configs] {
        objects.own.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(definitions)
}

fn network(name: &str, node: &Node<'_>, namespace: &str) -> Result<Network> {
    let mut section = node.section()?;
    let own_name = section.read("name", Node::string)?;
    if section.get("external", Node::boolean)? {
        section.finish()?;
        return Ok(Network { name: own_name.unwrap_or_else(|| name.to_owned()), request: None });
    }
    let real_name = own_name.unwrap_or_else(|| scoped(namespace, name));
    let driver = section.get("driver", Node::string)?;
    let request = NetworkCreateRequest {
        name: real_name.clone(),
        driver: if driver.is_empty() { "overlay".to_owned() } else { driver },
        options: section.get("driver_opts", Node::labels)?,
        ipam: section.read("ipam", ipam)?.flatten(),
        internal: section.get("internal", Node::boolean)?,
        attachable: section.get("attachable", Node::boolean)?,
        enable_ipv4: section.read("enable_ipv4", Node::boolean)?,
        enable_ipv6: section.read("enable_ipv6", Node::boolean)?,
        labels: stack_labels(namespace, section.get("labels", Node::labels)?),
        ..NetworkCreateRequest::default()
    };
    section.finish()?;
    Ok(Network { name: real_name, request: Some(request) })
}

/// Where addresses come from, if anything is said about it.
fn ipam(node: &Node<'_>) -> Result<Option<IpamOptions>> {
    let mut section = node.section()?;
    let driver = section.get("driver", Node::string)?;
    let options = section.get("options", Node::labels)?;
    let subnet = |node: &Node<'_>| {
        let text = node.string()?;
        text.parse::<IpNet>().map_err(|_| node.invalid(format!("is no subnet: {text:?}")))
    };
    let mut config = Vec::new();
    for node in section.get("config", Node::items)? {
        let mut pool = node.section()?;
        let gateway = |node: &Node<'_>| {
            let text = node.string()?;
            text.parse().map_err(|_| node.invalid(format!("is no address: {text:?}")))
        };
        config.push(IpamConfig {
            subnet: pool.read("subnet", subnet)?,
            ip_range: pool.read("ip_range", subnet)?,
            gateway: pool.read("gateway", gateway)?,
            ..IpamConfig::default()
        });
        pool.finish()?;
    }
    section.finish()?;
    let is_said = !(driver.is_empty() && options.is_empty() && config.is_empty());
    Ok(is_said.then_some(IpamOptions { driver, options, config }))
}

fn volume(name: &str, node: &Node<'_>, namespace: &str) -> Result<Volume> {
    let mut section = node.section()?;
    let own_name = section.read("name", Node::string)?;
    let external = section.get("external", Node::boolean)?;
    let driver = section.get("driver", Node::string)?;
    let options = section.read("driver_opts", Node::labels)?;
    let labels = section.read("labels", Node::labels)?;
    section.finish()?;
    let given = [
        ("driver", !driver.is_empty()),
        ("driver_opts", options.is_some()),
        ("labels", labels.is_some()),
    ];
    if external && let Some((key, _)) = given.into_iter().find(|(_, given)| *given) {
        return Err(ComposeError::Refused(format!(
            "conflicting parameters \"external\" and {key:?} specified for volume {name:?}"
        )));
    }
    let default_name = if external { name.to_owned() } else { scoped(namespace, name) };
    let has_driver = !driver.is_empty() || options.is_some();
    Ok(Volume {
        name: own_name.unwrap_or(default_name),
        external,
        labels: stack_labels(namespace, labels.unwrap_or_default()),
        driver: has_driver
            .then(|| MountDriver { name: driver, options: options.unwrap_or_default() }),
    })
}

/// What secrets and configs are read with.
struct ObjectReader<'a> {
    namespace: &'a str,
    environment: &'a BTreeMap<String, String>,
    files: &'a dyn Files,
}

impl ObjectReader<'_> {
    fn read(
        &self,
        name: &str,
        node: &Node<'_>,
        is_secret: bool,
        objects: &mut Objects,
    ) -> Result<()> {
        let mut section = node.section()?;
        let own_name = section.read("name", Node::string)?;
        if section.get("external", Node::boolean)? {
            section.finish()?;
            let real_name = own_name.unwrap_or_else(|| name.to_owned());
            objects.names.insert(name.to_owned(), real_name);
            return Ok(());
        }
        let real_name = own_name.unwrap_or_else(|| scoped(self.namespace, name));
        let driver = if is_secret { driver(&mut section)? } else { None };
        let data = self.data(&mut section, node, driver.is_some())?;
        objects.own.push(DocumentSpec {
            name: real_name.clone(),
            labels: stack_labels(self.namespace, section.get("labels", Node::labels)?),
            data: Data::from(data),
            driver,
            templating: section
                .read("template_driver", Node::string)?
                .map(|name| Driver { name, ..Driver::default() }),
        });
        objects.names.insert(name.to_owned(), real_name);
        section.finish()
    }

    /// The value: of a file, of a variable, or written out. One of them, unless a driver has it.
    fn data(
        &self,
        section: &mut Section<'_>,
        node: &Node<'_>,
        has_driver: bool,
    ) -> Result<Vec<u8>> {
        let file = section.take("file");
        let variable = section.take("environment");
        let content = section.take("content");
        match (file, variable, content) {
            (None, None, None) if has_driver => Ok(Vec::new()),
            (Some(file), None, None) if !has_driver => {
                let path = file.string()?;
                self.files.read(Path::new(&path)).map_err(|source| ComposeError::Read {
                    path: file.path().to_owned(),
                    file: path.into(),
                    source,
                })
            }
            (None, Some(variable), None) if !has_driver => {
                let name = variable.string()?;
                let value = self.environment.get(&name).map(|value| value.as_bytes().to_vec());
                value.ok_or_else(|| {
                    variable.invalid(format!("names the variable {name:?}, which is not set"))
                })
            }
            (None, None, Some(content)) if !has_driver => Ok(content.string()?.into_bytes()),
            _ => Err(node.invalid("must have one of file, environment, content and driver")),
        }
    }
}

/// The driver of a secret.
fn driver(section: &mut Section<'_>) -> Result<Option<Driver>> {
    let Some(name) = section.read("driver", Node::string)? else { return Ok(None) };
    Ok(Some(Driver { name, options: section.get("driver_opts", Node::labels)? }))
}
