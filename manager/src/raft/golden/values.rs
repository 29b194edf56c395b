//! What the kept files hold. Fields that came later have their defaults.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use openraft::CommittedLeaderId;
use openraft::EntryPayload;
use openraft::Membership;
use swarmlite_proto::attachment::AttachedContainer;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::format::Format;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::object::AcmeAccount;
use swarmlite_proto::object::AcmeCertificate;
use swarmlite_proto::object::AcmeChallenge;
use swarmlite_proto::object::AcmeChallengeKind;
use swarmlite_proto::object::AcmeFailure;
use swarmlite_proto::object::AcmeHost;
use swarmlite_proto::object::AcmeOrder;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Config;
use swarmlite_proto::object::ContainerStatus;
use swarmlite_proto::object::Endpoint;
use swarmlite_proto::object::EngineDescription;
use swarmlite_proto::object::JobStatus;
use swarmlite_proto::object::JoinTokens;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::NetworkAllocation;
use swarmlite_proto::object::NetworkAttachment;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeDescription;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::object::NodeResources;
use swarmlite_proto::object::NodeState;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::PluginDescription;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::object::Routing;
use swarmlite_proto::object::Secret;
use swarmlite_proto::object::Service;
use swarmlite_proto::object::Task;
use swarmlite_proto::object::TaskStatus;
use swarmlite_proto::object::TlsInfo;
use swarmlite_proto::object::UpdateState;
use swarmlite_proto::object::UpdateStatus;
use swarmlite_proto::object::VirtualIp;
use swarmlite_proto::registry::RegistryAuth;
use swarmlite_proto::spec::AccessLogFormat;
use swarmlite_proto::spec::AcmeConfig;
use swarmlite_proto::spec::Data;
use swarmlite_proto::spec::DiscreteResource;
use swarmlite_proto::spec::DocumentSpec;
use swarmlite_proto::spec::GenericResource;
use swarmlite_proto::spec::HttpConfig;
use swarmlite_proto::spec::HttpOptions;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proto::spec::Labels;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;
use swarmlite_proto::spec::Platform;
use swarmlite_proto::spec::PortConfig;
use swarmlite_proto::spec::ServiceSpec;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::version::Version;

use crate::raft::transactions::Transactions;
use crate::raft::types::Entry;
use crate::raft::types::LogId;
use crate::raft::types::Member;
use crate::raft::types::SnapshotMeta;
use crate::raft::types::StoredMembership;
use crate::raft::types::Vote;
use crate::state::NodeReport;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;

fn id<K: Kind>(letter: char) -> Id<K> {
    letter.to_string().repeat(25).parse().expect("an id")
}

fn log_id(index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(2, 1), index)
}

fn labels(name: &str) -> Labels {
    [("of".to_owned(), name.to_owned())].into()
}

fn gpus(value: i64) -> GenericResource {
    let resource = DiscreteResource { kind: "gpu".to_owned(), value };
    GenericResource { discrete_resource_spec: Some(resource), ..GenericResource::default() }
}

fn at() -> Timestamp {
    "2026-11-30T21:00:00.123456789Z".parse().expect("a time")
}

pub(super) fn vote() -> Vote {
    Vote::new_committed(2, 1)
}

pub(super) fn purged() -> LogId {
    log_id(0)
}

pub(super) fn committed() -> LogId {
    log_id(4)
}

/// The entries of a log in `format`.
pub(super) fn entries(format: Format) -> Vec<Entry> {
    let normal = |transaction| EntryPayload::Normal(Transactions::new(format, vec![transaction]));
    let payloads = [
        EntryPayload::Blank,
        EntryPayload::Membership(membership()),
        normal(everything(format)),
        normal(reports()),
        EntryPayload::Blank,
    ];
    let entry = |(index, payload)| Entry { log_id: log_id(index), payload };
    (0..).zip(payloads).map(entry).collect()
}

fn membership() -> Membership<u64, Member> {
    let addr = "192.0.2.1:2377".parse().expect("an address");
    Membership::new(vec![BTreeSet::from([1])], BTreeMap::from([(1, Member { addr })]))
}

