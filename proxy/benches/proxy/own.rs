//! The server that all are in front of, and swarmlite's proxy, each as a process of its own.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use swarmlite_proto::spec::HttpRoute;
use swarmlite_proxy::Certificate;
use swarmlite_proxy::CookieKey;
use swarmlite_proxy::Dial;
use swarmlite_proxy::Limits;
use swarmlite_proxy::Listeners;
use swarmlite_proxy::Proxy;
use swarmlite_proxy::Service;
use swarmlite_proxy::Table;
use swarmlite_proxy::Task;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::Ports;
use crate::process::Process;
use crate::rivals::NAME;
use crate::rivals::PEM;

/// The words by which this program is one of the two.
pub(crate) const SERVER: &str = "serve";
pub(crate) const PROXY: &str = "proxy";

/// What the server answers.
pub(crate) const ANSWER: &[u8] = &[b'x'; 1024];

/// Starts this program once more, and reads the addresses that it prints.
fn start<const COUNT: usize>(words: &[&str]) -> (Process, [SocketAddr; COUNT]) {
    let own = std::env::current_exe().expect("this program");
    let mut command = Command::new(own);
    let process = Process::start(command.args(words).stdout(Stdio::piped()));
    let mut process = process.expect("a process");
    let output = process.child().stdout.take().expect("its output");
    let mut lines = BufReader::new(output).lines();
    let mut address = || lines.next()?.ok()?.parse().ok();
    let addresses = std::array::from_fn(|_| address().expect("an address"));
    (process, addresses)
}

pub(crate) fn start_server() -> (Process, SocketAddr) {
    let (process, [address]) = start(&[SERVER]);
    (process, address)
}

pub(crate) fn start_proxy(server: SocketAddr, folder: &Path) -> (Process, Ports) {
    let pem = folder.join(PEM);
    let (process, [plain, tls]) = start(&[PROXY, &server.to_string(), &pem.to_string_lossy()]);
    (process, Ports { plain, tls })
}

async fn listener() -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    println!("{}", listener.local_addr().expect("its address"));
    listener
}

pub(crate) async fn serve() {
    let listener = listener().await;
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let answer =
            || async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(ANSWER)))) };
        let service = service_fn(move |_| answer());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

#[derive(Debug)]
struct Tcp;

#[async_trait]
impl Dial for Tcp {
    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

pub(crate) async fn proxy(server: String, pem: String) {
    let server: SocketAddr = server.parse().expect("an address");
    let IpAddr::V4(address) = server.ip() else { return };
    let id = |number: u8| format!("{number:0>25}");
    let task = Task { id: id(1).parse().expect("an id"), address, serving: true, lost: false };
    let route = HttpRoute { target_port: server.port(), ..HttpRoute::default() };
    let service = Service {
        id: id(2).parse().expect("an id"),
        name: "server".to_owned(),
        routes: vec![route],
        tasks: vec![task],
    };
    let pem = std::fs::read(pem).expect("a certificate");
    let certificate = Certificate::from_pem(&pem).expect("a certificate");
    let table = Table::new(vec![service], BTreeMap::from([(NAME.to_owned(), certificate)]));
    let (_table, receiver) = watch::channel(Arc::new(table));
    let key = CookieKey::new(&[0; 32]);
    let proxy = Arc::new(Proxy::new(receiver, Arc::new(Tcp), key, Limits::default()));
    let listeners = Listeners { plain: Some(listener().await), tls: Some(listener().await) };
    proxy.serve(listeners, std::future::pending()).await.expect("to serve");
}
