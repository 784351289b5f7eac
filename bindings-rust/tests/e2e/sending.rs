//! Servers that send without reading, and ones that read and send in two tasks.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::select;
use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt};
use smol::Timer;
use smol::net::TcpStream;
use wswarden::{Close, Guard, Guarded, Outgoing, Reason, Revocation, SendError, Smol, UnixTime, UserKey};

use crate::lab::{LOCAL, connect, empty, guard, head, raw, read_to_end, run, sockets, token, within};

/// A dead peer is found after 1.3 seconds, and told nothing for 0.3 more.
const QUICK: &str = r#"
[heartbeat]
interval = "1s"
timeout = "300ms"
[deadline]
close = "300ms"
[queue]
hard = "16MiB"
"#;

type Sends = SplitSink<Guarded<TcpStream, Smol>, Outgoing>;

/// Sends a tick every 50 milliseconds and never reads; how it ended, and after how long.
async fn ticker(guard: Guard<Smol>, server: TcpStream) -> (SendError, Duration) {
    let mut socket = guard.accept(server, LOCAL).await.unwrap();
    let began = Instant::now();
    loop {
        if let Err(error) = socket.send("tick".into()).await {
            return (error, began.elapsed());
        }
        Timer::after(Duration::from_millis(50)).await;
    }
}

/// How a server ends that only sends, its client having a token that lives so many seconds; both ends must agree.
async fn ends(more: &str, lives: i32, then: impl FnOnce(&Guard<Smol>)) -> (Close, Duration) {
    let guard = guard(more);
    let (server, client) = sockets().await;
    let server = smol::spawn(ticker(guard.clone(), server));
    let mut client = connect(client, Some(&token("ann", lives))).await;
    client.next().await.unwrap().unwrap();
    then(&guard);
    let (_, told) = read_to_end(&mut client).await;
    let (error, after) = server.await;
    let SendError::Closed(close) = error else { panic!("{error}") };
    assert_eq!(told, Some((close.code, close.reason.name().into())), "the far end");
    empty(&guard).await;
    (close, after)
}

#[test]
fn t51_who_only_sends_serves_no_token_that_has_expired() {
    run(async {
        let (close, after) = ends("[deadline]\nexpiry_grace = \"0s\"", 1, |_| {}).await;
        assert_eq!((close.code, close.reason), (4401, Reason::TokenExpired));
        assert!(after < Duration::from_millis(1500), "{after:?}");
    });
}

#[test]
fn who_only_sends_serves_nobody_who_is_revoked() {
    run(async {
        let user = UserKey { namespace: "https://id.example.com".into(), tenant: "".into(), subject: "ann".into() };
        let all = Revocation::User { user, issued_until: UnixTime::MAX };
        let revoke = |guard: &Guard<Smol>| assert_eq!(guard.revoke(&all, Duration::from_secs(3600)), Ok(1));
        let (close, after) = ends("", 60, revoke).await;
        assert_eq!(close.reason, Reason::Revoked);
        assert!(after < Duration::from_millis(500), "{after:?}");
    });
}

#[test]
fn who_only_sends_ends_with_the_lifetime_and_with_the_drain() {
    run(async {
        let (close, after) = ends("[deadline]\nlifetime = \"1s\"", 60, |_| {}).await;
        assert_eq!(close.reason, Reason::MaxLifetime);
        assert!(after < Duration::from_millis(1500), "{after:?}");
        let (close, after) = ends("[deadline]\ndrain = \"100ms\"", 60, Guard::drain).await;
        assert_eq!(close.reason, Reason::Draining);
        assert!(after < Duration::from_millis(500), "{after:?}");
    });
}

/// Two tasks serve a peer that neither reads nor answers: one only reads, `write` has the other half, and both must
/// end. Why the connection closed, and after how long the reader saw its end.
async fn halves<F>(write: impl FnOnce(Sends) -> F) -> (Reason, Duration)
where
    F: Future<Output = Sends> + Send + 'static,
{
    let guard = guard(QUICK);
    let (server, client) = sockets().await;
    let _dead = raw(client, head(Some(&token("ann", 60))).as_bytes()).await;
    let socket = guard.accept(server, LOCAL).await.unwrap();
    let began = Instant::now();
    let (sends, mut reads) = socket.split();
    let reader = smol::spawn(async move {
        while reads.next().await.is_some() {}
        (reads, began.elapsed())
    });
    // The reader waits before the writer begins: what the writer then takes over from it, it must give back.
    Timer::after(Duration::from_millis(50)).await;
    let writer = smol::spawn(write(sends));
    let limit = Duration::from_secs(4);
    let (reads, after) = within(limit, reader).await;
    let sends = within(limit, writer).await;
    let socket: Guarded<TcpStream, Smol> = reads.reunite(sends).unwrap();
    let reason = socket.closed().unwrap().reason;
    drop(socket);
    empty(&guard).await;
    (reason, after)
}

/// More than the sockets of both ends hold.
fn much() -> Outgoing {
    Outgoing::Binary(vec![7; 15 * 1024 * 1024])
}

#[test]
fn t64_a_blocked_writer_and_its_reader_end_with_the_heartbeat() {
    run(async {
        let (reason, after) = halves(|mut sends| async {
            let error = sends.send(much()).await.unwrap_err();
            assert!(matches!(error, SendError::Closed(close) if close.reason == Reason::PingTimeout), "{error}");
            sends
        })
        .await;
        assert_eq!(reason, Reason::PingTimeout);
        assert!(after > Duration::from_millis(1500) && after < Duration::from_secs(3), "{after:?}");
    });
}

#[test]
fn t64_a_reader_ends_soon_after_its_writer_was_closed_at_the_hard_mark() {
    run(async {
        let (reason, after) = halves(|mut sends| async {
            while sends.feed(Outgoing::Binary(vec![7; 1024 * 1024])).await.is_ok() {}
            sends
        })
        .await;
        assert_eq!(reason, Reason::SlowConsumer);
        assert!(after < Duration::from_millis(900), "{after:?}");
    });
}

#[test]
fn a_reader_ends_soon_after_its_writer_has_closed() {
    run(async {
        let (reason, after) = halves(|mut sends| async {
            sends.close().await.unwrap();
            sends
        })
        .await;
        assert_eq!(reason, Reason::ClosedByHost);
        assert!(after < Duration::from_millis(900), "{after:?}");
    });
}

#[test]
fn t20_a_writer_that_waits_to_close_ends_with_the_heartbeat() {
    run(async {
        let (reason, after) = halves(|mut sends| async {
            sends.feed(much()).await.unwrap();
            sends.close().await.ok();
            sends
        })
        .await;
        assert_eq!(reason, Reason::PingTimeout);
        assert!(after < Duration::from_secs(3), "{after:?}");
    });
}

#[test]
fn t20_a_writer_that_gives_up_leaves_the_deadlines_to_its_reader() {
    run(async {
        let (reason, after) = halves(|mut sends| async {
            let patience = Timer::after(Duration::from_millis(100));
            select(pin!(sends.send(much())), patience).await;
            sends
        })
        .await;
        assert_eq!(reason, Reason::PingTimeout);
        assert!(after < Duration::from_secs(3), "{after:?}");
    });
}
