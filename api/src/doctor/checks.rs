//! What the facts mean: one function for each check. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use swarmlite_manager::state::State;
use swarmlite_proto::api::Check;
use swarmlite_proto::api::CheckResult;
use swarmlite_proto::api::LocalNodeState;
use swarmlite_proto::api::Reachability;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::clock::ClockReading;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use swarmlite_proto::object::Node;
use swarmlite_proto::object::NodeState;

use super::ClusterFacts;
use crate::control::AgentFacts;
use crate::control::DiskFacts;
use crate::control::NodeFacts;
use crate::version::ApiVersion;

/// The oldest engine that swarmlite is tested with: 20.10.
const OLDEST_ENGINE: ApiVersion = ApiVersion::FALLBACK;

/// By how much clocks may be apart. From here on etcd warns, too (`server/etcdserver/api/rafthttp/probing_status.go`).
const CLOCKS: Duration = Duration::from_secs(1);

/// With less space than this, in bytes, a manager may not be able to write its next snapshot.
const DISK_FAILS: u64 = 256 * MEBIBYTE;

/// With less space than this, in bytes, it is time to do something.
const DISK_WARNS: u64 = 1024 * MEBIBYTE;

const MEBIBYTE: u64 = 1024 * 1024;

/// Why a check is skipped on a worker.
const ASK_A_MANAGER: &str = "only a manager knows";

/// Every check, in the order in which they matter.
pub(super) fn all(
    engine: &Result<Option<Value>>,
    membership: &SwarmInfo,
    node: &NodeFacts,
    cluster: Option<&Result<ClusterFacts>>,
) -> Vec<Check> {
    let mut checks = vec![check_engine(engine), check_swarm(membership)];
    let disk = check_disk(&node.disk);
    if membership.local_node_state != LocalNodeState::Active {
        checks.push(disk);
        return checks;
    }
    checks.extend(node.agent.as_ref().map(check_session));
    checks.push(check_quorum(cluster));
    let state = cluster.and_then(|cluster| cluster.as_ref().ok()).map(|cluster| &cluster.state);
    checks.push(check_nodes(state));
    checks.push(check_versions(state));
    checks.push(disk);
    if let Some(agent) = &node.agent {
        checks.extend([
            check_clocks(agent, state),
            check_tunnel(agent, state),
            check_tables(agent),
        ]);
        checks.extend(check_http(agent));
    }
    checks
}

/// Only where HTTP is to be answered.
fn check_http(agent: &AgentFacts) -> Option<Check> {
    const NAME: &str = "http";
    let ports: Vec<String> = agent.http.keys().map(u16::to_string).collect();
    let mut refused =
        agent.http.iter().filter_map(|(port, why)| why.as_ref().map(|why| (port, why)));
    match refused.next() {
        _ if ports.is_empty() => None,
        None => Some(ok(
            NAME,
            format!("answers HTTP on {} {}", plural("port", ports.len()), ports.join(" and ")),
        )),
        Some((port, why)) => Some(failed(
            NAME,
            format!("cannot answer HTTP on port {port}: {why}"),
            "end what listens there (ss -ltnp), or take other ports for all nodes with swarmlite swarm update --http=PORT,TLSPORT",
        )),
    }
}

fn plural(noun: &str, count: usize) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

fn check(name: &str, result: CheckResult, message: impl Into<String>, advice: &str) -> Check {
    Check { name: name.to_owned(), result, message: message.into(), advice: advice.to_owned() }
}

fn ok(name: &str, message: impl Into<String>) -> Check {
    check(name, CheckResult::Ok, message, "")
}

fn failed(name: &str, message: impl Into<String>, advice: &str) -> Check {
    check(name, CheckResult::Failed, message, advice)
}

fn warning(name: &str, message: impl Into<String>, advice: &str) -> Check {
    check(name, CheckResult::Warning, message, advice)
}

fn skipped(name: &str, why: impl Into<String>) -> Check {
    check(name, CheckResult::Skipped, why, "")
}

fn check_engine(version: &Result<Option<Value>>) -> Check {
    const NAME: &str = "engine";
    let version = match version {
        Ok(version) => version.clone().unwrap_or_default(),
        Err(error) => {
            let advice =
                "start it (systemctl start docker), or say with --docker where its socket is";
            return failed(NAME, error.message.clone(), advice);
        }
    };
    let text = |key: &str| version.get(key).and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let (engine, api) = (text("Version"), text("ApiVersion"));
    let message = format!("Docker Engine {engine}, API {api}");
    match api.parse::<ApiVersion>() {
        Ok(version) if version >= OLDEST_ENGINE => ok(NAME, message),
        _ => failed(
            NAME,
            format!("{message}: swarmlite needs API {OLDEST_ENGINE} or newer"),
            "upgrade Docker Engine to 20.10 or newer",
        ),
    }
}

