//! From files to one tree: variables substituted, one form for each thing, `extends` and `include` resolved, files merged.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use super::canonical;
use super::canonical::Origin;
use super::canonical::clean;
use super::dotenv;
use super::environment;
use super::error::ComposeError;
use super::error::Result;
use super::input::Files;
use super::input::Request;
use super::input::Source;
use super::interpolate;
use super::merge;
use super::notes::Notes;
use super::section::Node;
use super::section::is_extension;
use super::template::Variables;
use super::yaml;
use super::yaml::Tree;

/// How deep files may include one another.
const MAX_DEPTH: usize = 32;

/// How many files may be included in all: where each includes two others, few levels are endless.
const MAX_INCLUDED: usize = 1000;

/// How many services may extend one another in a row: each takes stack.
const MAX_EXTENDED: usize = 100;

/// What is known while files are read.
struct Loader<'a> {
    files: &'a dyn Files,
    environment: BTreeMap<String, String>,
    interpolate: bool,
    notes: Notes,
    depth: usize,
    /// How many were included so far.
    included: usize,
}

/// Reads all files of a request.
pub(super) fn load(request: &Request<'_>, files: &dyn Files) -> Result<(Tree, Notes)> {
    let mut loader = Loader {
        files,
        environment: request.environment.clone(),
        interpolate: request.interpolate,
        notes: Notes::default(),
        depth: 0,
        included: 0,
    };
    loader.add_defaults(&request.directory.join(".env"), false)?;
    let mut tree = loader.project(request.sources, request.directory)?;
    let mut active: BTreeSet<&str> = request.profiles.iter().map(String::as_str).collect();
    let listed = loader.environment.get("COMPOSE_PROFILES").map(String::as_str).unwrap_or_default();
    active.extend(listed.split(',').map(str::trim).filter(|profile| !profile.is_empty()));
    keep_active(&mut tree, &active, &mut loader.notes)?;
    Ok((tree, loader.notes))
}

/// The user's values, with a word about those that are missing.
struct UserVariables<'a> {
    environment: &'a BTreeMap<String, String>,
    notes: &'a mut Notes,
}

impl Variables for UserVariables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn missing(&mut self, name: &str) {
        self.notes.unset(name);
    }
}

