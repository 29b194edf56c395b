//! What the changes of networks mean: functions of the state, in Docker's words where they refuse.

use rand::RngExt;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Network;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::spec::PublishMode;
use swarmlite_proto::task_state::TaskState;
use swarmlite_proto::time::Timestamp;

use super::lookup;
use crate::state::ObjectRef;
use crate::state::Op;
use crate::state::State;
use crate::state::Transaction;

/// Makes a network. Its addresses are for the allocator to choose.
pub(super) fn create(
    state: &State,
    spec: NetworkSpec,
    now: Timestamp,
    rng: &mut impl RngExt,
) -> Result<(NetworkId, Transaction)> {
    if state.network_by_name(&spec.name).is_some() {
        return Err(super::already_exists(&spec.name));
    }
    let network =
        Network { id: NetworkId::random(rng), meta: Meta::default(), spec, allocation: None };
    let id = network.id.clone();
    Ok((id, Transaction::new(now).with(Op::PutNetwork(Box::new(network)))))
}

/// Removes a network that nothing uses.
pub(super) fn remove(state: &State, reference: &str, now: Timestamp) -> Result<Transaction> {
    let network = lookup::network(state, reference)?;
    if let Some(user) = user(state, network) {
        return Err(Error::invalid(if network.spec.ingress {
            format!("ingress network cannot be removed because {user} depends on it")
        } else {
            format!("network {} is in use by {user}", network.id)
        }));
    }
    let op = Op::Remove(ObjectRef::Network(network.id.clone()), network.meta.version);
    Ok(Transaction::new(now).with(op))
}

/// A service or a task that needs the network, if there is one.
pub(super) fn user(state: &State, network: &Network) -> Option<String> {
    let service = state.services().values().find(|service| {
        if network.spec.ingress {
            let mut ports = service.spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
            return ports.any(|port| port.publish_mode == PublishMode::Ingress);
        }
        let mut networks = service.spec.task_template.networks.iter();
        networks.any(|attachment| attachment.target == network.id.as_str())
    });
    if let Some(service) = service {
        return Some(format!("service {}", service.id));
    }
    if network.spec.ingress {
        return None;
    }
    let task = state.tasks().values().find(|task| {
        task.desired_state <= TaskState::Running
            && task.status.state <= TaskState::Running
            && task.attachments.iter().any(|attachment| attachment.network_id == network.id)
    });
    task.map(|task| format!("task {}", task.id))
}
