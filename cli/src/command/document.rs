//! `secret ...` and `config ...`: the same commands for two kinds of things. They differ in what is shown.

mod create;
mod inspect;
mod ls;
mod rm;

use swarmlite_proto::api::Document;
use swarmlite_proto::id::ConfigKind;
use swarmlite_proto::id::Id;
use swarmlite_proto::id::Kind;
use swarmlite_proto::id::SecretKind;

use crate::args::ConfigCommand;
use crate::args::SecretCommand;
use crate::client::Client;
use crate::error::Result;
use crate::output::Console;

/// What is shown of one kind.
trait Shown: Kind {
    /// The table of a list, as a template.
    const TABLE: &'static str;

    /// What `inspect --pretty` prints.
    fn page(document: &Document<Id<Self>>) -> String
    where
        Self: Sized;
}

/// Carries out a command about secrets.
pub(super) async fn secret(
    command: SecretCommand,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    match command {
        SecretCommand::Create(args) => create::secret(&args, client, console).await,
        SecretCommand::Ls(args) => ls::ls::<SecretKind>(&args, client, console).await,
        SecretCommand::Inspect(args) => {
            inspect::inspect::<SecretKind>(&args, client, console).await
        }
        SecretCommand::Rm(args) => rm::rm::<SecretKind>(&args, client, console).await,
    }
}

/// Carries out a command about configs.
pub(super) async fn config(
    command: ConfigCommand,
    client: &Client,
    console: &mut Console<'_>,
) -> Result<()> {
    match command {
        ConfigCommand::Create(args) => create::config(&args, client, console).await,
        ConfigCommand::Ls(args) => ls::ls::<ConfigKind>(&args, client, console).await,
        ConfigCommand::Inspect(args) => {
            inspect::inspect::<ConfigKind>(&args, client, console).await
        }
        ConfigCommand::Rm(args) => rm::rm::<ConfigKind>(&args, client, console).await,
    }
}
