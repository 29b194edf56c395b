//! Options that take several values: plain for `service create`, as pairs that add and remove for `service update`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use swarmlite_proto::spec::ConfigReference;
use swarmlite_proto::spec::DeviceMapping;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::Mount;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::PlacementPreference;
use swarmlite_proto::spec::SecretReference;
use swarmlite_proto::spec::SpreadOver;
use swarmlite_proto::spec::Ulimit;

use crate::value::device;
use crate::value::document;
use crate::value::env;
use crate::value::generic_resource;
use crate::value::host;
use crate::value::mount;
use crate::value::network;
use crate::value::pair::Pair;
use crate::value::port;
use crate::value::port::Publish;
use crate::value::security_opt;
use crate::value::ulimit;

/// Options of `service create` that take several values.
#[derive(Debug, Default, Args)]
pub(crate) struct CreateLists {
    /// Set a placement constraint that nodes have to meet, such as node.role==manager.
    #[arg(long, value_name = "EXPRESSION", help_heading = "Tasks")]
    pub(crate) constraint: Vec<String>,

    /// Spread tasks evenly over the values of a label, such as spread=node.labels.rack.
    #[arg(long, value_name = "spread=LABEL", value_parser = placement_pref, help_heading = "Tasks")]
    pub(crate) placement_pref: Vec<PlacementPreference>,

    /// Set a label of the service.
    #[arg(short, long, value_name = "KEY=VALUE", help_heading = "Tasks")]
    pub(crate) label: Vec<Pair>,

    /// Publish a port on every node, as TARGET, PUBLISHED:TARGET, either with /PROTOCOL, or as published=,target=,protocol=,mode=ingress|host.
    #[arg(short = 'p', long, value_name = "PORT", value_parser = port::parse, help_heading = "Network")]
    pub(crate) publish: Vec<Publish>,

    /// Choose how connections are spread: scheduler=rr|wrr|lc|mh|sh, and sticky=TIME to bring clients back to the same task.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Network")]
    pub(crate) endpoint_option: Vec<Pair>,

    /// Attach the service to a network, as NAME, or name=,alias=,driver-opt=.
    #[arg(long, value_name = "NETWORK", value_parser = network::parse, help_heading = "Network")]
    pub(crate) network: Vec<NetworkAttachmentConfig>,

    /// Add a host to /etc/hosts of the container.
    #[arg(long, value_name = "NAME:ADDRESS", value_parser = host::parse, help_heading = "Network")]
    pub(crate) host: Vec<String>,

    /// Set a DNS server of the container.
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) dns: Vec<IpAddr>,

    /// Set an option of the resolver.
    #[arg(long, value_name = "OPTION", help_heading = "Network")]
    pub(crate) dns_option: Vec<String>,

    /// Set a domain that the resolver searches.
    #[arg(long, value_name = "DOMAIN", help_heading = "Network")]
    pub(crate) dns_search: Vec<String>,

    /// Set an environment variable; NAME alone takes the value it has here.
    #[arg(short = 'e', long, value_name = "NAME=VALUE", value_parser = env_variable, help_heading = "Container")]
    pub(crate) env: Vec<String>,

    /// Read environment variables from a file, one a line.
    #[arg(long, value_name = "FILE", help_heading = "Container")]
    pub(crate) env_file: Vec<PathBuf>,

    /// Mount a volume, a path or memory, as type=volume|bind|tmpfs,source=,target=,readonly and more.
    #[arg(long, value_name = "MOUNT", value_parser = mount::parse, help_heading = "Container")]
    pub(crate) mount: Vec<Mount>,

    /// Expose a secret to the service as a file below /run/secrets, as NAME, or source=,target=,uid=,gid=,mode=.
    #[arg(long, value_name = "SECRET", value_parser = document::secret, help_heading = "Container")]
    pub(crate) secret: Vec<SecretReference>,

    /// Expose a config to the service as a file, as NAME for /NAME, or source=,target=,uid=,gid=,mode=.
    #[arg(long, value_name = "CONFIG", value_parser = document::config, help_heading = "Container")]
    pub(crate) config: Vec<ConfigReference>,

    /// Set a label of the container.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Container")]
    pub(crate) container_label: Vec<Pair>,

    /// Add a supplementary group to the user in the container.
    #[arg(long, value_name = "GROUP", help_heading = "Container")]
    pub(crate) group: Vec<String>,

    /// Set a kernel parameter of the container.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Container")]
    pub(crate) sysctl: Vec<Pair>,

    /// Set a limit of the kernel on processes of the container.
    #[arg(long, value_name = "NAME=SOFT[:HARD]", value_parser = ulimit::parse, help_heading = "Container")]
    pub(crate) ulimit: Vec<Ulimit>,

    /// Reserve a generic resource that nodes declare, so many of a kind.
    #[arg(long, value_name = "KIND=COUNT", value_parser = generic_resource::of_task, help_heading = "Resources")]
    pub(crate) generic_resource: Vec<GenericResource>,

    /// Give the container a device of its node: PATH, PATH:PATH-IN-CONTAINER, or PATH:PATH-IN-CONTAINER:PERMISSIONS.
    #[arg(long, value_name = "DEVICE", value_parser = device::mapping, help_heading = "Node")]
    pub(crate) device: Vec<DeviceMapping>,

    /// Add a rule to the devices the container may use, as in 'c 13:* rwm'.
    #[arg(long, value_name = "RULE", value_parser = device::rule, help_heading = "Node")]
    pub(crate) device_cgroup_rule: Vec<String>,

    /// Set an option of the kernel's security modules, as in apparmor=unconfined, or seccomp=FILE.
    #[arg(long, value_name = "NAME=VALUE", value_parser = security_option, help_heading = "Node")]
    pub(crate) security_opt: Vec<String>,
}

