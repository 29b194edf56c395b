//! Linux capabilities: which are added to the default ones and which are taken away (docker/cli `opts/capabilities.go`).

use std::collections::BTreeSet;

use crate::error::Error;
use crate::error::Result;

/// Stands for all capabilities.
const ALL: &str = "ALL";

/// In `--cap-add` and `--cap-drop` of an update: forget what was set before.
const RESET: &str = "RESET";

/// Changes the lists of a container. Adding one that was dropped brings back the default, and the other way round.
pub(super) fn change(
    added: &mut Vec<String>,
    dropped: &mut Vec<String>,
    add: &[String],
    drop: &[String],
) -> Result<()> {
    if add.is_empty() && drop.is_empty() {
        return Ok(());
    }
    let mut to_add = normalize(add)?;
    let mut to_drop = normalize(drop)?;
    let mut adds: BTreeSet<String> = added.drain(..).collect();
    let mut drops: BTreeSet<String> = dropped.drain(..).collect();
    if to_add.remove(RESET) {
        adds.clear();
    }
    if to_drop.remove(RESET) {
        drops.clear();
    }
    for capability in to_drop.difference(&to_add) {
        if !adds.remove(capability) {
            drops.insert(capability.clone());
        }
    }
    for capability in to_add {
        if !drops.remove(&capability) {
            adds.insert(capability);
        }
    }
    *added = list(adds);
    *dropped = list(drops);
    Ok(())
}

/// `net_admin` becomes `CAP_NET_ADMIN`.
fn normalize(names: &[String]) -> Result<BTreeSet<String>> {
    let normal = |name: &String| {
        let name = name.trim().to_ascii_uppercase();
        match name.as_str() {
            "" => Err(Error::refused("a capability needs a name")),
            ALL | RESET => Ok(name),
            _ if name.starts_with("CAP_") => Ok(name),
            _ => Ok(format!("CAP_{name}")),
        }
    };
    names.iter().map(normal).collect()
}

/// `ALL` says it all.
fn list(capabilities: BTreeSet<String>) -> Vec<String> {
    if capabilities.contains(ALL) {
        vec![ALL.to_owned()]
    } else {
        capabilities.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(added: &str, dropped: &str, add: &str, drop: &str) -> (String, String) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (mut added, mut dropped) = (words(added), words(dropped));
        change(&mut added, &mut dropped, &words(add), &words(drop)).expect("changes");
        (added.join(" "), dropped.join(" "))
    }

    #[test]
    fn adding_and_dropping_undo_each_other() {
        for (was, options, is) in [
            (
                ("", ""),
                ("net_admin CAP_SYS_TIME", "chown"),
                ("CAP_NET_ADMIN CAP_SYS_TIME", "CAP_CHOWN"),
            ),
            (("", ""), ("chown", "chown"), ("CAP_CHOWN", "")),
            (("", "CAP_CHOWN"), ("chown", ""), ("", "")),
            (("CAP_CHOWN", ""), ("", "chown"), ("", "")),
            (("CAP_CHOWN", "CAP_KILL"), ("reset", "RESET"), ("", "")),
            (("CAP_CHOWN", ""), ("all", ""), ("ALL", "")),
            (("CAP_CHOWN", ""), ("", ""), ("CAP_CHOWN", "")),
        ] {
            let (added, dropped) = after(was.0, was.1, options.0, options.1);
            assert_eq!((&*added, &*dropped), is, "{was:?} {options:?}");
        }
    }
}
