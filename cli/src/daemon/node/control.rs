//! What the API may ask of the node.

use std::net::SocketAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarmlite_api::NOT_MEMBER;
use swarmlite_api::NodeControl;
use swarmlite_api::NodeFacts;
use swarmlite_api::Place;
use swarmlite_api::Reservation;
use swarmlite_manager::access::ManagerAccess;
use swarmlite_manager::backup::Backup;
use swarmlite_proto::api::InitRequest;
use swarmlite_proto::api::JoinRequest;
use swarmlite_proto::api::RemoteManager;
use swarmlite_proto::api::SwarmInfo;
use swarmlite_proto::attachment::AttachRequest;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;
use swarmlite_proto::id::NodeId;
use tokio::task::spawn_blocking;

use super::Node;
use super::failed;
use crate::daemon::examination;
use crate::daemon::managing::Managing;
use crate::daemon::metrics;

/// Why a witness attaches none.
const NO_CONTAINERS: &str = "this node is a witness: it has no containers";

impl NodeControl for Node {
    fn init(&self, request: InitRequest) -> BoxFuture<'_, Result<NodeId>> {
        self.found(request).boxed()
    }

    fn restore(&self, backup: Backup, place: Place) -> BoxFuture<'_, Result<()>> {
        self.refound_from(backup, place).boxed()
    }

    fn join(&self, request: JoinRequest) -> BoxFuture<'_, Result<()>> {
        self.enter(request).boxed()
    }

    fn leave(&self) -> BoxFuture<'_, Result<()>> {
        self.exit().boxed()
    }

    fn unlock(&self, key: String) -> BoxFuture<'_, Result<()>> {
        async move { self.open(&key).await }.boxed()
    }

    fn membership(&self) -> SwarmInfo {
        let view = self.view.borrow().clone();
        let node_id =
            view.agent.as_ref().map(|agent| agent.identity().borrow().node_id.to_string());
        let witness = view.membership.as_ref().is_some_and(|membership| membership.witness);
        let remote =
            |addr: SocketAddr| RemoteManager { node_id: String::new(), addr: addr.to_string() };
        let managers =
            view.agent.map(|agent| agent.managers().borrow().iter().copied().map(remote).collect());
        SwarmInfo {
            node_id: node_id.unwrap_or_default(),
            node_addr: view
                .membership
                .map(|membership| membership.advertise_addr.ip().to_string())
                .unwrap_or_default(),
            local_node_state: view.state,
            control_available: view.manager.is_some() && !witness,
            error: view.error,
            remote_managers: managers,
            witness,
            warnings: self.backup_trouble.borrow().iter().cloned().collect(),
            ..SwarmInfo::default()
        }
    }

    fn attach(&self, request: AttachRequest) -> BoxFuture<'_, Result<Reservation>> {
        let agent = self.view.borrow().agent.clone();
        async move {
            let agent = agent.ok_or_else(|| Error::unavailable(NOT_MEMBER))?;
            let desk = agent.desk().ok_or_else(|| Error::unavailable(NO_CONTAINERS))?;
            let attaching = desk.attach(&request).await?;
            Ok(Reservation { attached: attaching.attached.clone(), hold: Box::new(attaching) })
        }
        .boxed()
    }

    fn metrics(&self) -> BoxFuture<'_, Result<String>> {
        let view = self.view.borrow().clone();
        async move {
            let text = spawn_blocking(move || {
                let agent = view.agent.map(|agent| agent.metrics());
                let manager = view.manager.map(|manager| manager.metrics());
                metrics::text(&agent.into_iter().chain(manager).collect::<Vec<_>>())
            });
            text.await.map_err(failed)?.map_err(failed)
        }
        .boxed()
    }

    fn examine(&self) -> BoxFuture<'_, NodeFacts> {
        let view = self.view.borrow().clone();
        let own = view.membership.map(|membership| membership.advertise_addr);
        async move {
            let agent = match &view.agent {
                Some(agent) => Some(examination::agent(agent, own).await),
                None => None,
            };
            NodeFacts { disk: examination::disk(self.dir.root()), agent }
        }
        .boxed()
    }

    fn manager(&self) -> Option<ManagerAccess> {
        let view = self.view.borrow();
        let serves = !view.membership.as_ref().is_some_and(|membership| membership.witness);
        view.manager.as_ref().filter(|_| serves).map(Managing::access)
    }
}
