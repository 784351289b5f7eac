//! Peers that are dead, or do not read.

use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::Message;
use futures::{SinkExt, StreamExt};
use smol::Timer;
use wswarden::{EventKind, Outgoing, Reason, SendError};

use crate::lab::{CHAT, LOCAL, audited, connect, empty, guard, head, open, raw, run, serve, sockets, token};

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

#[test]
fn a_client_that_reads_on_is_sent_far_more_than_the_hard_mark() {
    const MANY: usize = 400;
    run(async {
        let guard = guard("[queue]\nsoft = \"64KiB\"\nhard = \"128KiB\"");
        let (server, client) = sockets().await;
        let accepting = guard.clone();
        let sending = smol::spawn(async move {
            let mut socket = accepting.accept(server, LOCAL).await.unwrap();
            // Always one message behind: the queue is never empty, and never long.
            for _ in 0..MANY {
                socket.feed(Outgoing::Binary(vec![7; 16 * 1024])).await.unwrap();
                let mut turn = std::pin::pin!(socket.next());
                std::future::poll_fn(|cx| {
                    let _nothing = turn.as_mut().poll(cx);
                    std::task::Poll::Ready(())
                })
                .await;
                Timer::after(Duration::from_millis(1)).await;
            }
            SinkExt::close(&mut socket).await.unwrap();
            while socket.next().await.is_some() {}
        });
        let mut client = connect(client, Some(&token("ann", 60))).await;
        let mut read = 0;
        while let Some(Ok(message)) = client.next().await {
            read += usize::from(message.is_binary());
        }
        assert_eq!(read, MANY);
        sending.await;
    });
}
