//! How a guarded connection ends: so that the peer learns why.

use std::task::{Context, Poll, Wake, ready};

use async_tungstenite::tungstenite::Error as WsError;
use async_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use futures::io::{AsyncRead, AsyncWrite};
use wswarden_core::Reason;

use super::{Guarded, READ_BUFFER, TURN};
use crate::accept::LINGER;
use crate::clock;
use crate::timer::Timer;

/// So many bytes are read of a peer after it was closed: what an honest one has on its way. Who sends more would
/// otherwise be read until its deadline, as fast as it can send. Where `max_bytes` is more, it is one such message.
const FAREWELL: usize = 1024 * 1024;

/// A message that is refused for its length is read on for that length, up to this, besides: an honest client cannot stop
/// within a frame, and most read nothing before they have written it. It is the longest frame tungstenite takes by default.
const OVERSIZED: usize = 16 * 1024 * 1024;

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
        if self.socket.get_ref().is_spent() {
            return self.finish();
        }
        let reason = match (self.socket.get_ref().stopped, error) {
            (Some(reason), _) => reason,
            (None, WsError::Capacity(_)) => Reason::MessageTooBig,
            (None, WsError::Utf8(_)) => Reason::InvalidUtf8,
            (None, WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return self.lost(),
            (None, WsError::Protocol(_) | WsError::AttackAttempt) => Reason::ProtocolError,
            (None, _) => return self.lost(),
        };
        self.close_with(reason);
        if let WsError::Capacity(CapacityError::MessageTooLong { size, .. }) = error {
            self.socket.get_mut().read_more((*size).min(OVERSIZED));
        }
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
        self.tasks.wake_by_ref();
    }

    /// From now on only so much is read.
    pub(super) fn begin_farewell(&mut self) {
        let longest = self.socket.get_config().max_message_size.unwrap_or_default();
        self.socket.get_mut().read_only(FAREWELL.max(longest.saturating_add(READ_BUFFER)));
    }

    /// The deadline for the close has passed.
    pub(super) fn terminate(&mut self, cx: &mut Context<'_>) {
        // The close handshake may be over with our half of it still here.
        let _sent = self.poll_outbox(cx);
        self.finish();
    }

    /// Whether nothing is sent any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.ending, Ending::Closing(_) | Ending::Done)
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
            match ready!(self.socket.get_mut().poll_rest(cx, &mut piece)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
