//! Options that add and remove single values: labels, variables, mounts, ports and the like.

use std::net::IpAddr;

use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::DnsConfig;
use swarmlite_proto::spec::EndpointOptionError;
use swarmlite_proto::spec::EndpointSpec;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::Placement;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::ResourceRequirements;
use swarmlite_proto::spec::ServiceSpec;

use super::extension;
use crate::args::CreateLists;
use crate::args::UpdateLists;
use crate::error::Error;
use crate::error::Result;
use crate::value::env;
use crate::value::generic_resource;
use crate::value::pair;
use crate::value::pair::Pair;
use crate::value::port::Publish;

/// What is added to a spec and what is taken away. Networks are ids, and so are secrets and configs that are added.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// The options. `service create` removes nothing.
    pub(crate) options: UpdateLists,
}

impl From<CreateLists> for Lists {
    fn from(lists: CreateLists) -> Self {
        Self { options: lists.into() }
    }
}

impl Lists {
    /// Changes a spec.
    pub(super) fn apply(&self, spec: &mut ServiceSpec) -> Result<()> {
        let lists = &self.options;
        change_map(&mut spec.labels, &lists.label_add, &lists.label_rm);
        self.change_ports(&mut spec.endpoint_spec);
        self.change_endpoint_options(&mut spec.endpoint_spec)?;
        self.change_http_rules(&mut spec.endpoint_spec)?;
        self.change_placement(&mut spec.task_template.placement);
        self.change_networks(&mut spec.task_template.networks)?;
        self.change_generic_resources(&mut spec.task_template.resources)?;
        let container =
            spec.task_template.container_spec.get_or_insert_with(ContainerSpec::default);
        change_map(&mut container.labels, &lists.container_label_add, &lists.container_label_rm);
        change_map(&mut container.sysctls, &lists.sysctl_add, &lists.sysctl_rm);
        change(&mut container.groups, &lists.group_add, |group| lists.group_rm.contains(group));
        self.change_environment(&mut container.env);
        self.change_mounts(container)?;
        container.secrets.retain(|secret| !lists.secret_rm.contains(&secret.secret_name));
        container.secrets.extend(lists.secret_add.iter().cloned());
        container.configs.retain(|config| !lists.config_rm.contains(&config.config_name));
        container.configs.extend(lists.config_add.iter().cloned());
        self.change_dns(&mut container.dns_config);
        self.change_hosts(&mut container.hosts);
        container.ulimits.retain(|limit| {
            let replaced = lists.ulimit_add.iter().any(|new| new.name == limit.name);
            !replaced && !lists.ulimit_rm.contains(&limit.name)
        });
        container.ulimits.extend(lists.ulimit_add.iter().cloned());
        extension::change_lists(container, lists);
        Ok(())
    }

    fn change_ports(&self, endpoint: &mut Option<EndpointSpec>) {
        let lists = &self.options;
        if lists.publish_add.is_empty() && lists.publish_rm.is_empty() {
            return;
        }
        let ports = &mut endpoint.get_or_insert_with(EndpointSpec::default).ports;
        let removed = |port: &PortConfig| {
            lists.publish_rm.iter().flat_map(|Publish(ports)| ports).any(|removed| {
                removed.target_port == port.target_port
                    && removed.protocol == port.protocol
                    && removed.publish_mode == port.publish_mode
            })
        };
        ports.retain(|port| !removed(port));
        for port in lists.publish_add.iter().flat_map(|Publish(ports)| ports) {
            if !ports.contains(port) {
                ports.push(port.clone());
            }
        }
    }

    fn change_endpoint_options(&self, endpoint: &mut Option<EndpointSpec>) -> Result<()> {
        let lists = &self.options;
        if lists.endpoint_option_add.is_empty() && lists.endpoint_option_rm.is_empty() {
            return Ok(());
        }
        let refused = |error: EndpointOptionError| Error::refused(error.to_string());
        let endpoint = endpoint.get_or_insert_with(EndpointSpec::default);
        // Stays there when the last one is removed: no options at all would leave those that the service has.
        let options = endpoint.options.get_or_insert_default();
        for name in &lists.endpoint_option_rm {
            options.clear(name.parse().map_err(refused)?);
        }
        for Pair { key, value } in &lists.endpoint_option_add {
            options.set(key.parse().map_err(refused)?, value).map_err(refused)?;
        }
        Ok(())
    }

    /// Rules are known by what they ask for.
    fn change_http_rules(&self, endpoint: &mut Option<EndpointSpec>) -> Result<()> {
        let lists = &self.options;
        if lists.http_add.is_empty() && lists.http_rm.is_empty() {
            return Ok(());
        }
        let endpoint = endpoint.get_or_insert_with(EndpointSpec::default);
        // Stays there when the last one is removed, as options do.
        let rules = endpoint.http.get_or_insert_default();
        for place in &lists.http_rm {
            let before = rules.len();
            rules.retain(|rule| (&rule.host, &rule.path) != (&place.host, &place.path));
            if rules.len() == before {
                return Err(Error::refused(format!(
                    "the service has no HTTP rule for {}{}",
                    place.host, place.path
                )));
            }
        }
        for new in &lists.http_add {
            rules.retain(|rule| rule.asked() != new.asked());
        }
        rules.extend(lists.http_add.iter().cloned());
        Ok(())
    }

