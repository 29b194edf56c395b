//! The settings of the whole cluster, and what they are when nobody says.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::AcmeConfig;
use super::Driver;
use super::HttpConfig;
use super::HttpOptions;
use super::Labels;
use super::is_default;
use crate::time::Nanoseconds;

/// The TCP port of managers.
pub const MANAGER_PORT: u16 = 2377;

/// The UDP port of the tunnels (RFC 7348).
pub const DEFAULT_DATA_PATH_PORT: u16 = 4789;

/// The UDP ports that tunnels may use (moby `daemon/cluster/listen_addr.go`).
pub const DATA_PATH_PORTS: RangeInclusive<u16> = 1024..=49151;

/// Where subnets are taken from (swarmkit `manager/allocator/cnmallocator`).
pub const DEFAULT_ADDRESS_POOL: Ipv4Net =
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 0, 0, 0), 8);

/// The prefix length of subnets.
pub const DEFAULT_SUBNET_SIZE: u8 = 24;

/// The longest prefix of subnets: room for a gateway, a virtual address and a task (moby `daemon/cluster`).
pub const MAX_SUBNET_SIZE: u8 = 29;

/// The settings of the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SwarmSpec {
    /// Always `default`.
    pub name: String,
    /// User labels.
    pub labels: Labels,
    /// Task history.
    pub orchestration: OrchestrationConfig,
    /// Consensus.
    pub raft: RaftConfig,
    /// Heartbeats.
    pub dispatcher: DispatcherConfig,
    /// Certificates.
    #[serde(rename = "CAConfig")]
    pub ca_config: CaConfig,
    /// What tasks have that do not say otherwise.
    pub task_defaults: TaskDefaults,
    /// Autolock.
    pub encryption_config: EncryptionConfig,
    /// On which ports every node answers HTTP. Not in Docker's API. Absent: on none. In an update absence stands for what the cluster has, and
    /// `{}` takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpConfig>,
    /// What every node does with HTTP requests. Not in Docker's API. In an update absence stands for what the cluster has, and `{}` takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_options: Option<HttpOptions>,
    /// Whom the cluster asks for the certificates of hosts. Not in Docker's API. In an update absence stands for what the cluster has, and `{}`
    /// takes it back.
    #[serde(rename = "ACME", skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeConfig>,
}

impl SwarmSpec {
    /// What a cluster has when nothing else was asked for (swarmkit `manager/manager.go`, moby `daemon/cluster`).
    #[must_use]
    pub fn defaults() -> Self {
        Self {
            name: "default".to_owned(),
            labels: Labels::new(),
            orchestration: OrchestrationConfig {
                task_history_retention_limit: Some(OrchestrationConfig::DEFAULT_TASK_HISTORY),
                placement_strategy: None,
            },
            raft: RaftConfig::DEFAULT,
            dispatcher: DispatcherConfig { heartbeat_period: DispatcherConfig::DEFAULT_HEARTBEAT },
            ca_config: CaConfig {
                node_cert_expiry: CaConfig::DEFAULT_NODE_CERT_EXPIRY,
                ..CaConfig::default()
            },
            task_defaults: TaskDefaults::default(),
            encryption_config: EncryptionConfig::default(),
            http: None,
            http_options: None,
            acme: None,
        }
    }

    /// On which ports every node answers HTTP.
    #[must_use]
    pub fn http(&self) -> HttpConfig {
        self.http.unwrap_or_default()
    }

    /// Takes over from `old` what these settings, which are to replace it, say nothing about beyond Docker's API.
    pub fn keep_extensions(&mut self, old: &Self) {
        self.orchestration.keep_extensions(&old.orchestration);
        self.http = self.http.or(old.http).filter(|http| http.is_on());
        let options = self.http_options.take().or_else(|| old.http_options.clone());
        self.http_options = options.filter(|options| *options != HttpOptions::default());
        let acme = self.acme.take().or_else(|| old.acme.clone());
        self.acme = acme.filter(|acme| *acme != AcmeConfig::default());
    }
}

/// What tasks have that do not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskDefaults {
    /// Where their output goes. Absent: the engine's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_driver: Option<Driver>,
}

/// How many ended tasks are kept, and where new ones go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct OrchestrationConfig {
    /// How many ended tasks are kept, per slot; negative keeps all. Absent: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_history_retention_limit: Option<i64>,
    /// The placement strategy of services that ask for none: `spread`, `binpack`, `random` or `usage`. Not in Docker's API. Absent: `spread`. In an
    /// update absence stands for what the cluster has, and an empty text takes it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement_strategy: Option<String>,
}

impl OrchestrationConfig {
    /// How many tasks are kept per slot when nobody says, the present one included (moby `daemon/cluster`, `swarm init`).
    pub const DEFAULT_TASK_HISTORY: i64 = 5;

    /// Takes over from `old` what these settings, which are to replace it, say nothing about beyond Docker's API.
    fn keep_extensions(&mut self, old: &Self) {
        if self.placement_strategy.is_none() {
            self.placement_strategy.clone_from(&old.placement_strategy);
        }
        // What takes it back is not kept.
        self.placement_strategy.take_if(|strategy| strategy.is_empty());
    }
}

