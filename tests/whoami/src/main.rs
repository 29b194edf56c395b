//! A small server that says who answered and whom it saw, and the client that asks it.
//!
//! It is the workload of the demo and of the end-to-end tests. The image holds this one static program and nothing else, so the
//! client modes are what `docker exec` uses to look at names and addresses from inside a container. Static programs cannot use the C
//! library's resolver, therefore names are looked up in [`dns`]. It must not know anything about swarmlite: it stands for any program
//! that people run.

mod activity;
mod client;
mod dns;
mod echo;
mod http;
mod options;
mod readiness;
mod reply;
mod request;
mod server;
mod websocket;

use std::io;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;

use crate::options::Mode;

const USAGE: &str = "\
usage: whoami [serve] [--port PORT]       answers on HTTP and UDP (default: $PORT, or 8000)
              [--echo PORT]               answers each line over TCP by `HOSTNAME NAME LINE`
              [--name NAME]               is called NAME in answers (default: whoami)
              [--start-after TIME]        listens only after TIME
              [--exit-after TIME]         fails after TIME
              [--unhealthy]               answers `/health` with status 503 instead of 200
       whoami get URL [-n COUNT]          prints the bodies of COUNT requests, one after the other
       whoami udp HOST:PORT [-n COUNT]    prints the answers to COUNT datagrams
       whoami lookup NAME                 prints the IPv4 addresses of NAME, one a line
       whoami file PATH                   prints permissions and owner of a file, as `0444 0:0`, and on the next line its content

`GET /ready` is answered with status 200, or 503 after `GET /ready/off`, until `GET /ready/on`.
`GET /?delay=500ms` answers after the delay; `GET /stream?count=10&interval=100ms` sends a line per interval;
a WebSocket answers each message by `HOSTNAME NAME MESSAGE`;
`GET /log?line=TEXT` prints TEXT on standard output, with `&error=1` on standard error.
On SIGTERM it goes on answering, with `Connection: close`, and ends when its connections are gone, or idle for 3s, or after 8s.
";

fn main() -> ExitCode {
    let outcome = match options::parse(std::env::args().skip(1), std::env::var("PORT").ok()) {
        Ok(mode) => run(mode, &mut io::stdout()),
        Err(error) => Err(error.context(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done when even the error cannot be written.
            let _ = writeln!(io::stderr(), "whoami: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mode: Mode, out: &mut impl Write) -> anyhow::Result<()> {
    match mode {
        Mode::Help => out.write_all(USAGE.as_bytes())?,
        Mode::Serve(options) => server::serve(&options)?,
        Mode::Get { url, count } => client::get(&url, count, out)?,
        Mode::Udp { target, count } => client::udp(&target, count, out)?,
        Mode::File { path } => {
            let metadata = std::fs::metadata(&path)?;
            let mode = metadata.mode() & 0o7777;
            writeln!(out, "{mode:04o} {}:{}", metadata.uid(), metadata.gid())?;
            out.write_all(&std::fs::read(&path)?)?;
        }
        Mode::Lookup { name } => {
            for address in dns::lookup(&name)? {
                writeln!(out, "{address}")?;
            }
        }
    }
    Ok(())
}
