//! Secrets and configs (swarmkit `manager/controlapi/{secret,config}.go`, `api/validation/secrets.go`).

use std::collections::BTreeMap;

use super::require;
use super::unsupported;
use crate::error::Error;
use crate::error::Result;
use crate::spec::ConfigReference;
use crate::spec::ContainerSpec;
use crate::spec::DocumentSpec;
use crate::spec::FileTarget;
use crate::spec::SecretReference;

/// Bytes in a secret: fewer than this.
const MAX_SECRET: usize = 500 * 1024;

/// Bytes in a config: fewer than this.
const MAX_CONFIG: usize = 1000 * 1024;

/// Characters in a name, at most.
const MAX_NAME: usize = 64;

/// The permissions that a file can have (`chmod(2)`).
const MODE_BITS: u32 = 0o7777;

/// Checks a secret.
///
/// # Errors
///
/// When its name or its size is not allowed, when its content is to come from a driver, or when its templating is not known.
pub fn secret(spec: DocumentSpec) -> Result<DocumentSpec> {
    name(&spec.name)?;
    if let Some(driver) = &spec.driver {
        require(!driver.name.is_empty(), || "secret driver must have a name".to_owned())?;
    }
    unsupported("Driver", spec.driver.is_some())?;
    size("secret", &spec, MAX_SECRET)?;
    templating(spec)
}

/// Checks a config.
///
/// # Errors
///
/// When its name or its size is not allowed, or when its templating is not known.
pub fn config(spec: DocumentSpec) -> Result<DocumentSpec> {
    name(&spec.name)?;
    unsupported("Driver", spec.driver.is_some())?;
    size("config", &spec, MAX_CONFIG)?;
    templating(spec)
}

fn name(name: &str) -> Result<()> {
    let mut characters = name.bytes();
    let inner = characters.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let ends = [name.bytes().next(), name.bytes().next_back()];
    let ends_well = ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()));
    require(inner && ends_well && name.len() <= MAX_NAME, || {
        "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]".to_owned()
    })
}

fn size(kind: &str, spec: &DocumentSpec, limit: usize) -> Result<()> {
    require(!spec.data.is_empty() && spec.data.len() < limit, || {
        format!("{kind} data must be larger than 0 and less than {limit} bytes")
    })
}

/// swarmkit takes any name and lets the tasks fail (`template/expand.go`).
fn templating(mut spec: DocumentSpec) -> Result<DocumentSpec> {
    spec.templating = spec.templating.filter(|driver| *driver != <_>::default());
    if let Some(driver) = &spec.templating {
        require(driver.name == DocumentSpec::GOLANG, || {
            format!("unrecognized template type: {:?}", driver.name)
        })?;
        unsupported("Templating.Options", !driver.options.is_empty())?;
    }
    Ok(spec)
}

/// Checks which secrets and configs a container has: not whether they are there.
pub(super) fn references(container: &ContainerSpec) -> Result<()> {
    let mut targets = BTreeMap::new();
    for SecretReference { file, secret_id, secret_name } in &container.secrets {
        well_formed("secret", secret_id, secret_name, file.is_some())?;
        if let Some(file) = file {
            target("secret", file, secret_name, &mut targets)?;
        }
    }
    let mut targets = BTreeMap::new();
    for ConfigReference { file, runtime, config_id, config_name } in &container.configs {
        well_formed("config", config_id, config_name, file.is_some() || runtime.is_some())?;
        require(file.is_none() || runtime.is_none(), || {
            "malformed config reference, cannot specify both File and Runtime".to_owned()
        })?;
        if let Some(file) = file {
            target("config", file, config_name, &mut targets)?;
        }
    }
    Ok(())
}

fn well_formed(kind: &str, id: &str, name: &str, has_target: bool) -> Result<()> {
    require(!id.is_empty() && !name.is_empty(), || format!("malformed {kind} reference"))?;
    require(has_target, || format!("malformed {kind} reference, no target provided"))
}

