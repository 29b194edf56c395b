//! What is known of one request when it is written.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use hyper::Request;
use hyper::Uri;
use hyper::Version;
use hyper::header;
use hyper::header::HeaderValue;
use swarmlite_proto::id::TaskId;
use swarmlite_proto::time::Timestamp;

use crate::client::Client;
use crate::table::Service;

/// A request, as far as it is written.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) client: IpAddr,
    pub(super) tls: bool,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) host: Option<HeaderValue>,
    pub(super) referer: Option<HeaderValue>,
    pub(super) user_agent: Option<HeaderValue>,
}

impl Seen {
    pub(super) fn of<B>(request: &Request<B>, client: &Client, at: Timestamp) -> Self {
        let header = |name| request.headers().get(name).cloned();
        Self {
            at,
            client: client.ip(),
            tls: client.tls,
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            host: header(header::HOST),
            referer: header(header::REFERER),
            user_agent: header(header::USER_AGENT),
        }
    }
}

/// What has become of a request.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) status: u16,
    /// Of the body of the answer.
    pub(super) bytes: u64,
    pub(super) duration: Duration,
    pub(super) service: Option<Arc<Service>>,
    pub(super) task: Option<TaskId>,
}
