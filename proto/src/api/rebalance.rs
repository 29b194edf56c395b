//! Moving tasks to nodes that have become better. Not in Docker's API.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::id::NodeId;
use crate::id::ServiceId;
use crate::id::TaskId;

/// `POST /swarmlite/v1/rebalance`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct RebalanceRequest {
    /// The services whose tasks may move, by id, name or beginning of the id. Empty: all.
    pub services: Vec<String>,
    /// How many tasks may move. 0: as many as one request can move, which is 200.
    pub max_moves: u64,
    /// Only says what would move.
    pub plan: bool,
}

/// The answer to `POST /swarmlite/v1/rebalance`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Rebalance {
    /// The tasks that move, or would.
    pub moves: Vec<RebalanceMove>,
}

/// A task that moves, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct RebalanceMove {
    /// The task, which is replaced by another.
    #[serde(rename = "TaskID")]
    pub task_id: TaskId,
    /// Its service.
    #[serde(rename = "ServiceID")]
    pub service_id: ServiceId,
    /// What that is called.
    pub service_name: String,
    /// Which replica it is.
    pub slot: u64,
    /// The node that it is on.
    #[serde(rename = "FromID")]
    pub from_id: NodeId,
    /// What that is called.
    pub from: String,
    /// The node that is better. If the cluster changes meanwhile, it may become another.
    #[serde(rename = "ToID")]
    pub to_id: NodeId,
    /// What that is called.
    pub to: String,
}
