//! The first transaction of a cluster: the cluster itself, its first node, and the network of the routing mesh.

use std::net::SocketAddr;

use ipnet::Ipv4Net;
use rand::CryptoRng;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::ClusterId;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::ManagerRecord;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Network;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::object::RootCa;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;
use swarmlite_proto::spec::SwarmSpec;
use swarmlite_proto::time::Timestamp;
use swarmlite_proto::unlock_key::UnlockKey;
use swarmlite_proto::validate;
use swarmlite_proto::version::Version;

use super::Authority;
use super::admission;
use super::new_tokens;
use crate::raft::FIRST_RAFT_ID;
use crate::state::Op;
use crate::state::Transaction;

/// What `swarmlite init` asks for.
#[derive(Clone, Debug)]
pub struct ClusterInit {
    /// Settings; what is zero in it gets the default.
    pub spec: SwarmSpec,
    /// Where other managers and agents reach the first manager.
    pub advertise_addr: SocketAddr,
    /// Whether the first node gets tasks.
    pub availability: Availability,
    /// Where subnets are taken from.
    pub default_addr_pool: Vec<Ipv4Net>,
    /// The prefix length of the subnets.
    pub subnet_size: u8,
    /// The UDP port of the tunnels.
    pub data_path_port: u16,
}

/// A cluster in the making.
#[derive(Clone, Debug)]
pub struct Founding {
    /// To be the first one in the log.
    pub transaction: Transaction,
    /// Who the first node is.
    pub identity: Identity,
    /// What locks its manager, with autolock.
    pub unlock_key: Option<UnlockKey>,
}

/// Makes a cluster of one manager.
///
/// # Errors
///
/// In Docker's words when `init` asks for something that cannot be.
pub fn found(init: ClusterInit, rng: &mut impl CryptoRng, now: Timestamp) -> Result<Founding> {
    let root = Authority::create(rng, now)?;
    let cluster = cluster(&init, root, rng)?;
    let node = first_node(&init, rng);
    let identity = admission::identity(&cluster, &node, rng, now)?;
    let ingress = ingress_network(rng);
    let unlock_key = cluster.unlock_key.clone();
    let transaction = Transaction::new(now)
        .with(Op::PutCluster(Box::new(cluster)))
        .with(Op::PutNode(Box::new(node)))
        .with(Op::PutNetwork(Box::new(ingress)));
    Ok(Founding { transaction, identity, unlock_key })
}

fn cluster(init: &ClusterInit, root_ca: RootCa, rng: &mut impl CryptoRng) -> Result<Cluster> {
    let spec = over(SwarmSpec::defaults(), &init.spec)?;
    Ok(Cluster {
        id: ClusterId::random(rng),
        meta: Meta::default(),
        join_tokens: new_tokens(&root_ca.certificate, rng),
        root_ca,
        next_root_ca: None,
        default_addr_pool: init.default_addr_pool.clone(),
        subnet_size: init.subnet_size,
        data_path_port: init.data_path_port,
        next_raft_id: FIRST_RAFT_ID + 1,
        removed_nodes: Vec::new(),
        unlock_key: spec.encryption_config.auto_lock_managers.then(|| UnlockKey::random(rng)),
        format: Format::newest(),
        restored: Version::NONE,
        spec,
    })
}

fn first_node(init: &ClusterInit, rng: &mut impl CryptoRng) -> Node {
    let role = NodeRole::Manager;
    Node {
        id: NodeId::random(rng),
        meta: Meta::default(),
        spec: NodeSpec { role, availability: init.availability, ..NodeSpec::default() },
        description: None,
        status: NodeStatus { addr: init.advertise_addr.ip().to_string(), ..NodeStatus::default() },
        role,
        index: NodeIndex::FIRST,
        data_path_addr: None,
        manager: Some(ManagerRecord { raft_id: FIRST_RAFT_ID, addr: init.advertise_addr }),
        witness: false,
        versions: Versions::own(),
    }
}

/// The network of the routing mesh. The allocator gives it a number and addresses.
fn ingress_network(rng: &mut impl CryptoRng) -> Network {
    Network {
        id: NetworkId::random(rng),
        meta: Meta::default(),
        spec: NetworkSpec { name: "ingress".to_owned(), ingress: true, ..NetworkSpec::default() },
        allocation: None,
    }
}

/// `asked`, with that of `present` for every member that is zero (moby `daemon/cluster/swarm.go`, `initClusterSpec`).
///
/// # Errors
///
/// In Docker's words when `asked` asks for something that cannot be.
pub fn over(present: SwarmSpec, asked: &SwarmSpec) -> Result<SwarmSpec> {
    validate::swarm_spec(asked)?;
    if !asked.ca_config.external_cas.is_empty() {
        return Err(Error::invalid(
            "a swarm begins as its own certificate authority: `swarm ca --rotate --ca-cert FILE --external-ca ...` puts an external one in its place",
        ));
    }
    let mut spec = present;
    set(&mut spec.labels, asked.labels.clone());
    set(&mut spec.encryption_config, asked.encryption_config);
    set(&mut spec.task_defaults, asked.task_defaults.clone());
    let limit = &mut spec.orchestration.task_history_retention_limit;
    *limit = asked.orchestration.task_history_retention_limit.or(*limit);
    let mut extended = asked.clone();
    extended.keep_extensions(&spec);
    spec.orchestration.placement_strategy = extended.orchestration.placement_strategy;
    spec.http = extended.http;
    spec.http_options = extended.http_options;
    spec.acme = extended.acme;
    spec.raft = asked.raft.or(spec.raft);
    set(&mut spec.dispatcher.heartbeat_period, asked.dispatcher.heartbeat_period);
    set(&mut spec.ca_config.node_cert_expiry, asked.ca_config.node_cert_expiry);
    // Only where later rotations are counted from: the authority of a new cluster is as new as one can be.
    set(&mut spec.ca_config.force_rotate, asked.ca_config.force_rotate);
    Ok(spec)
}

/// The cluster with the settings in `asked` that are not zero, and with an unlock key if it needs one now.
///
/// # Errors
///
/// As [`over`].
pub fn merged(cluster: &Cluster, asked: &SwarmSpec, rng: &mut impl CryptoRng) -> Result<Cluster> {
    let mut cluster = cluster.clone();
    cluster.spec = over(cluster.spec, asked)?;
    if cluster.spec.encryption_config.auto_lock_managers && cluster.unlock_key.is_none() {
        cluster.unlock_key = Some(UnlockKey::random(rng));
    }
    Ok(cluster)
}

/// Takes `wanted` unless it is zero.
fn set<T: Default + PartialEq>(member: &mut T, wanted: T) {
    if wanted != T::default() {
        *member = wanted;
    }
}

#[cfg(test)]
pub(crate) mod tests;
