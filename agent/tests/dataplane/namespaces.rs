//! Network namespaces with names, and commands in them.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// Namespaces of one test. Dropping it removes them.
pub(crate) struct Namespaces {
    prefix: String,
    names: Vec<String>,
}

impl Namespaces {
    /// None yet. `name` tells those of one test from those of another.
    pub(crate) fn new(name: &str) -> Self {
        Self { prefix: format!("dp{}{name}", std::process::id()), names: Vec::new() }
    }

    /// Makes a namespace, with its own side up.
    pub(crate) fn add(&mut self, name: &str) {
        run("ip", &["netns", "add", &self.full(name)]);
        self.names.push(self.full(name));
        self.inside(name, "ip link set lo up");
    }

    /// What a command in a namespace prints.
    pub(crate) fn inside(&self, name: &str, command: &str) -> String {
        let name = self.full(name);
        let mut args = vec!["netns", "exec", &name];
        args.extend(command.split(' '));
        run("ip", &args)
    }

    /// Runs a script of the shell in a namespace.
    pub(crate) fn script(&self, name: &str, script: &str) -> String {
        run("ip", &["netns", "exec", &self.full(name), "sh", "-ec", script])
    }

    /// The file of a namespace.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        Path::new("/run/netns").join(self.full(name))
    }

    /// The name by which other programs know a namespace.
    pub(crate) fn full(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect(program);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
