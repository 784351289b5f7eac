//! The sink of a guarded connection: what goes out is counted, and never waits without bound.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_tungstenite::tungstenite::{Error as WsError, Message as Frame};
use futures::Sink;
use futures::io::{AsyncRead, AsyncWrite};
use wswarden_core::{Pressure, Reason};

use super::Guarded;
use crate::clock;
use crate::timer::Timer;
use crate::traffic::{Outgoing, SendError};

impl<S: AsyncRead + AsyncWrite + Unpin, T: Timer> Sink<Outgoing> for Guarded<S, T> {
    type Error = SendError;

    /// Ready as long as the connection is open: what waits is counted, not waited for.
    fn poll_ready(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        Poll::Ready(self.session.closed().map_or(Ok(()), |close| Err(SendError::Closed(close))))
    }

    /// Queues a message. Over the policy's hard mark the connection closes instead.
    fn start_send(self: Pin<&mut Self>, message: Outgoing) -> Result<(), SendError> {
        let this = self.get_mut();
        if let Some(close) = this.session.closed() {
            return Err(SendError::Closed(close));
        }
        let frame = match message {
            Outgoing::Text(text) => Frame::Text(text.into()),
            Outgoing::Binary(bytes) => Frame::Binary(bytes.into()),
        };
        let length = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        if let Pressure::Close(close, event) = this.session.queued(length, clock::mono()) {
            this.guard.record(event, &this.session);
            this.send_close(close);
            return Err(SendError::Closed(close));
        }
        this.outbox.push_back((frame, length));
        Ok(())
    }

    /// Sends what waits. Deadlines are kept meanwhile, whether or not the stream is polled, too: a token that expires, or
    /// a peer that reads nothing for so long that it misses a ping, closes the connection, and the flush fails.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let this = self.get_mut();
        this.watch(cx);
        loop {
            // Not only once there is no room: who always finds some would serve a token that has expired (threat 51).
            if !this.do_due(clock::mono()) {
                return Poll::Ready(Err(SendError::Io(io::ErrorKind::BrokenPipe.into())));
            }
            let sent = this.poll_outbox(cx);
            // Who never reads leaves a close frame no other time to be sent.
            if let Some(close) = this.session.closed() {
                return Poll::Ready(Err(SendError::Closed(close)));
            }
            if let Poll::Ready(sent) = sent {
                return Poll::Ready(sent.map_err(into_send_error));
            }
            if this.poll_sleep(cx) {
                return Poll::Pending;
            }
        }
    }

    /// Sends what waits and a close frame. Poll the stream to its end to see the peer's.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let this = self.get_mut();
        if this.session.closed().is_none() {
            ready!(this.poll_outbox(cx)).map_err(into_send_error)?;
            this.close_with(Reason::ClosedByHost);
        }
        this.poll_outbox(cx).map_err(into_send_error)
    }
}

fn into_send_error(error: WsError) -> SendError {
    match error {
        WsError::Io(error) => SendError::Io(error),
        other => SendError::Io(io::Error::other(other)),
    }
}