fn check_swarm(membership: &SwarmInfo) -> Check {
    const NAME: &str = "swarm";
    match membership.local_node_state {
        LocalNodeState::Active if membership.control_available => {
            ok(NAME, format!("node {} is a manager", membership.node_id))
        }
        LocalNodeState::Active => ok(NAME, format!("node {} is a worker", membership.node_id)),
        LocalNodeState::Inactive => failed(
            NAME,
            "this node is in no swarm",
            "make one with swarmlite init, or join one with swarmlite join",
        ),
        LocalNodeState::Locked => {
            failed(NAME, "this manager is locked", "unlock it with swarmlite swarm unlock")
        }
        LocalNodeState::Pending => failed(
            NAME,
            "this node is not in its swarm yet",
            "wait a moment; if it stays so, the log of the daemon says why",
        ),
        LocalNodeState::Error => {
            failed(NAME, membership.error.clone(), "the log of the daemon says more")
        }
    }
}

fn check_session(agent: &AgentFacts) -> Check {
    const NAME: &str = "session";
    match &agent.session {
        Ok(leader) => ok(NAME, format!("in session with the leader at {leader}")),
        Err(why) => failed(
            NAME,
            format!("in session with no manager: {why}"),
            "see that a majority of the managers runs, and that this node reaches their port, 2377/tcp",
        ),
    }
}

fn check_quorum(cluster: Option<&Result<ClusterFacts>>) -> Check {
    const NAME: &str = "quorum";
    let ClusterFacts { state, quorum } = match cluster {
        None => return skipped(NAME, ASK_A_MANAGER),
        Some(Ok(cluster)) => cluster,
        Some(Err(error)) => {
            let advice = "start managers until a majority of them runs; if most are lost for good, see docs/managers.md";
            return failed(NAME, error.message.clone(), advice);
        }
    };
    let managers = state.nodes().values().filter(|node| node.manager.is_some());
    let (reached, lost): (Vec<&Arc<Node>>, Vec<_>) =
        managers.partition(|node| quorum.reachability(node) == Reachability::Reachable);
    let all = reached.len() + lost.len();
    let needed = all / 2 + 1;
    let message =
        format!("{} of {} reached, {needed} needed", reached.len(), count(all, "manager"));
    if !lost.is_empty() {
        return failed(
            NAME,
            format!("{message}; not reached: {}", names(lost.iter().map(|node| name_of(node)))),
            "start these managers, or demote and remove them if they are lost for good",
        );
    }
    match all {
        2 => warning(
            NAME,
            format!("{message}: if one is lost, nothing can be changed any more"),
            "add a third manager (swarmlite join-token manager) or a witness (docs/managers.md), or demote one",
        ),
        even if even % 2 == 0 => warning(
            NAME,
            format!("{message}: one fewer would survive the loss of as many"),
            "add a manager, or demote one",
        ),
        _ => ok(NAME, message),
    }
}

fn check_nodes(state: Option<&State>) -> Check {
    const NAME: &str = "nodes";
    let Some(state) = state else { return skipped(NAME, ASK_A_MANAGER) };
    let (ready, other): (Vec<_>, Vec<_>) =
        state.nodes().values().partition(|node| node.status.state == NodeState::Ready);
    if other.is_empty() {
        return ok(NAME, format!("{} ready", count(ready.len(), "node")));
    }
    let (down, unknown): (Vec<_>, Vec<_>) =
        other.into_iter().partition(|node| node.status.state == NodeState::Down);
    let named = |nodes: &[&Arc<Node>]| names(nodes.iter().map(|node| name_of(node)));
    if down.is_empty() {
        let advice = "wait a moment: they should be in session again soon";
        return warning(NAME, format!("not heard of yet: {}", named(&unknown)), advice);
    }
    failed(
        NAME,
        format!("{} of {} down: {}", down.len(), count(state.nodes().len(), "node"), named(&down)),
        "start them and their daemons, or remove them with swarmlite node rm --force if they are lost for good",
    )
}

fn check_versions(state: Option<&State>) -> Check {
    const NAME: &str = "versions";
    let Some(state) = state else { return skipped(NAME, ASK_A_MANAGER) };
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in state.nodes().values() {
        let text = format!("protocol {}, format {}", node.versions.protocol, node.versions.format);
        versions.entry(text).or_default().push(name_of(node));
    }
    let mut all = versions.iter();
    match (all.next(), all.next()) {
        (Some((version, nodes)), None) => {
            ok(NAME, format!("{} of {version}", count(nodes.len(), "node")))
        }
        (Some(_), Some(_)) => {
            let each = versions
                .iter()
                .map(|(version, nodes)| format!("{} of {version}", names(nodes.iter().cloned())));
            warning(
                NAME,
                format!("mixed: {}", each.collect::<Vec<_>>().join("; ")),
                "finish the upgrade: the same version of swarmlite on every node",
            )
        }
        (None, _) => skipped(NAME, "there are no nodes"),
    }
}

