//! Versions of the API, and the prefix of paths that names them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use swarmlite_proto::error::Error;
use swarmlite_proto::error::Result;

/// A version of the Docker Engine API, such as 1.41.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ApiVersion {
    major: u16,
    minor: u16,
}

impl ApiVersion {
    /// The version `major.minor`.
    pub(super) const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// The oldest that is understood.
    pub(super) const MIN: Self = Self { major: 1, minor: 24 };

    /// The newest that is understood.
    pub(super) const MAX: Self = Self { major: 1, minor: 51 };

    /// What is advertised when the engine cannot be asked: the version of Debian's.
    pub(super) const FALLBACK: Self = Self { major: 1, minor: 41 };
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ApiVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('.').map(|(major, minor)| (major.parse(), minor.parse()));
        match parts {
            Some((Ok(major), Ok(minor))) => Ok(Self { major, minor }),
            _ => Err(Error::invalid(format!("invalid API version: {text}"))),
        }
    }
}

/// Takes the version off a path, if it has one: `/v1.41/nodes` is `1.41` and `/nodes`.
fn split(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/v")?;
    let (version, _) = rest.split_once('/')?;
    let is_version = version.starts_with(|letter: char| letter.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version.then(|| (version, &rest[version.len()..]))
}

/// Whether a client that speaks `version` can be served.
fn check(version: ApiVersion) -> Result<()> {
    if version < ApiVersion::MIN {
        return Err(Error::invalid(format!(
            "client version {version} is too old. Minimum supported API version is {}, please upgrade your client to a newer version",
            ApiVersion::MIN
        )));
    }
    if version > ApiVersion::MAX {
        return Err(Error::invalid(format!(
            "client version {version} is too new. Maximum supported API version is {}",
            ApiVersion::MAX
        )));
    }
    Ok(())
}

/// The URI of a request as the client wrote it.
#[derive(Clone, Debug)]
pub(super) struct AsWritten(pub(super) Uri);

/// The version that the request speaks, for handlers that answer differently.
impl<S: Sync> FromRequestParts<S> for ApiVersion {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self::FALLBACK))
    }
}

/// Takes the version off the path of `request`, which remembers it.
pub(super) fn strip(request: &mut Request) -> Result<()> {
    let Some((version, path)) = split(request.uri().path()) else { return Ok(()) };
    let spoken = version.parse()?;
    check(spoken)?;
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let rest = format!("{path}{query}");
    let rest: PathAndQuery =
        rest.parse().map_err(|error| Error::invalid(format!("invalid path {rest}: {error}")))?;
    let as_written = std::mem::replace(request.uri_mut(), Uri::from(rest));
    request.extensions_mut().insert(AsWritten(as_written));
    request.extensions_mut().insert(spoken);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_are_taken_off_a_path() {
        for (path, expected) in [
            ("/v1.41/nodes", Some(("1.41", "/nodes"))),
            ("/v1.41/", Some(("1.41", "/"))),
            ("/v1.41", None),
            ("/volumes/x", None),
            ("/nodes", None),
            ("/v/nodes", None),
        ] {
            assert_eq!(split(path), expected, "{path}");
        }
    }

    #[test]
    fn minor_versions_are_numbers() {
        let parse = |text: &str| text.parse::<ApiVersion>().expect("a version");
        assert!(parse("1.9") < parse("1.24"));
        assert!(check(parse("1.24")).is_ok());
        assert!(check(parse("1.51")).is_ok());
        let old = check(parse("1.23")).expect_err("too old").message;
        assert_eq!(
            old,
            "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"
        );
        let new = check(parse("1.52")).expect_err("too new").message;
        assert_eq!(new, "client version 1.52 is too new. Maximum supported API version is 1.51");
    }
}
