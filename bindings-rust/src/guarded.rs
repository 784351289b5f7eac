//! A guarded connection: a stream of messages that are within policy, and a sink.

mod ending;
mod sending;
mod tasks;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, ready};

use self::ending::Ending;
use self::tasks::Tasks;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use async_tungstenite::tungstenite::{Error as WsError, Message as Frame};
use futures::io::{AsyncRead, AsyncWrite};
use futures::{Sink, Stream};
use wswarden_core::message::Scratch;
use wswarden_core::{
    Action, Close, FrameMeter, Judgement, Message, Need, Outcome, Reason, Reply, Session, Timestamp, Verdict,
};

use crate::clock;
use crate::guard::Guard;
use crate::resolve::Resolving;
use crate::timer::Timer;
use crate::traffic::Incoming;
use crate::transport::Metered;

/// The library's read buffer. Its default of 128 KiB for each connection is a gift to whoever
/// opens many.
const READ_BUFFER: usize = 8 * 1024;

/// Room in the library's write buffer beyond the policy's hard mark: one control frame.
const CONTROL_FRAME: usize = 256;

/// So many frames or pieces are read in one poll; then other tasks get their turn. A peer that sends
/// without end would keep a thread to itself.
const TURN: u32 = 64;

thread_local! {
    /// What the judging of messages needs: 16 KiB for a thread, not for each of its connections. No message leaves
    /// anything in it, so that it may be of another guard.
    static SCRATCH: RefCell<Option<Box<Scratch>>> = const { RefCell::new(None) };
}

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
    /// When the sleep ends, and the sleep.
    wake: Option<(Timestamp, T::Sleep)>,
    /// What waits to be sent, each with the bytes the session counts for it; it closes at the
    /// policy's hard mark.
    outbox: VecDeque<(Frame, u64)>,
    /// The counted bytes of what the library has, and may not have written yet.
    handed: u64,
    /// What the host was asked, once of each kind at most.
    asked: Vec<(Resolving, Asked)>,
    tasks: Arc<Tasks>,
    ending: Ending<T::Sleep>,
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
        let tasks = Arc::<Tasks>::default();
        // What was read already and breaks the rules is not handed on: reading then says why.
        let first = if stream.stopped.is_some() { Vec::new() } else { first };
        let socket = WebSocketStream::from_partially_read(stream, first, Role::Server, Some(config)).await;
        guard.record(Some(session.opened()), &session);
        guard.watch(session.id(), tasks.waker());
        Self {
            socket,
            session,
            guard: guard.clone(),
            wake: None,
            outbox: VecDeque::new(),
            handed: 0,
            asked: Vec::new(),
            tasks,
            ending: Ending::Open,
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
    pub fn close_with(&mut self, reason: Reason) {
        let outcome = self.session.close(reason, clock::mono());
        self.apply(outcome);
    }

    /// Does what an outcome says.
    fn apply(&mut self, outcome: Outcome) {
        self.guard.record(outcome.event, &self.session);
        match outcome.verdict {
            Verdict::Reply(reply) => self.outbox.push_back((error_reply(reply), 0)),
            Verdict::Close(close) => self.send_close(close),
            // The library answers pings and close frames of its own accord.
            _ => {}
        }
    }

    /// Sends a close frame in place of all that still waits: after it nothing may follow, and only so much is read.
    fn send_close(&mut self, close: Close) {
        self.begin_farewell();
        // Whoever reads has a nearer deadline now, and whoever waits for room need wait no more.
        self.tasks.wake_by_ref();
        let frame =
            (close.code != 0).then(|| CloseFrame { code: CloseCode::from(close.code), reason: close.text().into() });
        self.outbox.clear();
        self.outbox.push_back((Frame::Close(frame), 0));
    }

    /// Does what is due. False: the stream is over.
    fn do_due(&mut self, now: Timestamp) -> bool {
        while let Some(due) = self.session.handle_timeout(now) {
            self.guard.record(due.event, &self.session);
            match due.action {
                Action::Ping(payload) => self.outbox.push_back((Frame::Ping(payload.to_vec().into()), 0)),
                Action::Close(close) => self.send_close(close),
                Action::Revalidate => self.ask_again(),
                Action::Terminate => return false,
                _ => {}
            }
        }
        true
    }

    /// Has the task woken when something will be due. False: something is by now.
    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.session.next_timeout() else { return true };
        // A deadline that moved later costs nothing: the old sleep ends and a new one begins.
        if self.wake.as_ref().is_none_or(|(wake_at, _)| *wake_at > at) {
            self.wake = Some((at, self.guard.timer.sleep(at.since(clock::mono()))));
        }
        let slept = self.wake.as_mut().is_none_or(|(_, sleep)| Pin::new(sleep).poll(cx).is_ready());
        if slept {
            self.wake = None;
            // The other task waits for this sleep, too, and has to begin the next if this one does not.
            self.tasks.wake_by_ref();
        }
        !slept
    }

    /// Asks the identity's source whether it still holds.
    fn ask_again(&mut self) {
        let Some(identity) = self.session.identity() else { return };
        let need = Need::Revalidate(identity.clone());
        self.asked.push((self.guard.resolve.resolve(need, self.session.peer()), Asked::Revalidation));
    }

    /// Hands the session what the host has found out meanwhile.
    fn poll_asked(&mut self, cx: &mut Context<'_>) {
        let mut place = 0;
        while let Some((resolving, _)) = self.asked.get_mut(place) {
            let Poll::Ready(answer) = resolving.as_mut().poll(cx) else {
                place += 1;
                continue;
            };
            match self.asked.swap_remove(place).1 {
                Asked::Credential => {
                    let arrived = self.guard.arrived.count();
                    let judgement = self.session.provide(answer, clock::now());
                    self.judged(judgement, arrived);
                }
                Asked::Revalidation => {
                    let outcome = self.session.revalidated(answer, clock::now());
                    self.apply(outcome);
                }
            }
        }
    }

    /// `arrived` is the count of key sets that had come before it was judged.
    fn judged(&mut self, judgement: Judgement, arrived: u64) {
        match judgement {
            Judgement::Done(outcome) => self.apply(outcome),
            Judgement::Wait(need) => {
                self.asked.push((self.guard.find(&need, self.session.peer(), arrived), Asked::Credential));
            }
        }
    }

    /// Hands the library what waits to be sent. Ready when nothing waits any more.
    fn poll_outbox(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        while !self.outbox.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            // The library is ready when it has written what it had.
            self.session.drained(std::mem::take(&mut self.handed));
            let Some((frame, counted)) = self.outbox.pop_front() else { break };
            self.handed = counted;
            match Pin::new(&mut self.socket).start_send(frame) {
                // The library has sent its own close frame already, in answer to the peer's.
                Ok(()) | Err(WsError::Protocol(_) | WsError::ConnectionClosed) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.session.drained(std::mem::take(&mut self.handed));
        Poll::Ready(Ok(()))
    }

    /// One frame or message from the library. None: nothing to deliver, go on.
    fn judge(&mut self, frame: Frame, now: Timestamp) -> Option<Incoming> {
        let message = match &frame {
            Frame::Text(text) => Message::Text(text.as_bytes()),
            Frame::Binary(bytes) => Message::Binary(bytes),
            Frame::Ping(payload) => Message::Ping(payload),
            Frame::Pong(payload) => Message::Pong(payload),
            Frame::Close(close) => Message::Close(close.as_ref().map(|close| u16::from(close.code))),
            Frame::Frame(_) => return None,
        };
        let outcome = SCRATCH.with_borrow_mut(|scratch| {
            let scratch = scratch.get_or_insert_with(|| self.guard.core.scratch());
            self.session.receive(message, scratch, now)
        });
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
                let arrived = self.guard.arrived.count();
                let judgement = self.session.authenticate(frame_bytes(&frame), clock::now());
                self.judged(judgement, arrived);
            }
            _ => self.apply(outcome),
        }
        None
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Timer> Stream for Guarded<S, T> {
    type Item = Incoming;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let this = self.get_mut();
        this.tasks.reading(cx);
        let waker = this.tasks.waker();
        let cx = &mut Context::from_waker(&waker);
        loop {
            match this.poll_message(cx) {
                Poll::Ready(message) => return Poll::Ready(message),
                Poll::Pending if this.poll_sleep(cx) => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Timer> Guarded<S, T> {
    /// The next message; all else is done on the way. Who waits for it has to be woken for deadlines, too.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        for _ in 0..TURN {
            match &mut self.ending {
                Ending::Open | Ending::Failed | Ending::Emptying => {}
                Ending::Closing(sleep) => {
                    let closed = Pin::new(self.socket.get_mut().stream()).poll_close(cx).is_ready();
                    if !closed {
                        ready!(Pin::new(sleep).poll(cx));
                    }
                    self.ending = Ending::Done;
                    return Poll::Ready(None);
                }
                Ending::Done => return Poll::Ready(None),
            }
            let now = clock::mono();
            if !self.do_due(now) {
                self.terminate(cx);
                continue;
            }
            self.poll_asked(cx);
            // Reading goes on while the peer does not read: what waits for it is bounded, and its
            // pongs must be seen.
            if let Ending::Emptying = self.ending {
                ready!(self.poll_emptying(cx));
                self.finish();
                continue;
            }
            let sent = match self.poll_outbox(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Pending => false,
                Poll::Ready(Err(error)) => {
                    self.over(&error);
                    continue;
                }
            };
            if let Ending::Failed = self.ending {
                // A stream that cannot be ended is gone: reading says so.
                if sent && Pin::new(self.socket.get_mut().stream()).poll_close(cx).is_ready() {
                    self.ending = Ending::Emptying;
                }
                ready!(self.poll_emptying(cx));
                self.finish();
                continue;
            }
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(frame)) => {
                    if let Some(incoming) = self.judge(frame, now) {
                        return Poll::Ready(Some(incoming));
                    }
                }
                Some(Err(error)) => self.broken(&error),
                None => self.finish(),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
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
