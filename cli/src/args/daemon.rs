//! Options of `swarmlite daemon`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;
use swarmlite_agent::Choice;
use swarmlite_manager::routing::PATIENCE;

use crate::client::DEFAULT_SOCKET;
use crate::value::duration;
use crate::value::endpoint;
use crate::value::socket::UnixSocket;

/// Options of the daemon. Several daemons live on one machine when all of these differ.
#[derive(Clone, Debug, Args)]
pub(crate) struct DaemonArgs {
    /// Directory of everything this node has to remember.
    #[arg(
        long,
        env = "SWARMLITE_STATE_DIR",
        default_value = "/var/lib/swarmlite",
        value_name = "DIR"
    )]
    pub(crate) state_dir: PathBuf,

    /// Directory of what must not survive this machine: the secrets of its containers, in memory.
    #[arg(long, env = "SWARMLITE_RUN_DIR", default_value = "/run/swarmlite", value_name = "DIR")]
    pub(crate) run_dir: PathBuf,

    /// Socket to serve the API on, as unix:///PATH.
    #[arg(long, env = "SWARMLITE_SOCKET", default_value = DEFAULT_SOCKET, value_name = "URL")]
    pub(crate) socket: UnixSocket,

    /// Address to serve the API on over TCP as well, as tcp://ADDRESS:PORT. Whoever may use it is as good as root on this node.
    #[arg(long, env = "SWARMLITE_API", value_parser = endpoint::tcp_address, value_name = "URL", help_heading = "API over TCP")]
    pub(crate) api: Option<SocketAddr>,

    /// Trust clients whose certificates this CA has signed, PEM.
    #[arg(long, env = "SWARMLITE_API_TLS_CA", value_name = "FILE", help_heading = "API over TCP")]
    pub(crate) api_tls_ca: Option<PathBuf>,

    /// Path to the certificate that is shown to clients, PEM.
    #[arg(
        long,
        env = "SWARMLITE_API_TLS_CERT",
        value_name = "FILE",
        help_heading = "API over TCP"
    )]
    pub(crate) api_tls_cert: Option<PathBuf>,

    /// Path to the key of that certificate, PEM.
    #[arg(long, env = "SWARMLITE_API_TLS_KEY", value_name = "FILE", help_heading = "API over TCP")]
    pub(crate) api_tls_key: Option<PathBuf>,

    /// Serve everybody on this machine, without certificates: on a loopback address only.
    #[arg(long, env = "SWARMLITE_API_PLAIN", help_heading = "API over TCP")]
    pub(crate) api_plain: bool,

    /// Serve the page of 'swarmlite dashboard' without certificates, too. With certificates it is always there.
    #[arg(long, env = "SWARMLITE_API_UI", help_heading = "API over TCP")]
    pub(crate) api_ui: bool,

    /// Address to serve metrics for Prometheus on over plain HTTP, as ADDRESS:PORT, at /metrics. Nobody who reaches it is asked who they are.
    #[arg(long, env = "SWARMLITE_METRICS_ADDR", value_name = "ADDRESS:PORT")]
    pub(crate) metrics_addr: Option<SocketAddr>,

    /// Socket of this node's Docker Engine, as unix:///PATH.
    #[arg(
        long,
        env = "SWARMLITE_DOCKER",
        default_value = "unix:///var/run/docker.sock",
        value_name = "URL"
    )]
    pub(crate) docker: UnixSocket,

    /// Directory in which that Docker Engine looks for the sockets of plugins.
    #[arg(
        long,
        env = "SWARMLITE_PLUGIN_DIR",
        default_value = "/run/docker/plugins",
        value_name = "DIR"
    )]
    pub(crate) plugin_dir: PathBuf,

    /// Balancer of connections over tasks: ipvs, nftables, or auto for ipvs where the kernel has it and nftables elsewhere.
    #[arg(
        long,
        env = "SWARMLITE_DATAPLANE",
        hide_possible_values = true,
        default_value = "auto",
        value_name = "NAME"
    )]
    pub(crate) dataplane: DataplaneChoice,

    /// Backups that it writes by itself.
    #[command(flatten)]
    pub(crate) backup: BackupFlags,

    /// Logging level (error, warn, info, debug, trace), or levels by module as in 'info,swarmlite_agent=debug'.
    #[arg(long, env = "SWARMLITE_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,

    /// Append who has changed what in the swarm through this node to a file, as lines of JSON.
    #[arg(long, env = "SWARMLITE_AUDIT_LOG", value_name = "FILE")]
    pub(crate) audit_log: Option<PathBuf>,

    /// Name of this node in the swarm [default: the machine's host name].
    #[arg(long, env = "SWARMLITE_HOSTNAME", value_name = "NAME")]
    pub(crate) hostname: Option<String>,

    /// Directory of the kernel's files by which the load of this machine is measured, for a daemon in a container.
    #[arg(long, env = "SWARMLITE_PROCFS", default_value = "/proc", value_name = "DIR")]
    pub(crate) procfs: PathBuf,

    /// Generic resource that this node has, for services that reserve it: so many of a kind (SSD=3), or each by its name
    /// (GPU=UUID1, once for each).
    #[arg(
        long,
        env = "SWARMLITE_NODE_GENERIC_RESOURCE",
        value_delimiter = ',',
        value_name = "KIND=VALUE"
    )]
    pub(crate) node_generic_resource: Vec<String>,

    /// Seconds that a leader waits for a node to confirm its tables. With 0 tasks end while nodes still send them requests: for tests
    /// that have to see those fail, and therefore in no help.
    #[arg(
        long,
        env = "SWARMLITE_ROUTING_PATIENCE",
        default_value_t = PATIENCE.as_secs(),
        value_name = "SECONDS",
        hide = true
    )]
    pub(crate) routing_patience: u64,
}

