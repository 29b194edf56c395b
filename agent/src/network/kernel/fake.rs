//! A kernel in memory: it does what it is told, and with links what the kernel does by itself.

use std::future::Future;
use std::future::ready;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use super::ContainerLinks;
use super::Kernel;
use super::KernelError;
use super::Observed;
use crate::network::held::Held;
use crate::network::netns::Netns;
use crate::network::op::Change;
use crate::network::op::Flows;
use crate::network::op::Op;
use crate::network::state::Link;
use crate::network::state::LinkKind;
use crate::network::state::Namespace;
use crate::network::state::NodeState;
use crate::network::uplink::UPLINK;

/// A kernel in memory. Clones are the same kernel.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeKernel(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    /// What it holds.
    pub(crate) observed: Observed,
    /// How often it was looked at.
    pub(crate) looks: usize,
    /// How many plans it refuses, whole, before it does what it is told.
    pub(crate) refuse: usize,
    /// What it was told to forget.
    pub(crate) forgotten: Vec<(Netns, Flows)>,
}

impl FakeKernel {
    /// A kernel in which nothing of the data plane is.
    pub(crate) fn new() -> Self {
        let fake = Self::default();
        fake.lock().observed.state.insert(Netns::Host, Namespace::default());
        fake
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kernel for FakeKernel {
    fn observe(&self) -> impl Future<Output = Result<Observed, KernelError>> + Send {
        let mut inner = self.lock();
        inner.looks += 1;
        ready(Ok(inner.observed.clone()))
    }

    fn apply(&self, ops: &[Op]) -> impl Future<Output = Vec<KernelError>> + Send {
        let mut inner = self.lock();
        if inner.refuse > 0 {
            inner.refuse -= 1;
            return ready(vec![KernelError::Misplaced("refused".to_owned())]);
        }
        for op in ops {
            apply(&mut inner.observed.state, op);
            if let Op::Change(netns, Change::Forget(flows)) = op {
                inner.forgotten.extend(flows.iter().map(|flows| (netns.clone(), *flows)));
            }
        }
        ready(Vec::new())
    }

    fn container(
        &self,
        _: u32,
    ) -> impl Future<Output = Result<ContainerLinks, KernelError>> + Send {
        ready(Ok(ContainerLinks::default()))
    }
}

/// Carries out one operation. What would fail in a kernel fails the test.
pub(crate) fn apply(state: &mut NodeState, op: &Op) {
    match op {
        Op::CreateSandbox(name) => {
            let lo = Link { kind: LinkKind::Loopback, up: false };
            let namespace =
                Namespace { links: [("lo".to_owned(), lo)].into(), ..Namespace::default() };
            let before = state.insert(Netns::Sandbox(name.clone()), namespace);
            assert_eq!(before, None, "sandbox {name} exists");
        }
        Op::DeleteSandbox(name) => {
            let gone = state.remove(&Netns::Sandbox(name.clone())).expect("no such sandbox");
            if gone.links.contains_key(UPLINK)
                && let Some(host) = state.get_mut(&Netns::Host)
            {
                host.lose_link(crate::network::uplink::HOST_LINK);
            }
        }
        Op::Change(netns, Change::AddLink(name, kind)) => add_link(state, netns, name, kind),
        Op::Change(netns, Change::RemoveLink(name)) => {
            if *netns == Netns::Host {
                state.values_mut().for_each(|other| other.lose_link(UPLINK));
            }
            state.get_mut(netns).expect("no such namespace").lose_link(name);
        }
        Op::Change(netns, change) => {
            change_namespace(state.get_mut(netns).expect("no such namespace"), change);
        }
    }
}

fn add_link(state: &mut NodeState, netns: &Netns, name: &str, kind: &LinkKind) {
    let mut kind = kind.clone();
    if let LinkKind::HostLink { peer, .. } = &mut kind {
        let peer = peer.take().expect("a peer");
        let other = state.get_mut(&Netns::Sandbox(peer)).expect("no such sandbox");
        let uplink = Link { kind: LinkKind::Uplink, up: false };
        assert_eq!(other.links.insert(UPLINK.to_owned(), uplink), None, "the uplink exists");
    }
    let namespace = state.get_mut(netns).expect("no such namespace");
    let before = namespace.links.insert(name.to_owned(), Link { kind, up: false });
    assert_eq!(before, None, "link {name} exists");
}

fn change_namespace(namespace: &mut Namespace, change: &Change) {
    let change = change.clone();
    match change {
        Change::SetUp(name) => namespace.links.get_mut(&name).expect("no such link").up = true,
        Change::AddAddress(link, address) => {
            assert!(namespace.links.contains_key(&link), "no link {link}");
            namespace.addresses.insert((link, address));
        }
        Change::RemoveAddress(link, address) => {
            namespace.addresses.remove(&(link, address));
        }
        Change::SetNeighbour(link, address, mac) => {
            namespace.neighbours.insert((link, address), mac);
        }
        Change::RemoveNeighbour(link, address) => {
            namespace.neighbours.remove(&(link, address));
        }
        Change::SetForwarding(link, mac, to) => {
            namespace.forwarding.insert((link, mac), to);
        }
        Change::RemoveForwarding(link, mac) => {
            namespace.forwarding.remove(&(link, mac));
        }
        Change::SetRoute(table, to, route) => {
            namespace.routes.insert((table, to), route);
        }
        Change::RemoveRoute(table, to) => {
            namespace.routes.remove(&(table, to));
        }
        Change::AddRule(rule) => assert!(namespace.rules.insert(rule), "the rule exists"),
        Change::RemoveRule(rule) => assert!(namespace.rules.remove(&rule), "no such rule"),
        Change::SetSysctl(key, value) => {
            namespace.sysctls.insert(key, value);
        }
        Change::SetRuleset(rules) => namespace.ruleset = Held::Exactly(rules),
        Change::RemoveRuleset => namespace.ruleset = Held::Absent,
        Change::SetServices(services) => namespace.services = Held::Exactly(services),
        Change::Pass(link) => assert!(namespace.passed.insert(link), "passes already"),
        Change::Unpass(link) => assert!(namespace.passed.remove(&link), "does not pass"),
        Change::Forget(_) => {}
        Change::AddLink(..) | Change::RemoveLink(_) => unreachable!("done by the caller"),
    }
}
