//! Where the requests of a client begin and end in what it sends, by the letter of RFC 9112. Pure.
//!
//! The parser behind it forgives some of what other servers read differently: a length beside chunks, lines that end without a carriage return.
//! By such a difference one request is smuggled in another (RFC 9112, 11.2). Nothing of the kind gets past here.

use std::mem;

use crate::limits::MAX_HEAD;

/// What the next byte is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    RequestLine,
    Headers,
    /// So many bytes of a body of known length.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk.
    Chunk(u64),
    ChunkEnd,
    Trailers,
    /// HTTP/2, or what the two sides have gone over to.
    Other,
}

/// What the headers so far say of the body.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    is_http10: bool,
    length: Option<u64>,
    chunked: bool,
}

/// This is no HTTP/1.1, or not in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The first of the bytes that must not get through.
    pub(crate) at: usize,
    /// Whether it is in the head of a request.
    pub(crate) in_head: bool,
}

/// No reason is given to who tries.
#[derive(Debug, PartialEq, Eq)]
struct Invalid;

/// A client's bytes so far.
#[derive(Debug)]
pub(crate) struct Framing {
    part: Part,
    line: Vec<u8>,
    head: Head,
    is_first: bool,
}

impl Framing {
    pub(crate) fn new() -> Self {
        Self { part: Part::RequestLine, line: Vec::new(), head: Head::default(), is_first: true }
    }

    /// From now on everything gets through.
    pub(crate) fn let_through(&mut self) {
        self.part = Part::Other;
    }

    /// Whether a head has begun that has not ended.
    pub(crate) fn in_head(&self) -> bool {
        match self.part {
            Part::RequestLine => !self.line.is_empty(),
            Part::Headers => true,
            _ => false,
        }
    }

    /// Whether nothing has come yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.is_first && self.part == Part::RequestLine && self.line.is_empty()
    }

    /// Reads on.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match &mut self.part {
                Part::Other => rest.len(),
                Part::Body(left) | Part::Chunk(left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= u64::try_from(count).unwrap_or(*left);
                    self.part = match self.part {
                        Part::Body(0) => Part::RequestLine,
                        Part::Chunk(0) => Part::ChunkEnd,
                        part => part,
                    };
                    count
                }
                _ => {
                    let in_head = matches!(self.part, Part::RequestLine | Part::Headers);
                    let end = rest.iter().position(|byte| *byte == b'\n');
                    let count = end.map_or(rest.len(), |end| end + 1);
                    self.line.extend_from_slice(&rest[..count]);
                    let is_too_long = self.line.len() > 2 * MAX_HEAD;
                    if is_too_long || end.is_some() && self.end_line().is_err() {
                        return Err(Violation { at: at + count - 1, in_head });
                    }
                    count
                }
            };
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), Invalid> {
        let mut line = mem::take(&mut self.line);
        let text =
            line.strip_suffix(b"\r\n").filter(|text| !text.contains(&b'\r')).ok_or(Invalid)?;
        self.part = self.next(text)?;
        line.clear();
        self.line = line;
        Ok(())
    }

    fn next(&mut self, line: &[u8]) -> Result<Part, Invalid> {
        match self.part {
            // RFC 9112, 2.2: empty lines before a request are skipped.
            Part::RequestLine if line.is_empty() => Ok(Part::RequestLine),
            Part::RequestLine => self.request_line(line),
            Part::Headers if line.is_empty() => self.body(),
            Part::Headers => self.header(line).map(|()| Part::Headers),
            Part::ChunkSize => chunk_size(line).map(|size| match size {
                0 => Part::Trailers,
                size => Part::Chunk(size),
            }),
            Part::ChunkEnd if line.is_empty() => Ok(Part::ChunkSize),
            Part::ChunkEnd => Err(Invalid),
            Part::Trailers if line.is_empty() => Ok(Part::RequestLine),
            Part::Trailers => field(line).map(|_field| Part::Trailers),
            Part::Body(_) | Part::Chunk(_) | Part::Other => Ok(self.part),
        }
    }

    fn request_line(&mut self, line: &[u8]) -> Result<Part, Invalid> {
        // How a connection of HTTP/2 begins (RFC 9113, 3.4).
        if mem::take(&mut self.is_first) && line == b"PRI * HTTP/2.0" {
            return Ok(Part::Other);
        }
        let mut words = line.split(|byte| *byte == b' ');
        let words = [words.next(), words.next(), words.next(), words.next()];
        let [Some(method), Some(target), Some(version), None] = words else {
            return Err(Invalid);
        };
        let is_http10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err(Invalid),
        };
        self.head = Head { is_http10, ..Head::default() };
        (is_token(method) && !target.is_empty()).then_some(Part::Headers).ok_or(Invalid)
    }

    fn header(&mut self, line: &[u8]) -> Result<(), Invalid> {
        let (name, value) = field(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = length(value)?;
            if self.head.length.is_some_and(|other| other != length) {
                return Err(Invalid);
            }
            self.head.length = Some(length);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            // The only coding there is in use; one after the other would be a length that some do not see.
            let is_first = !mem::replace(&mut self.head.chunked, true);
            if !is_first || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Invalid);
            }
        }
        Ok(())
    }

    fn body(&self) -> Result<Part, Invalid> {
        match (self.head.length, self.head.chunked) {
            (None, true) if !self.head.is_http10 => Ok(Part::ChunkSize),
            (_, true) => Err(Invalid),
            (Some(0) | None, false) => Ok(Part::RequestLine),
            (Some(length), false) => Ok(Part::Body(length)),
        }
    }
}

/// The name and the value of a header. A line that goes on with the one before it begins with a space, which no name does.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Invalid> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Invalid)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    is_token(name).then_some((name, value)).ok_or(Invalid)
}