fn check_disk(disk: &std::result::Result<DiskFacts, String>) -> Check {
    const NAME: &str = "disk";
    const ADVICE: &str = "make room on this file system, for example with docker system prune";
    let DiskFacts { folder, free, total } = match disk {
        Ok(disk) => disk,
        Err(why) => return failed(NAME, why.clone(), "see that the folder of the state is there"),
    };
    let mebibytes = |bytes: &u64| bytes / MEBIBYTE;
    let message =
        format!("{} of {} MiB free at {}", mebibytes(free), mebibytes(total), folder.display());
    match *free {
        free if free < DISK_FAILS => failed(NAME, message, ADVICE),
        free if free < DISK_WARNS => warning(NAME, message, ADVICE),
        _ => ok(NAME, message),
    }
}

fn check_clocks(agent: &AgentFacts, state: Option<&State>) -> Check {
    const NAME: &str = "clocks";
    let mut measured = Vec::new();
    let mut unknown = Vec::new();
    for (addr, clock) in &agent.clocks {
        let name = manager_at(*addr, state);
        match clock {
            Ok(clock) => measured.push((name, clock)),
            Err(why) => unknown.push(format!("{name}: {why}")),
        }
    }
    let off = measured.iter().filter(|(_, clock)| clock.at_least() > CLOCKS);
    let off: Vec<_> = off.map(|(name, clock)| format!("{name} is {}", words(clock))).collect();
    if !off.is_empty() {
        let advice = "have all nodes set their clocks by NTP (timedatectl set-ntp true)";
        return failed(NAME, names(off.into_iter()), advice);
    }
    let unknown = names(unknown.into_iter());
    let Some((_, widest)) = measured.iter().max_by_key(|(_, clock)| clock.apart) else {
        let nobody = "there is no other manager to compare with";
        let why = if unknown.is_empty() { nobody.to_owned() } else { unknown };
        return skipped(NAME, why);
    };
    let mut message =
        format!("{} asked, at most {}", count(measured.len(), "other manager"), words(widest));
    if !unknown.is_empty() {
        message = format!("{message}; not measured: {unknown}");
    }
    ok(NAME, message)
}

/// The manager that is reached there, by its name if that is known.
fn manager_at(addr: SocketAddr, state: Option<&State>) -> String {
    let mut nodes = state.into_iter().flat_map(|state| state.nodes().values());
    let node = nodes.find(|node| node.manager.is_some_and(|record| record.addr == addr));
    node.map_or_else(|| addr.to_string(), |node| name_of(node))
}

fn words(clock: &ClockReading) -> String {
    let direction = if clock.ahead { "ahead of" } else { "behind" };
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let (apart, give) = (millis(clock.apart), millis(clock.round_trip / 2));
    format!("{apart:.1} ms {direction} this node (± {give:.1} ms)")
}

fn check_tunnel(agent: &AgentFacts, state: Option<&State>) -> Check {
    const NAME: &str = "tunnel";
    let is_down = |id: &&NodeId| {
        let node = state.and_then(|state| state.nodes().get(*id));
        node.is_some_and(|node| node.status.state == NodeState::Down)
    };
    // Those that are down are the business of another check.
    let silent: Vec<&NodeId> = agent.silent.iter().filter(|id| !is_down(id)).collect();
    let answering = agent.answering.len();
    if silent.is_empty() {
        return match answering {
            0 => skipped(NAME, "no other node is asked through the tunnel"),
            _ => ok(NAME, format!("{} through the tunnel", said(answering))),
        };
    }
    let name = |id: &&NodeId| {
        let node = state.and_then(|state| state.nodes().get(*id));
        node.map_or_else(|| id.to_string(), |node| name_of(node))
    };
    failed(
        NAME,
        format!("no answer through the tunnel: {}", names(silent.iter().map(name))),
        "see that the nodes reach each other on the data path port, 4789/udp by default, both ways",
    )
}

fn said(nodes: usize) -> String {
    if nodes == 1 {
        "1 other node answers".to_owned()
    } else {
        format!("{nodes} other nodes answer")
    }
}

fn check_tables(agent: &AgentFacts) -> Check {
    const NAME: &str = "tables";
    let AgentFacts { told, programmed, waited, .. } = agent;
    if programmed >= told {
        return ok(
            NAME,
            format!("the kernel holds generation {programmed}, as this node was told"),
        );
    }
    failed(
        NAME,
        format!(
            "the kernel holds generation {programmed}, and {told} was told at least {} s ago",
            waited.as_secs()
        ),
        "the log of the daemon says what the kernel refuses, after 'the data plane is not as it should be'",
    )
}

/// The name of a node, or its id until it has said how it is called.
fn name_of(node: &Node) -> String {
    let name = node.description.as_ref().map(|description| description.hostname.clone());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| node.id.to_string())
}

/// All of them, in order.
fn names(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.join(", ")
}

fn count(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests;
