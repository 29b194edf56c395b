//! Mounts, `[source:]target[:options]`, as mappings (docker/cli `internal/volumespec`).

use serde_json::Value;
use serde_json::json;

use super::super::error::ComposeError;
use super::super::error::Result;
use super::Origin;

/// Ways in which mounts on the host and in the container see each other (moby `api/types/mount`).
const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// Options of other engines, without meaning for the services of a swarm.
const IGNORED: [&str; 5] = ["z", "Z", "cached", "delegated", "consistent"];

/// Expands all short forms of a list, and makes the paths of bind mounts absolute.
pub(super) fn expand(path: &str, list: &mut Value, origin: &mut Origin<'_>) -> Result<()> {
    for (at, item) in list.as_array_mut().into_iter().flatten().enumerate() {
        let path = format!("{path}.{at}");
        if let Value::String(text) = &*item {
            if text.contains("${") {
                continue;
            }
            *item = long(text, origin).map_err(|why| ComposeError::invalid(&*path, why))?;
        }
        if item.get("type").and_then(Value::as_str) == Some("bind")
            && let Some(source) = item.get("source").and_then(Value::as_str)
        {
            item["source"] = origin.absolute(source).into();
        }
    }
    Ok(())
}

fn long(text: &str, origin: &mut Origin<'_>) -> Result<Value, String> {
    let invalid = |why: &str| format!("invalid spec: {text}: {why}");
    let parts: Vec<_> = text.split(':').collect();
    if text.is_empty() {
        return Err("invalid empty volume spec".to_owned());
    }
    if parts.iter().any(|part| part.is_empty()) {
        return Err(invalid("empty section between colons"));
    }
    let (source, target, options) = match parts[..] {
        [target] => return Ok(json!({"type": "volume", "target": target})),
        [source, target] => (source, target, ""),
        [source, target, options] => (source, target, options),
        _ => return Err(invalid("too many colons")),
    };
    let kind = if source.starts_with(['.', '/', '~']) { "bind" } else { "volume" };
    let mut long = json!({"type": kind, "source": source, "target": target});
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => long["read_only"] = true.into(),
            "rw" => long["read_only"] = false.into(),
            "nocopy" => long["volume"] = json!({"nocopy": true}),
            _ if PROPAGATIONS.contains(&option) => long["bind"] = json!({"propagation": option}),
            _ if IGNORED.contains(&option) => {
                origin.notes.unsupported(format!("volumes option {option}"));
            }
            _ => return Err(invalid(&format!("unknown option {option}"))),
        }
    }
    Ok(long)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::super::notes::Notes;
    use super::*;

    fn read(text: &str) -> Result<(Value, Notes), String> {
        let mut notes = Notes::default();
        let mut origin = Origin { directory: Path::new("/"), home: None, notes: &mut notes };
        let long = long(text, &mut origin)?;
        Ok((long, notes))
    }

    #[test]
    fn a_source_that_looks_like_a_path_is_one() {
        for (text, expected) in [
            ("/data", json!({"type": "volume", "target": "/data"})),
            ("db:/data", json!({"type": "volume", "source": "db", "target": "/data"})),
            (
                "db:/data:nocopy",
                json!({"type": "volume", "source": "db", "target": "/data", "volume": {"nocopy": true}}),
            ),
            (
                "./x:/y:ro,rshared",
                json!({"type": "bind", "source": "./x", "target": "/y", "read_only": true, "bind": {"propagation": "rshared"}}),
            ),
        ] {
            assert_eq!(read(text), Ok((expected, Notes::default())), "{text}");
        }
    }

    #[test]
    fn options_are_known_or_noted_or_refused() {
        let (_, notes) = read("/a:/b:z,ro").expect("a mount");
        assert_eq!(notes.paragraphs(), ["Ignoring unsupported options: volumes option z\n"]);
        for (text, why) in [
            ("", "invalid empty volume spec"),
            ("a::b", "invalid spec: a::b: empty section between colons"),
            ("a:b:ro:c", "invalid spec: a:b:ro:c: too many colons"),
            ("a:b:foo", "invalid spec: a:b:foo: unknown option foo"),
        ] {
            assert_eq!(read(text), Err(why.to_owned()), "{text}");
        }
    }
}