impl Loader<'_> {
    /// Adds the variables of a file to those that are known. What is known already stays.
    fn add_defaults(&mut self, file: &Path, required: bool) -> Result<()> {
        let bytes = match self.files.read(file) {
            Ok(bytes) => bytes,
            Err(error) if !required && error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(source) => {
                return Err(ComposeError::Read {
                    path: "env_file".to_owned(),
                    file: file.to_owned(),
                    source,
                });
            }
        };
        let refused = |why| ComposeError::Refused(format!("{}: {why}", file.display()));
        let text = String::from_utf8_lossy(&bytes);
        for (name, value) in dotenv::parse(&text, &self.environment).map_err(refused)? {
            self.environment.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// Several files that make one project.
    fn project(&mut self, sources: &[Source], directory: &Path) -> Result<Tree> {
        let mut project = Tree::new();
        for source in sources {
            let mut tree = self.file(source, directory)?;
            self.extend(&mut tree, &source.path, directory)?;
            merge::files(&mut project, tree);
        }
        if let Some(included) = project.remove("include") {
            for one in includes(&included)? {
                let imported = self.include(&one, directory)?;
                import(&mut project, imported, &one.path)?;
            }
        }
        Ok(project)
    }

    /// One file, by itself.
    fn file(&mut self, source: &Source, directory: &Path) -> Result<Tree> {
        let mut tree = yaml::parse(&source.text)
            .map_err(|problem| ComposeError::Yaml { file: source.path.clone(), problem })?;
        tree.retain(|key, _| !is_extension(key));
        if self.interpolate {
            let mut variables =
                UserVariables { environment: &self.environment, notes: &mut self.notes };
            interpolate::tree(&mut tree, &mut variables)?;
        }
        let home = self.environment.get("HOME").map(String::as_str);
        canonical::file(&mut tree, &mut Origin { directory, home, notes: &mut self.notes })?;
        if let Some(Value::Object(services)) = tree.get_mut("services") {
            for (name, service) in services {
                if let Value::Object(service) = service {
                    let path = format!("services.{name}");
                    let Self { environment, files, notes, .. } = self;
                    environment::resolve(&path, service, environment, *files, notes)?;
                }
            }
        }
        Ok(tree)
    }

    /// Reads a file that another one in a directory names.
    fn source(&self, named_by: &str, directory: &Path, path: &str) -> Result<Source> {
        let path = clean(&directory.join(path));
        let read = self.files.read(&path).and_then(|bytes| {
            String::from_utf8(bytes)
                .map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))
        });
        match read {
            Ok(text) => Ok(Source { path, text }),
            Err(source) => {
                Err(ComposeError::Read { path: named_by.to_owned(), file: path, source })
            }
        }
    }

    /// Puts all services over those that they extend.
    fn extend(&mut self, tree: &mut Tree, path: &Path, directory: &Path) -> Result<()> {
        let Some(Value::Object(services)) = tree.get("services") else { return Ok(()) };
        let services = services.clone();
        let mut extended = Tree::new();
        for (name, service) in &services {
            let service = match service {
                Value::Object(service) if service.contains_key("extends") => {
                    let file = Extended { services: &services, path, directory };
                    Value::Object(self.extended(&file, name, &mut Vec::new())?)
                }
                other => other.clone(),
            };
            extended.insert(name.clone(), service);
        }
        tree.insert("services".to_owned(), Value::Object(extended));
        Ok(())
    }

    /// One service over the one that it extends.
    fn extended(
        &mut self,
        file: &Extended<'_>,
        name: &str,
        below: &mut Vec<(PathBuf, String)>,
    ) -> Result<Tree> {
        let place = format!("services.{name}");
        let Some(Value::Object(service)) = file.services.get(name) else {
            return Err(ComposeError::invalid(place, format!("is not in {}", file.path.display())));
        };
        let mut service = service.clone();
        let Some(extends) = service.remove("extends") else { return Ok(service) };
        let link = (file.path.to_owned(), name.to_owned());
        if below.contains(&link) {
            return Err(ComposeError::invalid(place, "extends itself"));
        }
        if below.len() == MAX_EXTENDED {
            return Err(ComposeError::invalid(place, "extends too many services"));
        }
        below.push(link);
        let (base, other) = extends_of(&Node::new(format!("{place}.extends"), &extends))?;
        let mut base = match other {
            None => self.extended(file, &base, below)?,
            Some(other) => {
                let source = self.source(&place, file.directory, &other)?;
                let directory = source.path.parent().unwrap_or(Path::new("/")).to_owned();
                let tree = self.file(&source, &directory)?;
                let none = Tree::new();
                let services = tree.get("services").and_then(Value::as_object).unwrap_or(&none);
                let file = Extended { services, path: &source.path, directory: &directory };
                self.extended(&file, &base, below)?
            }
        };
        // When a service is wanted is its own affair.
        base.remove("profiles");
        merge::service(&mut base, service);
        Ok(base)
    }

    /// A project of its own, whose relative paths and defaults are its own too.
    fn include(&mut self, include: &Include, directory: &Path) -> Result<Tree> {
        self.included += 1;
        if self.depth == MAX_DEPTH || self.included > MAX_INCLUDED {
            return Err(ComposeError::invalid(&*include.path, "includes too many files"));
        }
        let sources = include.files.iter().map(|file| self.source(&include.path, directory, file));
        let sources = sources.collect::<Result<Vec<_>>>()?;
        let beside = sources.first().and_then(|source| source.path.parent());
        let own_directory = match &include.directory {
            Some(own) => clean(&directory.join(own)),
            None => beside.unwrap_or(directory).to_owned(),
        };
        let outer = self.environment.clone();
        match &include.variables[..] {
            [] => self.add_defaults(&own_directory.join(".env"), false)?,
            files => {
                // The last of several files wins, as what is known stays.
                for file in files.iter().rev() {
                    self.add_defaults(&directory.join(file), true)?;
                }
            }
        }
        self.depth += 1;
        let tree = self.project(&sources, &own_directory);
        self.depth -= 1;
        self.environment = outer;
        tree
    }
}

