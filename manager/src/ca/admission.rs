//! Whether a machine becomes a node, and whether a node gets a new certificate. Decides, and leaves acting to [`super::service`].

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use rand::CryptoRng;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::format::Format;
use swarmlite_proto::format::Versions;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::identity::Identity;
use swarmlite_proto::object::Cluster;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeIndex;
use swarmlite_proto::object::NodeStatus;
use swarmlite_proto::rpc::JoinClusterRequest;
use swarmlite_proto::rpc::JoinClusterResponse;
use swarmlite_proto::rpc::RenewRequest;
use swarmlite_proto::rpc::RenewResponse;
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;
use swarmlite_proto::time::Timestamp;

use super::Authority;
use super::NodeKey;
use super::Subject;
use super::Validity;
use super::token::role_for;
use crate::members::manager_addresses;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;

/// Docker's text for a secret that is not one of the cluster (swarmkit `ca/server.go`).
const WRONG_TOKEN: &str =
    "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster";

/// A machine may become a node, if the transaction goes through.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Makes the node, unless the tokens have changed meanwhile.
    pub transaction: Transaction,
    /// The answer.
    pub response: JoinClusterResponse,
}

/// Decides on a machine that calls from `from`.
///
/// # Errors
///
/// When the token is wrong or the signing request is none.
pub fn admit(
    state: &State,
    request: &JoinClusterRequest,
    from: IpAddr,
    rng: &mut impl CryptoRng,
    now: Timestamp,
) -> Result<Admission> {
    let cluster = cluster(state)?;
    let role = role_for(&request.token, &cluster.join_tokens)
        .ok_or_else(|| Error::invalid(WRONG_TOKEN))?;
    if request.witness {
        may_be_witness(cluster, role)?;
    }
    let advertised = request.advertise_addr.ip();
    let addr = if advertised.is_unspecified() { from } else { advertised };
    let node = Node {
        id: NodeId::random(rng),
        meta: Meta::default(),
        spec: NodeSpec { role, availability: availability(request), ..NodeSpec::default() },
        description: None,
        status: NodeStatus { addr: addr.to_string(), ..NodeStatus::default() },
        role,
        index: free_index(state)?,
        data_path_addr: None,
        manager: None,
        witness: request.witness,
        versions: Versions::default(),
    };
    let response = JoinClusterResponse {
        node_id: node.id.clone(),
        cluster_id: cluster.id.clone(),
        role,
        certificate: sign(cluster, &node.id, role, &request.csr, (rng, now))?,
        managers: manager_addresses(state),
        witness: request.witness,
    };
    let transaction = Transaction::new(now)
        .with(Op::Expect(ObjectRef::Cluster, cluster.meta.version))
        .with(Op::PutNode(Box::new(node)));
    Ok(Admission { transaction, response })
}

/// Nothing is ever scheduled on a witness.
const fn availability(request: &JoinClusterRequest) -> Availability {
    if request.witness { Availability::Drain } else { request.availability }
}

fn may_be_witness(cluster: &Cluster, role: NodeRole) -> Result<()> {
    if role != NodeRole::Manager {
        return Err(Error::invalid("a witness votes: it joins with the token of managers"));
    }
    if cluster.format < Format::WITNESS {
        return Err(Error::unavailable(
            "not all managers know witnesses yet: upgrade every manager first",
        ));
    }
    Ok(())
}

/// A new certificate for a node, for the role it has now.
///
/// # Errors
///
/// When the node was removed, or the signing request is none.
pub fn renew(
    state: &State,
    node_id: &NodeId,
    request: &RenewRequest,
    rng: &mut impl CryptoRng,
    now: Timestamp,
) -> Result<RenewResponse> {
    let cluster = cluster(state)?;
    let node = state.nodes().get(node_id).ok_or_else(|| removed(node_id))?;
    let certificate = sign(cluster, node_id, node.role, &request.csr, (rng, now))?;
    Ok(RenewResponse { role: node.role, certificate })
}

/// Who `node` is to others, with a new key.
///
/// # Errors
///
/// When the cluster's authority cannot be used.
pub(crate) fn identity(
    cluster: &Cluster,
    node: &Node,
    rng: &mut impl CryptoRng,
    now: Timestamp,
) -> Result<Identity> {
    let NodeKey { key, csr } = NodeKey::generate()?;
    Ok(Identity {
        node_id: node.id.clone(),
        cluster_id: cluster.id.clone(),
        role: node.role,
        certificate: sign(cluster, &node.id, node.role, &csr, (rng, now))?,
        key,
        root_ca: cluster.root_ca.certificate.clone(),
    })
}

/// The refusal of a node that is none any more (swarmkit `ca/auth.go`).
#[must_use]
pub fn removed(node_id: &NodeId) -> Error {
    Error::denied(format!("Permission denied: node {node_id} was removed from swarm"))
}

/// The cluster object, without which nothing can be decided.
///
/// # Errors
///
/// When this manager has not caught up with the others yet.
pub fn cluster(state: &State) -> Result<&Arc<Cluster>> {
    state.cluster().ok_or_else(|| {
        Error::unavailable("this manager has not received the state of the swarm yet")
    })
}

/// The lowest index that no node has.
fn free_index(state: &State) -> Result<NodeIndex> {
    let taken: BTreeSet<u16> = state.nodes().values().map(|node| node.index.0).collect();
    (NodeIndex::FIRST.0..=NodeIndex::LAST.0)
        .find(|index| !taken.contains(index))
        .map(NodeIndex)
        .ok_or_else(|| Error::unavailable("the swarm has no room for another node"))
}

fn sign(
    cluster: &Cluster,
    node_id: &NodeId,
    role: NodeRole,
    csr: &str,
    (rng, now): (&mut impl CryptoRng, Timestamp),
) -> Result<String> {
    let subject = Subject { node_id, cluster_id: &cluster.id, role };
    let validity = Validity::of_node(cluster, now);
    let authority = cluster.signing_ca();
    let certificate = Authority::load(authority)?.sign(csr, &subject, validity, rng)?;
    // With what lets nodes that trust the authority before this one follow the chain to that.
    Ok(certificate + authority.cross_signed.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests;