/// Each file has one content, and an owner and permissions that there are: swarmkit lets tasks fail over these.
fn target<'a>(
    kind: &str,
    file: &'a FileTarget,
    name: &'a str,
    targets: &mut BTreeMap<&'a str, &'a str>,
) -> Result<()> {
    let malformed =
        |what: String| Error::invalid(format!("malformed file {kind} reference, {what}"));
    if file.name.is_empty() || file.name.contains('\0') {
        return Err(malformed("invalid target file name provided".to_owned()));
    }
    for (what, number) in [("UID", &file.uid), ("GID", &file.gid)] {
        if !number.is_empty() && number.parse::<u32>().is_err() {
            return Err(malformed(format!("invalid {what} provided: {number:?}")));
        }
    }
    if file.mode & !MODE_BITS != 0 {
        return Err(malformed(format!("invalid mode provided: {:o}", file.mode)));
    }
    match targets.insert(&file.name, name) {
        None => Ok(()),
        Some(other) => Err(Error::invalid(format!(
            "{kind} references '{other}' and '{name}' have a conflicting target: '{}'",
            file.name
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Data;
    use crate::spec::Driver;
    use crate::spec::RuntimeTarget;

    fn spec(name: &str, bytes: usize) -> DocumentSpec {
        let data = Data::from(vec![b'x'; bytes]);
        DocumentSpec { name: name.to_owned(), data, ..DocumentSpec::default() }
    }

    fn driver(name: &str) -> Option<Driver> {
        Some(Driver { name: name.to_owned(), ..Driver::default() })
    }

    fn message<T: std::fmt::Debug>(refused: Result<T>) -> String {
        refused.expect_err("is refused").message
    }

    #[test]
    fn names_are_dockers() {
        let longest = "a".repeat(64);
        for name in ["a", "a.b-c_d", "0", &longest] {
            secret(spec(name, 1)).expect(name);
            config(spec(name, 1)).expect(name);
        }
        let too_long = "a".repeat(65);
        for name in ["", "-a", "a-", ".a", "a b", "a/b", "ä", &too_long] {
            let text = message(secret(spec(name, 1)));
            assert!(text.starts_with("invalid name, only 64 [a-zA-Z0-9-_.] characters"), "{name}");
            assert_eq!(message(config(spec(name, 1))), text);
        }
    }

    #[test]
    fn sizes_are_dockers() {
        secret(spec("a", MAX_SECRET - 1)).expect("fits");
        config(spec("a", MAX_CONFIG - 1)).expect("fits");
        for bytes in [0, MAX_SECRET] {
            let text = "secret data must be larger than 0 and less than 512000 bytes";
            assert_eq!(message(secret(spec("a", bytes))), text);
        }
        for bytes in [0, MAX_CONFIG] {
            let text = "config data must be larger than 0 and less than 1024000 bytes";
            assert_eq!(message(config(spec("a", bytes))), text);
        }
    }

    #[test]
    fn drivers_are_refused_and_one_templating_is_known() {
        let from = |name: &str| DocumentSpec { driver: driver(name), ..spec("a", 0) };
        assert_eq!(message(secret(from("vault"))), "unsupported field: Driver");
        assert_eq!(message(secret(from(""))), "secret driver must have a name");
        assert_eq!(message(config(from("vault"))), "unsupported field: Driver");
        let templated = |name: &str| DocumentSpec { templating: driver(name), ..spec("a", 1) };
        assert!(config(templated("golang")).expect("is known").is_templated());
        assert!(!config(templated("")).expect("is none").is_templated());
        let refused = message(secret(templated("jinja")));
        assert_eq!(refused, "unrecognized template type: \"jinja\"");
    }

    fn file(name: &str) -> Option<FileTarget> {
        Some(FileTarget { name: name.to_owned(), ..FileTarget::default() })
    }

    fn secret_as(name: &str, file: Option<FileTarget>) -> SecretReference {
        let (secret_id, secret_name) = (format!("id-{name}"), name.to_owned());
        SecretReference { file, secret_id, secret_name }
    }

    fn with(secrets: Vec<SecretReference>) -> Result<()> {
        references(&ContainerSpec { secrets, ..ContainerSpec::default() })
    }

    #[test]
    fn references_are_refused_in_dockers_words() {
        with(vec![secret_as("a", file("f")), secret_as("a", file("g"))]).expect("two files");
        let owned_by = |uid: &str| {
            let target = file("f").map(|target| FileTarget { uid: uid.to_owned(), ..target });
            with(vec![secret_as("a", target)])
        };
        owned_by("33").expect("a number");
        owned_by("").expect("root");
        assert_eq!(
            message(owned_by("www")),
            "malformed file secret reference, invalid UID provided: \"www\""
        );
        for (secrets, text) in [
            (vec![SecretReference::default()], "malformed secret reference"),
            (vec![secret_as("a", None)], "malformed secret reference, no target provided"),
            (
                vec![secret_as("a", file(""))],
                "malformed file secret reference, invalid target file name provided",
            ),
            (
                vec![secret_as("a", file("f")), secret_as("b", file("f"))],
                "secret references 'a' and 'b' have a conflicting target: 'f'",
            ),
        ] {
            assert_eq!(message(with(secrets)), text);
        }
    }

    #[test]
    fn a_config_is_a_file_or_for_the_runtime() {
        let reference = |file, runtime| {
            let (config_id, config_name) = ("id".to_owned(), "c".to_owned());
            let configs = vec![ConfigReference { file, runtime, config_id, config_name }];
            references(&ContainerSpec { configs, ..ContainerSpec::default() })
        };
        reference(file("f"), None).expect("a file");
        reference(None, Some(RuntimeTarget {})).expect("for the runtime");
        assert_eq!(
            message(reference(None, None)),
            "malformed config reference, no target provided"
        );
        message(reference(file("f"), Some(RuntimeTarget {})));
    }
}
