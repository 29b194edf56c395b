//! Secrets and configs of a service, as `tls` or `source=tls,target=key,uid=33,mode=0440` (docker/cli `opts/swarmopts`).

use swarmlite_proto::spec::ConfigReference;
use swarmlite_proto::spec::FileTarget;
use swarmlite_proto::spec::SecretReference;

use super::fields;

/// Reads a secret. Which one it is, is known by its name only.
pub(crate) fn secret(text: &str) -> Result<SecretReference, String> {
    let (secret_name, file) = parse(text, "secret")?;
    Ok(SecretReference { file: Some(file), secret_id: String::new(), secret_name })
}

/// Reads a config. Which one it is, is known by its name only.
pub(crate) fn config(text: &str) -> Result<ConfigReference, String> {
    let (config_name, file) = parse(text, "config")?;
    Ok(ConfigReference { file: Some(file), config_name, ..ConfigReference::default() })
}

/// The name, and the file that it becomes.
fn parse(text: &str, kind: &str) -> Result<(String, FileTarget), String> {
    let mut name = String::new();
    let mut file = FileTarget::default();
    let fields = fields::split(text)?;
    match fields.as_slice() {
        [one] if !one.contains('=') => name.clone_from(one),
        several => {
            for field in several {
                let (key, value) = field
                    .split_once('=')
                    .filter(|(key, _)| !key.is_empty())
                    .ok_or_else(|| format!("invalid field '{field}' must be a key=value pair"))?;
                match key.to_ascii_lowercase().as_str() {
                    "source" | "src" => value.clone_into(&mut name),
                    "target" => value.clone_into(&mut file.name),
                    "uid" => value.clone_into(&mut file.uid),
                    "gid" => value.clone_into(&mut file.gid),
                    "mode" => file.mode = mode(value)?,
                    _ => return Err(format!("invalid field in {kind} request: {key}")),
                }
            }
        }
    }
    if name.is_empty() {
        return Err("source is required".to_owned());
    }
    if file.name.is_empty() {
        file.name.clone_from(&name);
    }
    Ok((name, file))
}

/// A number as in Go: in octal with a leading 0, in decimal without.
fn mode(text: &str) -> Result<u32, String> {
    let (digits, radix) = match text.strip_prefix('0') {
        Some(rest) if !rest.is_empty() => (rest.strip_prefix(['o', 'O']).unwrap_or(rest), 8),
        _ => (text, 10),
    };
    u32::from_str_radix(digits, radix)
        .map_err(|error| format!("invalid mode specified: {text}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, uid: &str, gid: &str, mode: u32) -> FileTarget {
        FileTarget { name: name.to_owned(), uid: uid.to_owned(), gid: gid.to_owned(), mode }
    }

    #[test]
    fn a_name_or_fields() {
        for (text, name, expected) in [
            ("tls", "tls", file("tls", "0", "0", 0o444)),
            ("source=tls", "tls", file("tls", "0", "0", 0o444)),
            ("src=tls,target=/etc/key", "tls", file("/etc/key", "0", "0", 0o444)),
            ("source=tls,uid=33,gid=34,mode=0440", "tls", file("tls", "33", "34", 0o440)),
            ("Source=tls,mode=292", "tls", file("tls", "0", "0", 0o444)),
        ] {
            let read = secret(text).expect(text);
            assert_eq!((read.secret_name.as_str(), read.file), (name, Some(expected.clone())));
            let read = config(text).expect(text);
            assert_eq!((read.config_name.as_str(), read.file), (name, Some(expected)));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, message) in [
            ("", "source is required"),
            ("target=key", "source is required"),
            ("tls,target=key", "invalid field 'tls' must be a key=value pair"),
            ("source=tls,colour=red", "invalid field in secret request: colour"),
        ] {
            assert_eq!(secret(text), Err(message.to_owned()), "{text}");
        }
        let refused = config("source=tls,mode=u+r").expect_err("refused");
        assert!(refused.starts_with("invalid mode specified: "), "{refused}");
    }
}
