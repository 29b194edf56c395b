//! Backups of the whole cluster. Not in Docker's API.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::format::Format;
use crate::id::ClusterId;
use crate::id::NodeId;
use crate::time::Timestamp;

/// `POST /swarmlite/v1/backup`. Never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct BackupRequest {
    /// What the backup is sealed with.
    pub passphrase: String,
}

impl fmt::Debug for BackupRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupRequest(..)")
    }
}

/// `POST /swarmlite/v1/restore`. Never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestoreRequest {
    /// The backup, sealed, in base 64.
    pub backup: String,
    /// What it is sealed with.
    pub passphrase: String,
    /// Where to listen for other nodes: an address or an interface, with or without a port.
    pub listen_addr: String,
    /// Where other nodes reach this one. Empty: found out.
    pub advertise_addr: String,
    /// Where tunnel traffic goes. Empty: the advertised address.
    pub data_path_addr: String,
}

impl fmt::Debug for RestoreRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoreRequest")
            .field("advertise_addr", &self.advertise_addr)
            .finish_non_exhaustive()
    }
}

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct BackupSummary {
    /// The cluster.
    #[serde(rename = "ClusterID")]
    pub cluster_id: ClusterId,
    /// When it was written.
    pub created_at: Timestamp,
    /// The version of swarmlite that wrote it.
    pub version: String,
    /// The format of the records in it.
    #[schema(value_type = u8)]
    pub format: Format,
    /// The manager that wrote it.
    #[serde(rename = "NodeID")]
    pub node_id: NodeId,
    /// The name of that.
    pub hostname: String,
    /// How many nodes are managers.
    pub managers: u64,
    /// How many nodes there are.
    pub nodes: u64,
    /// How many services.
    pub services: u64,
    /// How many tasks, those that have ended and are remembered included.
    pub tasks: u64,
    /// How many networks of the cluster.
    pub networks: u64,
    /// How many secrets.
    pub secrets: u64,
    /// How many configs.
    pub configs: u64,
}
