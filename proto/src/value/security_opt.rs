//! Options of the kernel's security modules, as `apparmor=unconfined` (docker/cli `cli/command/container/opts.go`, `parseSecurityOpts`).

use std::io;

use serde_json::Value;

/// Profiles that the engine knows by name.
const NAMED_PROFILES: [&str; 2] = ["builtin", "unconfined"];

/// Reads an option. The profile of `seccomp=FILE` is read by `read`, and becomes part of the option.
pub fn parse(text: &str, read: impl Fn(&str) -> io::Result<String>) -> Result<String, String> {
    if text == "no-new-privileges" {
        return Ok(text.to_owned());
    }
    let parts = text.split_once('=').or_else(|| text.split_once(':'));
    let (name, value) = parts
        .filter(|(_, value)| !value.is_empty())
        .ok_or_else(|| format!("Invalid --security-opt: {text:?}"))?;
    if name != "seccomp" || NAMED_PROFILES.contains(&value) {
        return Ok(text.to_owned());
    }
    let profile = read(value)
        .map_err(|error| format!("opening seccomp profile ({value}) failed: {error}"))?;
    let profile: Value = serde_json::from_str(&profile).map_err(|error| {
        format!("compacting json for seccomp profile ({value}) failed: {error}")
    })?;
    Ok(format!("seccomp={profile}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> io::Result<String> {
        match path {
            "good.json" => Ok("{\n  \"defaultAction\": \"SCMP_ACT_ERRNO\"\n}".to_owned()),
            "bad.json" => Ok("{".to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    #[test]
    fn the_profile_of_a_file_goes_along() {
        for (text, option) in [
            ("no-new-privileges", "no-new-privileges"),
            ("no-new-privileges=true", "no-new-privileges=true"),
            ("label:disable", "label:disable"),
            ("seccomp=unconfined", "seccomp=unconfined"),
            ("seccomp=good.json", "seccomp={\"defaultAction\":\"SCMP_ACT_ERRNO\"}"),
        ] {
            assert_eq!(parse(text, read).as_deref(), Ok(option));
        }
        for (text, begins) in [
            ("apparmor", "Invalid --security-opt: \"apparmor\""),
            ("apparmor=", "Invalid --security-opt: \"apparmor=\""),
            ("seccomp=none.json", "opening seccomp profile (none.json) failed: "),
            ("seccomp=bad.json", "compacting json for seccomp profile (bad.json) failed: "),
        ] {
            let refused = parse(text, read).expect_err("refused");
            assert!(refused.starts_with(begins), "{refused}");
        }
    }
}
