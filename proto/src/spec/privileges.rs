//! What the kernel's security modules let a container do (moby `api/types/swarm/container.go`).

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::is_default;

/// What the kernel's security modules let a container do. A credential spec, which is for Windows, is no member: it is refused by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Privileges {
    /// Its SELinux context.
    #[serde(rename = "SELinuxContext", skip_serializing_if = "Option::is_none")]
    pub selinux_context: Option<SeLinuxContext>,
    /// Which system calls it may make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seccomp: Option<SeccompOpts>,
    /// Whether it is confined by AppArmor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_armor: Option<AppArmorOpts>,
    /// Whether its processes get no more privileges by running programs.
    #[serde(skip_serializing_if = "is_default")]
    pub no_new_privileges: bool,
}

/// The SELinux context of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SeLinuxContext {
    /// Whether it has none.
    pub disable: bool,
    /// The user label.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The role label.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// The type label.
    #[serde(rename = "Type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The level label.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub level: String,
}

/// Which system calls a container may make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SeccompOpts {
    /// Those of the engine's profile, all, or those of a profile of its own.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: SeccompMode,
    /// Its own profile: JSON, in base 64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub profile: String,
}

/// Where the list of system calls comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeccompMode {
    /// From the engine.
    #[default]
    #[serde(alias = "")]
    Default,
    /// There is none.
    Unconfined,
    /// From the spec.
    Custom,
}

/// Whether a container is confined by AppArmor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct AppArmorOpts {
    /// By the engine's profile, or not at all.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: AppArmorMode,
}

/// By which AppArmor profile a container is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AppArmorMode {
    /// The engine's.
    #[default]
    #[serde(alias = "")]
    Default,
    /// None.
    Disabled,
}
