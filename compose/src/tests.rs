//! Whole files: from their text to specs, to warnings, and to refusals.

mod files;
mod nonsense;
mod services;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use super::*;

/// Files by their paths.
#[derive(Default)]
struct Fake(BTreeMap<PathBuf, &'static str>);

impl Files for Fake {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(text.as_bytes().to_vec())
    }
}

/// Compose files in `/project`, with what is around them.
struct Case {
    sources: Vec<Source>,
    files: Fake,
    environment: BTreeMap<String, String>,
    profiles: Vec<String>,
}

impl Case {
    fn new(texts: &[&str]) -> Self {
        let source = |(at, text): (usize, &&str)| Source {
            path: format!("/project/{at}.yml").into(),
            text: (*text).to_owned(),
        };
        Self {
            sources: texts.iter().enumerate().map(source).collect(),
            files: Fake::default(),
            environment: [("HOME".to_owned(), "/home/me".to_owned())].into(),
            profiles: Vec::new(),
        }
    }

    fn file(mut self, path: &str, text: &'static str) -> Self {
        self.files.0.insert(path.into(), text);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn profile(mut self, profile: &str) -> Self {
        self.profiles.push(profile.to_owned());
        self
    }

    fn project(&self) -> Result<Project, ComposeError> {
        let request = Request {
            sources: &self.sources,
            directory: Path::new("/project"),
            environment: &self.environment,
            profiles: &self.profiles,
            interpolate: true,
        };
        Project::load(&request, &self.files)
    }

    fn stack(&self) -> Result<(Stack, Notes), ComposeError> {
        self.project()?.stack("app", &self.environment, &self.files)
    }

    /// The one service that comes out, as JSON.
    fn service(&self) -> Value {
        let (mut stack, _) = self.stack().expect("a stack");
        json!(stack.services.remove(0))
    }

    /// The warnings.
    fn notes(&self) -> Vec<String> {
        self.stack().expect("a stack").1.paragraphs()
    }

    /// Why it is refused.
    fn refusal(&self) -> String {
        self.stack().expect_err("refused").to_string()
    }
}

/// A file of one service `web` with an image.
fn web(rest: &str) -> Case {
    Case::new(&[&format!("services: {{web: {{image: i, {rest}}}}}")])
}