/// Options of `service update` that add and remove values.
#[derive(Debug, Default, Args)]
pub(crate) struct UpdateLists {
    /// Add a placement constraint.
    #[arg(long, value_name = "EXPRESSION", help_heading = "Tasks")]
    pub(crate) constraint_add: Vec<String>,

    /// Remove a placement constraint.
    #[arg(long, value_name = "EXPRESSION", help_heading = "Tasks")]
    pub(crate) constraint_rm: Vec<String>,

    /// Add a placement preference.
    #[arg(long, value_name = "spread=LABEL", value_parser = placement_pref, help_heading = "Tasks")]
    pub(crate) placement_pref_add: Vec<PlacementPreference>,

    /// Remove a placement preference.
    #[arg(long, value_name = "spread=LABEL", value_parser = placement_pref, help_heading = "Tasks")]
    pub(crate) placement_pref_rm: Vec<PlacementPreference>,

    /// Add or update a label of the service.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Tasks")]
    pub(crate) label_add: Vec<Pair>,

    /// Remove a label of the service.
    #[arg(long, value_name = "KEY", help_heading = "Tasks")]
    pub(crate) label_rm: Vec<String>,

    /// Add or update a published port.
    #[arg(long, value_name = "PORT", value_parser = port::parse, help_heading = "Network")]
    pub(crate) publish_add: Vec<Publish>,

    /// Remove a published port, by its target port.
    #[arg(long, value_name = "PORT", value_parser = port::parse, help_heading = "Network")]
    pub(crate) publish_rm: Vec<Publish>,

    /// Add or update an endpoint option.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Network")]
    pub(crate) endpoint_option_add: Vec<Pair>,

    /// Remove an endpoint option.
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub(crate) endpoint_option_rm: Vec<String>,

    /// Add a network.
    #[arg(long, value_name = "NETWORK", value_parser = network::parse, help_heading = "Network")]
    pub(crate) network_add: Vec<NetworkAttachmentConfig>,

    /// Remove a network.
    #[arg(long, value_name = "NETWORK", help_heading = "Network")]
    pub(crate) network_rm: Vec<String>,

    /// Add a host to /etc/hosts.
    #[arg(long, value_name = "NAME:ADDRESS", value_parser = host::parse, help_heading = "Network")]
    pub(crate) host_add: Vec<String>,

    /// Remove a host from /etc/hosts, as NAME or NAME:ADDRESS.
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub(crate) host_rm: Vec<String>,

