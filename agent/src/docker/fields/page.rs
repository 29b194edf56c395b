//! The rows as a page of the documentation.

use std::fmt::Write as _;

use super::table::Effect;
use super::table::REFUSED;
use super::table::ROWS;
use super::table::Source;
use crate::docker::since::known_since;

const HEAD: &str = "\
# The fields of a service

What `POST /services/create` and `POST /services/{id}/update` take, field by field, and what becomes of each. `[]` stands for every
element of a list. A test makes this page from the table that it checks swarmlite against.

- **container**: the engine is asked for it when the container is made, by the member that is named.
- **cluster**: the cluster acts on it, or keeps it for those who look.
- **extension**: Docker Swarm does not have it.
- **refused**: the request fails and names the field. So does every field that is not on this page, unless it is empty.

An API version is that of the node's Docker Engine from which on it knows the field. On an older engine a task that asks for the
field is rejected, with the name of the field.

An update replaces the whole spec, but for the extensions: those that an update does not name stay as they are, as clients that were
made for Docker's API drop what they do not know. An empty value (`[]`, `false`, `0`, `\"\"`) takes one back, `{}` all endpoint options,
and a readiness test of `[\"NONE\"]` the readiness check.

Whoever cannot send an extension sets a label of the service, as `swarmlite.container.shm-size=64m`, `swarmlite.endpoint.sticky=10m` or
`swarmlite.placement.strategy=binpack`; of HTTP rules it has several, as `swarmlite.http.ANY=shop.example.com,port=8080`.
The names are those of the options of `swarmlite service create`; several values have commas between them. A label goes when it is removed.

| Field | | Becomes | API |
|---|---|---|---|
";

/// The page.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    for row in ROWS {
        let (kind, becomes) = match row.effect {
            Effect::Engine(path, _) => ("container", format!("`{}`", without_indexes(path))),
            Effect::Cluster(what) => ("cluster", what.to_owned()),
        };
        let kind = match row.source {
            Source::Docker => kind.to_owned(),
            Source::Extension => format!("{kind}, extension"),
        };
        let since = known_since(row.path).unwrap_or_default();
        let _ = writeln!(page, "| `{}` | {kind} | {becomes} | {since} |", row.path);
    }
    for refused in REFUSED {
        let _ = writeln!(page, "| `{}` | refused | {} | |", refused.path, refused.reason);
    }
    page
}

/// `HostConfig.Mounts.0.Source` is `HostConfig.Mounts[].Source`, and keys of user data, which are in lower case, are left out.
fn without_indexes(path: &str) -> String {
    let mut text = String::new();
    let is_key = |part: &str| part.starts_with(|letter: char| letter.is_ascii_lowercase());
    for part in path.split('.').take_while(|part| !is_key(part)) {
        match part.parse::<usize>() {
            Ok(_) => text.push_str("[]"),
            Err(_) if text.is_empty() => text.push_str(part),
            Err(_) => {
                let _ = write!(text, ".{part}");
            }
        }
    }
    text
}
