//! Secrets and configs: bytes under a name, and how containers have them as files.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::Data;
use super::Driver;
use super::Labels;

/// What a user asks of a secret or a config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct DocumentSpec {
    /// Unique among the secrets, or configs, of the cluster.
    pub name: String,
    /// User labels.
    pub labels: Labels,
    /// The content. Absent in answers about secrets.
    #[serde(skip_serializing_if = "Data::is_empty")]
    pub data: Data,
    /// Where the content of a secret comes from instead. Refused: the cluster keeps all secrets itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<Driver>,
    /// With what placeholders in the content are replaced, for each task. Absent: they are content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templating: Option<Driver>,
}

impl DocumentSpec {
    /// The only templating there is: that of Go's templates, as in host names and variables.
    pub const GOLANG: &'static str = "golang";

    /// Whether placeholders in the content are replaced.
    #[must_use]
    pub const fn is_templated(&self) -> bool {
        self.templating.is_some()
    }
}

/// The file that a container has a secret or config as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct FileTarget {
    /// Its path. One that is not absolute is below `/run/secrets` for secrets, and `/` for configs.
    pub name: String,
    /// The number of the user that owns it.
    #[serde(rename = "UID")]
    pub uid: String,
    /// The number of the group that owns it.
    #[serde(rename = "GID")]
    pub gid: String,
    /// Its permissions.
    pub mode: u32,
}

impl Default for FileTarget {
    fn default() -> Self {
        let root = || "0".to_owned();
        Self { name: String::new(), uid: root(), gid: root(), mode: 0o444 }
    }
}

/// A secret that a container has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct SecretReference {
    /// As which file.
    pub file: Option<FileTarget>,
    /// The secret.
    #[serde(rename = "SecretID")]
    pub secret_id: String,
    /// Its name.
    pub secret_name: String,
}

/// A config that a container has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfigReference {
    /// As which file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileTarget>,
    /// That it is no file, but for whoever starts the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<RuntimeTarget>,
    /// The config.
    #[serde(rename = "ConfigID")]
    pub config_id: String,
    /// Its name.
    pub config_name: String,
}

/// A config that is no file in the container: a credential spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuntimeTarget {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_read_and_print_as_dockers() {
        let json = json!({
            "File": {"Name": "key", "UID": "33", "GID": "34", "Mode": 288},
            "SecretID": "s".repeat(25), "SecretName": "tls",
        });
        let read: SecretReference = serde_json::from_value(json.clone()).expect("a reference");
        assert_eq!(read.file.as_ref().map(|file| file.mode), Some(0o440));
        assert_eq!(serde_json::to_value(&read).expect("prints"), json);
        let bare: SecretReference =
            serde_json::from_value(json!({"File": {"Name": "key"}})).expect("a reference");
        let file = bare.file.expect("some");
        assert_eq!((file.uid.as_str(), file.gid.as_str(), file.mode), ("0", "0", 0o444));
        let runtime = json!({"Runtime": {}, "ConfigID": "c", "ConfigName": "n"});
        let read: ConfigReference = serde_json::from_value(runtime.clone()).expect("a reference");
        assert_eq!(serde_json::to_value(&read).expect("prints"), runtime);
    }

    #[test]
    fn a_spec_without_content_does_not_mention_it() {
        let spec = DocumentSpec { name: "tls".to_owned(), ..DocumentSpec::default() };
        let json = serde_json::to_value(&spec).expect("prints");
        assert_eq!(json, json!({"Name": "tls", "Labels": {}}));
    }
}
