//! `/events`.

use reqwest::Method;
use reqwest::Response;

use super::Client;
use super::transport;
use crate::error::Result;
use crate::value::endpoint::Endpoint;

/// The answer to a request for events: one JSON document a line.
#[derive(Debug)]
pub(crate) struct Events {
    response: Response,
    host: Endpoint,
    buffer: Vec<u8>,
}

impl Client {
    /// What happens, as it happens. `query` has filters and times.
    pub(crate) async fn events(&self, query: &[(&str, String)]) -> Result<Events> {
        let response = self.send(self.request(Method::GET, "/events").query(query)).await?;
        Ok(Events { response, host: self.host.clone(), buffer: Vec::new() })
    }
}

impl Events {
    /// The next event, as the daemon wrote it; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            let chunk =
                self.response.chunk().await.map_err(|error| transport(&self.host, error))?;
            match chunk {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Ok(Some(std::mem::take(&mut self.buffer))),
            }
        }
    }
}
