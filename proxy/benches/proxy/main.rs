//! What the proxy costs beside nginx and HAProxy, in front of the same server, in one run.
//!
//! ```text
//! cargo bench --locked --workspace --bench proxy
//! ```
//!
//! Each is a process of its own with one thread, and keeps its connections to the server. They take turns, so that all see the same neighbours on
//! the machine. The load and the server have a thread each in processes of their own, so that on a machine with two cores the proxies have to do with less
//! than one: compare the processor time of a request, too. Nothing is asserted. nginx and HAProxy are those of Debian ([`debian`]); without them
//! only the own proxy is measured.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot measure says why and ends, and prints what it measured"
)]

mod debian;
mod load;
mod own;
mod process;
mod rivals;

use std::net::SocketAddr;
use std::time::Duration;

use self::load::Kind;
use self::load::Load;
use self::load::Measured;
use self::process::Process;

/// For how long requests are made in one go, and how often all take turns.
const TURN: Duration = Duration::from_secs(2);
const TURNS: u32 = 5;

/// Where a proxy listens.
#[derive(Clone, Copy, Debug)]
struct Ports {
    plain: SocketAddr,
    tls: SocketAddr,
}

/// One that takes part.
struct Rival {
    name: &'static str,
    process: Process,
    ports: Ports,
}

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    // Spawned, as what `block_on` itself runs is on another thread than what it spawns.
    let ended = match words[..] {
        [own::SERVER] => runtime.spawn(own::serve()),
        [own::PROXY, server, pem] => runtime.spawn(own::proxy(server.to_owned(), pem.to_owned())),
        // Only `cargo bench` says so; `cargo test --benches` runs this program too.
        _ if words.contains(&"--bench") => runtime.spawn(measure()),
        _ => return println!("not measured: use cargo bench"),
    };
    runtime.block_on(ended).expect("no panic");
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = rivals::certificate(folder.path());
    let (_server, server) = own::start_server();
    let (process, ports) = own::start_proxy(server, folder.path());
    let mut all = vec![Rival { name: "swarmlite", process, ports }];
    match debian::programs() {
        Ok(programs) => {
            for (name, start) in rivals::ALL {
                match start(&programs, server, folder.path()) {
                    Ok((process, ports)) => all.push(Rival { name, process, ports }),
                    Err(why) => println!("{name} is not measured: {why}"),
                }
            }
        }
        Err(why) => println!("nginx and HAProxy are not measured: {why}"),
    }
    for kind in Kind::ALL {
        compare(kind, &all, &root).await;
    }
    println!("{:<28}{:>12}", "memory", "MiB");
    for rival in &all {
        println!("{:<28}{:>12.1}", rival.name, rival.process.peak_mebibytes());
    }
}

async fn compare(kind: Kind, all: &[Rival], root: &load::Root) {
    let mut measured: Vec<Measured> = all.iter().map(|_| Measured::default()).collect();
    for _ in 0..TURNS {
        for (rival, measured) in all.iter().zip(&mut measured) {
            let Ports { plain, tls } = rival.ports;
            let address = if kind.is_tls() { tls } else { plain };
            let before = rival.process.used();
            Load { kind, address, root }.run(TURN, measured).await;
            measured.used += rival.process.used() - before;
        }
    }
    let head = ["per second", "p50 µs", "p99 µs", "processor µs"];
    let [rate, median, most, used] = head;
    println!("{:<28}{rate:>12}{median:>12}{most:>12}{used:>14}", kind.as_str());
    for (rival, measured) in all.iter().zip(&mut measured) {
        println!("{:<28}{}", rival.name, measured.line(TURN * TURNS));
    }
    println!();
}
