//! Whole files, sealed in pieces, so that neither side holds more than a piece.
//!
//! A file is [`MAGIC`], [`FORMAT`], 16 random bytes that name it, and pieces: each a length (4 bytes, big-endian) and a sealed record. The place of a piece
//! is the name of the file, the number of the piece, and whether it is the last one: pieces cannot be swapped, left out, or taken from
//! another file, and a file that was cut off is noticed.

use std::io;
use std::io::Read;
use std::io::Write;

use crate::seal::OpenError;
use crate::seal::Purpose;
use crate::seal::Sealer;

/// What a sealed file begins with; the form of the file follows.
const MAGIC: [u8; 7] = *b"SWLSEAL";

/// The only form of the file so far.
const FORMAT: u8 = 0x01;

/// Bytes of text in a piece.
const PIECE: usize = 256 * 1024;

/// More than any sealed piece has. A length above it is damage, and not a reason to take memory.
const MAX_SEALED: u32 = 2 * PIECE as u32;

type Name = [u8; 16];

fn place(name: &Name, number: u64, last: bool) -> Vec<u8> {
    [name.as_slice(), &number.to_be_bytes(), &[u8::from(last)]].concat()
}

/// Seals what is written to it. The file is complete after [`SealedWriter::finish`], and of no use before.
#[derive(Debug)]
pub struct SealedWriter<W> {
    inner: W,
    sealer: Sealer,
    purpose: Purpose,
    name: Name,
    number: u64,
    piece: Vec<u8>,
}

impl<W: Write> SealedWriter<W> {
    /// Begins a file in `inner`.
    ///
    /// # Errors
    ///
    /// When `inner` cannot be written to.
    pub fn new(mut inner: W, sealer: Sealer, purpose: Purpose) -> io::Result<Self> {
        let name: Name = rand::random();
        inner.write_all(&MAGIC)?;
        inner.write_all(&[FORMAT])?;
        inner.write_all(&name)?;
        Ok(Self { inner, sealer, purpose, name, number: 0, piece: Vec::with_capacity(PIECE) })
    }

