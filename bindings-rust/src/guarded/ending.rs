//! How a guarded connection ends: so that the peer learns why.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_tungstenite::tungstenite::Error as WsError;
use async_tungstenite::tungstenite::error::ProtocolError;
use futures::io::{AsyncRead, AsyncWrite};
use wswarden_core::Reason;

use super::{Guarded, READ_BUFFER, TURN};
use crate::accept::LINGER;
use crate::clock;
use crate::timer::Timer;

/// How far the end of the connection has come.
pub(super) enum Ending<Sleep> {
    Open,
    /// The library reads no more; the close frame is on its way.
    Failed,
    /// The close frame was sent, and our direction is at its end.
    Emptying,
    /// All is said; the stream is being closed, for so long at most.
    Closing(Sleep),
    Done,
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Timer> Guarded<S, T> {
    /// The library refuses to read on: says why to the peer, and empties the stream meanwhile.
    pub(super) fn broken(&mut self, error: &WsError) {
        let reason = match (self.socket.get_ref().stopped, error) {
            (Some(reason), _) => reason,
            (None, WsError::Capacity(_)) => Reason::MessageTooBig,
            (None, WsError::Utf8(_)) => Reason::InvalidUtf8,
            (None, WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return self.lost(),
            (None, WsError::Protocol(_) | WsError::AttackAttempt) => Reason::ProtocolError,
            (None, _) => return self.lost(),
        };
        self.close_with(reason);
        self.ending = Ending::Failed;
    }

    /// Nothing can be written any more: both have said goodbye, or the stream is gone.
    pub(super) fn over(&mut self, error: &WsError) {
        match error {
            WsError::ConnectionClosed | WsError::AlreadyClosed => self.finish(),
            _ => self.lost(),
        }
    }

    /// The stream is gone.
    pub(super) fn lost(&mut self) {
        let event = self.session.lost(clock::mono());
        self.guard.record(event, &self.session);
        self.ending = Ending::Done;
    }

    /// Whether so many bytes more are taken of a peer that was closed.
    pub(super) fn may_still_send(&mut self, length: usize) -> bool {
        self.farewell = self.farewell.saturating_sub(length);
        self.farewell > 0
    }

    /// All was said. The stream is closed, not just dropped: over TLS its end is a message of its
    /// own, without which the peer must take the connection for cut.
    pub(super) fn finish(&mut self) {
        self.lost();
        self.ending = Ending::Closing(self.guard.timer.sleep(LINGER));
    }

    /// Reads and drops what the peer still sends after the library has given up: closing a socket
    /// with bytes unread would reset it, and the reset can overtake the close frame. Our own
    /// direction is ended as soon as that is sent, so that a peer that minds it is gone at once, too.
    pub(super) fn poll_emptying(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut piece = [0; READ_BUFFER];
        for _ in 0..TURN {
            match ready!(Pin::new(self.socket.get_mut().stream()).poll_read(cx, &mut piece)) {
                Ok(length) if length > 0 && self.may_still_send(length) => {}
                Ok(_) | Err(_) => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
