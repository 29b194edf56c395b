//! Options about HTTP routing.

use clap::Args;
use swarmlite_proto::spec::AccessLogFormat;
use swarmlite_proto::spec::HttpOptions;

/// What every node does with HTTP requests. What is not given does not change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct HttpFlags {
    /// Write a line for each HTTP request on the node that it came to, in this format: combined, json or off [default: off].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) http_access_log: Option<AccessLogFormat>,
}

impl HttpFlags {
    /// Changes what is given.
    pub(crate) fn change(&self, options: &mut Option<HttpOptions>) {
        let Self { http_access_log } = self;
        if *self == Self::default() {
            return;
        }
        let options = options.get_or_insert_default();
        options.access_log = http_access_log.unwrap_or(options.access_log);
    }
}
