//! Standalone containers on networks of the cluster: who gets a place there, and when it is free again.
//!
//! A node asks for a place before its engine makes the container, and tells afterwards what its engine has ([`service`]). A place is
//! free when its node says that no container has it, or when the node itself is gone. Decisions are functions of the state.

pub mod service;

use rand::RngExt;
use rand::rngs::StdRng;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::attachment::Attached;
use swarmlite_proto::attachment::Attachment;
use swarmlite_proto::attachment::AttachmentReport;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::AttachmentId;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Meta;
use swarmlite_proto::time::Timestamp;

use crate::allocator;
use crate::reconcile::Plan;
use crate::reconcile::View;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;
use crate::state::lookup;

/// A place for a container of `node`.
///
/// # Errors
///
/// In Docker's words: there is no such network, it is not for such containers, or it has no such address.
pub fn attach(
    state: &State,
    node: &NodeId,
    request: &AttachRequest,
    now: Timestamp,
    rng: &mut impl RngExt,
) -> Result<(Attached, Transaction)> {
    let network = lookup::network(state, &request.network)?;
    let name = &network.spec.name;
    // Both texts are those of moby's `daemon/cluster/networks.go` around swarmkit's.
    let refused = |error: Error| Error {
        message: format!("Could not attach to network {name}: {}", error.message),
        ..error
    };
    if !network.spec.attachable {
        let message = format!(
            "rpc error: code = PermissionDenied desc = network {name} not manually attachable"
        );
        return Err(refused(Error::unknown(message)));
    }
    let missing = || Error::unknown("rpc error: code = Unknown desc = network has no subnet yet");
    let allocation = network.allocation.ok_or_else(|| refused(missing()))?;
    let addr = allocator::address(state, network, request.addr).map_err(refused)?;
    let attachment = Attachment {
        id: AttachmentId::random(rng),
        meta: Meta::default(),
        network_id: network.id.clone(),
        node_id: node.clone(),
        addr,
        aliases: request.aliases.clone(),
        asked: request.addr.is_some(),
        container: None,
    };
    let attached = Attached {
        id: attachment.id.clone(),
        network_id: network.id.clone(),
        network_name: name.clone(),
        addr,
        gateway: allocation.gateway,
    };
    let unchanged = Op::Expect(ObjectRef::Network(network.id.clone()), network.meta.version);
    let put = Op::PutAttachment(Box::new(attachment));
    Ok((attached, Transaction::new(now).with(unchanged).with(put)))
}

/// Writes down what `node` says of its attachments. What it says of others, or of those that are gone, is not heard.
#[must_use]
pub fn report(
    state: &State,
    node: &NodeId,
    reports: &[AttachmentReport],
    now: Timestamp,
) -> Transaction {
    let ops = reports.iter().filter_map(|report| {
        let known = state.attachments().get(&report.id).filter(|known| known.node_id == *node)?;
        if report.container.is_none() {
            return Some(free(known));
        }
        let container = report.container.clone();
        (known.container != container).then(|| {
            Op::PutAttachment(Box::new(Attachment { container, ..known.as_ref().clone() }))
        })
    });
    Transaction { at: now, ops: ops.collect() }
}

/// Frees the places of nodes that have been removed. One that is down keeps them: its containers may run on.
#[must_use]
pub fn reconcile(view: &View, now: Timestamp, _rng: &mut StdRng) -> Plan {
    let state = &view.state;
    let mut plan = Plan::default();
    let lost = state.attachments().values().filter(|one| !state.nodes().contains_key(&one.node_id));
    plan.change(now, &[], lost.map(|attachment| vec![free(attachment)]));
    plan
}

fn free(attachment: &Attachment) -> Op {
    Op::Remove(ObjectRef::Attachment(attachment.id.clone()), attachment.meta.version)
}

#[cfg(test)]
mod tests;
