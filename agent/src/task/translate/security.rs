//! Privileges, in the engine's words (moby `daemon/cluster/executor/container/container.go`, `applyPrivileges`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use swarmlite_proto::spec::AppArmorMode;
use swarmlite_proto::spec::ContainerSpec;
use swarmlite_proto::spec::Privileges;
use swarmlite_proto::spec::SeccompMode;

use super::error::TranslateError;

/// The security options of a container: those that follow from its privileges, then its own.
pub(super) fn options(spec: &ContainerSpec) -> Result<Vec<String>, TranslateError> {
    let mut options = match &spec.privileges {
        Some(privileges) => of_privileges(privileges)?,
        None => Vec::new(),
    };
    options.extend(spec.security_opt.iter().flatten().cloned());
    Ok(options)
}

fn of_privileges(privileges: &Privileges) -> Result<Vec<String>, TranslateError> {
    let mut options = Vec::new();
    if let Some(context) = &privileges.selinux_context {
        options.extend(context.disable.then(|| "label=disable".to_owned()));
        let labels = [
            ("user", &context.user),
            ("role", &context.role),
            ("type", &context.kind),
            ("level", &context.level),
        ];
        let given = labels.iter().filter(|(_, value)| !value.is_empty());
        options.extend(given.map(|(name, value)| format!("label={name}:{value}")));
    }
    if let Some(seccomp) = &privileges.seccomp {
        match seccomp.mode {
            SeccompMode::Default => {}
            SeccompMode::Unconfined => options.push("seccomp=unconfined".to_owned()),
            SeccompMode::Custom => options.push(format!("seccomp={}", text(&seccomp.profile)?)),
        }
    }
    if privileges.app_armor.is_some_and(|it| it.mode == AppArmorMode::Disabled) {
        options.push("apparmor=unconfined".to_owned());
    }
    if privileges.no_new_privileges {
        options.push("no-new-privileges=true".to_owned());
    }
    Ok(options)
}

fn text(profile: &str) -> Result<String, TranslateError> {
    let bytes = STANDARD.decode(profile).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        TranslateError::Unsupported {
            field: "Privileges.Seccomp.Profile",
            value: profile.to_owned(),
        }
    })
}