/// The services of a file in which one extends another.
struct Extended<'a> {
    services: &'a Tree,
    path: &'a Path,
    directory: &'a Path,
}

/// The service that another extends, and the file that it is in.
fn extends_of(extends: &Node<'_>) -> Result<(String, Option<String>)> {
    if let Ok(service) = extends.string() {
        return Ok((service, None));
    }
    let mut section = extends.section()?;
    let service = section.read("service", Node::string)?;
    let file = section.read("file", Node::string)?;
    section.finish()?;
    Ok((service.ok_or_else(|| extends.invalid("needs a service"))?, file))
}

/// Files to be included as one project.
struct Include {
    path: String,
    files: Vec<String>,
    directory: Option<String>,
    variables: Vec<String>,
}

/// Reads the section `include`.
fn includes(value: &Value) -> Result<Vec<Include>> {
    let one_or_more =
        |node: &Node<'_>| node.string().map_or_else(|_| node.strings(), |one| Ok(vec![one]));
    let read = |node: Node<'_>| {
        let path = node.path().to_owned();
        if let Ok(file) = node.string() {
            return Ok(Include { path, files: vec![file], directory: None, variables: Vec::new() });
        }
        let mut section = node.section()?;
        let include = Include {
            path,
            files: section.get("path", one_or_more)?,
            directory: section.read("project_directory", Node::string)?,
            variables: section.get("env_file", one_or_more)?,
        };
        section.finish()?;
        Ok(include)
    };
    Node::new("include", value).items()?.into_iter().map(read).collect()
}

/// Adds what another project defines. To define a thing twice is an error.
fn import(project: &mut Tree, imported: Tree, place: &str) -> Result<()> {
    for (section, definitions) in imported {
        let (Some(Value::Object(own)), Value::Object(definitions)) =
            (project.get_mut(&section), &definitions)
        else {
            // The included project's own name and version are not this project's.
            if !matches!(section.as_str(), "name" | "version") {
                project.insert(section, definitions);
            }
            continue;
        };
        for (name, definition) in definitions {
            let before = own.insert(name.clone(), definition.clone());
            if before.is_some_and(|before| before != *definition) {
                let problem = format!("defines {section}.{name}, which is defined already");
                return Err(ComposeError::invalid(place, problem));
            }
        }
    }
    Ok(())
}

/// Leaves out services that belong to other profiles only.
fn keep_active(tree: &mut Tree, active: &BTreeSet<&str>, notes: &mut Notes) -> Result<()> {
    let Some(Value::Object(services)) = tree.get_mut("services") else { return Ok(()) };
    let mut inactive = Vec::new();
    for (name, service) in services.iter_mut() {
        let Some(profiles) = service.as_object_mut().and_then(|service| service.remove("profiles"))
        else {
            continue;
        };
        let profiles = Node::new(format!("services.{name}.profiles"), &profiles).strings()?;
        let is_active =
            |profile: &String| active.contains("*") || active.contains(profile.as_str());
        if !profiles.is_empty() && !profiles.iter().any(is_active) {
            notes.say(format!(
                "Leaving out service {name}: none of its profiles ({}) is active",
                profiles.join(", ")
            ));
            inactive.push(name.clone());
        }
    }
    for name in inactive {
        services.remove(&name);
    }
    Ok(())
}