    /// Ends the file, and gives back what it was written to.
    ///
    /// # Errors
    ///
    /// As for [`Write::write`].
    pub fn finish(mut self) -> io::Result<W> {
        self.write_piece(true)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn write_piece(&mut self, last: bool) -> io::Result<()> {
        let place = place(&self.name, self.number, last);
        let sealed =
            self.sealer.seal(self.purpose, &place, &self.piece).map_err(io::Error::other)?;
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        self.inner.write_all(&length.to_be_bytes())?;
        self.inner.write_all(&sealed)?;
        self.number += 1;
        self.piece.clear();
        Ok(())
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE {
            self.write_piece(false)?;
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Nothing can be flushed but whole pieces: [`SealedWriter::finish`] does it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what a [`SealedWriter`] has written. An end is reported only where the file was finished.
#[derive(Debug)]
pub struct SealedReader<R> {
    inner: R,
    sealer: Sealer,
    purpose: Purpose,
    name: Name,
    number: u64,
    piece: Vec<u8>,
    /// How much of the piece was read.
    read: usize,
    ended: bool,
}

impl<R: Read> SealedReader<R> {
    /// Reads the file in `inner`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] when it is no sealed file; else as reading fails, or [`OpenError`].
    pub fn new(mut inner: R, sealer: Sealer, purpose: Purpose) -> io::Result<Self> {
        let (mut magic, mut format, mut name) = ([0; MAGIC.len()], [0], Name::default());
        inner.read_exact(&mut magic).map_err(cut_off)?;
        if magic != MAGIC {
            return Err(invalid("it is not encrypted"));
        }
        inner.read_exact(&mut format).map_err(cut_off)?;
        if format[0] > FORMAT {
            return Err(OpenError::Newer(format[0]).into());
        }
        inner.read_exact(&mut name).map_err(cut_off)?;
        let piece = Vec::new();
        Ok(Self { inner, sealer, purpose, name, number: 0, piece, read: 0, ended: false })
    }

    fn read_piece(&mut self) -> io::Result<()> {
        let mut length = [0; 4];
        self.inner.read_exact(&mut length).map_err(cut_off)?;
        let length = u32::from_be_bytes(length);
        if length > MAX_SEALED {
            return Err(invalid("it is damaged"));
        }
        let mut sealed = vec![0; length as usize];
        self.inner.read_exact(&mut sealed).map_err(cut_off)?;
        let open = |last| {
            let place = place(&self.name, self.number, last);
            self.sealer.open(self.purpose, &place, &sealed)
        };
        let (piece, last) = match open(false) {
            Ok(piece) => (piece, false),
            Err(_) => (open(true)?, true),
        };
        if last && self.inner.read(&mut [0])? != 0 {
            return Err(invalid("something was added to it"));
        }
        (self.piece, self.read, self.ended) = (piece, 0, last);
        self.number += 1;
        Ok(())
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.piece.len() {
            if self.ended {
                return Ok(0);
            }
            self.read_piece()?;
        }
        let taken = buffer.len().min(self.piece.len() - self.read);
        buffer[..taken].copy_from_slice(&self.piece[self.read..][..taken]);
        self.read += taken;
        Ok(taken)
    }
}

fn cut_off(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => invalid("it was cut off"),
        _ => error,
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use swarmlite_proto::testing::cases;
    use swarmlite_proto::testing::spoil_bytes;

    use super::*;
    use crate::testing::sealer;

    fn written(text: &[u8]) -> Vec<u8> {
        let mut writer =
            SealedWriter::new(Vec::new(), sealer(&[1]), Purpose::Snapshot).expect("begins a file");
        writer.write_all(text).expect("writes");
        writer.finish().expect("ends")
    }

    fn read(file: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        SealedReader::new(file, sealer(&[1]), Purpose::Snapshot)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn files_of_any_length_come_back() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let text: Vec<u8> = (0..length).map(|at| (at / 7) as u8).collect();
            assert!(read(&written(&text)).expect("is whole") == text, "{length} bytes");
        }
    }

    /// The beginnings of the pieces of a file, and its end.
    fn boundaries(file: &[u8]) -> Vec<usize> {
        let mut all = vec![MAGIC.len() + size_of_val(&FORMAT) + size_of::<Name>()];
        while let Some(&[a, b, c, d]) = file.get(all[all.len() - 1]..).and_then(|f| f.get(..4)) {
            all.push(all[all.len() - 1] + 4 + u32::from_be_bytes([a, b, c, d]) as usize);
        }
        all
    }

    #[test]
    fn what_was_done_to_a_file_is_noticed() {
        let file = written(&vec![7; 2 * PIECE + 9]);
        let other = written(&vec![7; 2 * PIECE + 9]);
        let at = boundaries(&file);
        assert_eq!(at.len(), 4, "three pieces");
        let (head, first, second, third) =
            (&file[..at[0]], &file[at[0]..at[1]], &file[at[1]..at[2]], &file[at[2]..]);
        assert!(read(&[head, first, second, third].concat()).is_ok());
        for (what, damaged) in [
            ("cut off between pieces", [head, first, second].concat()),
            ("cut off in a piece", file[..at[2] + 9].to_vec()),
            ("swapped", [head, second, first, third].concat()),
            ("left out", [head, first, third].concat()),
            ("added to", [&file[..], third].concat()),
            ("from another file", [head, &other[at[0]..at[1]], second, third].concat()),
            ("plain", b"{\"meta\": \"as it was before\"}".to_vec()),
            ("empty", Vec::new()),
        ] {
            let error = read(&damaged).expect_err(what);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{what}");
        }
    }

    #[test]
    fn no_damage_breaks_anything_or_is_taken_for_the_file() {
        let file = written(b"some text");
        for mut case in cases(300) {
            let mut damaged = file.clone();
            spoil_bytes(&mut case, &mut damaged);
            match read(&damaged) {
                Ok(text) => assert_eq!(text, b"some text"),
                Err(error) => assert_ne!(error.kind(), io::ErrorKind::Other, "{error}"),
            }
        }
    }
}
