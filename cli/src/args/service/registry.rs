//! Options about the registry that the image of a service comes from.

use clap::Args;
use swarmlite_proto::registry::RegistryAuth;

use crate::error::Result;
use crate::registry;

/// What the registry is asked, and by whom.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Registry")]
pub(crate) struct RegistryFlags {
    /// Do not query the registry to resolve the digest of the image: each node then pulls what goes by its name.
    #[arg(long)]
    pub(crate) no_resolve_image: bool,

    /// Send the credentials that `docker login` has left for the registry, for nodes to pull the image with.
    #[arg(long)]
    pub(crate) with_registry_auth: bool,
}

impl RegistryFlags {
    /// The credentials to send along for `image`, if any are to be sent.
    pub(crate) fn credentials(&self, image: &str) -> Result<Option<RegistryAuth>> {
        self.with_registry_auth.then(|| registry::credentials(image)).transpose()
    }
}
