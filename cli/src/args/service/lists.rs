//! Options that take several values: plain for `service create`, as pairs that add and remove for `service update`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use swarmlite_proto::spec::ConfigReference;
use swarmlite_proto::spec::DeviceMapping;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::spec::Mount;
use swarmlite_proto::spec::NetworkAttachmentConfig;
use swarmlite_proto::spec::PlacementPreference;
use swarmlite_proto::spec::SecretReference;
use swarmlite_proto::spec::SpreadOver;
use swarmlite_proto::spec::Ulimit;

use crate::value::affinity;
use crate::value::device;
use crate::value::document;
use crate::value::env;
use crate::value::generic_resource;
use crate::value::host;
use crate::value::http;
use crate::value::http::Place;
use crate::value::mount;
use crate::value::network;
use crate::value::pair::Pair;
use crate::value::port;
use crate::value::port::Publish;
use crate::value::security_opt;
use crate::value::ulimit;

/// Declares the options of both commands. A row says under which heading they are shown, and then of each its name, what its values are and
/// how they are called and read, and its help.
macro_rules! lists {
    ($(
        $heading:tt, $set:ident $($short:literal)?: $Value:ty as $value:tt $(by $parser:path)?, $help:tt;
        $add:ident, $add_help:tt;
        $remove:ident: $Removed:ty as $removed:tt $(by $remover:path)?, $remove_help:tt.
    )*) => {
        /// Options of `service create` that take several values.
        #[derive(Debug, Default, Args)]
        pub(crate) struct CreateLists {
            $(
                #[doc = $help]
                #[arg(long, value_name = $value, help_heading = $heading)]
                #[arg($(short = $short)?)]
                #[arg($(value_parser = $parser)?)]
                pub(crate) $set: Vec<$Value>,
            )*

            /// Read environment variables from a file, one a line.
            #[arg(long, value_name = "FILE", help_heading = "Container")]
            pub(crate) env_file: Vec<PathBuf>,
        }

        /// Options of `service update` that add and remove values.
        #[derive(Debug, Default, Args)]
        pub(crate) struct UpdateLists {
            $(
                #[doc = $add_help]
                #[arg(long, value_name = $value, help_heading = $heading)]
                #[arg($(value_parser = $parser)?)]
                pub(crate) $add: Vec<$Value>,

                #[doc = $remove_help]
                #[arg(long, value_name = $removed, help_heading = $heading)]
                #[arg($(value_parser = $remover)?)]
                pub(crate) $remove: Vec<$Removed>,
            )*
        }

        /// `service create` adds, and removes nothing. The variables of files have to be in `env` already.
        impl From<CreateLists> for UpdateLists {
            fn from(lists: CreateLists) -> Self {
                Self { $($add: lists.$set,)* ..Self::default() }
            }
        }
    };
}

