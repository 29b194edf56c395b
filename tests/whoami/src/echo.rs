//! The plainest of protocols, for those who test TCP without HTTP: each line is answered by who answers and the line itself.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;

use anyhow::ensure;

use crate::activity::Activity;
use crate::reply::Identity;

/// The most bytes of a line.
const MAX_LINE: u64 = 4096;

/// Answers every line with `HOSTNAME NAME LINE` until the client ends the connection. Also when the server is about to end: there is no
/// way to say so.
pub(crate) fn converse(
    mut stream: &TcpStream,
    activity: &Activity,
    identity: &Identity,
) -> anyhow::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.by_ref().take(MAX_LINE).read_line(&mut line)? == 0 {
            return Ok(());
        }
        ensure!(line.ends_with('\n'), "a line is cut off or too long");
        let _busy = activity.request();
        let Identity { hostname, name } = identity;
        stream.write_all(format!("{hostname} {name} {line}").as_bytes())?;
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn every_line_is_answered_until_the_client_has_enough() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = std::thread::spawn(move || {
            let identity = Identity { hostname: "h".into(), name: "n".into() };
            converse(&listener.accept().unwrap().0, &Activity::new(), &identity)
        });
        client.write_all(b"one\ntwo\n").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).unwrap();
        assert_eq!(answers, "h n one\nh n two\n");
        server.join().unwrap().unwrap();
    }
}
