//! The rules of `.deny.toml`, applied to what cargo says of the dependencies. `cargo deny` does the same and more, but takes longer to
//! compile than the gate has time for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde::Deserialize;
use spdx::Expression;
use spdx::ParseMode;
use toml_edit::DocumentMut;
use toml_edit::Item;

use crate::root;

/// A dependency.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// Where it comes from; nothing for a member of the workspace.
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The rules.
#[derive(Debug)]
struct Rules {
    targets: Vec<String>,
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
    registries: BTreeSet<String>,
}

impl Rules {
    fn read() -> Self {
        let text = fs::read_to_string(root().join(".deny.toml")).unwrap();
        let document: DocumentMut = text.parse().unwrap();
        let list = |item: &Item| -> Vec<String> {
            let values = item.as_array().unwrap().iter();
            values.map(|value| value.as_str().unwrap().to_owned()).collect()
        };
        let banned = document["bans"]["deny"].as_array().unwrap().iter();
        let name = |ban: &toml_edit::Value| {
            ban.as_inline_table().unwrap()["name"].as_str().unwrap().to_owned()
        };
        Self {
            targets: list(&document["graph"]["targets"]),
            licences: list(&document["licenses"]["allow"]).into_iter().collect(),
            banned: banned.map(name).collect(),
            registries: list(&document["sources"]["allow-registry"]).into_iter().collect(),
        }
    }

    /// What is wrong with a dependency.
    fn faults(&self, package: &Package) -> Vec<String> {
        let Package { name, version, license, source } = package;
        let mut faults = Vec::new();
        if self.banned.contains(name) {
            faults.push(format!("{name} {version} is banned"));
        }
        if !license.as_deref().is_some_and(|license| self.allows(license)) {
            faults.push(format!("{name} {version} has the licence {license:?}"));
        }
        let registry = source.as_deref().map(|source| source.trim_start_matches("registry+"));
        if registry.is_some_and(|registry| !self.registries.contains(registry)) {
            faults.push(format!("{name} {version} comes from {source:?}"));
        }
        faults
    }

    /// Whether a licence, or one that may be chosen of several, is allowed.
    fn allows(&self, license: &str) -> bool {
        let Ok(expression) = Expression::parse_mode(license, ParseMode::LAX) else {
            return false;
        };
        // "MPL-2.0+" is satisfied by MPL-2.0.
        expression.evaluate(|requirement| {
            self.licences.contains(requirement.to_string().trim_end_matches(['+']))
        })
    }
}

/// The dependencies on the targets of the rules.
fn packages(rules: &Rules) -> Vec<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--format-version=1"]).current_dir(root());
    cargo.args(rules.targets.iter().map(|target| format!("--filter-platform={target}")));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Metadata>(&output.stdout).unwrap().packages
}

#[test]
fn dependencies_are_what_the_rules_allow() {
    let rules = Rules::read();
    let packages = packages(&rules);
    assert!(packages.len() > 100, "{}", packages.len());
    let faults: Vec<String> = packages.iter().flat_map(|package| rules.faults(package)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let mut versions = BTreeMap::<&str, Vec<&str>>::new();
    for package in &packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        println!("warning: {name} is there in several versions: {}", versions.join(", "));
    }
}

#[test]
fn each_rule_refuses_something() {
    let rules = Rules::read();
    let faults = |name: &str, license: Option<&str>, source: &str| {
        let package = Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            source: Some(source.to_owned()),
        };
        rules.faults(&package)
    };
    let ours = "registry+https://github.com/rust-lang/crates.io-index";
    assert!(faults("a", Some("MIT/Apache-2.0"), ours).is_empty());
    assert!(faults("a", Some("GPL-3.0-only OR MIT"), ours).is_empty());
    let wrong = [
        faults("openssl", Some("MIT"), ours),
        faults("a", Some("MIT AND GPL-3.0-only"), ours),
        faults("a", None, ours),
        faults("a", Some("MIT"), "git+https://example.com/a"),
    ];
    assert!(wrong.iter().all(|faults| faults.len() == 1), "{wrong:?}");
}
