//! What the changes of networks mean: functions of the state, in Docker's words where they refuse.

use rand::RngExt;
use swarmlite_manager::state::ObjectRef;
use swarmlite_manager::state::Op;
use swarmlite_manager::state::State;
use swarmlite_manager::state::Transaction;
use swarmlite_manager::state::lookup;
use swarmlite_manager::state::network_already_exists;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NetworkId;
use swarmlite_proto::object::Meta;
use swarmlite_proto::object::Network;
use swarmlite_proto::spec::NetworkSpec;
use swarmlite_proto::time::Timestamp;

/// Makes a network. Its addresses are for the allocator to choose.
pub(super) fn create(
    state: &State,
    spec: NetworkSpec,
    now: Timestamp,
    rng: &mut impl RngExt,
) -> Result<(NetworkId, Transaction)> {
    if state.network_by_name(&spec.name).is_some() {
        return Err(network_already_exists(&spec.name));
    }
    let network =
        Network { id: NetworkId::random(rng), meta: Meta::default(), spec, allocation: None };
    let id = network.id.clone();
    Ok((id, Transaction::new(now).with(Op::PutNetwork(Box::new(network)))))
}

/// Removes a network that nothing uses.
pub(super) fn remove(state: &State, reference: &str, now: Timestamp) -> Result<Transaction> {
    let network = lookup::network(state, reference)?;
    state.check_unused(network)?;
    let op = Op::Remove(ObjectRef::Network(network.id.clone()), network.meta.version);
    Ok(Transaction::new(now).with(op))
}
