//! A connection that sends what is small in one piece: one buffer goes to the kernel by a shorter way than several, and heads of HTTP, which come
//! apart from their bodies, are mostly sent alone or with little.

use std::io;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;

/// What is copied to be one piece, in bytes. More is cheaper to send from where it is.
const SMALL: usize = 4096;

/// The connection.
#[derive(Debug)]
pub(crate) struct Gather<S>(pub(crate) S);

impl<S: AsyncRead + Unpin> AsyncRead for Gather<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gather<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.0);
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        match pieces {
            [only] => stream.poll_write(context, only),
            _ if length <= SMALL => {
                let mut room = [MaybeUninit::uninit(); SMALL];
                let mut whole = ReadBuf::uninit(&mut room);
                for piece in pieces {
                    whole.put_slice(piece);
                }
                stream.poll_write(context, whole.filled())
            }
            _ => stream.poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::net::TcpStream;

    use super::*;

    /// All of `pieces` as they arrive, and in how many writes they were sent.
    async fn sent(pieces: &[&[u8]]) -> (Vec<u8>, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let (near, far) = tokio::join!(TcpStream::connect(addr), listener.accept());
        let (mut near, (mut far, _)) = (Gather(near.expect("connected")), far.expect("accepted"));
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.map(|_| all)
        });
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let (mut left, mut writes) = (&mut slices[..], 0);
        while left.iter().any(|piece| !piece.is_empty()) {
            let writing = poll_fn(|context| Pin::new(&mut near).poll_write_vectored(context, left));
            let written = writing.await.expect("written");
            IoSlice::advance_slices(&mut left, written);
            writes += 1;
        }
        drop(near);
        (reading.await.expect("no panic").expect("read"), writes)
    }

    #[tokio::test]
    async fn pieces_arrive_in_their_order_whatever_their_size() {
        let (small, large) = ([1; 100], [2; 3 * SMALL]);
        for pieces in [&[&small[..]][..], &[&small, &[], &small], &[&large], &[&small, &large]] {
            let (arrived, writes) = sent(pieces).await;
            assert_eq!(arrived, pieces.concat());
            assert_eq!(writes, 1, "{} pieces", pieces.len());
        }
    }
}
