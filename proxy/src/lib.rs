//! The HTTP reverse proxy that every node runs: it takes requests, chooses a task for each by the rules of services, and carries both ways what is
//! said. It knows neither Docker nor managers: the table of rules comes from outside, and tasks are reached through [`Dial`].

mod access;
mod alive;
mod answer;
mod asked;
mod certificate;
mod challenge;
mod choice;
mod client;
mod connection;
mod counters;
mod dial;
mod download;
mod exchange;
mod framing;
mod guard;
mod headers;
mod host;
mod limits;
mod origin;
mod pool;
mod preface;
mod proxy;
mod rate;
mod server;
mod sticky;
mod table;
mod tls;
mod tunnel;
mod upload;

pub use self::access::AccessLog;
pub use self::access::Lines;
pub use self::certificate::Certificate;
pub use self::certificate::CertificateError;
pub use self::challenge::Challenge;
pub use self::counters::Counters;
pub use self::dial::Dial;
pub use self::limits::Limits;
pub use self::proxy::Proxy;
pub use self::server::Listeners;
pub use self::sticky::CookieKey;
pub use self::table::Found;
pub use self::table::Rule;
pub use self::table::Service;
pub use self::table::Table;
pub use self::table::Task;
