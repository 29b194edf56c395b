//! Options of `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

use super::swarm::PlaceFlags;

/// Where the passphrase of a backup comes from.
#[derive(Debug, Args)]
pub(crate) struct PassphraseFlag {
    /// Path to a file with the passphrase in its only line [default: it is asked for].
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Options of `backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// File to write.
    pub(crate) file: PathBuf,

    /// Its passphrase.
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFlag,

    /// Overwrite the file if there is one.
    #[arg(short, long)]
    pub(crate) force: bool,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// File that `swarmlite backup` wrote.
    pub(crate) file: PathBuf,

    /// Its passphrase.
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFlag,

    /// Only check the file and display what is in it. Needs no daemon.
    #[arg(long, conflicts_with_all = ["advertise_addr", "listen_addr", "data_path_addr"])]
    pub(crate) verify: bool,

    /// This node.
    #[command(flatten)]
    pub(crate) place: PlaceFlags,
}