    /// Add a DNS server.
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) dns_add: Vec<IpAddr>,

    /// Remove a DNS server.
    #[arg(long, value_name = "ADDRESS", help_heading = "Network")]
    pub(crate) dns_rm: Vec<IpAddr>,

    /// Add an option of the resolver.
    #[arg(long, value_name = "OPTION", help_heading = "Network")]
    pub(crate) dns_option_add: Vec<String>,

    /// Remove an option of the resolver.
    #[arg(long, value_name = "OPTION", help_heading = "Network")]
    pub(crate) dns_option_rm: Vec<String>,

    /// Add a domain to search.
    #[arg(long, value_name = "DOMAIN", help_heading = "Network")]
    pub(crate) dns_search_add: Vec<String>,

    /// Remove a domain to search.
    #[arg(long, value_name = "DOMAIN", help_heading = "Network")]
    pub(crate) dns_search_rm: Vec<String>,

    /// Add or update an environment variable.
    #[arg(long, value_name = "NAME=VALUE", value_parser = env_variable, help_heading = "Container")]
    pub(crate) env_add: Vec<String>,

    /// Remove an environment variable, by its name.
    #[arg(long, value_name = "NAME", help_heading = "Container")]
    pub(crate) env_rm: Vec<String>,

    /// Add or update a mount.
    #[arg(long, value_name = "MOUNT", value_parser = mount::parse, help_heading = "Container")]
    pub(crate) mount_add: Vec<Mount>,

    /// Remove a mount, by its target path.
    #[arg(long, value_name = "PATH", help_heading = "Container")]
    pub(crate) mount_rm: Vec<String>,

    /// Add or update a secret of the service.
    #[arg(long, value_name = "SECRET", value_parser = document::secret, help_heading = "Container")]
    pub(crate) secret_add: Vec<SecretReference>,

    /// Remove a secret, by its name.
    #[arg(long, value_name = "SECRET", help_heading = "Container")]
    pub(crate) secret_rm: Vec<String>,

    /// Add or update a config of the service.
    #[arg(long, value_name = "CONFIG", value_parser = document::config, help_heading = "Container")]
    pub(crate) config_add: Vec<ConfigReference>,

    /// Remove a config, by its name.
    #[arg(long, value_name = "CONFIG", help_heading = "Container")]
    pub(crate) config_rm: Vec<String>,

    /// Add or update a label of the container.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Container")]
    pub(crate) container_label_add: Vec<Pair>,

    /// Remove a label of the container.
    #[arg(long, value_name = "KEY", help_heading = "Container")]
    pub(crate) container_label_rm: Vec<String>,

    /// Add a supplementary group.
    #[arg(long, value_name = "GROUP", help_heading = "Container")]
    pub(crate) group_add: Vec<String>,

    /// Remove a supplementary group.
    #[arg(long, value_name = "GROUP", help_heading = "Container")]
    pub(crate) group_rm: Vec<String>,

    /// Add or update a kernel parameter.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Container")]
    pub(crate) sysctl_add: Vec<Pair>,

    /// Remove a kernel parameter.
    #[arg(long, value_name = "KEY", help_heading = "Container")]
    pub(crate) sysctl_rm: Vec<String>,

    /// Add or update a limit.
    #[arg(long, value_name = "NAME=SOFT[:HARD]", value_parser = ulimit::parse, help_heading = "Container")]
    pub(crate) ulimit_add: Vec<Ulimit>,

    /// Remove a limit, by its name.
    #[arg(long, value_name = "NAME", help_heading = "Container")]
    pub(crate) ulimit_rm: Vec<String>,

    /// Add or update a generic resource that is reserved.
    #[arg(long, value_name = "KIND=COUNT", value_parser = generic_resource::of_task, help_heading = "Resources")]
    pub(crate) generic_resource_add: Vec<GenericResource>,

    /// Remove a generic resource.
    #[arg(long, value_name = "KIND", help_heading = "Resources")]
    pub(crate) generic_resource_rm: Vec<String>,

    /// Add or update a device.
    #[arg(long, value_name = "DEVICE", value_parser = device::mapping, help_heading = "Node")]
    pub(crate) device_add: Vec<DeviceMapping>,

    /// Remove a device, by its path in the container.
    #[arg(long, value_name = "PATH", help_heading = "Node")]
    pub(crate) device_rm: Vec<String>,

    /// Add a rule for devices.
    #[arg(long, value_name = "RULE", value_parser = device::rule, help_heading = "Node")]
    pub(crate) device_cgroup_rule_add: Vec<String>,

    /// Remove a rule for devices.
    #[arg(long, value_name = "RULE", help_heading = "Node")]
    pub(crate) device_cgroup_rule_rm: Vec<String>,

    /// Add an option of the kernel's security modules.
    #[arg(long, value_name = "NAME=VALUE", value_parser = security_option, help_heading = "Node")]
    pub(crate) security_opt_add: Vec<String>,

    /// Remove an option of the kernel's security modules, by its name or as a whole.
    #[arg(long, value_name = "NAME[=VALUE]", help_heading = "Node")]
    pub(crate) security_opt_rm: Vec<String>,
}

fn placement_pref(text: &str) -> Result<PlacementPreference, String> {
    match text.split_once('=') {
        Some(("spread", label)) => Ok(PlacementPreference {
            spread: Some(SpreadOver { spread_descriptor: label.to_owned() }),
        }),
        Some((strategy, _)) if !strategy.is_empty() => {
            Err(format!("unsupported placement preference {strategy} (only spread is supported)"))
        }
        _ => Err("placement preference must be of the format \"<strategy>=<arg>\"".to_owned()),
    }
}

fn security_option(text: &str) -> Result<String, String> {
    security_opt::parse(text, |path| std::fs::read_to_string(path))
}

fn env_variable(text: &str) -> Result<String, String> {
    env::variable(text, |name| std::env::var(name).ok())
}
