//! Servers that send without reading.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use smol::Timer;
use smol::net::TcpStream;
use wswarden::{Close, Guard, Reason, Revocation, SendError, Smol, UnixTime, UserKey};

use crate::lab::{LOCAL, connect, empty, guard, read_to_end, run, sockets, token};

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
