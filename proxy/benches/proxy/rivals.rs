//! nginx and HAProxy, told to keep connections to the server and to do what the own proxy does: say who the client is, and log nothing.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use crate::Ports;
use crate::debian::Programs;
use crate::load::Root;
use crate::process::Process;

/// The host that all answer.
pub(crate) const NAME: &str = "bench.example";

/// The file with its certificate and key.
pub(crate) const PEM: &str = "bench.pem";

/// Starts a proxy in front of a server, with its files in a folder.
type Start = fn(&Programs, SocketAddr, &Path) -> io::Result<(Process, Ports)>;

/// Those that are compared with.
pub(crate) const ALL: [(&str, Start); 2] = [("nginx", nginx), ("HAProxy", haproxy)];

/// Makes the certificate that all serve, and says whom clients have to trust.
pub(crate) fn certificate(folder: &Path) -> Root {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    std::fs::write(folder.join(PEM), pem).expect("a file");
    made.cert.der().clone()
}

fn free() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn ports() -> io::Result<Ports> {
    Ok(Ports { plain: free()?, tls: free()? })
}

fn nginx(programs: &Programs, server: SocketAddr, at: &Path) -> io::Result<(Process, Ports)> {
    let ports = ports()?;
    let Ports { plain, tls } = ports;
    let (pem, folder) = (at.join(PEM), at.display());
    let pem = pem.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
        .concat();
    // One process, so that nothing is left behind when it is ended.
    let config = format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
         events {{ worker_connections 4096; }}
         http {{
           {temporary}
           access_log off; keepalive_requests 1000000;
           upstream server {{ server {server}; keepalive 128; keepalive_requests 1000000; }}
           server {{
             listen {plain}; listen {tls} ssl; ssl_certificate {pem}; ssl_certificate_key {pem};
             location / {{
               proxy_pass http://server; proxy_http_version 1.1;
               proxy_set_header Connection \"\"; proxy_set_header Host $host;
               proxy_set_header X-Forwarded-For $remote_addr;
               proxy_set_header X-Forwarded-Proto $scheme;
               proxy_set_header X-Forwarded-Host $host;
             }}
           }}
         }}"
    );
    let file = at.join("nginx.conf");
    std::fs::write(&file, config)?;
    let mut command = programs.command("nginx");
    command.arg("-e").arg("stderr").arg("-p").arg(at).arg("-c").arg(file);
    started(&mut command, ports)
}

fn haproxy(programs: &Programs, server: SocketAddr, at: &Path) -> io::Result<(Process, Ports)> {
    let ports = ports()?;
    let Ports { plain, tls } = ports;
    let pem = at.join(PEM);
    let config = format!(
        "global\n nbthread 1\n maxconn 4096\n\
         defaults\n mode http\n option forwardfor\n timeout connect 3s\n timeout client 75s\n timeout server 60s\n\
         frontend all\n bind {plain}\n bind {tls} ssl crt {}\n default_backend server\n\
         http-request set-header X-Forwarded-Host %[req.hdr(host)]\n\
         http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}\n\
         backend server\n http-reuse always\n server one {server}\n",
        pem.display()
    );
    let file = at.join("haproxy.cfg");
    std::fs::write(&file, config)?;
    let mut command = programs.command("haproxy");
    command.arg("-db").arg("-f").arg(file);
    started(&mut command, ports)
}

/// Starts a proxy, and waits until it answers or has ended.
fn started(command: &mut Command, ports: Ports) -> io::Result<(Process, Ports)> {
    let mut process = Process::start(command.stdout(Stdio::null()).stdin(Stdio::null()))?;
    while TcpStream::connect(ports.tls).is_err() {
        if let Some(status) = process.child().try_wait()? {
            return Err(io::Error::other(format!("it has ended: {status}")));
        }
        std::thread::yield_now();
    }
    Ok((process, ports))
}
