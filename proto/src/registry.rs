//! Credentials for registries: what a client may send along with a service, and what a node tells a registry when it fetches an image.
//!
//! Nothing here is ever printed: not in answers of the API, not in logs.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::GeneralPurpose;
use base64::engine::GeneralPurposeConfig;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE;
use serde::Deserialize;
use serde::Serialize;

use crate::error::Error;
use crate::error::Result;
use crate::json;

/// The header with the credentials for one registry: JSON in URL-safe base 64.
pub const HEADER: &str = "X-Registry-Auth";

/// Credentials for one registry, in the JSON of Docker (moby `api/types/registry/authconfig.go`).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", default)]
pub struct RegistryAuth {
    /// Who asks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// With this password.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub password: String,
    /// Both, as `username:password` in base 64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth: String,
    /// Which registry they are for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serveraddress: String,
    /// A token in place of the password, which the registry gave for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub identitytoken: String,
    /// A token that is sent to the registry as it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub registrytoken: String,
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistryAuth(..)")
    }
}

impl RegistryAuth {
    /// Reads the value of [`HEADER`]. Clients send it even if they have no credentials: `None` then.
    ///
    /// # Errors
    ///
    /// [`crate::error::ErrorKind::InvalidArgument`] for what is no JSON in base 64. The message has nothing of the value.
    pub fn from_header(value: &[u8]) -> Result<Option<Self>> {
        if value.is_empty() {
            return Ok(None);
        }
        let text = decode(value).ok_or_else(|| invalid("not base 64"))?;
        if text == b"null" {
            return Ok(None);
        }
        let auth: Self = json::peek(&text).map_err(|_| invalid("not the JSON of credentials"))?;
        Ok(Some(auth).filter(|auth| !auth.is_empty()))
    }

    /// The value of [`HEADER`] that says this.
    #[must_use]
    pub fn to_header(&self) -> String {
        // All members are strings: this cannot fail.
        URL_SAFE.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// The credentials that a file of the docker CLI has for `server`, where `auth` is `username:password` in base 64.
    ///
    /// # Errors
    ///
    /// [`crate::error::ErrorKind::InvalidArgument`] when `auth` is something else.
    pub fn from_basic(server: &str, auth: &str) -> Result<Self> {
        let text = STANDARD.decode(auth.trim()).ok().and_then(|text| String::from_utf8(text).ok());
        let pair = text.as_deref().and_then(|text| text.split_once(':'));
        let Some((username, password)) = pair else {
            return Err(Error::invalid(format!("invalid credentials for registry {server}")));
        };
        Ok(Self {
            username: username.to_owned(),
            // Docker pads with zeros what it once wrote.
            password: password.trim_end_matches('\0').to_owned(),
            serveraddress: server.to_owned(),
            ..Self::default()
        })
    }

    /// Whether it has no credentials. Which registry they would be for does not matter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { username, password, auth, identitytoken, registrytoken, serveraddress: _ } =
            self;
        [username, password, auth, identitytoken, registrytoken].iter().all(|text| text.is_empty())
    }
}

/// What a node knows of the credentials for the image of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullCredentials {
    /// There are none.
    #[default]
    None,
    /// These.
    Known(RegistryAuth),
    /// There are some, which the node does not keep on its disk: a manager will tell.
    Withheld,
}

/// Reads base 64 in either alphabet, padded or not: clients differ.
fn decode(value: &[u8]) -> Option<Vec<u8>> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = value.iter().any(|byte| b"+/".contains(byte));
    let alphabet = if standard { alphabet::STANDARD } else { alphabet::URL_SAFE };
    GeneralPurpose::new(&alphabet, lenient).decode(value).ok()
}

fn invalid(what: &str) -> Error {
    Error::invalid(format!("invalid {HEADER} header: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> RegistryAuth {
        RegistryAuth {
            username: "alice".to_owned(),
            // Its base 64 has both characters in which the alphabets differ.
            password: "??>>~~ÿÿ".to_owned(),
            serveraddress: "reg:5000".to_owned(),
            ..RegistryAuth::default()
        }
    }

    #[test]
    fn what_is_written_can_be_read_in_either_alphabet() {
        let header = alice().to_header();
        let standard = header.replace('-', "+").replace('_', "/");
        assert_ne!(header, standard);
        for text in [&header, &standard, header.trim_end_matches('=')] {
            let read = RegistryAuth::from_header(text.as_bytes()).expect("is fine");
            assert_eq!(read, Some(alice()), "{text}");
        }
    }

    #[test]
    fn keys_have_any_case_and_unknown_members_do_not_matter() {
        let text =
            URL_SAFE.encode(r#"{"Username":"alice","Password":"x","Email":"a@b","Other":1}"#);
        let read = RegistryAuth::from_header(text.as_bytes()).expect("is fine").expect("some");
        assert_eq!((&*read.username, &*read.password), ("alice", "x"));
    }

    #[test]
    fn a_header_may_say_nothing() {
        for text in ["", "{}", "null", r#"{"username":"","serveraddress":"reg"}"#] {
            let header = URL_SAFE.encode(text);
            assert_eq!(RegistryAuth::from_header(header.as_bytes()), Ok(None), "{text}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_what_it_refuses() {
        for header in ["a secret!".to_owned(), URL_SAFE.encode("[secret]")] {
            let error = RegistryAuth::from_header(header.as_bytes()).expect_err("is refused");
            assert!(error.message.starts_with("invalid X-Registry-Auth header: "), "{error}");
            assert!(!error.message.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_debug_prints_is_no_secret() {
        assert_eq!(format!("{:?}", PullCredentials::Known(alice())), "Known(RegistryAuth(..))");
    }

    #[test]
    fn files_of_the_docker_cli_have_both_in_one() {
        let auth = RegistryAuth::from_basic("reg:5000", "YWxpY2U6YTpi").expect("is fine");
        assert_eq!((&*auth.username, &*auth.password), ("alice", "a:b"));
        for wrong in ["", "YWxpY2U=", "%"] {
            RegistryAuth::from_basic("reg:5000", wrong).expect_err(wrong);
        }
    }
}
