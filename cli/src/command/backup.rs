//! `swarmlite backup` and `swarmlite restore`.

use std::fs;
use std::io;
use std::io::IsTerminal;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use console::Term;
use swarmlite_manager::backup::Backup;
use swarmlite_proto::api::BackupRequest;
use swarmlite_proto::api::BackupSummary;
use swarmlite_proto::api::RestoreRequest;
use swarmlite_vault::Passphrase;
use zeroize::Zeroizing;

use crate::args::BackupArgs;
use crate::args::PassphraseFlag;
use crate::args::RestoreArgs;
use crate::backup;
use crate::client::Client;
use crate::error::Error;
use crate::error::Result;
use crate::output::Console;
use crate::output::pretty::Page;

/// Writes all that the swarm knows to a file.
pub(super) async fn save(
    args: BackupArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let BackupArgs { file, passphrase, force } = args;
    let shown = file.display();
    if !force && fs::symlink_metadata(&file).is_ok() {
        return Err(Error::refused(format!("{shown} is there already: --force overwrites it")));
    }
    let passphrase = passphrase_for(&passphrase, Asked::Twice)?.text();
    let sealed = client.backup(&BackupRequest { passphrase }).await?;
    backup::write(&file, &sealed)
        .map_err(|error| Error::refused(format!("cannot write {shown}: {error}")))?;
    console.line(&format!(
        "{shown}: {} bytes. Without its passphrase nobody can open it.",
        sealed.len()
    ))
}

/// Says what is in a backup, and changes nothing.
pub(super) fn verify(args: &RestoreArgs, console: &mut Console<'_>) -> Result<()> {
    let sealed = read(&args.file)?;
    let passphrase = passphrase_for(&args.passphrase, Asked::Once)?;
    let summary = Backup::open(&sealed, &passphrase).and_then(|backup| backup.summary());
    let summary = summary.map_err(|error| Error::refused(error.to_string()))?;
    console.print(&page(&summary))?;
    console.line("The backup is whole.")
}

/// Makes the swarm in a backup again, with this node as its only manager.
pub(super) async fn restore(
    args: RestoreArgs,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    let sealed = read(&args.file)?;
    let passphrase = passphrase_for(&args.passphrase, Asked::Once)?.text();
    let request = RestoreRequest {
        backup: STANDARD.encode(sealed),
        passphrase,
        listen_addr: args.place.listen_addr,
        advertise_addr: args.place.advertise_addr,
        data_path_addr: args.place.data_path_addr,
    };
    let summary = client.restore(&request).await.map_err(Error::with_address_option)?;
    console.print(&page(&summary))?;
    console.line("\nSwarm restored: this node is now its only manager.")?;
    console.line("Nodes that know its address come back by themselves. Add managers with the command that 'swarmlite join-token manager' prints.")
}

/// What is in a backup, for people.
fn page(summary: &BackupSummary) -> String {
    let BackupSummary { cluster_id, created_at, version, node_id, .. } = summary;
    let writer = match &*summary.hostname {
        "" => node_id.to_string(),
        hostname => format!("{hostname} ({node_id})"),
    };
    let mut page = Page::default();
    page.entry("ClusterID:\t", cluster_id);
    page.entry("Created:\t", created_at);
    page.entry("Written By:\t", format_args!("{writer}, swarmlite {version}"));
    page.entry(
        "Nodes:\t",
        format_args!("{}, {} of them managers", summary.nodes, summary.managers),
    );
    page.entry("Services:\t", summary.services);
    page.entry("Tasks:\t", summary.tasks);
    page.entry("Networks:\t", summary.networks);
    page.entry("Secrets:\t", summary.secrets);
    page.entry("Configs:\t", summary.configs);
    page.aligned()
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file)
        .map_err(|error| Error::refused(format!("cannot read {}: {error}", file.display())))
}

/// How often a passphrase is asked for: twice if nothing else would show that it was mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Once,
    Twice,
}

/// The passphrase of a file. Nothing is written without one.
fn passphrase_for(flag: &PassphraseFlag, asked: Asked) -> Result<Passphrase> {
    if let Some(path) = &flag.passphrase_file {
        return backup::passphrase_of(path).map_err(Error::Refused);
    }
    if !io::stdin().is_terminal() {
        return Err(Error::refused(
            "backups are sealed with a passphrase: give --passphrase-file, or run this on a terminal, which is asked",
        ));
    }
    let typed = ask("Passphrase: ")?;
    if asked == Asked::Twice && typed != ask("The same again: ")? {
        return Err(Error::refused("these are two passphrases: nothing was written"));
    }
    Passphrase::new(&typed).map_err(|error| Error::refused(error.to_string()))
}

/// A line that somebody types, without showing it.
fn ask(prompt: &str) -> io::Result<Zeroizing<String>> {
    let terminal = Term::stderr();
    terminal.write_str(prompt)?;
    terminal.read_secure_line().map(Zeroizing::new)
}
