//! What every node does with HTTP requests, of whichever service they are.
//!
//! Not in Docker's API. Whether nodes answer at all is said elsewhere ([`super::HttpConfig`]), so that these stay when that is turned off.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::is_default;

/// What every node does with HTTP requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct HttpOptions {
    /// What is written of each request, on the node that it came to.
    #[serde(skip_serializing_if = "is_default")]
    pub access_log: AccessLogFormat,
    /// Networks and addresses of other proxies, which are believed about where a request comes from. Empty: nobody is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_peers: Vec<String>,
    /// Whether each of these peers says for whom it connects, by the PROXY protocol, before anything else.
    #[serde(skip_serializing_if = "is_default")]
    pub proxy_protocol: bool,
}

impl HttpOptions {
    /// Whether a node that does not know them would answer requests as they must not be answered.
    #[must_use]
    pub fn change_answers(&self) -> bool {
        !self.trusted_peers.is_empty() || self.proxy_protocol
    }
}

/// How a request is written to the access log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessLogFormat {
    /// Not at all.
    #[default]
    Off,
    /// As Apache's `combined` format, and what that has no place for behind it.
    Combined,
    /// As an object of JSON.
    Json,
}

impl AccessLogFormat {
    const ALL: [Self; 3] = [Self::Off, Self::Combined, Self::Json];
}

impl fmt::Display for AccessLogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Combined => "combined",
            Self::Json => "json",
        })
    }
}

/// A name of no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no format of the access log: off, combined and json are")]
pub struct UnknownAccessLogFormat(String);

impl FromStr for AccessLogFormat {
    type Err = UnknownAccessLogFormat;

    fn from_str(text: &str) -> Result<Self, UnknownAccessLogFormat> {
        let found = Self::ALL.into_iter().find(|format| format.to_string() == text);
        found.ok_or_else(|| UnknownAccessLogFormat(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_by_their_names() {
        for format in AccessLogFormat::ALL {
            let name = format.to_string();
            assert_eq!(name.parse(), Ok(format));
            assert_eq!(serde_json::to_value(format).expect("JSON"), name);
        }
        let refused = "JSON".parse::<AccessLogFormat>().expect_err("is no name");
        assert_eq!(
            refused.to_string(),
            "\"JSON\" is no format of the access log: off, combined and json are"
        );
    }
}
