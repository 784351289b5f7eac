//! A guarded connection: a stream of messages that are within policy, and a sink.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use async_tungstenite::tungstenite::{Error as WsError, Message as Frame};
use futures::io::{AsyncRead, AsyncWrite};
use futures::{Sink, Stream};
use wswarden_core::message::Scratch;
use wswarden_core::{
    Action, Close, FrameMeter, Judgement, Message, Need, Outcome, Pressure, Reason, Reply, Session, Timestamp, Verdict,
};

use crate::clock;
use crate::guard::Guard;
use crate::resolve::Resolving;
use crate::timer::Timer;
use crate::traffic::{Incoming, Outgoing, SendError};
use crate::transport::Metered;

/// The library's read buffer. Its default of 128 KiB for each connection is a gift to whoever
/// opens many.
const READ_BUFFER: usize = 8 * 1024;

/// Room in the library's write buffer beyond the policy's hard mark: one control frame.
const CONTROL_FRAME: usize = 256;

/// A guarded connection.
///
/// As a [`Stream`] it gives messages that are within policy and ends when the connection does;
/// [`closed`](Self::closed) then says why. Polling it also does all the rest: pings, deadlines,
/// error replies, closes, credentials that are renewed. So poll it, always, even if no message is
/// awaited. As a [`Sink`] it sends text and bytes. Dropping it gives everything back.
pub struct Guarded<S, T: Timer> {
    socket: WebSocketStream<Metered<S>>,
    session: Session,
    guard: Guard<T>,
    scratch: Scratch,
    /// When the sleep ends, and the sleep.
    wake: Option<(Timestamp, T::Sleep)>,
    /// What waits to be sent. The session counts its bytes and closes at the policy's hard mark.
    outbox: VecDeque<Frame>,
    asked: Option<(Resolving, Asked)>,
    /// The library is done reading; only its stream is still emptied.
    emptying: Emptying,
    /// Bytes of messages that wait here or in the library.
    unsent: u64,
    ended: bool,
}

/// How far the end of a connection is that the library has given up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Emptying {
    /// It has not.
    No,
    /// The close frame is on its way.
    Sending,
    /// What the peer still sends is read and dropped.
    Reading,
}

