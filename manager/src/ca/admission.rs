//! Whether a machine becomes a node, and whether a node gets a new certificate. Decides, and leaves acting to [`super::service`], and signing to
//! [`super::signing`].

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::SocketAddr;
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
use swarmlite_proto::spec::Availability;
use swarmlite_proto::spec::NodeRole;
use swarmlite_proto::spec::NodeSpec;
use swarmlite_proto::time::Timestamp;

use super::NodeKey;
use super::Subject;
use super::signing;
use super::token::role_for;
use crate::members::manager_addresses;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;

/// Docker's text for a secret that is not one of the cluster (swarmkit `ca/server.go`).
const WRONG_TOKEN: &str =
    "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster";

/// A machine may become a node, if the transaction goes through and it gets a certificate.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Makes the node, unless the tokens have changed meanwhile.
    pub transaction: Transaction,
    /// The cluster that it is admitted to.
    pub cluster: Arc<Cluster>,
    /// The node.
    pub node: Node,
    managers: Vec<SocketAddr>,
}

impl Admission {
    /// Who needs a certificate.
    #[must_use]
    pub fn subject(&self) -> Subject<'_> {
        Subject { node_id: &self.node.id, cluster_id: &self.cluster.id, role: self.node.role }
    }

    /// The answer, with the certificate.
    #[must_use]
    pub fn response(&self, certificate: String) -> JoinClusterResponse {
        JoinClusterResponse {
            node_id: self.node.id.clone(),
            cluster_id: self.cluster.id.clone(),
            role: self.node.role,
            certificate,
            managers: self.managers.clone(),
            witness: self.node.witness,
        }
    }
}

/// Decides on a machine that calls from `from`.
///
/// # Errors
///
/// When the token is wrong.
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
    let transaction = Transaction::new(now)
        .with(Op::Expect(ObjectRef::Cluster, cluster.meta.version))
        .with(Op::PutNode(Box::new(node.clone())));
    let (cluster, managers) = (Arc::clone(cluster), manager_addresses(state));
    Ok(Admission { transaction, cluster, node, managers })
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

/// The role for which a node gets a new certificate: the one it has now.
///
/// # Errors
///
/// When the node was removed.
pub fn renewed_role(state: &State, node_id: &NodeId) -> Result<NodeRole> {
    state.nodes().get(node_id).map(|node| node.role).ok_or_else(|| removed(node_id))
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
    let subject = Subject { node_id: &node.id, cluster_id: &cluster.id, role: node.role };
    let certificate = signing::by_own_key(cluster, &subject, &csr, (rng, now))?;
    Ok(Identity {
        node_id: node.id.clone(),
        cluster_id: cluster.id.clone(),
        role: node.role,
        certificate,
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

#[cfg(test)]
mod tests;