/// RFC 9110, 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_part)
}

/// Digits and nothing else, where Rust's parser would take a sign too.
fn length(value: &[u8]) -> Result<u64, Invalid> {
    let digits = std::str::from_utf8(value).ok().filter(|_| value.iter().all(u8::is_ascii_digit));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Invalid)
}

/// The size of a chunk, without its extensions (RFC 9112, 7.1).
fn chunk_size(line: &[u8]) -> Result<u64, Invalid> {
    let end = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
    let (size, extensions) = line.split_at(end);
    let is_plain = !extensions.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    // Sixteen digits would be more than there is of anything.
    let is_size = size.iter().all(u8::is_ascii_hexdigit) && (1..16).contains(&size.len());
    let size = std::str::from_utf8(size).ok().filter(|_| is_plain && is_size);
    size.and_then(|size| u64::from_str_radix(size, 16).ok()).ok_or(Invalid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;

    use super::*;

    fn read(text: &str) -> Result<(), usize> {
        Framing::new().read(text.as_bytes()).map_err(|violation| violation.at)
    }

    const START: &str = "POST /a HTTP/1.1\r\nHost: a\r\n";

    #[test]
    fn requests_follow_one_another() {
        let mut framing = Framing::new();
        assert!(framing.is_untouched() && !framing.in_head());
        for (text, in_head) in [
            ("\r\nGET / HTTP/1.1\r\n", true),
            ("Host: a\r\n\r\n", false),
            ("POST / HTTP/1.0\r\nContent-Length: 6\r\ncontent-length: 6\r\n\r\n", false),
            ("\n\n:\n", false),
            ("\r\nPOST", true),
            (" / HTTP/1.1\r\nTransfer-Encoding:\tChunked \r\n\r\n", false),
            ("00a;x=\"y\"\r\n0123456789\r\n0\r\nX: y\r\n\r\n", false),
            ("GET / HTTP/1.1\r\n\r\n", false),
        ] {
            assert_eq!(framing.read(text.as_bytes()), Ok(()), "{text}");
            assert_eq!(framing.in_head(), in_head, "{text}");
        }
        assert_eq!(framing.part, Part::RequestLine);
        assert!(!framing.is_untouched());
        framing.let_through();
        assert_eq!(framing.read(b"\0\n\n"), Ok(()));
    }

    #[test]
    fn http2_is_none_of_its_business() {
        assert_eq!(read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\n"), Ok(()));
        assert!(read("GET / HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\n\r\n").is_err());
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for text in [
            "GET / HTTP/1.1\n",
            "GET  / HTTP/1.1\r\n",
            "GET / HTTP/1.1 \r\n",
            "GET / x HTTP/1.1\r\n",
            "GET /\r\n",
            "GET / HTTP/2.0\r\n",
            " GET / HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n",
            "GET / HTTP/1.1\r\nHost: a\n",
            "GET / HTTP/1.1\r\nHost: a\rb\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost\r\n",
            "GET / HTTP/1.1\r\n: a\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert_eq!(read(text), Err(text.len() - 1), "{text:?}");
        }
        for lines in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: \r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
        ] {
            let text = format!("{START}{lines}");
            assert_eq!(read(&text), Err(text.len() - 1), "{text:?}");
        }
        for chunks in [
            "\r\n",
            "x\r\n",
            "5 \r\n",
            " 5\r\n",
            "+5\r\n",
            "-5\r\n",
            "0x5\r\n",
            "5\n",
            "5;a\n",
            "5;\0\r\n",
            "1234567890123456\r\n",
            "1\r\nab\r\n",
            "1\r\na\n",
            "0\r\nX : y\r\n",
            "0\r\n\n",
            "0\r\nX: y\n",
        ] {
            let text = format!("{START}Transfer-Encoding: chunked\r\n\r\n{chunks}");
            assert_eq!(read(&text), Err(text.len() - 1), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_pieces_bytes_come(
            parts in prop::collection::vec(prop::sample::select(vec![
                "GET / HTTP/1.1\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "A: b\r\n",
                "\r\n", "\n", "3\r\n", "0\r\n", "abc", "\r\n\r\n", " ", "\0",
            ]), 0..12),
            cuts in prop::collection::vec(1_usize..9, 1..40),
        ) {
            let text = parts.concat();
            let mut framing = Framing::new();
            let (mut at, mut cuts) = (0, cuts.iter().cycle());
            let mut found = Ok(());
            while at < text.len() && found.is_ok() {
                let end = text.len().min(at + cuts.next().expect("a length"));
                found = framing.read(&text.as_bytes()[at..end]).map_err(|violation| at + violation.at);
                at = end;
            }
            prop_assert_eq!(found, read(&text));
        }
    }

    #[test]
    fn no_bytes_break_anything_and_nothing_is_kept_of_a_body() {
        let sound = format!(
            "{START}Content-Length: 3\r\n\r\nabc{START}Transfer-Encoding: chunked\r\n\r\nfffffffffffffff;x\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
        );
        for mut case in cases(1000) {
            let mut bytes = sound.clone().into_bytes();
            spoil_bytes(&mut case, &mut bytes);
            let mut framing = Framing::new();
            let first = framing.read(&bytes);
            assert!(first.is_ok() || first.is_err_and(|violation| violation.at < bytes.len()));
            assert!(framing.line.len() <= 2 * MAX_HEAD);
        }
        let endless = vec![b'a'; 64 * MAX_HEAD];
        let mut framing = Framing::new();
        framing.read(&endless).expect_err("is no line");
        let mut framing = Framing::new();
        let mut pieces = endless.chunks(1000).map(|piece| framing.read(piece));
        assert!(pieces.any(|read| read.is_err()), "is no line in pieces either");
    }
}
