//! What becomes of each field, in the order of the documentation.

/// A field that is taken.
pub(super) struct Row {
    /// Where it is in the spec.
    pub(super) path: &'static str,
    /// Who has it.
    pub(super) source: Source,
    /// What it does.
    pub(super) effect: Effect,
}

/// Who has a field.
pub(super) enum Source {
    /// Docker's API.
    Docker,
    /// Only swarmlite.
    Extension,
}

/// What a field does.
pub(super) enum Effect {
    /// The engine is asked for it: by this member, which has this value for the specs of [`super::full`].
    Engine(&'static str, &'static str),
    /// The cluster acts on it. Tested where it does.
    Cluster(&'static str),
}

/// A field that is refused.
pub(super) struct Refused {
    /// Where it is in the spec.
    pub(super) path: &'static str,
    /// A spec that has it.
    pub(super) body: &'static str,
    /// What is said to that.
    pub(super) message: &'static str,
    /// Why.
    pub(super) reason: &'static str,
}

const fn engine(path: &'static str, member: &'static str, value: &'static str) -> Row {
    Row { path, source: Source::Docker, effect: Effect::Engine(member, value) }
}

const fn cluster(path: &'static str, what: &'static str) -> Row {
    Row { path, source: Source::Docker, effect: Effect::Cluster(what) }
}

/// The same, of a field that Docker does not have.
const fn extension(row: Row) -> Row {
    Row { source: Source::Extension, ..row }
}

/// Every field that is taken.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    cluster("Name", "the name of the service, and its DNS name; cannot be changed"),
    cluster("Labels", "labels of the service, for filters, templates and extensions"),
    engine("TaskTemplate.ContainerSpec.Image", "Image", "web:1"),
    engine("TaskTemplate.ContainerSpec.Labels", "Labels.owner", "me"),
    engine("TaskTemplate.ContainerSpec.Command", "Entrypoint.0", "/run"),
    engine("TaskTemplate.ContainerSpec.Args", "Cmd.0", "-v"),
    engine("TaskTemplate.ContainerSpec.Hostname", "Hostname", "web-1"),
    engine("TaskTemplate.ContainerSpec.Env", "Env.0", "ON=host-1"),
    engine("TaskTemplate.ContainerSpec.Dir", "WorkingDir", "/srv"),
    engine("TaskTemplate.ContainerSpec.User", "User", "1000:1000"),
    engine("TaskTemplate.ContainerSpec.Groups", "HostConfig.GroupAdd.0", "wheel"),
    engine("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Disable", "HostConfig.SecurityOpt.0", "label=disable"),
    engine("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.User", "HostConfig.SecurityOpt.1", "label=user:u"),
    engine("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Role", "HostConfig.SecurityOpt.2", "label=role:r"),
    engine("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Type", "HostConfig.SecurityOpt.3", "label=type:t"),
    engine("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Level", "HostConfig.SecurityOpt.4", "label=level:l"),
    engine("TaskTemplate.ContainerSpec.Privileges.Seccomp.Mode", "HostConfig.SecurityOpt.5", "seccomp=unconfined"),
    engine("TaskTemplate.ContainerSpec.Privileges.Seccomp.Profile", "HostConfig.SecurityOpt.5", "seccomp={}"),
    engine("TaskTemplate.ContainerSpec.Privileges.AppArmor.Mode", "HostConfig.SecurityOpt.6", "apparmor=unconfined"),
    engine("TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges", "HostConfig.SecurityOpt.7", "no-new-privileges=true"),
    engine("TaskTemplate.ContainerSpec.Init", "HostConfig.Init", "true"),
    engine("TaskTemplate.ContainerSpec.StopSignal", "StopSignal", "SIGUSR1"),
    engine("TaskTemplate.ContainerSpec.TTY", "Tty", "true"),
    engine("TaskTemplate.ContainerSpec.OpenStdin", "OpenStdin", "true"),
    engine("TaskTemplate.ContainerSpec.ReadOnly", "HostConfig.ReadonlyRootfs", "true"),
    engine("TaskTemplate.ContainerSpec.Mounts[].Type", "HostConfig.Mounts.0.Type", "bind"),
    engine("TaskTemplate.ContainerSpec.Mounts[].Source", "HostConfig.Mounts.0.Source", "/srv/1"),
    engine("TaskTemplate.ContainerSpec.Mounts[].Target", "HostConfig.Mounts.0.Target", "/data/1"),
    engine("TaskTemplate.ContainerSpec.Mounts[].ReadOnly", "HostConfig.Mounts.0.ReadOnly", "true"),
    engine("TaskTemplate.ContainerSpec.Mounts[].Consistency", "HostConfig.Mounts.0.Consistency", "cached"),
    engine("TaskTemplate.ContainerSpec.Mounts[].BindOptions.Propagation", "HostConfig.Mounts.0.BindOptions.Propagation", "rslave"),
    engine("TaskTemplate.ContainerSpec.Mounts[].BindOptions.NonRecursive", "HostConfig.Mounts.0.BindOptions.NonRecursive", "true"),
    engine("TaskTemplate.ContainerSpec.Mounts[].BindOptions.CreateMountpoint", "HostConfig.Mounts.0.BindOptions.CreateMountpoint", "true"),
    engine("TaskTemplate.ContainerSpec.Mounts[].BindOptions.ReadOnlyNonRecursive", "HostConfig.Mounts.0.BindOptions.ReadOnlyNonRecursive", "true"),
    engine("TaskTemplate.ContainerSpec.Mounts[].BindOptions.ReadOnlyForceRecursive", "HostConfig.Mounts.0.BindOptions.ReadOnlyForceRecursive", "true"),
    engine("TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.NoCopy", "HostConfig.Mounts.1.VolumeOptions.NoCopy", "true"),
    engine("TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.Labels", "HostConfig.Mounts.1.VolumeOptions.Labels.of", "web"),
    engine("TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.Subpath", "HostConfig.Mounts.1.VolumeOptions.Subpath", "part"),
    engine("TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.DriverConfig.Name", "HostConfig.Mounts.1.VolumeOptions.DriverConfig.Name", "nfs"),
    engine("TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.DriverConfig.Options", "HostConfig.Mounts.1.VolumeOptions.DriverConfig.Options.device", "host-1"),
    engine("TaskTemplate.ContainerSpec.Mounts[].TmpfsOptions.SizeBytes", "HostConfig.Mounts.2.TmpfsOptions.SizeBytes", "64"),
    engine("TaskTemplate.ContainerSpec.Mounts[].TmpfsOptions.Mode", "HostConfig.Mounts.2.TmpfsOptions.Mode", "448"),
    engine("TaskTemplate.ContainerSpec.Mounts[].TmpfsOptions.Options", "HostConfig.Mounts.2.TmpfsOptions.Options.0.0", "noexec"),
    extension(engine("TaskTemplate.ContainerSpec.Mounts[].ImageOptions.Subpath", "HostConfig.Mounts.3.ImageOptions.Subpath", "etc")),
    engine("TaskTemplate.ContainerSpec.StopGracePeriod", "StopTimeout", "7"),
    engine("TaskTemplate.ContainerSpec.Healthcheck.Test", "Healthcheck.Test.0", "CMD"),
    engine("TaskTemplate.ContainerSpec.Healthcheck.Interval", "Healthcheck.Interval", "1000000000"),
    engine("TaskTemplate.ContainerSpec.Healthcheck.Timeout", "Healthcheck.Timeout", "2000000000"),
    engine("TaskTemplate.ContainerSpec.Healthcheck.StartPeriod", "Healthcheck.StartPeriod", "3000000000"),
    engine("TaskTemplate.ContainerSpec.Healthcheck.StartInterval", "Healthcheck.StartInterval", "4000000000"),
    engine("TaskTemplate.ContainerSpec.Healthcheck.Retries", "Healthcheck.Retries", "5"),
    extension(cluster("TaskTemplate.ContainerSpec.Readiness.Test", "what is tried: `CMD`, `CMD-SHELL`, `HTTP` or `TCP`")),
    extension(cluster("TaskTemplate.ContainerSpec.Readiness.Interval", "time between two checks")),
    extension(cluster("TaskTemplate.ContainerSpec.Readiness.Timeout", "time a check may take")),
    extension(cluster("TaskTemplate.ContainerSpec.Readiness.StartPeriod", "time in which failures do not count")),
    extension(cluster("TaskTemplate.ContainerSpec.Readiness.Retries", "failures in a row until it gets no requests")),
    engine("TaskTemplate.ContainerSpec.Hosts", "HostConfig.ExtraHosts.2", "node:host-gateway"),
    engine("TaskTemplate.ContainerSpec.DNSConfig.Nameservers", "HostConfig.Dns.0", "9.9.9.9"),
    engine("TaskTemplate.ContainerSpec.DNSConfig.Search", "HostConfig.DnsSearch.0", "example.org"),
    engine("TaskTemplate.ContainerSpec.DNSConfig.Options", "HostConfig.DnsOptions.0", "ndots:1"),
    cluster("TaskTemplate.ContainerSpec.Secrets[].File.Name", "the path of the file, below `/run/secrets` unless it is absolute"),
    cluster("TaskTemplate.ContainerSpec.Secrets[].File.UID", "who owns it"),
    cluster("TaskTemplate.ContainerSpec.Secrets[].File.GID", "which group owns it"),
    cluster("TaskTemplate.ContainerSpec.Secrets[].File.Mode", "its permissions"),
    cluster("TaskTemplate.ContainerSpec.Secrets[].SecretID", "the secret"),
    cluster("TaskTemplate.ContainerSpec.Secrets[].SecretName", "its name"),
    cluster("TaskTemplate.ContainerSpec.Configs[].File.Name", "the path of the file, below `/` unless it is absolute"),
    cluster("TaskTemplate.ContainerSpec.Configs[].File.UID", "who owns it"),
    cluster("TaskTemplate.ContainerSpec.Configs[].File.GID", "which group owns it"),
    cluster("TaskTemplate.ContainerSpec.Configs[].File.Mode", "its permissions"),
    cluster("TaskTemplate.ContainerSpec.Configs[].Runtime", "kept and shown"),
    cluster("TaskTemplate.ContainerSpec.Configs[].ConfigID", "the config"),
    cluster("TaskTemplate.ContainerSpec.Configs[].ConfigName", "its name"),
    cluster("TaskTemplate.ContainerSpec.Isolation", "`default` only, which is what Linux has"),
    engine("TaskTemplate.ContainerSpec.Sysctls", "HostConfig.Sysctls", "{\"net.core.somaxconn\": \"9\"}"),
    engine("TaskTemplate.ContainerSpec.CapabilityAdd", "HostConfig.CapAdd.0", "CAP_NET_ADMIN"),
    engine("TaskTemplate.ContainerSpec.CapabilityDrop", "HostConfig.CapDrop.0", "CAP_CHOWN"),
    engine("TaskTemplate.ContainerSpec.Ulimits[].Name", "HostConfig.Ulimits.0.Name", "nofile"),
    engine("TaskTemplate.ContainerSpec.Ulimits[].Hard", "HostConfig.Ulimits.0.Hard", "20"),
    engine("TaskTemplate.ContainerSpec.Ulimits[].Soft", "HostConfig.Ulimits.0.Soft", "10"),
    engine("TaskTemplate.ContainerSpec.OomScoreAdj", "HostConfig.OomScoreAdj", "-500"),
    extension(engine("TaskTemplate.ContainerSpec.Devices[].PathOnHost", "HostConfig.Devices.0.PathOnHost", "/dev/null")),
    extension(engine("TaskTemplate.ContainerSpec.Devices[].PathInContainer", "HostConfig.Devices.0.PathInContainer", "/dev/xnull")),
    extension(engine("TaskTemplate.ContainerSpec.Devices[].CgroupPermissions", "HostConfig.Devices.0.CgroupPermissions", "rw")),
    extension(engine("TaskTemplate.ContainerSpec.DeviceCgroupRules", "HostConfig.DeviceCgroupRules.0", "c 13:* rwm")),
    extension(engine("TaskTemplate.ContainerSpec.DeviceRequests[].Driver", "HostConfig.DeviceRequests.0.Driver", "nvidia")),
    extension(engine("TaskTemplate.ContainerSpec.DeviceRequests[].Count", "HostConfig.DeviceRequests.0.Count", "2")),
    extension(engine("TaskTemplate.ContainerSpec.DeviceRequests[].DeviceIDs", "HostConfig.DeviceRequests.1.DeviceIDs.0", "GPU-3a")),
    extension(engine("TaskTemplate.ContainerSpec.DeviceRequests[].Capabilities", "HostConfig.DeviceRequests.0.Capabilities.0.0", "gpu")),
    extension(engine("TaskTemplate.ContainerSpec.DeviceRequests[].Options", "HostConfig.DeviceRequests.0.Options.mig", "\"1\"")),
    extension(engine("TaskTemplate.ContainerSpec.Privileged", "HostConfig.Privileged", "true")),
    extension(engine("TaskTemplate.ContainerSpec.ShmSize", "HostConfig.ShmSize", "134217728")),
    extension(engine("TaskTemplate.ContainerSpec.SecurityOpt", "HostConfig.SecurityOpt.8", "label=nested")),
    extension(engine("TaskTemplate.ContainerSpec.IpcMode", "HostConfig.IpcMode", "shareable")),
    extension(engine("TaskTemplate.ContainerSpec.PidMode", "HostConfig.PidMode", "host")),
    extension(engine("TaskTemplate.ContainerSpec.CgroupParent", "HostConfig.CgroupParent", "/batch")),
    extension(engine("TaskTemplate.ContainerSpec.CgroupnsMode", "HostConfig.CgroupnsMode", "host")),
    extension(engine("TaskTemplate.ContainerSpec.Runtime", "HostConfig.Runtime", "runsc")),
    engine("TaskTemplate.Resources.Limits.NanoCPUs", "HostConfig.NanoCpus", "500000000"),
    engine("TaskTemplate.Resources.Limits.MemoryBytes", "HostConfig.Memory", "67108864"),
    engine("TaskTemplate.Resources.Limits.Pids", "HostConfig.PidsLimit", "9"),
    cluster("TaskTemplate.Resources.Reservations.NanoCPUs", "set aside on the node by the scheduler"),
    engine("TaskTemplate.Resources.Reservations.MemoryBytes", "HostConfig.MemoryReservation", "33554432"),
    cluster("TaskTemplate.Resources.Reservations.GenericResources[].DiscreteResourceSpec.Kind", "set aside on the node by the scheduler; what the task was given is its `GenericResources`, and in the container `DOCKER_RESOURCE_<KIND>`"),
    cluster("TaskTemplate.Resources.Reservations.GenericResources[].DiscreteResourceSpec.Value", "so many of that kind"),
    cluster("TaskTemplate.Resources.Reservations.GenericResources[].NamedResourceSpec.Kind", "as in Docker, kept and shown; tasks wait, as the scheduler chooses which ones a task gets"),
    cluster("TaskTemplate.Resources.Reservations.GenericResources[].NamedResourceSpec.Value", "which one"),
    engine("TaskTemplate.Resources.SwapBytes", "HostConfig.MemorySwap", "68157440"),
    engine("TaskTemplate.Resources.MemorySwappiness", "HostConfig.MemorySwappiness", "10"),
    cluster("TaskTemplate.RestartPolicy.Condition", "after which endings a task is replaced"),
    cluster("TaskTemplate.RestartPolicy.Delay", "how long after"),
    cluster("TaskTemplate.RestartPolicy.MaxAttempts", "how often at most"),
    cluster("TaskTemplate.RestartPolicy.Window", "within which time attempts count"),
    cluster("TaskTemplate.Placement.Constraints", "nodes that do not meet one get no task"),
    cluster("TaskTemplate.Placement.Preferences[].Spread.SpreadDescriptor", "tasks are spread evenly over the values of the label"),
    cluster("TaskTemplate.Placement.MaxReplicas", "tasks of the service on one node, at most"),
    cluster("TaskTemplate.Placement.Platforms[].Architecture", "nodes of other platforms get no task"),
    cluster("TaskTemplate.Placement.Platforms[].OS", "nodes of other platforms get no task"),
    extension(cluster("TaskTemplate.Placement.Strategy", "how one of the nodes that fit is chosen: `spread`, `binpack`, `random` or `usage`; absent, as the cluster says")),
    extension(cluster("TaskTemplate.Placement.Filter", "an expression that has to hold on a node: others get no task")),
    extension(cluster("TaskTemplate.Placement.Score", "an expression that is a number: of the nodes that fit the one where it is greatest gets the task")),
    extension(cluster("TaskTemplate.Placement.Affinity", "tasks are placed where tasks of these services are, or with `soft:` rather there")),
    extension(cluster("TaskTemplate.Placement.AntiAffinity", "tasks are placed where no task of these services is, or with `soft:` rather there")),
    extension(cluster("TaskTemplate.Placement.Volumes", "`stay`: a task goes to the node where the one before it in its slot was")),
    extension(cluster("TaskTemplate.Placement.Rebalance", "`auto`: tasks are moved to nodes that have become better")),
    cluster("TaskTemplate.Networks[].Target", "the tasks have an address on the network, the service a virtual one"),
    cluster("TaskTemplate.Networks[].Aliases", "further names of the service on the network"),
    cluster("TaskTemplate.Networks[].DriverOpts", "kept and shown: the overlay driver has no options per task"),
    engine("TaskTemplate.LogDriver.Name", "HostConfig.LogConfig.Type", "local"),
    engine("TaskTemplate.LogDriver.Options", "HostConfig.LogConfig.Config.max-size", "1m"),
    cluster("TaskTemplate.ForceUpdate", "another number replaces all tasks"),
    cluster("TaskTemplate.Runtime", "`container` only"),
    cluster("Mode.Replicated.Replicas", "so many tasks"),
    cluster("Mode.Global", "a task on each node that fits"),
    cluster("Mode.ReplicatedJob.MaxConcurrent", "so many tasks at a time"),
    cluster("Mode.ReplicatedJob.TotalCompletions", "so many tasks in all"),
    cluster("Mode.GlobalJob", "a task on each node that fits, once"),
    cluster("UpdateConfig.Parallelism", "so many tasks at a time"),
    cluster("UpdateConfig.Delay", "pause after each"),
    cluster("UpdateConfig.FailureAction", "what happens when too many fail"),
    cluster("UpdateConfig.Monitor", "how long a new task is watched"),
    cluster("UpdateConfig.MaxFailureRatio", "which share may fail"),
    cluster("UpdateConfig.Order", "whether the old or the new task goes first"),
    cluster("RollbackConfig.Parallelism", "so many tasks at a time"),
    cluster("RollbackConfig.Delay", "pause after each"),
    cluster("RollbackConfig.FailureAction", "what happens when too many fail"),
    cluster("RollbackConfig.Monitor", "how long a new task is watched"),
    cluster("RollbackConfig.MaxFailureRatio", "which share may fail"),
    cluster("RollbackConfig.Order", "whether the old or the new task goes first"),
    cluster("EndpointSpec.Mode", "a virtual address, or the addresses of the tasks by name"),
    cluster("EndpointSpec.Ports[].Name", "kept and shown"),
    cluster("EndpointSpec.Ports[].Protocol", "`tcp` or `udp`"),
    cluster("EndpointSpec.Ports[].TargetPort", "the port in the container"),
    cluster("EndpointSpec.Ports[].PublishedPort", "the port on the nodes; 0 lets the cluster choose"),
    cluster("EndpointSpec.Ports[].PublishMode", "on every node, or on those that run a task"),
    extension(cluster("EndpointSpec.Options", "how connections are spread: `scheduler` and `sticky`")),
    extension(cluster("EndpointSpec.Http[].Host", "the host that is asked for; `*.` and a name for all below it, none for every host")),
    extension(cluster("EndpointSpec.Http[].Path", "a path, and all below it")),
    extension(cluster("EndpointSpec.Http[].Methods", "the methods; none for all")),
    extension(cluster("EndpointSpec.Http[].Headers", "headers that a request has with these values")),
    extension(cluster("EndpointSpec.Http[].TargetPort", "the port in the container")),
    extension(cluster("EndpointSpec.Http[].Weight", "the share of the requests, if several services ask for the same")),
    extension(cluster("EndpointSpec.Http[].Rewrite", "what takes the place of the path of the rule")),
    extension(cluster("EndpointSpec.Http[].Sticky", "for how long a client comes back to the same task")),
    extension(cluster("EndpointSpec.Http[].Timeout", "for how long a task may be silent; a minute if absent")),
    extension(cluster("EndpointSpec.Http[].MaxBody", "the largest body of a request, in bytes")),
    extension(cluster("EndpointSpec.Http[].Rate.Requests", "how many requests each client may make in a time, on each node")),
    extension(cluster("EndpointSpec.Http[].Rate.Per", "that time: a second, a minute or an hour; a second if absent")),
    extension(cluster("EndpointSpec.Http[].Rate.Burst", "how many requests may come before their time")),
    extension(cluster("EndpointSpec.Http[].Certificate.SecretID", "the secret with the chain of certificates and the key; found by its name if absent")),
    extension(cluster("EndpointSpec.Http[].Certificate.SecretName", "its name")),
    extension(cluster("EndpointSpec.Http[].ClientCA.SecretID", "the secret with the authorities of clients, which have to show a certificate; found by its name if absent")),
    extension(cluster("EndpointSpec.Http[].ClientCA.SecretName", "its name")),
    extension(cluster("EndpointSpec.Http[].ACME", "the certificate of the host is got by ACME")),
    extension(cluster("EndpointSpec.Http[].HttpsOnly", "who asks without TLS is sent to the port with TLS")),
    extension(cluster("EndpointSpec.Http[].HSTS", "for how long browsers are to ask with TLS only")),
    cluster("Networks[].Target", "as `TaskTemplate.Networks`, if there are none there"),
    cluster("Networks[].Aliases", "as `TaskTemplate.Networks[].Aliases`"),
    cluster("Networks[].DriverOpts", "as `TaskTemplate.Networks[].DriverOpts`"),
];