/// Backups that the daemon writes by itself.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Backups")]
pub(crate) struct BackupFlags {
    /// Directory to write backups of the swarm to, while this node is the leader. Give it to all managers.
    #[arg(
        long,
        env = "SWARMLITE_BACKUP_DIR",
        value_name = "DIR",
        requires = "backup_passphrase_file"
    )]
    pub(crate) backup_dir: Option<PathBuf>,

    /// Path to a file with the passphrase of the backups in its only line.
    #[arg(
        long,
        env = "SWARMLITE_BACKUP_PASSPHRASE_FILE",
        value_name = "FILE",
        requires = "backup_dir"
    )]
    pub(crate) backup_passphrase_file: Option<PathBuf>,

    /// Time between two backups.
    #[arg(
        long,
        env = "SWARMLITE_BACKUP_EVERY",
        value_parser = backup_period,
        default_value = "6h",
        requires = "backup_dir",
        value_name = "DURATION"
    )]
    pub(crate) backup_every: Duration,

    /// Number of backups to keep. Older ones are removed once a new one is on the disk.
    #[arg(
        long,
        env = "SWARMLITE_BACKUP_KEEP",
        value_parser = clap::value_parser!(u32).range(1..),
        default_value_t = 28,
        requires = "backup_dir",
        value_name = "COUNT"
    )]
    pub(crate) backup_keep: u32,
}

/// A second at least: so often the names of the files differ.
fn backup_period(text: &str) -> Result<Duration, String> {
    let period = duration::parse(text)?.to_duration();
    if period < Duration::from_secs(1) {
        return Err("must be 1s or more".to_owned());
    }
    Ok(period)
}

/// What balances connections over tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataplaneChoice {
    /// IPVS where the kernel has it, nftables elsewhere.
    Auto,
    /// nftables verdict maps.
    Nftables,
    /// The kernel's load balancer.
    Ipvs,
}

impl DataplaneChoice {
    /// As it is written on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Nftables => "nftables",
            Self::Ipvs => "ipvs",
        }
    }
}

impl From<DataplaneChoice> for Choice {
    fn from(choice: DataplaneChoice) -> Self {
        match choice {
            DataplaneChoice::Auto => Self::Auto,
            DataplaneChoice::Nftables => Self::Nftables,
            DataplaneChoice::Ipvs => Self::Ipvs,
        }
    }
}
