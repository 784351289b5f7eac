//! Peers that are dead, or do not read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::Message;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use futures::{FutureExt, SinkExt, StreamExt};
use smol::Timer;
use wswarden::{EventKind, Outgoing, Reason, SendError};

use crate::lab::{CHAT, LOCAL, audited, empty, guard, head, open, raw, run, serve, sockets, token};

const QUICK: &str = r#"
[heartbeat]
interval = "1s"
timeout = "300ms"
[deadline]
close = "200ms"
"#;

#[test]
fn t20_a_client_that_never_reads_or_answers_is_cut() {
    run(async {
        let (guard, log) = audited(QUICK);
        let (server, stream) = serve(&guard).await;
        let _silent = raw(stream, head(Some(&token("ann", 60))).as_bytes()).await;
        let began = Instant::now();
        assert_eq!(server.await.closed.unwrap().reason, Reason::PingTimeout);
        let took = began.elapsed();
        assert!(took > Duration::from_millis(1200) && took < Duration::from_secs(4), "{took:?}");
        empty(&guard).await;
        let kinds: Vec<_> = log.lock().unwrap().iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Opened, EventKind::Closed]);
    });
}

#[test]
fn t13_sockets_that_stay_silent_are_few_and_cost_the_others_nothing() {
    run(async {
        let guard = guard("");
        let mut silent = Vec::new();
        for _ in 0..8 {
            silent.push(serve(&guard).await);
        }
        while guard.stats().unauthenticated < 8 {
            Timer::after(Duration::from_millis(5)).await;
        }
        let (server, mut client) = serve(&guard).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
        assert_eq!(server.await.refused, Some(Reason::TooManyConnections));

        // One of them leaves, and the next is served; the others wait for their deadline.
        let (server, stream) = silent.pop().unwrap();
        drop(stream);
        assert!(server.await.failed);
        let (_server, mut client) = open(&guard, "ann").await;
        client.send(CHAT.into()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text(CHAT));
    });
}

#[test]
fn a_client_that_answers_pings_stays() {
    run(async {
        let guard = guard(QUICK);
        let (_server, mut client) = open(&guard, "ann").await;
        let stays = Timer::after(Duration::from_millis(2800));
        let mut pings = 0;
        let reading = async {
            while let Some(Ok(message)) = client.next().await {
                pings += u32::from(message.is_ping());
            }
        };
        futures::future::select(std::pin::pin!(reading), stays).await;
        assert!(pings >= 2, "{pings} pings");
        client.send(CHAT.into()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text(CHAT));
    });
}

#[test]
fn t64_a_client_that_does_not_read_is_closed_at_the_hard_mark_and_freed() {
    run(async {
        let guard = guard(QUICK);
        let (server, client) = sockets().await;
        let accepting = guard.clone();
        let flood = smol::spawn(async move {
            let mut socket = accepting.accept(server, LOCAL).await.unwrap();
            let mut sent = 0u64;
            let refused = loop {
                // Nothing waits for the peer here: only the mark stops it.
                match socket.feed(Outgoing::Text("x".repeat(16 * 1024))).await {
                    Ok(()) => sent += 16 * 1024,
                    Err(error) => break error,
                }
            };
            assert!(sent <= 1024 * 1024, "{sent}");
            assert!(matches!(refused, SendError::Closed(close) if close.reason == Reason::SlowConsumer), "{refused}");
            while socket.next().await.is_some() {}
        });
        let _never_read = raw(client, head(Some(&token("ann", 60))).as_bytes()).await;
        flood.await;
        empty(&guard).await;
    });
}

#[test]
fn t64_a_blocked_send_ends_with_the_heartbeat() {
    run(async {
        let guard = guard(QUICK);
        let (server, client) = sockets().await;
        let accepting = guard.clone();
        let blocked = smol::spawn(async move {
            let mut socket = accepting.accept(server, LOCAL).await.unwrap();
            loop {
                if let Err(error) = socket.send(Outgoing::Binary(vec![7; 64 * 1024])).await {
                    break error;
                }
            }
        });
        let _never_read = raw(client, head(Some(&token("ann", 60))).as_bytes()).await;
        let error = blocked.await;
        assert!(matches!(error, SendError::Closed(close) if close.reason == Reason::PingTimeout), "{error}");
        empty(&guard).await;
    });
}

/// A peer that has sent its request, and reads as much as the test lets it.
struct Steady {
    input: Vec<u8>,
    room: Arc<AtomicUsize>,
}

impl AsyncRead for Steady {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let length = self.input.len().min(buffer.len());
        if length == 0 {
            return Poll::Pending;
        }
        buffer[..length].copy_from_slice(&self.input[..length]);
        self.input.drain(..length);
        Poll::Ready(Ok(length))
    }
}

impl AsyncWrite for Steady {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let room = self.room.load(Ordering::SeqCst);
        if room == 0 {
            return Poll::Pending;
        }
        let length = room.min(bytes.len());
        self.room.store(room - length, Ordering::SeqCst);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_client_that_reads_on_is_sent_far_more_than_the_hard_mark() {
    run(async {
        let guard = guard("[queue]\nsoft = \"64KiB\"\nhard = \"128KiB\"");
        let room = Arc::new(AtomicUsize::new(4096));
        let stream = Steady { input: head(Some(&token("ann", 60))).into_bytes(), room: Arc::clone(&room) };
        let mut socket = guard.accept(stream, LOCAL).await.unwrap();
        room.store(0, Ordering::SeqCst);
        // One and a half messages behind, always: the queue is never empty, and never long.
        for round in 0..400 {
            socket.feed(Outgoing::Binary(vec![7; 16 * 1024])).await.unwrap();
            let frame = 16 * 1024 + 4;
            room.fetch_add(if round == 0 { frame / 2 } else { frame }, Ordering::SeqCst);
            assert!(socket.next().now_or_never().is_none());
        }
    });
}
