//! Whatever the exit path is, everything is given back once.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::io::{AsyncRead, AsyncWrite};
use wswarden::{Answer, EventKind, Identity, Need};

use crate::lab::{CHAT, Log, echo, frame, guard_of_sessions, head, run};

/// One address makes thousands of connections here.
const COOKIE: &str = r#"
credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
[rate.address]
handshakes = { limit = 100000, per = "1s", burst = 100000 }
messages = { limit = 100000, per = "1s", burst = 100000 }
[rate.user]
messages = { limit = 100000, per = "1s", burst = 100000 }
"#;

/// A peer that sends what it was given in small pieces and takes small pieces, and makes every
/// other call wait: as many points to be cut at as can be.
struct Dribble {
    input: Vec<u8>,
    at: usize,
    /// Whether the last call of reading, and of writing, had to wait.
    waits: [bool; 2],
    /// The peer leaves after its last byte; else it stays, silent.
    leaves: bool,
}

impl Dribble {
    fn new(input: Vec<u8>, leaves: bool) -> Self {
        Self { input, at: 0, waits: [false; 2], leaves }
    }

    fn turn(&mut self, way: usize, cx: &Context<'_>) -> bool {
        self.waits[way] = !self.waits[way];
        if self.waits[way] {
            cx.waker().wake_by_ref();
        }
        !self.waits[way]
    }
}

impl AsyncRead for Dribble {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.turn(0, cx) {
            return Poll::Pending;
        }
        let length = buffer.len().min(7).min(self.input.len() - self.at);
        if length == 0 && !self.leaves {
            return Poll::Pending;
        }
        buffer[..length].copy_from_slice(&self.input[self.at..self.at + length]);
        self.at += length;
        Poll::Ready(Ok(length))
    }
}

impl AsyncWrite for Dribble {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.turn(1, cx) { Poll::Ready(Ok(bytes.len().min(7))) } else { Poll::Pending }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.turn(1, cx) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// What a client sends: its request, messages good and bad, a ping, a close frame.
fn script() -> Vec<u8> {
    let request = head(None).replacen("upgrade:", "cookie: sid=s3cret\r\nupgrade:", 1);
    let mut bytes = request.into_bytes();
    bytes.extend(frame(0x81, CHAT.as_bytes()));
    bytes.extend(frame(0x81, b"{}"));
    bytes.extend(frame(0x89, b"ping"));
    bytes.extend(frame(0x81, CHAT.as_bytes()));
    bytes.extend(frame(0x88, &1000u16.to_be_bytes()));
    bytes
}

fn resolver(answers: bool) -> (wswarden::Guard<wswarden::Smol>, Log) {
    let log = Log::default();
    let kept = Arc::clone(&log);
    let guard = guard_of_sessions(COOKIE, move |_: Need, _: &_| async move {
        smol::future::yield_now().await;
        if !answers {
            std::future::pending::<()>().await;
        }
        Answer::Identity(Identity::assertion("ann"))
    })
    .audit_with(move |record| kept.lock().unwrap().push(record.event));
    (guard, log)
}

/// Polls a future so often and drops it.
fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..times {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
    }
    None
}

fn assert_given_back(guard: &wswarden::Guard<wswarden::Smol>, log: &Mutex<Vec<wswarden::Event>>, times: usize) {
    let stats = guard.stats();
    let held = (stats.connections, stats.unauthenticated, stats.sessions);
    assert_eq!(held, (0, 0, 0), "after {times} polls");
    let count = |kind| log.lock().unwrap().iter().filter(|event| event.kind == kind).count();
    assert_eq!(count(EventKind::Opened), count(EventKind::Closed), "after {times} polls");
}

#[test]
fn a_connection_dropped_at_any_await_gives_everything_back() {
    let (guard, log) = resolver(true);
    for times in 0..2000 {
        let stream = Dribble::new(script(), true);
        let end = polled(echo(guard.clone(), stream), times);
        assert_given_back(&guard, &log, times);
        if let Some(end) = end {
            assert_eq!(end.heard, [CHAT; 2]);
            assert!(times > 60, "cut at only {times} points");
            return;
        }
    }
    panic!("it never ended: {:?}", guard.stats());
}

#[test]
fn a_stream_that_ends_after_any_byte_gives_everything_back() {
    let script = script();
    let (guard, log) = resolver(true);
    for length in 0..script.len() {
        let input = script[..length].to_vec();
        let end = polled(echo(guard.clone(), Dribble::new(input, true)), 10_000);
        assert!(end.is_some(), "cut after {length} bytes, it never ended");
        assert_given_back(&guard, &log, length);
    }
    assert!(guard.stats().opened > 50);
}

#[test]
fn t15_a_peer_that_is_judged_for_ever_gives_its_place_back_when_it_leaves() {
    run(async {
        let (guard, log) = resolver(false);
        let input = head(None).replacen("upgrade:", "cookie: sid=s3cret\r\nupgrade:", 1).into_bytes();
        let end = echo(guard.clone(), Dribble::new(input, true)).await;
        assert!(end.failed);
        assert_given_back(&guard, &log, 0);
    });
}

#[test]
fn t19_thousands_of_connections_leave_nothing_behind() {
    let (guard, log) = resolver(true);
    for round in 0..3000 {
        let times = 20 + round % 400;
        let stream = Dribble::new(script(), round % 2 == 0);
        polled(echo(guard.clone(), stream), times);
        assert_given_back(&guard, &log, times);
        log.lock().unwrap().clear();
    }
    let stats = guard.stats();
    assert!(stats.opened > 1000, "{stats:?}");
    assert_eq!((stats.addresses, stats.users), (2, 1), "the address, and its sockets without a request");
}