/// What the host was asked about.
enum Asked {
    Credential,
    Revalidation,
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Timer> Guarded<S, T> {
    /// Guards a stream on which the 101 was sent. `first` is what the peer sent right after its
    /// request; it is read before anything else.
    pub async fn from_upgraded(guard: &Guard<T>, stream: S, session: Session, first: Vec<u8>) -> Self {
        let policy = guard.core.policy();
        let document = policy.document_for(&session.peer().path);
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let most = bytes(document.message.max_bytes.bytes());
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(bytes(document.queue.hard.bytes()).saturating_add(CONTROL_FRAME))
            .max_message_size(Some(most))
            .max_frame_size(Some(most));
        let stream = Metered::new(stream, FrameMeter::new(document.message.max_fragments), &first);
        let socket = WebSocketStream::from_partially_read(stream, first, Role::Server, Some(config)).await;
        Self {
            socket,
            session,
            guard: guard.clone(),
            scratch: Scratch::new(),
            wake: None,
            outbox: VecDeque::new(),
            asked: None,
            emptying: Emptying::No,
            unsent: 0,
            ended: false,
        }
    }

    /// The session: who, where, and how it stands.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session, to join and leave channels or to close it.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Why the connection is closing or closed; none while it is open.
    pub fn closed(&self) -> Option<Close> {
        self.session.closed()
    }

    /// Closes the connection; poll the stream until it ends, so that the peer gets to know.
    pub fn close(&mut self, reason: Reason) {
        let outcome = self.session.close(reason, clock::mono());
        self.apply(outcome);
    }

    /// Does what an outcome says.
    fn apply(&mut self, outcome: Outcome) {
        self.guard.record(outcome.event, &self.session);
        match outcome.verdict {
            Verdict::Reply(reply) => self.outbox.push_back(error_reply(reply)),
            Verdict::Close(close) => self.send_close(close),
            // The library answers pings and close frames of its own accord.
            _ => {}
        }
    }

    /// Sends a close frame in place of all that still waits: after it nothing may follow.
    fn send_close(&mut self, close: Close) {
        let frame =
            (close.code != 0).then(|| CloseFrame { code: CloseCode::from(close.code), reason: close.text().into() });
        self.outbox.clear();
        self.outbox.push_back(Frame::Close(frame));
    }

    /// Does what is due, and has the task woken when something will be. False: the stream is over.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let now = clock::mono();
            if let Some(due) = self.session.handle_timeout(now) {
                self.guard.record(due.event, &self.session);
                match due.action {
                    Action::Ping(payload) => self.outbox.push_back(Frame::Ping(payload.to_vec().into())),
                    Action::Close(close) => self.send_close(close),
                    Action::Revalidate => self.ask_again(),
                    Action::Terminate => return false,
                    _ => {}
                }
                continue;
            }
            let Some(at) = self.session.next_timeout() else { return true };
            // A deadline that moved later costs nothing: the old sleep ends and a new one begins.
            if self.wake.as_ref().is_none_or(|(wake_at, _)| *wake_at > at) {
                self.wake = Some((at, self.guard.timer.sleep(at.since(now))));
            }
            let slept = self.wake.as_mut().is_none_or(|(_, sleep)| Pin::new(sleep).poll(cx).is_ready());
            if !slept {
                return true;
            }
            self.wake = None;
        }
    }

    /// Asks the identity's source whether it still holds.
    fn ask_again(&mut self) {
        let Some(identity) = self.session.identity() else { return };
        let need = Need::Revalidate(identity.clone());
        self.asked = Some((self.guard.resolve.resolve(need, self.session.peer()), Asked::Revalidation));
    }

    /// Hands the session what the host has found out meanwhile.
    fn poll_asked(&mut self, cx: &mut Context<'_>) {
        let Some((answer, asked)) = &mut self.asked else { return };
        let Poll::Ready(answer) = answer.as_mut().poll(cx) else { return };
        let asked = std::mem::replace(asked, Asked::Credential);
        self.asked = None;
        match asked {
            Asked::Credential => {
                let judgement = self.session.provide(answer, clock::now());
                self.judged(judgement);
            }
            Asked::Revalidation => {
                let outcome = self.session.revalidated(answer, clock::now());
                self.apply(outcome);
            }
        }
    }

    fn judged(&mut self, judgement: Judgement) {
        match judgement {
            Judgement::Done(outcome) => self.apply(outcome),
            Judgement::Wait(need) => {
                self.asked = Some((self.guard.resolve.resolve(need, self.session.peer()), Asked::Credential));
            }
        }
    }

    /// Hands the library what waits to be sent. Ready when nothing waits any more.
    fn poll_outbox(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        while !self.outbox.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            let Some(frame) = self.outbox.pop_front() else { break };
            match Pin::new(&mut self.socket).start_send(frame) {
                // The library has sent its own close frame already, in answer to the peer's.
                Ok(()) | Err(WsError::Protocol(_) | WsError::ConnectionClosed) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.session.drained(std::mem::take(&mut self.unsent));
        Poll::Ready(Ok(()))
    }

    /// One frame or message from the library. None: nothing to deliver, go on.
    fn judge(&mut self, frame: Frame) -> Option<Incoming> {
        let now = clock::mono();
        let message = match &frame {
            Frame::Text(text) => Message::Text(text.as_bytes()),
            Frame::Binary(bytes) => Message::Binary(bytes),
            Frame::Ping(payload) => Message::Ping(payload),
            Frame::Pong(payload) => Message::Pong(payload),
            Frame::Close(close) => Message::Close(close.as_ref().map(|close| u16::from(close.code))),
            Frame::Frame(_) => return None,
        };
        let outcome = self.session.receive(message, &mut self.scratch, now);
        match outcome.verdict {
            Verdict::Deliver(kind) => {
                self.guard.record(outcome.event, &self.session);
                return match frame {
                    Frame::Text(text) => Some(Incoming::Text { kind, text: text.as_str().to_owned() }),
                    Frame::Binary(bytes) => Some(Incoming::Binary { kind, bytes: bytes.to_vec() }),
                    _ => None,
                };
            }
            Verdict::Authenticate => {
                let judgement = self.session.authenticate(frame_bytes(&frame), clock::now());
                self.judged(judgement);
            }
            _ => self.apply(outcome),
        }
        None
    }

    /// The library refuses to read on: says why to the peer, and empties the stream meanwhile.
    fn broken(&mut self, error: &WsError) {
        let reason = match (self.socket.get_ref().stopped, error) {
            (Some(reason), _) => reason,
            (None, WsError::Capacity(_)) => Reason::MessageTooBig,
            (None, WsError::Utf8(_)) => Reason::InvalidUtf8,
            (None, WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return self.lost(),
            (None, WsError::Protocol(_) | WsError::AttackAttempt) => Reason::ProtocolError,
            (None, _) => return self.lost(),
        };
        self.close(reason);
        self.emptying = Emptying::Sending;
    }

    /// The stream is gone.
    fn lost(&mut self) {
        let event = self.session.lost(clock::mono());
        self.guard.record(event, &self.session);
        self.ended = true;
    }

    /// Reads and drops what the peer still sends after the library has given up: closing a socket
    /// with bytes unread would reset it, and the reset can overtake the close frame. Our own
    /// direction is ended at once, so that a peer that minds the close frame is gone at once, too.
    fn poll_emptying(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.emptying == Emptying::Sending {
            if !self.outbox.is_empty() {
                return Poll::Pending;
            }
            // A stream that cannot be ended is gone: reading says so.
            let _ended = ready!(Pin::new(self.socket.get_mut().stream()).poll_close(cx));
            self.emptying = Emptying::Reading;
        }
        let mut piece = [0; READ_BUFFER];
        loop {
            match ready!(Pin::new(self.socket.get_mut().stream()).poll_read(cx, &mut piece)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Timer> Stream for Guarded<S, T> {
    type Item = Incoming;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        this.guard.watch(this.session.id(), cx.waker());
        loop {
            if !this.poll_due(cx) {
                this.ended = true;
                return Poll::Ready(None);
            }
            this.poll_asked(cx);
            // Reading goes on while the peer does not read: what waits for it is bounded, and its
            // pongs must be seen.
            if let Poll::Ready(Err(_)) = this.poll_outbox(cx) {
                this.lost();
                return Poll::Ready(None);
            }
            if this.emptying != Emptying::No {
                ready!(this.poll_emptying(cx));
                this.ended = true;
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.socket).poll_next(cx)) {
                Some(Ok(frame)) => {
                    if let Some(incoming) = this.judge(frame) {
                        return Poll::Ready(Some(incoming));
                    }
                }
                Some(Err(error)) => {
                    this.broken(&error);
                    if this.ended {
                        return Poll::Ready(None);
                    }
                }
                None => {
                    this.lost();
                    return Poll::Ready(None);
                }
            }
        }
    }
}

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
        this.unsent = this.unsent.saturating_add(length);
        this.outbox.push_back(frame);
        Ok(())
    }

    /// Sends what waits. Deadlines are kept meanwhile: a peer that does not read for so long that
    /// it misses a ping is closed, and the flush fails.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let this = self.get_mut();
        this.guard.watch(this.session.id(), cx.waker());
        let alive = this.poll_due(cx);
        match (alive, this.session.closed()) {
            (true, None) => this.poll_outbox(cx).map_err(into_send_error),
            (_, Some(close)) => Poll::Ready(Err(SendError::Closed(close))),
            (false, None) => Poll::Ready(Err(SendError::Io(io::ErrorKind::BrokenPipe.into()))),
        }
    }

    /// Sends what waits and a close frame. Poll the stream to its end to see the peer's.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let this = self.get_mut();
        if this.session.closed().is_none() {
            ready!(this.poll_outbox(cx)).map_err(into_send_error)?;
            this.close(Reason::ClosedByHost);
        }
        this.poll_outbox(cx).map_err(into_send_error)
    }
}

impl<S, T: Timer> Drop for Guarded<S, T> {
    fn drop(&mut self) {
        self.guard.forget(self.session.id());
        let event = self.session.lost(clock::mono());
        self.guard.record(event, &self.session);
    }
}

impl<S, T: Timer> fmt::Debug for Guarded<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("session", &self.session).finish_non_exhaustive()
    }
}

fn into_send_error(error: WsError) -> SendError {
    match error {
        WsError::Io(error) => SendError::Io(error),
        other => SendError::Io(io::Error::other(other)),
    }
}

fn error_reply(reply: Reply) -> Frame {
    let mut buffer = [0; Reply::MAX];
    Frame::Text(String::from_utf8_lossy(reply.write(&mut buffer)).into_owned().into())
}

fn frame_bytes(frame: &Frame) -> &[u8] {
    match frame {
        Frame::Text(text) => text.as_bytes(),
        Frame::Binary(bytes) => bytes,
        _ => &[],
    }
}
