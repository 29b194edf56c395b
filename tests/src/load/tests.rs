use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::Message;

use super::*;

/// How a server behaves.
#[derive(Clone, Copy)]
enum Manner {
    /// As it should.
    Good,
    /// It says `Connection: close` with every second answer, and closes then.
    SaysClose,
    /// It closes after two answers without having said so.
    HangsUp,
    /// It is another service.
    Stranger,
    /// It answers every line by what it answered to the first.
    Stale,
}

/// A server of HTTP and lines, told apart by how a request begins.
fn serve(manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(&stream.unwrap(), manner));
        }
    });
    address
}

fn answer(mut stream: &TcpStream, manner: Manner) {
    let name = if matches!(manner, Manner::Stranger) { "other" } else { "web" };
    let mut first = None;
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    for number in 1.. {
        let Some(line) = lines.next() else { return };
        if !line.starts_with("GET") {
            let said = first.get_or_insert_with(|| line.clone());
            let said = if matches!(manner, Manner::Stale) { said } else { &line };
            writeln!(stream, "h {name} {said}").unwrap();
            continue;
        }
        let asked_to_close = lines
            .by_ref()
            .take_while(|line| !line.is_empty())
            .any(|line| line == "connection: close");
        let says_close = asked_to_close || matches!(manner, Manner::SaysClose) && number % 2 == 0;
        let body = format!(
            "Hostname: h\nName: {name}\nRemoteAddr: {}\n{line}\n",
            stream.peer_addr().unwrap()
        );
        let close = if says_close { "Connection: close\r\n" } else { "" };
        write!(stream, "HTTP/1.1 200 OK\r\n{close}Content-Length: {}\r\n\r\n{body}", body.len())
            .unwrap();
        if says_close || matches!(manner, Manner::HangsUp) && number == 2 {
            return;
        }
    }
}

fn loops(target: SocketAddr, kinds: &[Kind]) -> Vec<Source> {
    let one = |kind: &Kind| Loop {
        via: "lo".into(),
        kind: *kind,
        target,
        name: "web".into(),
        peer: Some("127.0.0.1".parse().unwrap()),
        host: None,
        root: None,
    };
    vec![Source { name: "here".into(), network: None, loops: kinds.iter().map(one).collect() }]
}

const ALL: [Kind; 4] = [Kind::NewConnection, Kind::KeepAlive, Kind::Line, Kind::Lines];

/// The report of clients of `kinds` that ask such a server some times.
fn asked(manner: Manner, kinds: &[Kind]) -> Report {
    let load = Load::start("one", loops(serve(manner), kinds)).unwrap();
    let begun = Instant::now();
    while load.requests() < 6 * kinds.len() as u64 {
        assert!(begun.elapsed() < LIMIT, "{}", load.ledger.report());
        std::thread::yield_now();
    }
    load.finish().unwrap()
}

#[test]
fn a_good_server_fails_nobody_and_may_end_connections_when_it_says_so() {
    asked(Manner::Good, &ALL).check().unwrap();
    asked(Manner::SaysClose, &[Kind::KeepAlive]).check().unwrap();
}

#[test]
fn each_kind_of_failure_is_seen() {
    let failed = |manner, kind, expected: &str| {
        let report = asked(manner, &[kind]);
        assert!(report.failures() > 0, "{report}");
        let error = report.check().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    };
    failed(Manner::HangsUp, Kind::KeepAlive, "keep-alive: closed: ");
    for kind in ALL {
        failed(Manner::Stranger, kind, "wrong answer: ");
    }
    failed(Manner::Stale, Kind::Lines, "wrong answer: ");
}

/// A server of messages over WebSockets. It says that it ends with every third answer, or not at all.
fn serve_messages(says_so: bool, answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut socket = tungstenite::accept(stream.unwrap()).unwrap();
                for number in 1.. {
                    let Ok(Message::Text(text)) = socket.read() else { return };
                    socket.send(Message::text(format!("{answer} {text}"))).unwrap();
                    if number == 3 {
                        if says_so {
                            socket.close(None).unwrap();
                        }
                        // The client answers that, or is cut off.
                        let _ = socket.read();
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn a_message_gets_its_answer_unless_the_server_has_said_that_it_ends() {
    for (says_so, answer, failure) in [
        (true, "h web", None),
        (false, "h web", Some("closed: ")),
        (true, "h other", Some("wrong answer: ")),
    ] {
        let server = serve_messages(says_so, answer);
        let load = Load::start("one", loops(server, &[Kind::WebSocket])).unwrap();
        while load.requests() < 7 {
            std::thread::yield_now();
        }
        let checked = load.finish().unwrap().check();
        match failure {
            None => checked.unwrap(),
            Some(failure) => {
                let error = checked.unwrap_err().to_string();
                assert!(error.contains("web socket: ") && error.contains(failure), "{error}");
            }
        }
    }
}

#[test]
fn nobody_there_is_a_refusal_and_counted_in_its_phase() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let load = Load::start("one", loops(nobody, &[Kind::Line])).unwrap();
    while load.failures() == 0 {
        std::thread::yield_now();
    }
    load.phase("two");
    let before = load.failures();
    while load.failures() <= before + 1 {
        std::thread::yield_now();
    }
    let report = load.finish().unwrap();
    let text = report.to_string();
    assert!(report.check().unwrap_err().to_string().contains("during \"one\""), "{text}");
    for phase in ["one", "two"] {
        assert!(text.contains(&format!("failed during {phase:?}: {{\"refused\":")), "{text}");
    }
    assert!(text.starts_with("PHASE "), "{text}");
}

#[test]
fn a_load_that_asks_nothing_proves_nothing() {
    let load = Load::start("idle", Vec::new()).unwrap();
    let error = load.finish().unwrap().check().unwrap_err();
    assert_eq!(error.to_string(), "nothing was asked during \"idle\"");
}
