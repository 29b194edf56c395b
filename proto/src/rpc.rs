//! The remote calls between nodes: paths, bodies, and who may call.
//!
//! All of them are HTTP/2 requests over TLS on the managers' port (2377). Bodies are [`crate::messagepack`]; an error is an
//! [`crate::error::Error`] as JSON with a status that is not 200. Which versions may call each other is in [`crate::protocol`]. The session
//! is a stream of [`crate::frame`]s both ways.

use std::net::SocketAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::format::Versions;
use crate::id::ClusterId;
use crate::id::NodeId;
use crate::spec::Availability;
use crate::spec::NodeRole;

/// Anyone: the certificate of the authority, PEM as plain text.
pub const CA_CERTIFICATE: &str = "/ca/certificate";
/// Anyone with a token: [`JoinClusterRequest`] to [`JoinClusterResponse`].
pub const CA_JOIN: &str = "/ca/join";
/// Members: [`RenewRequest`] to [`RenewResponse`].
pub const CA_RENEW: &str = "/ca/renew";
/// Members: the session of an agent with the leader. Other managers answer [`NotLeader`] with status 421.
pub const SESSION: &str = "/dispatcher/session";
/// Managers: what the nodes in session have to do, from the leader. Empty to a map of [`crate::id::NodeId`] to [`crate::load::NodeLoad`].
pub const NODE_LOADS: &str = "/dispatcher/loads";
/// Managers: what the nodes in session answer over HTTP, from the leader. Empty to a map of [`crate::id::NodeId`] to [`crate::traffic::Traffic`].
pub const NODE_TRAFFIC: &str = "/dispatcher/traffic";
/// Members: a stream of [`crate::logs::LogReport`]s to the leader, who has asked for them. Paced by the leader.
pub const LOGS_PUBLISH: &str = "/logs/publish";
/// Managers: one [`crate::logs::LogSubscription`] to the leader, then a stream of [`crate::logs::LogEvent`]s back. Paced by the caller.
pub const LOGS_SUBSCRIBE: &str = "/logs/subscribe";
/// Members: [`crate::attachment::AttachRequest`] to [`crate::attachment::Attached`].
pub const ATTACH: &str = "/attachments/attach";
/// Members: what became of attachments of the caller, as a list of [`crate::attachment::AttachmentReport`]s. The answer is empty.
pub const ATTACHMENTS_REPORT: &str = "/attachments/report";
/// Members: what time it is on the manager that is asked. Empty to [`crate::time::Timestamp`]. A manager from before there was this call does
/// not know it.
pub const CLOCK: &str = "/clock";
/// Managers: whether this one is there. Empty to empty.
pub const HEALTH: &str = "/health";
/// Managers: [`RaftJoinRequest`] to [`RaftJoinResponse`]; the leader adds the caller as a voter.
pub const RAFT_JOIN: &str = "/raft/join";
/// Managers: the caller leaves the consensus. Empty to empty.
pub const RAFT_LEAVE: &str = "/raft/leave";
/// Managers: who the managers are, as the leader sees them.
pub const RAFT_MEMBERS: &str = "/raft/members";
/// Managers: raft's AppendEntries.
pub const RAFT_APPEND: &str = "/raft/append";
/// Managers: raft's RequestVote.
pub const RAFT_VOTE: &str = "/raft/vote";
/// Managers: raft's InstallSnapshot, in chunks.
pub const RAFT_SNAPSHOT: &str = "/raft/snapshot";
/// Managers: a transaction for the leader to propose.
pub const PROPOSE: &str = "/control/propose";
/// Managers: the index a reader has to have applied to see all that was acknowledged. Empty to `u64`.
pub const READ_INDEX: &str = "/control/read-index";

/// The body of an answer from a manager that does not lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotLeader {
    /// Who leads, if this manager knows.
    pub leader: Option<SocketAddr>,
}

/// A machine asks to become a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinClusterRequest {
    /// The whole token, `SWMTKN-1-...`. Its secret decides the role.
    pub token: String,
    /// A signing request, PEM. Only its public key is used.
    pub csr: String,
    /// Whether the node gets tasks.
    pub availability: Availability,
    /// Where other nodes will reach this one, should it become a manager. An unspecified address stands for the one the call comes from.
    pub advertise_addr: SocketAddr,
    /// Whether it is to be a witness.
    #[serde(default)]
    pub witness: bool,
}

/// The machine is a node now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinClusterResponse {
    /// Its id.
    pub node_id: NodeId,
    /// The cluster's id.
    pub cluster_id: ClusterId,
    /// The role the token gave it.
    pub role: NodeRole,
    /// Its certificate, PEM.
    pub certificate: String,
    /// Where managers can be reached.
    pub managers: Vec<SocketAddr>,
    /// Whether it is a witness. Managers of older versions never say so.
    #[serde(default)]
    pub witness: bool,
}

/// A node asks for a new certificate: because the old one ends soon, or because its role has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewRequest {
    /// A signing request, PEM. Only its public key is used.
    pub csr: String,
}

/// The new certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewResponse {
    /// The role the node has now.
    pub role: NodeRole,
    /// The certificate, PEM.
    pub certificate: String,
}

/// A new manager asks to take part in the consensus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaftJoinRequest {
    /// Where other managers reach it. An unspecified address stands for the one the call comes from.
    pub addr: SocketAddr,
    /// Which version of swarmlite it runs.
    #[serde(default)]
    pub versions: Versions,
}

/// The new manager is a voter, or will be as soon as it has caught up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaftJoinResponse {
    /// Its id in raft.
    pub raft_id: u64,
}
