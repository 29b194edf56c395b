//! Why tasks are where they are, or nowhere, and where they would go.

use swarmlite_proto::api::Explanation;
use swarmlite_proto::api::Plan;
use swarmlite_proto::api::PlanRequest;
use swarmlite_proto::api::Rebalance;
use swarmlite_proto::api::RebalanceRequest;
use swarmlite_proto::api::ServiceToPlan;
use swarmlite_proto::api::SimulateRequest;
use swarmlite_proto::api::Simulation;

use super::Client;
use super::segment;
use crate::error::Result;

impl Client {
    /// Where the tasks of a service could be, by its name or id, as the daemon wrote it.
    pub(crate) async fn service_explanation(&self, reference: &str) -> Result<String> {
        let path = format!("/swarmlite/v1/services/{}/explain", segment(reference));
        self.get_text(&path, &[]).await
    }

    /// The same, read.
    pub(crate) async fn explanation(&self, reference: &str) -> Result<Explanation> {
        self.get(&format!("/swarmlite/v1/services/{}/explain", segment(reference)), &[]).await
    }

    /// Where the tasks of services would go that are made or changed so. Changes nothing.
    pub(crate) async fn plan(&self, services: Vec<ServiceToPlan>) -> Result<Plan> {
        self.post("/swarmlite/v1/services/plan", &[], &PlanRequest { services }).await
    }

    /// Has tasks moved that would be better off elsewhere, or only says which.
    pub(crate) async fn rebalance(&self, request: &RebalanceRequest) -> Result<Rebalance> {
        self.post("/swarmlite/v1/rebalance", &[], request).await
    }

    /// What would become of the cluster if nodes were lost or added. Changes nothing.
    pub(crate) async fn simulation(&self, request: &SimulateRequest) -> Result<Simulation> {
        self.post("/swarmlite/v1/simulate", &[], request).await
    }

    /// Where a task could be, by its id or the beginning of it, as the daemon wrote it.
    pub(crate) async fn task_explanation(&self, reference: &str) -> Result<String> {
        let path = format!("/swarmlite/v1/tasks/{}/explain", segment(reference));
        self.get_text(&path, &[]).await
    }
}