pub(super) fn meta() -> SnapshotMeta {
    SnapshotMeta {
        last_log_id: Some(log_id(2)),
        last_membership: StoredMembership::new(Some(log_id(1)), membership()),
        snapshot_id: "a snapshot".to_owned(),
    }
}

/// What [`everything`] makes of an empty state.
pub(super) fn state(format: Format) -> State {
    let mut state = State::default();
    state.apply(2, everything(format)).expect("is sound");
    state.without_cursors()
}

/// The entry that makes a cluster in `format`.
pub(super) fn cluster_in(format: Format) -> Vec<Entry> {
    let transaction = Transaction::new(at()).with(Op::PutCluster(Box::new(cluster(format))));
    let payload = EntryPayload::Normal(Transactions::new(Format::FIRST, vec![transaction]));
    vec![Entry { log_id: log_id(1), payload }]
}

/// An object of each kind.
fn everything(format: Format) -> Transaction {
    let everything = Transaction::new(at())
        .with(Op::PutCluster(Box::new(cluster(format))))
        .with(Op::PutNode(Box::new(node())))
        .with(Op::PutNetwork(Box::new(network())))
        .with(Op::PutSecret(Box::new(Secret {
            id: id('s'),
            meta: Meta::default(),
            spec: document("secret"),
        })))
        .with(Op::PutConfig(Box::new(Config {
            id: id('c'),
            meta: Meta::default(),
            spec: document("config"),
        })))
        .with(Op::PutService(Box::new(service(format))))
        .with(Op::PutTask(Box::new(task())))
        .with(Op::PutAttachment(Box::new(attachment())));
    if format < Format::ACME {
        return everything;
    }
    everything
        .with(Op::PutAcmeAccount(Box::new(acme_account())))
        .with(Op::PutAcmeHost(Box::new(acme_host())))
}

fn acme_failure() -> AcmeFailure {
    AcmeFailure { reason: "no".to_owned(), attempts: 2, retry_at: at() }
}

fn acme_account() -> AcmeAccount {
    AcmeAccount {
        meta: Meta::default(),
        directory: "https://acme.example.com/dir".to_owned(),
        credentials: Some("credentials".to_owned()),
        failure: Some(acme_failure()),
    }
}

fn acme_host() -> AcmeHost {
    AcmeHost {
        host: "acme.example.com".to_owned(),
        meta: Meta::default(),
        certificate: Some(AcmeCertificate {
            secret_id: id('s'),
            not_before: at(),
            not_after: at(),
        }),
        order: Some(AcmeOrder {
            directory: "https://acme.example.com/dir".to_owned(),
            url: "https://acme.example.com/order/1".to_owned(),
            key: "key".to_owned(),
            challenge: Some(AcmeChallenge {
                kind: AcmeChallengeKind::TlsAlpn01,
                token: "token".to_owned(),
                answer: "token.thumbprint".to_owned(),
            }),
            told: true,
        }),
        failure: Some(acme_failure()),
    }
}

/// What is not the whole of an object.
fn reports() -> Transaction {
    let report = NodeReport {
        node_id: id('n'),
        status: node().status,
        description: node().description,
        data_path_addr: node().data_path_addr,
        versions: None,
    };
    Transaction::new(at())
        .with(Op::ReportNode(Box::new(report)))
        .with(Op::ReportTask { node_id: id('n'), task_id: id('t'), status: Box::new(status()) })
        .with(Op::Expect(ObjectRef::Service(id('w')), Version::at(2)))
        .with(Op::Remove(ObjectRef::Secret(id('s')), Version::at(2)))
}

fn document(name: &str) -> DocumentSpec {
    let data = Data::from(b"content".to_vec());
    DocumentSpec { name: name.to_owned(), labels: labels(name), data, ..DocumentSpec::default() }
}

