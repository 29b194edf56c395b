//! Options about the connection to a daemon, with the names and defaults of the docker CLI (`cli/flags/options.go` in docker/cli).

use std::path::PathBuf;

use clap::Args;

/// How a daemon is reached over TCP.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection over TCP")]
pub(crate) struct TlsFlags {
    /// Use TLS, whoever answers; implied by --tlsverify.
    #[arg(long)]
    pub(crate) tls: bool,

    /// Use TLS and verify the remote [default: whether DOCKER_TLS_VERIFY is set].
    #[arg(long)]
    pub(crate) tlsverify: bool,

    /// Trust certs signed only by this CA [default: ca.pem in DOCKER_CERT_PATH, DOCKER_CONFIG or ~/.docker].
    #[arg(long, value_name = "FILE")]
    pub(crate) tlscacert: Option<PathBuf>,

    /// Path to TLS certificate file [default: cert.pem there].
    #[arg(long, value_name = "FILE")]
    pub(crate) tlscert: Option<PathBuf>,

    /// Path to TLS key file [default: key.pem there].
    #[arg(long, value_name = "FILE")]
    pub(crate) tlskey: Option<PathBuf>,
}
