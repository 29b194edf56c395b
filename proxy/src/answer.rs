//! What the proxy answers by itself, and why.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Either;
use http_body_util::Full;
use hyper::Response;
use hyper::StatusCode;
use hyper::header;
use hyper::header::HeaderValue;

use crate::client_ca::NotAdmitted;
use crate::download::Download;

/// The body of an answer: the proxy's own, or a task's.
pub(crate) type AnswerBody = Either<Full<Bytes>, Download>;

/// An answer.
pub(crate) type Answer = Response<AnswerBody>;

/// A request gets no answer of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Two readers could take it for two different requests.
    #[error("this request cannot be understood in one way only")]
    Malformed,
    /// There is no host, several, or none that could be one.
    #[error("this request does not say for which host it is")]
    Host,
    /// For other proxies.
    #[error("this server opens no tunnels")]
    Connect,
    /// It has to come with TLS, and there is no port for that.
    #[error("this service answers only with TLS, for which this server has no port")]
    NoTls,
    /// The client has not shown the certificate that the host asks for.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// No rule takes it.
    #[error("no service answers this host and path")]
    NoRule,
    /// The client makes more requests than the rule allows, for so long.
    #[error("this client makes too many requests")]
    TooMany(Duration),
    /// The body is larger than the rule allows.
    #[error("the body of this request is too large")]
    TooLarge,
    /// The client does not send the body that it has announced.
    #[error("the body of this request did not come in time")]
    SlowBody,
    /// No task that would get it.
    #[error("no task of this service can answer at the moment")]
    NoTask,
    /// No task could be reached.
    #[error("no task of this service could be reached")]
    Unreachable,
    /// The task has closed the connection, or what it answered is not HTTP.
    #[error("the task of this service gave no valid answer")]
    Broken,
    /// The task has not answered.
    #[error("the task of this service did not answer in time")]
    Silent,
}

impl Refusal {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::Host => StatusCode::BAD_REQUEST,
            Self::Connect => StatusCode::NOT_IMPLEMENTED,
            Self::NotAdmitted(NotAdmitted::WithoutTls) => StatusCode::FORBIDDEN,
            Self::NotAdmitted(NotAdmitted::Misdirected) => StatusCode::MISDIRECTED_REQUEST,
            Self::NotAdmitted(NotAdmitted::NoAuthorities) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoRule => StatusCode::NOT_FOUND,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::NoTask | Self::NoTls => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable | Self::Broken => StatusCode::BAD_GATEWAY,
            Self::Silent => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Whether the rest of the request is not worth waiting for, or cannot be told from the next one.
    const fn ends_connection(self) -> bool {
        matches!(self, Self::Malformed | Self::Host | Self::TooLarge | Self::SlowBody)
    }

    pub(crate) fn answer(self) -> Answer {
        let mut answer = own(self.status(), format!("{self}\n"));
        if self.ends_connection() {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(header::CONNECTION, close);
        }
        if let Self::TooMany(wait) = self {
            let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole));
        }
        answer
    }
}

/// Sends a client to the same place with TLS (RFC 9110, 15.4.9).
pub(crate) fn redirect(location: &str) -> Answer {
    let mut answer = own(StatusCode::PERMANENT_REDIRECT, format!("this is at {location}\n"));
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

/// A text of the proxy itself.
pub(crate) fn own(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Either::Left(Full::from(text)));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}