    fn change_placement(&self, placement: &mut Option<Placement>) {
        let lists = &self.options;
        let constraints = !lists.constraint_add.is_empty() || !lists.constraint_rm.is_empty();
        let preferences =
            !lists.placement_pref_add.is_empty() || !lists.placement_pref_rm.is_empty();
        let near = !lists.affinity_add.is_empty() || !lists.affinity_rm.is_empty();
        let apart = !lists.anti_affinity_add.is_empty() || !lists.anti_affinity_rm.is_empty();
        if constraints || preferences || near || apart {
            let placement = placement.get_or_insert_with(Placement::default);
            let removed = |constraint: &String| lists.constraint_rm.contains(constraint);
            change(&mut placement.constraints, &lists.constraint_add, removed);
            placement
                .preferences
                .retain(|preference| !lists.placement_pref_rm.contains(preference));
            placement.preferences.extend(lists.placement_pref_add.iter().cloned());
            extension::change_rules(placement, lists);
        }
    }

    fn change_networks(&self, networks: &mut Vec<NetworkAttachmentConfig>) -> Result<()> {
        let lists = &self.options;
        networks.retain(|network| !lists.network_rm.contains(&network.target));
        for new in &lists.network_add {
            if networks.iter().any(|network| network.target == new.target) {
                let message = format!("service is already attached to network {}", new.target);
                return Err(Error::refused(message));
            }
            networks.push(new.clone());
        }
        // The order means nothing, so it must not make a difference between two specs either.
        if !lists.network_add.is_empty() {
            networks.sort_by(|a, b| a.target.cmp(&b.target));
        }
        Ok(())
    }

    /// Of each kind there is one number.
    fn change_generic_resources(&self, resources: &mut Option<ResourceRequirements>) -> Result<()> {
        let lists = &self.options;
        if lists.generic_resource_add.is_empty() && lists.generic_resource_rm.is_empty() {
            return Ok(());
        }
        let resources = resources.get_or_insert_default();
        let reserved = &mut resources.reservations.get_or_insert_default().generic_resources;
        for removed in &lists.generic_resource_rm {
            let before = reserved.len();
            reserved.retain(|resource| generic_resource::kind(resource) != removed);
            if reserved.len() == before {
                return Err(Error::refused(format!(
                    "could not find generic-resource `{removed}` to remove it"
                )));
            }
        }
        for new in &lists.generic_resource_add {
            let kind = generic_resource::kind(new);
            reserved.retain(|resource| generic_resource::kind(resource) != kind);
            reserved.push(new.clone());
        }
        Ok(())
    }

    fn change_environment(&self, variables: &mut Vec<String>) {
        let lists = &self.options;
        let kept = variables
            .drain(..)
            .filter(|variable| !lists.env_rm.iter().any(|removed| removed == env::name(variable)));
        *variables =
            env::last_of_each(kept.chain(lists.env_add.iter().cloned()).collect::<Vec<_>>());
    }

    fn change_mounts(&self, container: &mut ContainerSpec) -> Result<()> {
        let lists = &self.options;
        for (at, mount) in lists.mount_add.iter().enumerate() {
            if lists.mount_add[..at].iter().any(|other| other.target == mount.target) {
                return Err(Error::refused(format!("duplicate mount target: {}", mount.target)));
            }
        }
        container.mounts.retain(|mount| {
            let replaced = lists.mount_add.iter().any(|new| new.target == mount.target);
            !replaced && !lists.mount_rm.contains(&mount.target)
        });
        container.mounts.extend(lists.mount_add.iter().cloned());
        Ok(())
    }

    fn change_dns(&self, config: &mut Option<DnsConfig>) {
        let lists = &self.options;
        let text =
            |addresses: &[IpAddr]| addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>();
        let mut changed = config.clone().unwrap_or_default();
        let servers_rm = text(&lists.dns_rm);
        change(&mut changed.nameservers, &text(&lists.dns_add), |server| {
            servers_rm.contains(server)
        });
        let removed = |domain: &String| lists.dns_search_rm.contains(domain);
        change(&mut changed.search, &lists.dns_search_add, removed);
        let removed = |option: &String| lists.dns_option_rm.contains(option);
        change(&mut changed.options, &lists.dns_option_add, removed);
        if config.is_some() || changed != DnsConfig::default() {
            *config = Some(changed);
        }
    }

    /// Lines are `address name...`; what is removed is `name` or `name:address`.
    fn change_hosts(&self, hosts: &mut Vec<String>) {
        let lists = &self.options;
        let removed = |name: &str, address: &str| {
            lists.host_rm.iter().any(|removed| match removed.split_once(':') {
                Some((host, from)) => host == name && from == address,
                None => removed == name,
            })
        };
        let kept = hosts.drain(..).filter_map(|line| {
            let (address, names) = line.split_once(' ').unwrap_or((&line, ""));
            let names: Vec<_> =
                names.split_whitespace().filter(|name| !removed(name, address)).collect();
            (!names.is_empty()).then(|| format!("{address} {}", names.join(" ")))
        });
        *hosts = kept.collect();
        change(hosts, &lists.host_add, |_| false);
    }
}

/// Takes away, then adds what is not there yet.
fn change(values: &mut Vec<String>, add: &[String], removed: impl Fn(&String) -> bool) {
    values.retain(|value| !removed(value));
    for value in add {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
}

/// Takes keys away, then adds or replaces pairs.
fn change_map(map: &mut Labels, add: &[Pair], remove: &[String]) {
    for key in remove {
        map.remove(key.split_once('=').map_or(&**key, |(key, _)| key));
    }
    map.extend(pair::labels(add));
}
