//! The workload's image, which needs no registry: one static program, imported.

use std::path::Path;

use anyhow::Context;
use tokio::process::Command;

use crate::command::run;

/// The name of the image on every node of a lab.
pub(crate) const NAME: &str = "whoami:latest";

/// Packs the static program `whoami` into `archive`, which `docker import` takes.
pub(crate) async fn pack(whoami: &Path, archive: &Path) -> anyhow::Result<()> {
    let folder = whoami.parent().context("the path of whoami has no folder")?;
    let file = whoami.file_name().context("the path of whoami has no name")?;
    run(Command::new("tar").arg("-C").arg(folder).arg("-cf").arg(archive).arg(file)).await?;
    Ok(())
}
