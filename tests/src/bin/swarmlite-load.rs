//! Puts load on a service of `whoami`, and prints what became of it. To be run by hand, in the outside world of a lab for instance:
//! `swarmlite-lab exec NAME client swarmlite-load --http 10.213.1.11:8000 --lines 10.213.1.11:8001`.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use swarmlite_lab::load::Kind;
use swarmlite_lab::load::Load;
use swarmlite_lab::load::Loop;
use swarmlite_lab::load::Source;

/// Load that checks every answer.
#[derive(Debug, Parser)]
struct Arguments {
    /// Ask here over HTTP; may be given several times
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Vec<SocketAddr>,
    /// Send lines here over TCP; may be given several times
    #[arg(long, value_name = "ADDRESS:PORT")]
    lines: Vec<SocketAddr>,
    /// Ask for this host over HTTP, as a proxy is asked
    #[arg(long)]
    host: Option<String>,
    /// The name under which the service answers
    #[arg(long, default_value = "whoami")]
    name: String,
    /// End after so many seconds; at an interrupt if not given
    #[arg(long, value_name = "SECONDS")]
    time: Option<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let pairs = |targets: &[SocketAddr], kinds: [Kind; 2]| {
        let all = targets.iter().flat_map(|target| kinds.map(|kind| (*target, kind)));
        all.collect::<Vec<_>>()
    };
    let mut all = pairs(&arguments.http, [Kind::NewConnection, Kind::KeepAlive]);
    all.extend(pairs(&arguments.lines, [Kind::Line, Kind::Lines]));
    let loops = all.into_iter().map(|(target, kind)| Loop {
        via: target.to_string(),
        kind,
        target,
        name: arguments.name.clone(),
        peer: None,
        host: arguments.host.clone(),
        root: None,
    });
    let source = Source { name: "here".to_owned(), network: None, loops: loops.collect() };
    let load = Load::start("all", vec![source])?;
    let limit = arguments.time.map_or(Duration::MAX, Duration::from_secs);
    let _ = tokio::time::timeout(limit, tokio::signal::ctrl_c()).await;
    let report = load.finish()?;
    write!(std::io::stdout(), "{report}")?;
    report.check()
}
