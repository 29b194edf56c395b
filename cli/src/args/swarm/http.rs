//! Options about HTTP routing.

use clap::Args;
use ipnet::IpNet;
use swarmlite_proto::spec::AccessLogFormat;
use swarmlite_proto::spec::HttpOptions;
use swarmlite_proto::value::http;

/// What every node does with HTTP requests. What is not given does not change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct HttpFlags {
    /// Write a line for each HTTP request on the node that it came to, in this format: combined, json or off [default: off].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) http_access_log: Option<AccessLogFormat>,

    /// Believe proxies in this network, or at this address, about where HTTP requests come from; may be repeated, and takes the place of those before. An empty one
    /// stands for nobody [default: nobody].
    #[arg(long, value_name = "CIDR", value_parser = peer)]
    pub(crate) http_trusted_peer: Option<Vec<Option<IpNet>>>,

    /// Expect the PROXY protocol, version 1 or 2, on all HTTP connections of trusted peers [default: false].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) http_proxy_protocol: Option<bool>,
}

impl HttpFlags {
    /// Changes what is given.
    pub(crate) fn change(&self, options: &mut Option<HttpOptions>) {
        let Self { http_access_log, http_trusted_peer, http_proxy_protocol } = self;
        if *self == Self::default() {
            return;
        }
        let options = options.get_or_insert_default();
        options.access_log = http_access_log.unwrap_or(options.access_log);
        options.proxy_protocol = http_proxy_protocol.unwrap_or(options.proxy_protocol);
        if let Some(peers) = http_trusted_peer {
            options.trusted_peers = peers.iter().flatten().map(ToString::to_string).collect();
        }
    }
}

fn peer(text: &str) -> Result<Option<IpNet>, String> {
    if text.is_empty() { Ok(None) } else { http::peer(text).map(Some) }
}
