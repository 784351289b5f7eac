//! The byte stream below the WebSocket library, with the checks that library leaves out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};
use wswarden_core::{FrameMeter, Reason};

/// A stream whose frames are counted on the way in, and after the close its bytes.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    stream: S,
    meter: FrameMeter,
    /// Why reading was stopped.
    pub(crate) stopped: Option<Reason>,
    /// How many bytes more are read; any number while the connection is open.
    left: Option<usize>,
}

impl<S> Metered<S> {
    /// Counts from `first` on, the bytes of the peer's that were read already.
    pub(crate) fn new(stream: S, mut meter: FrameMeter, first: &[u8]) -> Self {
        let stopped = meter.feed(first).err();
        Self { stream, meter, stopped, left: None }
    }

    /// From now on only so many bytes are read. Only the first call counts.
    pub(crate) fn read_only(&mut self, bytes: usize) {
        self.left.get_or_insert(bytes);
    }

    /// And so many more.
    pub(crate) fn read_more(&mut self, bytes: usize) {
        self.left = self.left.map(|left| left.saturating_add(bytes));
    }

    /// Whether all was read that may be.
    pub(crate) fn is_spent(&self) -> bool {
        self.left == Some(0)
    }

    /// The stream itself, to close it.
    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + Unpin> Metered<S> {
    /// Reads on, also past what was stopped.
    pub(crate) fn poll_rest(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let Some(left) = self.left else { return Pin::new(&mut self.stream).poll_read(cx, buffer) };
        if left == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "more than is read after the close")));
        }
        let length = buffer.len().min(left);
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer.get_mut(..length).unwrap_or_default()))?;
        self.left = Some(left.saturating_sub(read));
        Poll::Ready(Ok(read))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.stopped.is_none() {
            let read = ready!(self.poll_rest(cx, buffer))?;
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
