//! Compose files, from the command line to a project.

use std::collections::BTreeMap;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use swarmlite_compose::ComposeError;
use swarmlite_compose::Files;
use swarmlite_compose::Project;
use swarmlite_compose::Request;
use swarmlite_compose::Source;

use crate::args::ComposeFiles;
use crate::error::Error;
use crate::error::Result;

/// Files on this machine.
pub(super) struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// The user's environment. What is not Unicode is nothing that a Compose file could use.
pub(super) fn environment() -> BTreeMap<String, String> {
    let known = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(known).collect()
}

/// Reads and joins the files. Relative paths in them start from the directory of the first.
pub(super) fn load(
    args: &ComposeFiles,
    environment: &BTreeMap<String, String>,
    interpolate: bool,
) -> Result<Project> {
    let here = std::env::current_dir()
        .map_err(|error| Error::refused(format!("cannot tell the working directory: {error}")))?;
    let sources = args.compose_file.iter().map(|file| source(file, &here));
    let sources = sources.collect::<Result<Vec<_>>>()?;
    let first = sources.first().and_then(|source| source.path.parent());
    let directory = match &args.compose_file[..] {
        [only] if only == "-" => &here,
        _ => first.unwrap_or(&here),
    };
    let profiles = &args.profile;
    let request = Request { sources: &sources, directory, environment, profiles, interpolate };
    Ok(Project::load(&request, &Disk)?)
}

fn source(file: &str, here: &Path) -> Result<Source> {
    let (path, text) = if file == "-" {
        let mut text = String::new();
        let read = io::stdin().read_to_string(&mut text);
        (PathBuf::from("-"), read.map(|_| text))
    } else {
        let path = here.join(file);
        let text = std::fs::read_to_string(&path);
        (path, text)
    };
    match text {
        Ok(text) => Ok(Source { path, text }),
        Err(source) => Err(Error::Compose(ComposeError::Read {
            path: "--compose-file".to_owned(),
            file: path,
            source,
        })),
    }
}
