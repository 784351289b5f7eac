//! Closes, as the far end sees them.

use std::time::{Duration, Instant};

use async_tungstenite::tungstenite::Message;
use futures::StreamExt;
use futures::io::AsyncWriteExt;
use smol::Timer;
use wswarden::{EventKind, Reason};

use crate::lab::{CHAT, audited, connect, empty, frame, guard, head, open, raw, read_to_end, run, serve, token};

/// Reads what the server sends to a client without a library: the code and reason of its close frame.
async fn close_frame(mut stream: smol::net::TcpStream) -> (u16, String) {
    use futures::io::AsyncReadExt;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("no reset may overtake the close frame");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let mut frames = &bytes[end..];
    while let [first, length, rest @ ..] = frames {
        let (body, after) = rest.split_at(usize::from(*length));
        if *first == 0x88 {
            return (u16::from_be_bytes([body[0], body[1]]), String::from_utf8(body[2..].to_vec()).unwrap());
        }
        frames = after;
    }
    panic!("no close frame");
}

/// What a client is told that is let in and then sends these bytes.
async fn told(more: &str, bytes: &[u8]) -> (u16, String) {
    let guard = guard(more);
    let (server, stream) = serve(&guard).await;
    let stream = raw(stream, head(Some(&token("ann", 60))).as_bytes()).await;
    let mut writer = stream.clone();
    let bytes = bytes.to_vec();
    let sending = smol::spawn(async move {
        writer.write_all(&bytes).await.ok();
        // The answer to the close frame, so that the server need not wait for its deadline.
        Timer::after(Duration::from_millis(50)).await;
        writer.write_all(&frame(0x88, &1000u16.to_be_bytes())).await.ok();
        writer.shutdown(std::net::Shutdown::Write).ok();
    });
    let close = close_frame(stream).await;
    sending.await;
    assert_eq!(server.await.heard, [""; 0]);
    empty(&guard).await;
    close
}

fn is(close: (u16, String), code: u16, reason: Reason) {
    assert_eq!((close.0, close.1.as_str()), (code, reason.name()));
}

#[test]
fn t59_too_many_fragments() {
    let mut bytes = frame(0x01, b"{");
    for _ in 0..64 {
        bytes.extend(frame(0x00, b""));
    }
    run(async move { is(told("", &bytes).await, 1009, Reason::TooManyFragments) });
}

#[test]
fn t58_a_message_too_big_is_told_so_although_it_is_still_being_sent() {
    let fragment = frame(0x00, &[b' '; 16 * 1024]);
    let mut bytes = frame(0x01, b"{");
    for _ in 0..60 {
        bytes.extend(&fragment);
    }
    run(async move { is(told("", &bytes).await, 1009, Reason::MessageTooBig) });
    let whole = frame(0x81, &[b' '; 4 * 1024 * 1024]);
    run(async move { is(told("", &whole).await, 1009, Reason::MessageTooBig) });
}

#[test]
fn t62_a_length_in_more_bytes_than_it_needs_is_a_breach() {
    let bytes = [0x81, 0xfe, 0, 2, 0, 0, 0, 0, b'{', b'}'];
    run(async move { is(told("", &bytes).await, 1002, Reason::ProtocolError) });
}

#[test]
fn t69_text_that_is_not_utf8() {
    run(async { is(told("", &frame(0x81, b"{\"content\":\"\xff\"}")).await, 1007, Reason::InvalidUtf8) });
}

#[test]
fn a_kind_that_is_not_taken() {
    run(async { is(told("", &frame(0x82, b"{}")).await, 1003, Reason::WrongFrameType) });
}

#[test]
fn frames_that_break_the_protocol() {
    let unmasked = [0x81, 2, b'{', b'}'];
    let reserved = frame(0xf1, b"{}");
    let unknown = frame(0x83, b"{}");
    let lonely = frame(0x80, b"{}");
    let long_ping = frame(0x89, &[0; 126]);
    run(async move {
        for bytes in [&unmasked[..], &reserved, &unknown, &lonely, &long_ping] {
            is(told("", bytes).await, 1002, Reason::ProtocolError);
        }
    });
}

#[test]
fn t65_a_flood_of_pings() {
    let pings = frame(0x89, b"x").repeat(200);
    run(async move { is(told("", &pings).await, 4429, Reason::RateLimited) });
}

#[test]
fn who_floods_on_after_the_close_is_cut_before_the_deadline() {
    // The first breaks the rate, the second the protocol: the library reads on after the one, and not after the other.
    for (more, first) in
        [("[rate]\non_excess = \"close\"\nconnection = { messages = { limit = 1, per = \"60s\" } }", 0x81), ("", 0x83)]
    {
        run(async move {
            let guard = guard(&format!("[deadline]\nclose = \"60s\"\n{more}"));
            let (server, stream) = serve(&guard).await;
            let mut stream = raw(stream, head(Some(&token("ann", 60))).as_bytes()).await;
            stream.write_all(&frame(first, CHAT.as_bytes())).await.unwrap();
            let messages = frame(0x81, CHAT.as_bytes()).repeat(1000);
            let began = Instant::now();
            let mut sent = 0;
            while stream.write_all(&messages).await.is_ok() {
                sent += messages.len();
                assert!(began.elapsed() < Duration::from_secs(10), "{sent} bytes are taken already");
            }
            assert!(sent > 500_000, "what an honest client has on its way is read: {sent} bytes");
            server.await;
            empty(&guard).await;
        });
    }
}

