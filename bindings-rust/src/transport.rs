//! The byte stream below the WebSocket library, with the checks that library leaves out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};
use wswarden_core::{FrameMeter, Reason};

/// A stream whose frames are counted on the way in.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    stream: S,
    meter: FrameMeter,
    /// Why reading was stopped.
    pub(crate) stopped: Option<Reason>,
}

impl<S> Metered<S> {
    /// Counts from `first` on, the bytes of the peer's that were read already.
    pub(crate) fn new(stream: S, mut meter: FrameMeter, first: &[u8]) -> Self {
        let stopped = meter.feed(first).err();
        Self { stream, meter, stopped }
    }

    /// The stream itself, to read past what was stopped.
    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.stopped.is_none() {
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            let bytes = buffer.get(..read).unwrap_or_default();
            self.stopped = self.meter.feed(bytes).err();
            if self.stopped.is_none() {
                return Poll::Ready(Ok(read));
            }
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the frames break the protocol or are too many")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
