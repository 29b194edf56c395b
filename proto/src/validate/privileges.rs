//! What the kernel's security modules let a container do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::require;
use crate::error::Error;
use crate::error::Result;
use crate::spec::Privileges;
use crate::spec::SeccompMode;

/// Checks that a profile of its own is there if and only if it is asked for.
pub(super) fn check(privileges: &Privileges) -> Result<()> {
    let Some(seccomp) = &privileges.seccomp else { return Ok(()) };
    let custom = seccomp.mode == SeccompMode::Custom;
    require(custom != seccomp.profile.is_empty(), || {
        "ContainerSpec: Privileges.Seccomp.Profile is needed with mode custom, and with no other"
            .to_owned()
    })?;
    let text = STANDARD.decode(&seccomp.profile).ok().map(String::from_utf8);
    if matches!(text, Some(Ok(_))) {
        Ok(())
    } else {
        Err(Error::invalid("ContainerSpec: Privileges.Seccomp.Profile is no text in base 64"))
    }
}
