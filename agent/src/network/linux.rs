//! The real [`Kernel`]: netlink, nftables, `/proc/sys/net`, and namespaces as files.
//!
//! - [`namespace`]: makes, enters and removes network namespaces.
//! - `machine`: what it is made of.
//! - `observe`: dumps of one namespace, as values.
//! - `apply`: changes of one namespace, one by one.
//! - `conntrack`: forgetting UDP flows.
//! - `firewall`: the engine's chain `DOCKER-USER`.
//!
//! Work in a namespace happens on a thread of its own that enters it, as a thread's namespace is part of the thread: netlink
//! sockets, settings and child processes made there are the namespace's.

mod apply;
mod conntrack;
mod firewall;
mod machine;
pub mod namespace;
mod observe;
pub mod visits;

use std::collections::BTreeMap;

pub use self::machine::LinuxConfig;
pub use self::machine::LinuxKernel;
pub use self::machine::OWN_NAMESPACE;
use super::error::KernelError;
use super::kernel::ContainerLinks;
use super::kernel::Kernel;
use super::kernel::Observed;
use super::netns::Netns;
use super::op::Change;
use super::op::Op;
use super::state::LinkKind;
use super::state::NodeState;

impl LinuxKernel {
    /// Carries out changes of one namespace on a thread that is inside it.
    async fn change(&self, netns: &Netns, changes: Vec<Change>) -> Vec<KernelError> {
        let (kernel, inside) = (self.clone(), netns.clone());
        let work = async move |session: &namespace::Session| {
            let mut errors = Vec::new();
            for change in changes {
                errors.extend(apply::apply(&kernel, session, &inside, change).await.err());
            }
            errors
        };
        match namespace::inside(self.path(netns), netns.clone(), work).await {
            Ok(errors) => errors,
            Err(error) => vec![error],
        }
    }

    /// Makes a link. Both sides are made from the node's namespace: that is where a tunnel's UDP socket has to be, and
    /// where the engine looks for a container's side.
    async fn add_link(
        &self,
        netns: &Netns,
        name: String,
        kind: LinkKind,
    ) -> Result<(), KernelError> {
        let other = match &kind {
            LinkKind::HostLink { peer: Some(peer), .. } => Netns::Sandbox(peer.clone()),
            _ => netns.clone(),
        };
        let other = namespace::open(&self.path(&other))?;
        let alias = match &kind {
            LinkKind::Endpoint(endpoint) => Some(endpoint.alias()),
            _ => None,
        };
        let made = name.clone();
        namespace::inside(self.path(&Netns::Host), Netns::Host, async move |session| {
            apply::add_link(session, &made, &kind, &other).await
        })
        .await??;
        let Some(alias) = alias else { return Ok(()) };
        namespace::inside(self.path(netns), netns.clone(), async move |session| {
            apply::set_alias(session, &name, alias).await
        })
        .await?
    }

    async fn one(&self, op: &Op) -> Result<(), KernelError> {
        match op {
            Op::CreateSandbox(name) => {
                // Nothing of one of the same name that somebody has removed.
                let netns = Netns::Sandbox(name.clone());
                self.rulesets.forget(&netns);
                self.balancer.forget(&netns);
                namespace::create(self.path(&netns)).await
            }
            Op::DeleteSandbox(name) => {
                let netns = Netns::Sandbox(name.clone());
                // The kernel tears a namespace down some time after its last user. A tunnel has to be gone when this
                // returns: the same network may be wanted again at once.
                let emptied =
                    namespace::inside(self.path(&netns), netns.clone(), async |session| {
                        apply::remove_all_links(session).await
                    })
                    .await
                    .flatten();
                self.rulesets.forget(&netns);
                self.balancer.forget(&netns);
                namespace::remove(&self.path(&netns)).and(emptied)
            }
            Op::Change(netns, Change::AddLink(name, kind)) => {
                self.add_link(netns, name.clone(), kind.clone()).await
            }
            Op::Change(..) => Ok(()),
        }
    }

    /// The namespaces there are.
    fn namespaces(&self) -> Result<Vec<Netns>, KernelError> {
        let mut namespaces = vec![Netns::Host];
        namespaces.extend(namespace::list(&self.config.sandboxes)?.into_iter().map(Netns::Sandbox));
        Ok(namespaces)
    }
}

impl Kernel for LinuxKernel {
    async fn observe(&self) -> Result<Observed, KernelError> {
        let mut state: NodeState = BTreeMap::new();
        let mut observed = Observed::default();
        for netns in self.namespaces()? {
            let (kernel, inside) = (self.clone(), netns.clone());
            let seen = namespace::inside(self.path(&netns), netns.clone(), async move |session| {
                observe::namespace(session, &inside, &kernel).await
            })
            .await??;
            if netns == Netns::Host {
                observed.underlay_mtu = seen.underlay_mtu;
                observed.firewall = seen.firewall;
            }
            state.insert(netns, seen.namespace);
        }
        observed.state = state;
        Ok(observed)
    }

    async fn apply(&self, ops: &[Op]) -> Vec<KernelError> {
        let mut errors = Vec::new();
        let mut rest = ops;
        while let Some(first) = rest.first() {
            // Successive changes of one namespace share a visit to it.
            let run = rest.iter().take_while(|op| same_visit(first, op)).count();
            let (now, then) = rest.split_at(run.max(1));
            rest = then;
            match visit(first) {
                Some(netns) => {
                    let changes = now.iter().filter_map(|op| match op {
                        Op::Change(_, change) => Some(change.clone()),
                        Op::CreateSandbox(_) | Op::DeleteSandbox(_) => None,
                    });
                    errors.extend(self.change(netns, changes.collect()).await);
                }
                None => errors.extend(self.one(first).await.err()),
            }
        }
        errors
    }

    async fn container(&self, pid: u32) -> Result<ContainerLinks, KernelError> {
        let netns = Netns::Process(pid);
        namespace::inside(self.path(&netns), netns, async |session| {
            observe::container(session).await
        })
        .await?
    }
}

/// The namespace that has to be visited for an operation; `None` if it concerns several.
fn visit(op: &Op) -> Option<&Netns> {
    match op {
        Op::Change(_, Change::AddLink(..)) | Op::CreateSandbox(_) | Op::DeleteSandbox(_) => None,
        Op::Change(netns, _) => Some(netns),
    }
}

fn same_visit(first: &Op, op: &Op) -> bool {
    visit(first).is_some() && visit(first) == visit(op)
}