#[test]
fn invalid_messages_are_answered_and_the_last_one_closes() {
    run(async {
        let (guard, log) = audited("[message]\nerrors = { limit = 2, per = \"60s\" }");
        let (server, mut client) = open(&guard, "ann").await;
        for _ in 0..5 {
            client.send(r#"{"type":"chat","content":7}"#.into()).await.unwrap();
        }
        let (texts, close) = read_to_end(&mut client).await;
        let reply = r#"{"type":"error","code":"schema_violation","close_code":4400,"retryable":false}"#;
        assert_eq!(texts, [reply; 2]);
        assert_eq!(close, Some((4400, "too_many_errors".into())));
        assert_eq!(server.await.heard, [""; 0]);
        empty(&guard).await;
        let kinds: Vec<_> = log.lock().unwrap().iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Opened, EventKind::Violation, EventKind::Closed]);
    });
}

#[test]
fn messages_over_the_rate_are_answered_with_the_wait() {
    run(async {
        let guard = guard("[rate.connection]\nmessages = { limit = 60, per = \"60s\", burst = 3 }");
        let (server, mut client) = open(&guard, "ann").await;
        for _ in 0..4 {
            client.send(CHAT.into()).await.unwrap();
        }
        client.close(None).await.unwrap();
        let (texts, _) = read_to_end(&mut client).await;
        let (refused, echoed): (Vec<_>, Vec<_>) = texts.iter().partition(|text| text.contains("rate_limited"));
        assert_eq!((refused.len(), echoed.len()), (1, 3), "{texts:?}");
        assert!(refused[0].contains("retry_after_ms"), "{}", refused[0]);
        assert_eq!(server.await.heard.len(), 3);
    });
}

#[test]
fn revoking_a_user_reaches_the_far_end_of_an_idle_connection() {
    run(async {
        let guard = guard("");
        let (_ann, mut ann) = open(&guard, "ann").await;
        let (_bob, mut bob) = open(&guard, "bob").await;
        let user =
            wswarden::UserKey { namespace: "https://id.example.com".into(), tenant: "".into(), subject: "ann".into() };
        while guard.stats().sessions < 2 {
            Timer::after(Duration::from_millis(5)).await;
        }
        let began = Instant::now();
        let all = wswarden::Revocation::User { user, issued_until: wswarden::UnixTime::MAX };
        assert_eq!(guard.revoke(&all, Duration::from_secs(3600)), Ok(1));
        assert_eq!(read_to_end(&mut ann).await.1, Some((4401, "revoked".into())));
        assert!(began.elapsed() < Duration::from_secs(1), "only the next ping would have told");
        bob.send(CHAT.into()).await.unwrap();
        assert_eq!(bob.next().await.unwrap().unwrap(), Message::text(CHAT));
    });
}

#[test]
fn a_drain_closes_all_and_refuses_newcomers() {
    run(async {
        let guard = guard("");
        let (_ann, mut ann) = open(&guard, "ann").await;
        let (_bob, mut bob) = open(&guard, "bob").await;
        guard.drain();
        for client in [&mut ann, &mut bob] {
            assert_eq!(read_to_end(client).await.1, Some((1012, "draining".into())));
        }
        empty(&guard).await;
        let (_server, stream) = serve(&guard).await;
        let stream = raw(stream, head(Some(&token("ann", 60))).as_bytes()).await;
        assert_eq!(crate::lab::answer(stream).await.0, 503);
    });
}

#[test]
fn a_policy_that_no_longer_lets_a_page_in_closes_its_connections() {
    run(async {
        let guard = guard("");
        let (_server, mut client) = open(&guard, "ann").await;
        while guard.stats().sessions < 1 {
            Timer::after(Duration::from_millis(5)).await;
        }
        let other = r#"
            [origin]
            allow = ["https://new.example.com"]
            [credential.jwt]
            keys = [{ alg = "HS256", secret = "a key for these tests, of 32 bytes or more" }]
            issuer = ["https://id.example.com"]
            audience = ["chat"]
            [message.types.chat]
            schema = true
        "#;
        guard.reload(wswarden::Policy::from_toml(other).unwrap()).unwrap();
        assert_eq!(read_to_end(&mut client).await.1, Some((4403, "policy_changed".into())));
    });
}

#[test]
fn the_application_closes_and_the_peer_is_told() {
    run(async {
        let guard = guard("");
        let (server, client) = crate::lab::sockets().await;
        let accepting = guard.clone();
        let server = smol::spawn(async move {
            let mut socket = accepting.accept(server, crate::lab::LOCAL).await.unwrap();
            socket.close_with(Reason::Forbidden);
            while socket.next().await.is_some() {}
            socket.closed().unwrap()
        });
        let mut client = connect(client, Some(&token("ann", 60))).await;
        assert_eq!(read_to_end(&mut client).await.1, Some((4403, "forbidden".into())));
        assert_eq!(server.await.reason, Reason::Forbidden);
    });
}
