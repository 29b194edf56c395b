//! What has to be unique in the cluster. Checked as a transaction is applied, so that it holds by construction.

use std::net::Ipv4Addr;

use ipnet::IpNet;
use ipnet::Ipv4Net;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::ServiceId;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::task_state::TaskState;

use super::AddressOwner;
use super::State;
use super::index::holds_addresses;
use super::index::ingress_ports;

impl State {
    /// A node's index and raft id are its own.
    pub(super) fn check_node(&self, node: &Node) -> Result<()> {
        for other in self.tables.nodes.values().filter(|other| other.id != node.id) {
            if other.index == node.index {
                return Err(Error::conflict(format!(
                    "node index {} already belongs to node {}",
                    node.index.0, other.id
                )));
            }
            let raft_ids = (other.manager.map(|m| m.raft_id), node.manager.map(|m| m.raft_id));
            if let (Some(theirs), Some(ours)) = raft_ids
                && theirs == ours
            {
                return Err(Error::conflict(format!(
                    "raft id {ours} already belongs to node {}",
                    other.id
                )));
            }
        }
        Ok(())
    }

    /// A network's name, number and addresses are its own, and there is one ingress network.
    pub(super) fn check_network(&self, network: &Network) -> Result<()> {
        for other in self.tables.networks.values().filter(|other| other.id != network.id) {
            if other.spec.name == network.spec.name {
                return Err(network_already_exists(&network.spec.name));
            }
            if other.spec.ingress && network.spec.ingress {
                return Err(Error::conflict(format!(
                    "ingress network ({}) is already present",
                    other.id
                )));
            }
            if let (Some(theirs), Some(ours)) = (vxlan_id(other), vxlan_id(network))
                && theirs == ours
            {
                return Err(Error::conflict(format!(
                    "VXLAN id {ours} already belongs to network {}",
                    other.id
                )));
            }
            if let (Some(theirs), Some(ours)) = (claimed(other), claimed(network))
                && (theirs.contains(&ours) || ours.contains(&theirs))
            {
                return Err(Error::invalid(format!(
                    "Pool overlaps with other one on this address space: {ours} and {theirs} of network {}",
                    other.spec.name
                )));
            }
        }
        Ok(())
    }

    /// Nothing stands on a network that is removed: no service that names it, no task that may still run, no container that was
    /// attached, and for the ingress network no service that publishes a port or answers HTTP.
    pub fn check_unused(&self, network: &Network) -> Result<()> {
        let of_mesh = network.spec.ingress;
        let needs_it = |service: &Service| {
            let mut ports = service.spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
            let mut networks = service.spec.task_template.networks.iter();
            networks.any(|attachment| attachment.target == network.id.as_str())
                || (of_mesh && ports.any(|port| port.publish_mode == PublishMode::Ingress))
                || (of_mesh && !self.http_rules_of(&service.spec).is_empty())
        };
        if let Some(service) = self.tables.services.values().find(|service| needs_it(service)) {
            return Err(Error::invalid(if of_mesh {
                format!(
                    "ingress network cannot be removed because service {} depends on it",
                    service.id
                )
            } else {
                format!("network {} is in use by service {}", network.id, service.id)
            }));
        }
        let holds_it = |task: &Task| {
            // Tasks of a service that is gone are about to end: nobody has to wait for the loop that tells them so.
            self.tables.services.contains_key(&task.service_id)
                && task.desired_state.is_wanted()
                && task.status.state <= TaskState::Running
                && task.attachments.iter().any(|attachment| attachment.network_id == network.id)
        };
        let task = self.tables.tasks.values().find(|task| holds_it(task));
        // In Swarm these are tasks too, and the text says so.
        let mut attachments = self.tables.attachments.values();
        let attachment = attachments.find(|attachment| attachment.network_id == network.id);
        let task = task.map(|task| task.id.as_str());
        match task.or_else(|| attachment.map(|attachment| attachment.id.as_str())) {
            Some(task) => {
                Err(Error::invalid(format!("network {} is in use by task {task}", network.id)))
            }
            None => Ok(()),
        }
    }

    /// An attachment is on a network and a node that are there, has an address that is its own, and stays what it is.
    pub(super) fn check_attachment(&self, attachment: &Attachment) -> Result<()> {
        let Attachment { id, network_id, node_id, addr, .. } = attachment;
        let network = self.tables.networks.get(network_id).and_then(|network| network.allocation);
        if network.is_none_or(|network| !network.subnet.contains(&addr.addr())) {
            return Err(Error::conflict(format!("address {addr} is not on network {network_id}")));
        }
        if !self.tables.nodes.contains_key(node_id) {
            return Err(Error::not_found(format!("node {node_id} not found")));
        }
        if let Some(old) = self.tables.attachments.get(id)
            && (&old.network_id, &old.node_id, &old.addr) != (network_id, node_id, addr)
        {
            return Err(Error::unknown(format!("attachment {id} cannot move")));
        }
        self.check_address(network_id, addr.addr(), &AddressOwner::Attachment(id.clone()))
    }