fn cluster(format: Format) -> Cluster {
    let ca = |name: &str| RootCa {
        certificate: format!("certificate {name}"),
        key: format!("key {name}"),
        cross_signed: Some(format!("crossed {name}")),
    };
    Cluster {
        id: id('l'),
        meta: Meta::default(),
        spec: SwarmSpec {
            labels: labels("cluster"),
            http: (format >= Format::HTTP).then_some(HttpConfig::STANDARD),
            http_options: (format >= Format::HTTP_OPTIONS).then(|| HttpOptions {
                access_log: AccessLogFormat::Json,
                trusted_peers: vec!["192.0.2.0/24".to_owned()],
                proxy_protocol: true,
            }),
            acme: (format >= Format::ACME).then(|| AcmeConfig {
                directory: "https://acme.example.com/dir".to_owned(),
                email: "ops@example.com".to_owned(),
                ca: "certificate".to_owned(),
                terms_accepted: true,
            }),
            ..SwarmSpec::default()
        },
        root_ca: ca("one"),
        next_root_ca: Some(ca("two")),
        join_tokens: JoinTokens { worker: "worker".to_owned(), manager: "manager".to_owned() },
        default_addr_pool: vec!["10.0.0.0/8".parse().expect("a network")],
        subnet_size: 24,
        data_path_port: 4789,
        next_raft_id: 2,
        removed_nodes: vec![id('r')],
        unlock_key: Some(
            "SWMKEY-1-7c37Cc8654o6p38HnroywCi19pllOnGtbdZEgtKxZu8".parse().expect("a key"),
        ),
        format,
        restored: Version::NONE,
    }
}

fn node() -> Node {
    let description = NodeDescription {
        hostname: "one".to_owned(),
        platform: Platform { architecture: "x86_64".to_owned(), os: "linux".to_owned() },
        resources: NodeResources {
            nano_cpus: 2_000_000_000,
            memory_bytes: 1 << 32,
            generic_resources: vec![gpus(2)],
        },
        engine: EngineDescription {
            engine_version: "20.10.24".to_owned(),
            labels: labels("engine"),
            plugins: vec![PluginDescription {
                kind: "Network".to_owned(),
                name: "swarmlite".to_owned(),
            }],
        },
        tls_info: TlsInfo { trust_root: "root".to_owned(), ..TlsInfo::default() },
        dataplane: "nftables".to_owned(),
        dataplane_reason: "the kernel has no IPVS".to_owned(),
    };
    Node {
        id: id('n'),
        meta: Meta::default(),
        spec: NodeSpec { labels: labels("node"), role: NodeRole::Manager, ..NodeSpec::default() },
        description: Some(description),
        status: NodeStatus {
            state: NodeState::Ready,
            message: "well".to_owned(),
            addr: "192.0.2.1".to_owned(),
        },
        role: NodeRole::Manager,
        index: NodeIndex(1),
        data_path_addr: Some([192, 0, 2, 1].into()),
        manager: Some(ManagerRecord {
            raft_id: 1,
            addr: "192.0.2.1:2377".parse().expect("an address"),
        }),
        witness: false,
        versions: Default::default(),
    }
}

fn network() -> Network {
    Network {
        id: id('e'),
        meta: Meta::default(),
        spec: NetworkSpec {
            name: "net".to_owned(),
            labels: labels("net"),
            ..NetworkSpec::default()
        },
        allocation: Some(NetworkAllocation {
            vni: 4096,
            subnet: "10.0.1.0/24".parse().expect("a subnet"),
            gateway: [10, 0, 1, 1].into(),
        }),
    }
}

/// As a client sends it, so that it does not depend on how specs are made here.
fn spec() -> ServiceSpec {
    let json = r#"{
        "Name": "web",
        "Labels": {"of": "web"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "web:1",
                "Env": ["A=1"],
                "StopGracePeriod": 5000000000,
                "Secrets": [{"SecretID": "sssssssssssssssssssssssss", "SecretName": "secret",
                    "File": {"Name": "secret", "UID": "0", "GID": "0", "Mode": 292}}]
            },
            "Resources": {"Limits": {"MemoryBytes": 67108864}},
            "RestartPolicy": {"Condition": "any", "Delay": 1000000000},
            "Placement": {"Constraints": ["node.role==manager"]},
            "Networks": [{"Target": "eeeeeeeeeeeeeeeeeeeeeeeee", "Aliases": ["www"]}]
        },
        "Mode": {"Replicated": {"Replicas": 2}},
        "UpdateConfig": {"Parallelism": 1, "Order": "start-first"},
        "EndpointSpec": {"Mode": "vip", "Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080}]}
    }"#;
    serde_json::from_str(json).expect("a service")
}