/// Consensus, in Docker's terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct RaftConfig {
    /// Log entries between snapshots.
    #[serde(skip_serializing_if = "is_default")]
    pub snapshot_interval: u64,
    /// Snapshots kept beside the newest. Kept and shown, but without effect: only the newest is on the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_old_snapshots: Option<u64>,
    /// Log entries before a snapshot that are kept for managers that lag behind.
    #[serde(skip_serializing_if = "is_default")]
    pub log_entries_for_slow_followers: u64,
    /// Election timeout, in ticks. Kept and shown, but without effect: the times of raft are fixed.
    pub election_tick: i64,
    /// Heartbeat interval, in ticks. Kept and shown, but without effect.
    pub heartbeat_tick: i64,
}

impl RaftConfig {
    /// What holds when nobody says.
    pub const DEFAULT: Self = Self {
        snapshot_interval: 10_000,
        keep_old_snapshots: Some(0),
        log_entries_for_slow_followers: 500,
        election_tick: 10,
        heartbeat_tick: 1,
    };

    /// These settings, and that of `other` for each that is zero, which stands for the default in Docker's API.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            snapshot_interval: either(self.snapshot_interval, other.snapshot_interval),
            keep_old_snapshots: self.keep_old_snapshots.or(other.keep_old_snapshots),
            log_entries_for_slow_followers: either(
                self.log_entries_for_slow_followers,
                other.log_entries_for_slow_followers,
            ),
            election_tick: either(self.election_tick, other.election_tick),
            heartbeat_tick: either(self.heartbeat_tick, other.heartbeat_tick),
        }
    }
}

/// The first of the two that is not zero.
fn either<T: Default + PartialEq>(first: T, second: T) -> T {
    if first == T::default() { second } else { first }
}

/// Heartbeats of agents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct DispatcherConfig {
    /// Time between two.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub heartbeat_period: Nanoseconds,
}

impl DispatcherConfig {
    /// The time between two when nobody says (swarmkit `manager/dispatcher/dispatcher.go`).
    pub const DEFAULT_HEARTBEAT: Nanoseconds = Nanoseconds::from_secs(5);
}

/// Certificates.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct CaConfig {
    /// How long a node's certificate is valid.
    #[serde(skip_serializing_if = "Nanoseconds::is_zero")]
    pub node_cert_expiry: Nanoseconds,
    /// Who signs in the place of the cluster, for an authority whose key the cluster does not have.
    #[serde(rename = "ExternalCAs", skip_serializing_if = "Vec::is_empty")]
    pub external_cas: Vec<ExternalCa>,
    /// The certificate of the authority that is to replace the present one, PEM. Empty in answers.
    #[serde(rename = "SigningCACert", skip_serializing_if = "String::is_empty")]
    pub signing_ca_cert: String,
    /// Its key, PEM. Never printed, and empty in answers.
    #[serde(rename = "SigningCAKey", skip_serializing_if = "String::is_empty")]
    pub signing_ca_key: String,
    /// Raised to have the authority replaced by a new one.
    #[serde(skip_serializing_if = "is_default")]
    pub force_rotate: u64,
}

impl CaConfig {
    /// How long a node's certificate is valid when nobody says.
    pub const DEFAULT_NODE_CERT_EXPIRY: Nanoseconds = Nanoseconds::from_secs(90 * 24 * 3600);

    /// The shortest time that one can be valid (swarmkit `ca/certificates.go`, `MinNodeCertExpiration`).
    pub const MIN_NODE_CERT_EXPIRY: Nanoseconds = Nanoseconds::from_secs(3600);
}

impl std::fmt::Debug for CaConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaConfig")
            .field("node_cert_expiry", &self.node_cert_expiry)
            .field("external_cas", &self.external_cas)
            .field("signing_ca_cert", &self.signing_ca_cert)
            .field("force_rotate", &self.force_rotate)
            .finish_non_exhaustive()
    }
}

/// A server that signs for an authority outside of the cluster. Of several for the same one, any may be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExternalCa {
    /// How it is asked: `cfssl`, which an empty one stands for.
    pub protocol: String,
    /// Where, by `https`.
    #[serde(rename = "URL")]
    pub url: String,
    /// What else the protocol needs. There is no option that is supported.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// The certificate of the authority that it signs for, PEM, which also vouches for the server itself. Empty: the one that all nodes trust.
    #[serde(rename = "CACert", skip_serializing_if = "String::is_empty")]
    pub ca_cert: String,
}

impl ExternalCa {
    /// The only protocol (<https://github.com/cloudflare/cfssl/blob/master/doc/api/endpoint_sign.txt>).
    pub const CFSSL: &'static str = "cfssl";
}

/// Whether managers need a key to start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct EncryptionConfig {
    /// Whether the raft key is kept off the disk.
    pub auto_lock_managers: bool,
}