/// Every field of Docker's API that is refused.
#[rustfmt::skip]
pub(super) const REFUSED: &[Refused] = &[
    Refused { path: "TaskTemplate.ContainerSpec.Privileges.CredentialSpec.Config", body: r#"{"TaskTemplate": {"ContainerSpec": {"Privileges": {"CredentialSpec": {"Config": "x"}}}}}"#, message: "unsupported field: TaskTemplate.ContainerSpec.Privileges.CredentialSpec", reason: "for Windows" },
    Refused { path: "TaskTemplate.ContainerSpec.Privileges.CredentialSpec.File", body: r#"{"TaskTemplate": {"ContainerSpec": {"Privileges": {"CredentialSpec": {"File": "x"}}}}}"#, message: "unsupported field: TaskTemplate.ContainerSpec.Privileges.CredentialSpec", reason: "for Windows" },
    Refused { path: "TaskTemplate.ContainerSpec.Privileges.CredentialSpec.Registry", body: r#"{"TaskTemplate": {"ContainerSpec": {"Privileges": {"CredentialSpec": {"Registry": "x"}}}}}"#, message: "unsupported field: TaskTemplate.ContainerSpec.Privileges.CredentialSpec", reason: "for Windows" },
    Refused { path: "TaskTemplate.ContainerSpec.Isolation: process, hyperv", body: r#"{"TaskTemplate": {"ContainerSpec": {"Isolation": "hyperv"}}}"#, message: "unsupported field: TaskTemplate.ContainerSpec.Isolation", reason: "for Windows" },
    Refused { path: "TaskTemplate.ContainerSpec.Mounts[].Type: npipe", body: r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Type": "npipe", "Target": "/a"}]}}}"#, message: "invalid TaskTemplate.ContainerSpec.Mounts[0].Type: \"npipe\"", reason: "for Windows" },
    Refused { path: "TaskTemplate.ContainerSpec.Mounts[].Type: cluster", body: r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Type": "cluster", "Target": "/a"}]}}}"#, message: "invalid TaskTemplate.ContainerSpec.Mounts[0].Type: \"cluster\"", reason: "swarmlite has no cluster volumes" },
    Refused { path: "TaskTemplate.ContainerSpec.Mounts[].ClusterOptions", body: r#"{"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/a", "ClusterOptions": {"x": "y"}}]}}}"#, message: "unsupported field: TaskTemplate.ContainerSpec.Mounts[0].ClusterOptions", reason: "swarmlite has no cluster volumes" },
    Refused { path: "TaskTemplate.PluginSpec", body: r#"{"TaskTemplate": {"PluginSpec": {"Name": "x"}}}"#, message: "unsupported field: TaskTemplate.PluginSpec", reason: "tasks are containers" },
    Refused { path: "TaskTemplate.NetworkAttachmentSpec", body: r#"{"TaskTemplate": {"NetworkAttachmentSpec": {"ContainerID": "x"}}}"#, message: "unsupported field: TaskTemplate.NetworkAttachmentSpec", reason: "tasks are containers" },
    Refused { path: "TaskTemplate.Runtime: plugin, attachment", body: r#"{"TaskTemplate": {"Runtime": "plugin"}}"#, message: "unsupported field: TaskTemplate.Runtime", reason: "tasks are containers" },
    Refused { path: "EndpointSpec.Ports[].Protocol: sctp", body: r#"{"EndpointSpec": {"Ports": [{"Protocol": "sctp", "TargetPort": 80}]}}"#, message: "EndpointSpec: protocol sctp is not supported yet, only tcp and udp are", reason: "only TCP and UDP are balanced" },
];