fn rule() -> HttpRoute {
    let json = r#"{
        "Host": "shop.example.com", "Path": "/cart", "Methods": ["GET"], "Headers": {"x-beta": "1"}, "TargetPort": 80, "Weight": 5,
        "Rewrite": "/", "Sticky": "1h", "Timeout": 30000000000, "MaxBody": 1024, "HttpsOnly": true, "HSTS": 3600000000000,
        "Certificate": {"SecretID": "sssssssssssssssssssssssss", "SecretName": "secret"}
    }"#;
    serde_json::from_str(json).expect("a rule")
}

fn acme_rule() -> HttpRoute {
    let json = r#"{"Host": "acme.example.com", "Path": "/", "TargetPort": 80, "ACME": true}"#;
    serde_json::from_str(json).expect("a rule")
}

fn port() -> PortConfig {
    let json =
        r#"{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}"#;
    serde_json::from_str(json).expect("a port")
}

fn service(format: Format) -> Service {
    let auth = RegistryAuth { username: "me".to_owned(), ..RegistryAuth::default() };
    let mut spec = spec();
    if let Some(endpoint) = spec.endpoint_spec.as_mut().filter(|_| format >= Format::HTTP) {
        let by_acme = (format >= Format::ACME).then(acme_rule);
        endpoint.http = Some([rule()].into_iter().chain(by_acme).collect());
    }
    Service {
        id: id('w'),
        meta: Meta::default(),
        spec,
        spec_version: Version::NONE,
        previous_spec: None,
        previous_spec_version: None,
        endpoint: Endpoint {
            ports: vec![port()],
            virtual_ips: vec![VirtualIp {
                network_id: id('e'),
                addr: "10.0.1.2/24".parse().expect("an address"),
            }],
            spec_version: Some(Version::at(2)),
        },
        update_status: Some(UpdateStatus {
            state: UpdateState::RollbackStarted,
            started_at: Some(at()),
            completed_at: None,
            message: "update in progress".to_owned(),
        }),
        job_status: Some(JobStatus { job_iteration: Version::at(1), last_execution: at() }),
        registry_auth: Some(auth.clone()),
        previous_registry_auth: Some(auth),
    }
}

fn status() -> TaskStatus {
    TaskStatus {
        timestamp: at(),
        state: TaskState::Running,
        message: "started".to_owned(),
        err: "none".to_owned(),
        container: Some(ContainerStatus { container_id: "abc".to_owned(), pid: 42, exit_code: 0 }),
        host_ports: vec![port()],
        not_ready: Some("exit code 1".to_owned()),
    }
}

fn task() -> Task {
    Task {
        id: id('t'),
        meta: Meta::default(),
        service_id: id('w'),
        service_name: "web".to_owned(),
        labels: labels("web"),
        slot: 1,
        spec_version: Version::at(2),
        node_id: Some(id('n')),
        desired_state: TaskState::Running,
        status: status(),
        attachments: vec![NetworkAttachment {
            network_id: id('e'),
            addr: "10.0.1.3/24".parse().expect("an address"),
            aliases: vec!["www".to_owned()],
        }],
        job_iteration: Some(1),
        routing: Routing::Routed { at: at() },
        served: None,
        generic_resources: vec![gpus(1)],
        migrate: false,
    }
}

fn attachment() -> Attachment {
    Attachment {
        id: id('a'),
        meta: Meta::default(),
        network_id: id('e'),
        node_id: id('n'),
        addr: "10.0.1.4/24".parse().expect("an address"),
        aliases: vec!["box".to_owned()],
        asked: false,
        container: Some(AttachedContainer {
            id: "def".to_owned(),
            name: "box".to_owned(),
            running: true,
        }),
    }
}
