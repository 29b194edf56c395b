//! Requests of others, which go to the daemon as they are.

use axum::body::Bytes;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use reqwest::Method;
use reqwest::Response;

use super::Client;
use super::transport;
use crate::error::Result;

impl Client {
    /// What the daemon answers to a request, be it a refusal. `path` has the query, and no version is put before it.
    pub(crate) async fn pass(
        &self,
        method: Method,
        path: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Result<Response> {
        let request = self.http.request(method, format!("{}{path}", self.base)).body(body);
        let request = request.headers(headers.into_iter().collect());
        request.send().await.map_err(|source| transport(&self.host, source))
    }
}