    /// A service's name, published ports and virtual addresses are its own, and the secrets and configs of its tasks are there.
    pub(super) fn check_service(&self, service: &Service) -> Result<()> {
        self.check_service_name(&service.spec.name, Some(&service.id))?;
        for (protocol, port) in ingress_ports(service) {
            if let Some(owner) = self.ingress_port(protocol, port)
                && *owner != service.id
            {
                let name = self.tables.services.get(owner).map_or("", |other| &other.spec.name);
                return Err(port_in_use(port, name, owner, PublishMode::Ingress));
            }
        }
        self.check_http_of(service)?;
        self.check_needed(&service.spec)?;
        let owner = AddressOwner::Service(service.id.clone());
        service
            .endpoint
            .virtual_ips
            .iter()
            .try_for_each(|vip| self.check_address(&vip.network_id, vip.addr.addr(), &owner))
    }

    /// A service's name is its own. `own` is the id of the service that is to have it, if there is one yet.
    pub fn check_service_name(&self, name: &str, own: Option<&ServiceId>) -> Result<()> {
        match self.service_by_name(name) {
            Some(other) if Some(&other.id) != own => Err(Error::conflict(format!(
                "name conflicts with an existing object: service {name} already exists"
            ))),
            _ => Ok(()),
        }
    }

    /// A port that is asked for belongs to one service, unless both publish it on their tasks' nodes only. This goes through all services, and
    /// counts what others have only asked for: for requests, while there is somebody to be told.
    pub fn check_ports(&self, spec: &ServiceSpec, own: Option<&ServiceId>) -> Result<()> {
        let is_ingress = |port: &PortConfig| port.publish_mode == PublishMode::Ingress;
        let wanted = spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
        if (wanted.clone().any(is_ingress) || spec.answers_http())
            && self.ingress_network().is_none()
        {
            return Err(Error::invalid(
                "service needs ingress network, but no ingress network is present",
            ));
        }
        for other in self.tables.services.values().filter(|other| Some(&other.id) != own) {
            let asked = other.spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
            let mut taken =
                asked.chain(&other.endpoint.ports).filter(|port| port.published_port != 0);
            let clash = taken.find(|taken| {
                wanted.clone().any(|port| {
                    (port.protocol, port.published_port) == (taken.protocol, taken.published_port)
                        && (is_ingress(port) || is_ingress(taken))
                })
            });
            if let Some(taken) = clash {
                let (port, mode) = (taken.published_port, taken.publish_mode);
                return Err(port_in_use(port, &other.spec.name, &other.id, mode));
            }
        }
        Ok(())
    }

    /// A task's addresses are its own, and it never moves, never goes back.
    pub(super) fn check_task(&self, old: Option<&Task>, task: &Task) -> Result<()> {
        if let Some(old) = old {
            if old.node_id.is_some() && old.node_id != task.node_id {
                return Err(Error::unknown(format!("task {} cannot change its node", task.id)));
            }
            if task.status.state < old.status.state || task.desired_state < old.desired_state {
                return Err(Error::unknown(format!("task {} cannot go back", task.id)));
            }
        }
        if task.attachments.is_empty() || !holds_addresses(task) {
            return Ok(());
        }
        let owner = AddressOwner::Task(task.id.clone());
        task.attachments.iter().try_for_each(|attachment| {
            self.check_address(&attachment.network_id, attachment.addr.addr(), &owner)
        })
    }

    fn check_address(
        &self,
        network: &NetworkId,
        addr: Ipv4Addr,
        owner: &AddressOwner,
    ) -> Result<()> {
        match self.addresses(network).and_then(|addresses| addresses.get(&addr)) {
            Some(taken) if taken != owner => Err(Error::conflict(format!(
                "address {addr} on network {network} already belongs to {taken:?}"
            ))),
            _ => Ok(()),
        }
    }
}

/// What a network is refused with whose name another has.
pub fn network_already_exists(name: &str) -> Error {
    Error::conflict(format!("network with name {name} already exists"))
}

fn port_in_use(port: u16, owner: &str, id: &ServiceId, mode: PublishMode) -> Error {
    let kind = kind_of_port(mode);
    Error::invalid(format!(
        "port '{port}' is already in use by service '{owner}' ({id}) as {kind} port"
    ))
}

/// What a published port is called, with its article.
pub(super) const fn kind_of_port(mode: PublishMode) -> &'static str {
    match mode {
        PublishMode::Ingress => "an ingress",
        PublishMode::Host => "a host-published",
    }
}

/// The number in VXLAN headers that a network has, or will have because its spec asks for it.
fn vxlan_id(network: &Network) -> Option<u32> {
    network.allocation.map(|allocation| allocation.vni).or_else(|| network.spec.vxlan_id())
}

/// The subnet that a network has, or will have because its spec asks for it. Counting what is only asked for refuses a request that
/// could never be met while there is somebody to be told.
fn claimed(network: &Network) -> Option<Ipv4Net> {
    let asked = || match network.spec.ipam.as_ref()?.config.first()?.subnet? {
        IpNet::V4(subnet) => Some(subnet.trunc()),
        IpNet::V6(_) => None,
    };
    network.allocation.map(|allocation| allocation.subnet).or_else(asked)
}
