//! How a request is written. Pure. Whatever a client sends, a line stays one line, and nothing in it controls a terminal.

use std::fmt::Write as _;

use hyper::header::HeaderValue;
use swarmlite_proto::spec::AccessLogFormat;

use super::record::Outcome;
use super::record::Seen;

/// The line of a request, with its end. Empty if requests are not written.
pub(super) fn line(format: AccessLogFormat, seen: &Seen, outcome: &Outcome) -> String {
    let mut line = String::with_capacity(512);
    // Writing to a string cannot fail.
    let _written = match format {
        AccessLogFormat::Off => Ok(()),
        AccessLogFormat::Combined => combined(&mut line, seen, outcome),
        AccessLogFormat::Json => json(&mut line, seen, outcome),
    };
    line
}

/// The host that was asked for, as the client has written it.
fn host(seen: &Seen) -> &[u8] {
    let target = seen.uri.authority().map(|authority| authority.as_str().as_bytes());
    target.or(seen.host.as_ref().map(HeaderValue::as_bytes)).unwrap_or_default()
}

fn path_and_query(seen: &Seen) -> &str {
    seen.uri.path_and_query().map_or("/", |it| it.as_str())
}

/// Apache's `combined`, and behind it the host, the service, the task and the seconds that it took.
fn combined(line: &mut String, seen: &Seen, outcome: &Outcome) -> std::fmt::Result {
    let time = seen.at.to_common_log();
    write!(line, "{} - - [{time}] \"", seen.client)?;
    escaped(line, seen.method.as_str().as_bytes())?;
    line.push(' ');
    escaped(line, path_and_query(seen).as_bytes())?;
    write!(line, " {:?}\" {} ", seen.version, outcome.status)?;
    match outcome.bytes {
        0 => line.push('-'),
        bytes => write!(line, "{bytes}")?,
    }
    let service = outcome.service.as_ref().map(|service| service.name.as_bytes());
    let task = outcome.task.as_ref().map(|task| task.as_str().as_bytes());
    for text in [
        seen.referer.as_ref().map(HeaderValue::as_bytes),
        seen.user_agent.as_ref().map(HeaderValue::as_bytes),
        Some(host(seen)),
        service,
        task,
    ] {
        line.push_str(" \"");
        match text {
            None | Some([]) => line.push('-'),
            Some(text) => escaped(line, text)?,
        }
        line.push('"');
    }
    writeln!(line, " {:.3}", outcome.duration.as_secs_f64())
}

/// As nginx escapes by default: what is no printable ASCII, `"` and `\` become `\xXX`.
fn escaped(line: &mut String, text: &[u8]) -> std::fmt::Result {
    for byte in text {
        match byte {
            b'"' | b'\\' => write!(line, "\\x{byte:02X}")?,
            b' '..=b'~' => line.push(char::from(*byte)),
            _ => write!(line, "\\x{byte:02X}")?,
        }
    }
    Ok(())
}

fn json(line: &mut String, seen: &Seen, outcome: &Outcome) -> std::fmt::Result {
    let version = format!("{:?}", seen.version);
    let client = seen.client.to_string();
    let service = outcome.service.as_ref().map(|service| service.name.as_bytes());
    let task = outcome.task.as_ref().map(|task| task.as_str().as_bytes());
    write!(line, "{{\"time\":\"{}\"", seen.at.to_fixed())?;
    for (name, text) in [
        ("client", Some(client.as_bytes())),
        ("host", Some(host(seen))),
        ("method", Some(seen.method.as_str().as_bytes())),
        ("uri", Some(path_and_query(seen).as_bytes())),
        ("protocol", Some(version.as_bytes())),
        ("service", service),
        ("task", task),
        ("referer", seen.referer.as_ref().map(HeaderValue::as_bytes)),
        ("user_agent", seen.user_agent.as_ref().map(HeaderValue::as_bytes)),
    ] {
        write!(line, ",\"{name}\":\"")?;
        escaped_json(line, &String::from_utf8_lossy(text.unwrap_or_default()))?;
        line.push('"');
    }
    let (Outcome { status, bytes, duration, .. }, tls) = (outcome, seen.tls);
    let seconds = duration.as_secs_f64();
    writeln!(
        line,
        ",\"tls\":{tls},\"status\":{status},\"bytes\":{bytes},\"duration\":{seconds:.6}}}"
    )
}

/// RFC 8259, 7, and beyond it the control characters that are none in ASCII.
fn escaped_json(line: &mut String, text: &str) -> std::fmt::Result {
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                line.push('\\');
                line.push(letter);
            }
            _ if letter.is_control() => write!(line, "\\u{:04x}", u32::from(letter))?,
            _ => line.push(letter),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::Request;

    use super::*;
    use crate::client::Client;

    fn seen() -> Seen {
        let request = Request::get("/a?b=c")
            .header("host", "shop.example")
            .header("user-agent", HeaderValue::from_bytes(b"x\t\"\\\xc2\x9b\xff").expect("a value"))
            .body(())
            .expect("a request");
        let address = "[::ffff:192.0.2.1]:9".parse().expect("an address");
        let at = "2026-12-02T19:00:00.5Z".parse().expect("a time");
        Seen::of(&request, &Client::new(address, true), at)
    }

    fn outcome() -> Outcome {
        let task = Some("t".repeat(25).parse().expect("an id"));
        let duration = Duration::from_micros(1500);
        Outcome { status: 200, bytes: 12, duration, service: None, task }
    }

    #[test]
    fn combined_is_that_of_apache_and_more() {
        let line = line(AccessLogFormat::Combined, &seen(), &outcome());
        let task = "t".repeat(25);
        let expected = format!(
            "192.0.2.1 - - [02/Dec/2026:19:00:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 12 \"-\" \
             \"x\\x09\\x22\\x5C\\xC2\\x9B\\xFF\" \"shop.example\" \"-\" \"{task}\" 0.002\n"
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn json_is_an_object_on_a_line() {
        let line = line(AccessLogFormat::Json, &seen(), &outcome());
        let task = "t".repeat(25);
        let expected = format!(
            "{{\"time\":\"2026-12-02T19:00:00.500000000Z\",\"client\":\"192.0.2.1\",\"host\":\"shop.example\",\"method\":\"GET\",\
             \"uri\":\"/a?b=c\",\"protocol\":\"HTTP/1.1\",\"service\":\"\",\"task\":\"{task}\",\"referer\":\"\",\
             \"user_agent\":\"x\\u0009\\\"\\\\\\u009b\u{fffd}\",\"tls\":true,\"status\":200,\"bytes\":12,\"duration\":0.001500}}\n"
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn nothing_is_written_when_it_is_off() {
        assert_eq!(line(AccessLogFormat::Off, &seen(), &outcome()), "");
    }
}