lists! {
    "Tasks", constraint: String as "EXPRESSION", "Set a placement constraint that nodes have to meet, such as node.role==manager";
        constraint_add, "Add a placement constraint";
        constraint_rm: String as "EXPRESSION", "Remove a placement constraint".
    "Tasks", placement_pref: PlacementPreference as "spread=LABEL" by placement_pref, "Spread tasks evenly over the values of a label, such as spread=node.labels.rack";
        placement_pref_add, "Add a placement preference";
        placement_pref_rm: PlacementPreference as "spread=LABEL" by placement_pref, "Remove a placement preference".
    "Tasks", affinity: String as "RULE" by affinity::parse, "Place tasks where those of another service are, as service==NAME or service.labels.KEY==VALUE; with soft: before it only if that is possible, and with over node.labels.KEY behind it in the same part of the cluster";
        affinity_add, "Add an affinity to another service";
        affinity_rm: String as "RULE", "Remove an affinity".
    "Tasks", anti_affinity: String as "RULE" by affinity::parse, "Place tasks where none of another service is; as --affinity otherwise";
        anti_affinity_add, "Add an anti-affinity to another service";
        anti_affinity_rm: String as "RULE", "Remove an anti-affinity".
    "Tasks", label 'l': Pair as "KEY=VALUE", "Set a label of the service";
        label_add, "Add or update a label of the service";
        label_rm: String as "KEY", "Remove a label of the service".
    "Network", publish 'p': Publish as "PORT" by port::parse, "Publish a port on every node, as TARGET, PUBLISHED:TARGET, either with /PROTOCOL, or as published=,target=,protocol=,mode=ingress|host";
        publish_add, "Add or update a published port";
        publish_rm: Publish as "PORT" by port::parse, "Remove a published port, by its target port".
    "Network", endpoint_option: Pair as "NAME=VALUE", "Choose how connections are spread: scheduler=rr|wrr|lc|mh|sh, and sticky=TIME to bring clients back to the same task";
        endpoint_option_add, "Add or update an endpoint option";
        endpoint_option_rm: String as "NAME", "Remove an endpoint option".
    "Network", http: HttpRoute as "RULE" by http::parse, "Answer HTTP requests, as HOST/PATH,port=PORT and more: method=, header=NAME:VALUE, weight=, tls=SECRET|acme, client-ca=SECRET, https-only, hsts=TIME, sticky=TIME, rewrite=PATH, timeout=TIME, max-body=SIZE, rate=COUNT/s|m|h, burst=COUNT";
        http_add, "Add an HTTP rule, or update the one that asks for the same requests";
        http_rm: Place as "HOST/PATH" by http::place, "Remove the HTTP rules for a host and path".
    "Network", network: NetworkAttachmentConfig as "NETWORK" by network::parse, "Attach the service to a network, as NAME, or name=,alias=,driver-opt=";
        network_add, "Add a network";
        network_rm: String as "NETWORK", "Remove a network".
    "Network", host: String as "NAME:ADDRESS" by host::parse, "Add a host to /etc/hosts of the container";
        host_add, "Add a host to /etc/hosts";
        host_rm: String as "NAME", "Remove a host from /etc/hosts, as NAME or NAME:ADDRESS".
    "Network", dns: IpAddr as "ADDRESS", "Set a DNS server of the container";
        dns_add, "Add a DNS server";
        dns_rm: IpAddr as "ADDRESS", "Remove a DNS server".
    "Network", dns_option: String as "OPTION", "Set an option of the resolver";
        dns_option_add, "Add an option of the resolver";
        dns_option_rm: String as "OPTION", "Remove an option of the resolver".
    "Network", dns_search: String as "DOMAIN", "Set a domain that the resolver searches";
        dns_search_add, "Add a domain to search";
        dns_search_rm: String as "DOMAIN", "Remove a domain to search".
    "Container", env 'e': String as "NAME=VALUE" by env_variable, "Set an environment variable; NAME alone takes the value it has here";
        env_add, "Add or update an environment variable";
        env_rm: String as "NAME", "Remove an environment variable, by its name".
    "Container", mount: Mount as "MOUNT" by mount::parse, "Mount a volume, a path or memory, as type=volume|bind|tmpfs,source=,target=,readonly and more";
        mount_add, "Add or update a mount";
        mount_rm: String as "PATH", "Remove a mount, by its target path".
    "Container", secret: SecretReference as "SECRET" by document::secret, "Expose a secret to the service as a file below /run/secrets, as NAME, or source=,target=,uid=,gid=,mode=";
        secret_add, "Add or update a secret of the service";
        secret_rm: String as "SECRET", "Remove a secret, by its name".
    "Container", config: ConfigReference as "CONFIG" by document::config, "Expose a config to the service as a file, as NAME for /NAME, or source=,target=,uid=,gid=,mode=";
        config_add, "Add or update a config of the service";
        config_rm: String as "CONFIG", "Remove a config, by its name".
    "Container", container_label: Pair as "KEY=VALUE", "Set a label of the container";
        container_label_add, "Add or update a label of the container";
        container_label_rm: String as "KEY", "Remove a label of the container".
    "Container", group: String as "GROUP", "Add a supplementary group to the user in the container";
        group_add, "Add a supplementary group";
        group_rm: String as "GROUP", "Remove a supplementary group".
    "Container", sysctl: Pair as "KEY=VALUE", "Set a kernel parameter of the container";
        sysctl_add, "Add or update a kernel parameter";
        sysctl_rm: String as "KEY", "Remove a kernel parameter".
    "Container", ulimit: Ulimit as "NAME=SOFT[:HARD]" by ulimit::parse, "Set a limit of the kernel on processes of the container";
        ulimit_add, "Add or update a limit";
        ulimit_rm: String as "NAME", "Remove a limit, by its name".
    "Resources", generic_resource: GenericResource as "KIND=COUNT" by generic_resource::of_task, "Reserve a generic resource that nodes declare, so many of a kind";
        generic_resource_add, "Add or update a generic resource that is reserved";
        generic_resource_rm: String as "KIND", "Remove a generic resource".
    "Node", device: DeviceMapping as "DEVICE" by device::mapping, "Give the container a device of its node: PATH, PATH:PATH-IN-CONTAINER, or PATH:PATH-IN-CONTAINER:PERMISSIONS";
        device_add, "Add or update a device";
        device_rm: String as "PATH", "Remove a device, by its path in the container".
    "Node", device_cgroup_rule: String as "RULE" by device::rule, "Add a rule to the devices the container may use, as in 'c 13:* rwm'";
        device_cgroup_rule_add, "Add a rule for devices";
        device_cgroup_rule_rm: String as "RULE", "Remove a rule for devices".
    "Node", security_opt: String as "NAME=VALUE" by security_option, "Set an option of the kernel's security modules, as in apparmor=unconfined, or seccomp=FILE";
        security_opt_add, "Add an option of the kernel's security modules";
        security_opt_rm: String as "NAME[=VALUE]", "Remove an option of the kernel's security modules, by its name or as a whole".
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
