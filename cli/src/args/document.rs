//! Commands about secrets and configs, and their options.

use clap::Args;
use clap::Subcommand;

use super::InspectArgs;
use super::ListArgs;
use crate::value::pair::Pair;

/// Commands about secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Create a secret from a file or standard input.
    Create(SecretCreateArgs),
    /// List secrets.
    #[command(visible_alias = "list")]
    Ls(ListArgs),
    /// Display detailed information on one or more secrets, but not their content.
    Inspect(DocumentInspectArgs),
    /// Remove one or more secrets.
    #[command(visible_alias = "remove")]
    Rm(DocumentRemoveArgs),
}

/// Commands about configs.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Create a config from a file or standard input.
    Create(ConfigCreateArgs),
    /// List configs.
    #[command(visible_alias = "list")]
    Ls(ListArgs),
    /// Display detailed information on one or more configs.
    Inspect(DocumentInspectArgs),
    /// Remove one or more configs.
    #[command(visible_alias = "remove")]
    Rm(DocumentRemoveArgs),
}

/// Options of `secret create`.
#[derive(Debug, Args)]
pub(crate) struct SecretCreateArgs {
    /// Name of the secret.
    #[arg(value_name = "SECRET")]
    pub(crate) name: String,

    /// File with its content, or - for standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) file: Option<String>,

    /// Secret driver, where the content comes from instead. The swarm has none.
    #[arg(short, long)]
    pub(crate) driver: Option<String>,

    /// What `config create` has too.
    #[command(flatten)]
    pub(crate) shared: DocumentCreateFlags,
}

/// Options of `config create`.
#[derive(Debug, Args)]
pub(crate) struct ConfigCreateArgs {
    /// Name of the config.
    #[arg(value_name = "CONFIG")]
    pub(crate) name: String,

    /// File with its content, or - for standard input.
    #[arg(value_name = "FILE|-")]
    pub(crate) file: String,

    /// What `secret create` has too.
    #[command(flatten)]
    pub(crate) shared: DocumentCreateFlags,
}

/// Options that both creations have.
#[derive(Debug, Default, Args)]
pub(crate) struct DocumentCreateFlags {
    /// Set a label.
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub(crate) label: Vec<Pair>,

    /// Template driver, which replaces placeholders such as {{.Service.Name}} in the content for each task: golang.
    #[arg(long, value_name = "DRIVER")]
    pub(crate) template_driver: Option<String>,
}

/// Options of `secret inspect` and `config inspect`.
#[derive(Debug, Args)]
pub(crate) struct DocumentInspectArgs {
    /// Names or ids.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// What inspections have.
    #[command(flatten)]
    pub(crate) inspect: InspectArgs,
}

/// Options of `secret rm` and `config rm`.
#[derive(Debug, Args)]
pub(crate) struct DocumentRemoveArgs {
    /// Names or ids.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
}
