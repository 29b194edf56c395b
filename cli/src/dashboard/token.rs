//! Who has the token: in the address at first, in a cookie from then on. Pure.

use std::fmt;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::Uri;
use axum::http::header::COOKIE;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

/// A secret that is in the printed address.
#[derive(Clone)]
pub(crate) struct Token(Arc<str>);

impl Token {
    /// The token that these random bytes make.
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// Takes as long whatever `text` is, but for its length.
    fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is asked of everybody.
#[derive(Clone)]
pub(super) struct Door {
    token: Token,
    /// The name of the cookie. Browsers do not tell ports apart, and there may be two of these on one machine.
    cookie: String,
}

impl Door {
    /// The door of what is served on this port.
    pub(super) fn new(token: Token, port: u16) -> Self {
        Self { token, cookie: format!("swarmlite-{port}") }
    }

    /// The cookie for somebody who comes with the token in the address.
    pub(super) fn cookie_for(&self, uri: &Uri) -> Option<String> {
        let query = uri.query().filter(|_| uri.path() == "/")?;
        let given = query.split('&').find_map(|pair| pair.strip_prefix("token="))?;
        let (name, token) = (&self.cookie, &self.token);
        token.is(given).then(|| format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict"))
    }

    /// Whether somebody has the cookie (RFC 6265, section 4.2.1).
    pub(super) fn is_open_to(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == self.cookie && self.token.is(value))
    }
}
