//! The sink of a guarded connection: what goes out is counted, and never waits without bound.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Wake};

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
        self.get_mut().poll_sending(cx, Self::poll_all_sent)
    }

    /// Sends what waits and a close frame. Deadlines are kept meanwhile. Poll the stream to its end to see the peer's.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.get_mut().poll_sending(cx, Self::poll_all_closed)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Timer> Guarded<S, T> {
    /// Does what is due and then `step`, until there is nothing to do but to wait.
    fn poll_sending(
        &mut self,
        cx: &mut Context<'_>,
        step: impl Fn(&mut Self, &mut Context<'_>) -> Poll<Result<(), SendError>>,
    ) -> Poll<Result<(), SendError>> {
        let waker = self.tasks.waker();
        let both = &mut Context::from_waker(&waker);
        let mut is_known = false;
        loop {
            // Not only once there is no room: who always finds some would serve a token that has expired (threat 51).
            if !self.do_due(clock::mono()) {
                self.terminate(both);
            }
            if let Poll::Ready(sent) = step(self, both) {
                return Poll::Ready(sent);
            }
            if self.poll_sleep(both) {
                if is_known {
                    return Poll::Pending;
                }
                // Only who waits is noted: most find room, and are not to be woken for each message that comes.
                self.tasks.sending(cx);
                is_known = true;
            }
        }
    }

    fn poll_all_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let sent = self.poll_outbox(cx);
        // Who never reads leaves a close frame no other time to be sent.
        match self.session.closed() {
            Some(close) => Poll::Ready(Err(SendError::Closed(close))),
            None => sent.map_err(|error| self.failed(error)),
        }
    }

    fn poll_all_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        loop {
            match (self.poll_outbox(cx), self.session.closed()) {
                (Poll::Ready(Ok(())), None) => self.close_with(Reason::ClosedByHost),
                (Poll::Ready(sent), _) => return Poll::Ready(sent.map_err(|error| self.failed(error))),
                // Nothing will be due any more that could end the wait.
                (Poll::Pending, Some(close)) if self.is_over() => return Poll::Ready(Err(SendError::Closed(close))),
                (Poll::Pending, _) => return Poll::Pending,
            }
        }
    }

    /// Writing has failed; whoever reads finds the same when it looks.
    fn failed(&self, error: WsError) -> SendError {
        self.tasks.wake_by_ref();
        into_send_error(error)
    }
}

fn into_send_error(error: WsError) -> SendError {
    match error {
        WsError::Io(error) => SendError::Io(error),
        other => SendError::Io(io::Error::other(other)),
    }
}
