//! The file in which the docker CLI keeps its credentials, `config.json` (docker/cli `cli/config/configfile`), and the programs that it may
//! name for them.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde::Deserialize;
use swarmlite_proto::registry::RegistryAuth;

use crate::error::Error;
use crate::error::Result;

/// What such a program says that has no credentials for a registry (github.com/docker/docker-credential-helpers).
const NOT_FOUND: &str = "credentials not found in native keychain";

/// What stands in place of a user's name when the secret is a token.
const TOKEN: &str = "<token>";

/// What of the file matters here.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Config {
    auths: BTreeMap<String, Entry>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

/// The credentials for one registry.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    identitytoken: String,
    registrytoken: String,
}

/// What a program answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Secret {
    username: String,
    secret: String,
}

impl Config {
    /// Reads the file: `config.json` in `DOCKER_CONFIG`, or else in `.docker` in the home of the user. None is as good as an empty one.
    pub(super) fn read() -> Result<Self> {
        let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".docker")));
        folder.map_or_else(|| Ok(Self::default()), |folder| Self::open(&folder.join("config.json")))
    }

    fn open(path: &Path) -> Result<Self> {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(|error| {
                Error::refused(format!("cannot read {}: {error}", path.display()))
            })?,
        };
        // Where in the file it is wrong, and nothing of what is in it.
        serde_json::from_slice(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::refused(format!("{} is invalid at line {line} column {column}", path.display()))
        })
    }

    /// The credentials for `server`: those of the program that is named for it, or for all, or else those in the file.
    pub(super) fn credentials(&self, server: &str) -> Result<RegistryAuth> {
        let helper = self.cred_helpers.get(server).unwrap_or(&self.creds_store);
        if !helper.is_empty() {
            return ask(&format!("docker-credential-{helper}"), server);
        }
        let exact = self.auths.get(server);
        let entry = exact.or_else(|| {
            let mut entries = self.auths.iter();
            entries.find(|(url, _)| host(url) == host(server)).map(|(_, entry)| entry)
        });
        let Some(entry) = entry else { return Ok(RegistryAuth::default()) };
        let basic = if entry.auth.is_empty() {
            RegistryAuth { serveraddress: server.to_owned(), ..RegistryAuth::default() }
        } else {
            RegistryAuth::from_basic(server, &entry.auth)
                .map_err(|error| Error::refused(error.message))?
        };
        Ok(RegistryAuth {
            identitytoken: entry.identitytoken.clone(),
            registrytoken: entry.registrytoken.clone(),
            ..basic
        })
    }
}

/// The host of a registry, however it is written.
fn host(url: &str) -> &str {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
    rest.split('/').next().unwrap_or_default()
}

/// Asks `program` for the credentials for `server`.
fn ask(program: &str, server: &str) -> Result<RegistryAuth> {
    let failed = |why: &dyn std::fmt::Display| Error::refused(format!("{program} failed: {why}"));
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&error))?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not read says by its answer what it thinks.
        let _unread = input.write_all(server.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        // It explains itself on its standard output.
        return match text.trim() {
            NOT_FOUND => Ok(RegistryAuth::default()),
            why => Err(failed(&why)),
        };
    }
    let Secret { username, secret } = serde_json::from_str(&text)
        .map_err(|_| failed(&"its answer is not what Docker prescribes"))?;
    let serveraddress = server.to_owned();
    Ok(if username == TOKEN {
        RegistryAuth { identitytoken: secret, serveraddress, ..RegistryAuth::default() }
    } else {
        RegistryAuth { username, password: secret, serveraddress, ..RegistryAuth::default() }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn config(text: &str) -> Config {
        serde_json::from_str(text).expect("a file")
    }

    #[test]
    fn registries_are_found_however_they_are_written() {
        let file = config(
            r#"{"auths": {"https://index.docker.io/v1/": {"auth": "aHViOng="},
                "https://reg:5000/v2/": {"auth": "cmVnOng="}, "other": {"identitytoken": "t"}},
                "HttpHeaders": {}}"#,
        );
        let user = |server| file.credentials(server).expect("is fine").username;
        assert_eq!(user("https://index.docker.io/v1/"), "hub");
        assert_eq!(user("reg:5000"), "reg");
        let other = file.credentials("other").expect("is fine");
        assert_eq!((&*other.username, &*other.identitytoken), ("", "t"));
        assert!(file.credentials("unknown").expect("is fine").is_empty());
    }

    #[test]
    fn no_file_is_an_empty_one_and_a_broken_one_is_not_printed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        assert!(
            Config::open(&path).expect("is fine").credentials("x").expect("is fine").is_empty()
        );
        fs::write(&path, r#"{"auths": "secret"}"#).expect("writes");
        let error = Config::open(&path).err().expect("is refused").to_string();
        assert!(error.contains("is invalid at line 1") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn programs_are_asked_for_what_they_keep() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("docker-credential-test");
        let script = r#"#!/bin/sh
            read -r server
            case "$1 $server" in
            "get token") echo '{"ServerURL":"x","Username":"<token>","Secret":"t"}' ;;
            "get reg:5000") echo '{"ServerURL":"x","Username":"ann","Secret":"p"}' ;;
            "get unknown") echo "credentials not found in native keychain"; exit 1 ;;
            *) echo "the keychain is locked"; exit 1 ;;
            esac
        "#;
        fs::write(&path, script).expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("is executable");
        let program = path.display().to_string();
        let token = ask(&program, "token").expect("is fine");
        assert_eq!((&*token.username, &*token.identitytoken), ("", "t"));
        let ann = ask(&program, "reg:5000").expect("is fine");
        assert_eq!((&*ann.username, &*ann.password, &*ann.serveraddress), ("ann", "p", "reg:5000"));
        assert!(ask(&program, "unknown").expect("is fine").is_empty());
        let error = ask(&program, "other").expect_err("fails").to_string();
        assert_eq!(error, format!("{program} failed: the keychain is locked"));
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let file = config(r#"{"credsStore": "nowhere", "credHelpers": {"reg": "neither"}}"#);
        for (server, program) in [("reg", "neither"), ("other", "nowhere")] {
            let error = file.credentials(server).expect_err("fails").to_string();
            assert!(error.starts_with(&format!("docker-credential-{program} failed: ")), "{error}");
        }
    }
}
