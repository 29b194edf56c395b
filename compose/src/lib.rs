//! Compose files: from their text to what the cluster is asked for, as `docker stack deploy` does it.
//!
//! Pure: text, environment and files go in as values (files behind [`Files`]), a [`Project`] comes out, and from that a [`Stack`] of
//! specs. Three steps, each on its own:
//!
//! 1. `load`: YAML becomes a tree, variables are substituted, every thing gets its one long form, files are merged.
//! 2. `convert`: the tree is read key by key. Every key is converted, noted as ignored by its name, or refused by its name; none is dropped.
//! 3. Whoever deploys the stack looks up ids and talks to the daemon. Not here.
//!
//! What docker converts is converted the same way (`cli/compose` in docker/cli, 28.x). Beyond it the present compose specification
//! is understood where the cluster has what it asks for.

mod canonical;
mod convert;
mod dotenv;
mod environment;
mod error;
mod input;
mod interpolate;
mod load;
mod merge;
mod notes;
mod section;
mod template;
mod yaml;

use std::collections::BTreeMap;

pub use self::convert::LABEL_IMAGE;
pub use self::convert::LABEL_NAMESPACE;
pub use self::convert::Stack;
pub use self::error::ComposeError;
pub use self::input::Files;
pub use self::input::Request;
pub use self::input::Source;
pub use self::notes::Notes;
use self::yaml::Tree;

/// Compose files as one.
#[derive(Clone, Debug)]
pub struct Project {
    tree: Tree,
    notes: Notes,
    interpolated: bool,
}

impl Project {
    /// Loads the files of a request.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, is not YAML, or has a variable or a short form in it that nobody understands.
    pub fn load(request: &Request<'_>, files: &dyn Files) -> Result<Self, ComposeError> {
        let (tree, notes) = load::load(request, files)?;
        Ok(Self { tree, notes, interpolated: request.interpolate })
    }

    /// The name that the files give the project.
    pub fn name(&self) -> Option<&str> {
        self.tree.get("name")?.as_str()
    }

    /// The files as one, in the one form of each thing. A `$` that stands for itself is written as `$$`, so that the text may be
    /// deployed as well.
    ///
    /// # Errors
    ///
    /// When the tree has something in it that YAML cannot say.
    pub fn to_yaml(&self) -> Result<String, ComposeError> {
        let mut tree = self.tree.clone();
        if self.interpolated {
            tree.values_mut().for_each(yaml::escape);
        }
        yaml::write(&tree).map_err(ComposeError::Refused)
    }

    /// What the cluster is asked for, in the namespace of a stack, and what the user is to know about it.
    ///
    /// # Errors
    ///
    /// For the first thing that cannot be converted.
    pub fn stack(
        &self,
        namespace: &str,
        environment: &BTreeMap<String, String>,
        files: &dyn Files,
    ) -> Result<(Stack, Notes), ComposeError> {
        let mut notes = self.notes.clone();
        let stack = convert::stack(&self.tree, namespace, environment, files, &mut notes)?;
        Ok((stack, notes))
    }
}

#[cfg(test)]
mod tests;
