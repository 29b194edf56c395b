//! `swarmlite stack config`.

use std::io;
use std::path::Path;

use swarmlite_compose::Files;

use super::load;
use crate::args::StackConfigArgs;
use crate::error::Result;
use crate::output::Console;

/// What secrets and configs hold does not matter for what is printed.
struct Unread;

impl Files for Unread {
    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// Prints the files as one. It is checked as far as it can be without a cluster.
pub(crate) fn config(args: &StackConfigArgs, console: &mut Console<'_>) -> Result<()> {
    let environment = load::environment();
    let project = load::load(&args.files, &environment, !args.skip_interpolation)?;
    if !args.skip_interpolation {
        let (_, notes) = project.stack("config", &environment, &Unread)?;
        for paragraph in notes.paragraphs() {
            console.warn(&paragraph)?;
        }
    }
    console.print(&project.to_yaml()?)
}
