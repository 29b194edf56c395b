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
    use super::*;

    /// Notes the pieces of each write.
    #[derive(Default)]
    struct Notes(Vec<Vec<usize>>, Vec<u8>);

    impl AsyncWrite for Notes {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.push(vec![bytes.len()]);
            self.1.extend(bytes);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            pieces: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.0.push(pieces.iter().map(|piece| piece.len()).collect());
            pieces.iter().for_each(|piece| self.1.extend(&**piece));
            Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_is_small_goes_in_one_piece_and_nothing_else_is_copied() {
        let (small, large) = ([1; 100], [2; SMALL]);
        for (pieces, written) in [
            (&[&small[..]][..], &[100][..]),
            (&[&small, &[], &small], &[200]),
            (&[&large], &[SMALL]),
            (&[&small, &large], &[100, SMALL]),
        ] {
            let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut gather = Gather(Notes::default());
            let mut context = Context::from_waker(std::task::Waker::noop());
            let polled = Pin::new(&mut gather).poll_write_vectored(&mut context, &slices);
            assert!(
                matches!(polled, Poll::Ready(Ok(count)) if count == written.iter().sum::<usize>())
            );
            assert_eq!(gather.0.0, [written]);
            assert_eq!(gather.0.1, pieces.concat());
        }
    }
}
