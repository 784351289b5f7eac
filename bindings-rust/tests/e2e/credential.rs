//! Credentials on connections that are open: the first message, renewal, expiry, revalidation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_tungstenite::tungstenite::Message;
use futures::StreamExt;
use serde_json::json;
use smol::Timer;
use wswarden::{Answer, Identity, Need, Reason};

use crate::lab::{CHAT, connect, empty, guard, guard_of_sessions, open, read_to_end, run, serve, token, token_with};

const FIRST: &str = r#"
credential.sources = [{ kind = "jwt", in = "first-message", type = "auth", field = "token" }]
[deadline]
first_message = "300ms"
"#;
const REFRESH: &str = r#"
credential.refresh = { type = "auth", field = "token" }
[deadline]
expiry_grace = "5s"
"#;

fn auth(token: &str) -> Message {
    json!({ "type": "auth", "token": token }).to_string().into()
}

#[test]
fn the_first_message_opens_and_is_not_delivered() {
    run(async {
        let guard = guard(FIRST);
        let (server, stream) = serve(&guard).await;
        let mut client = connect(stream, None).await;
        client.send(auth(&token("ann", 60))).await.unwrap();
        client.send(CHAT.into()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap().to_text().unwrap(), CHAT);
        client.close(None).await.unwrap();
        read_to_end(&mut client).await;
        assert_eq!(server.await.heard, [CHAT]);
    });
}

#[test]
fn t14_without_a_good_first_message_the_connection_closes_in_time() {
    run(async {
        let guard = guard(FIRST);
        let bad = [
            (Some(CHAT.into()), 4401),
            (Some(auth("x.y.z")), 4401),
            (None, 4408),
            (Some(Message::Ping("x".into())), 4408),
        ];
        for (message, code) in bad {
            let (_server, stream) = serve(&guard).await;
            let mut client = connect(stream, None).await;
            if let Some(message) = message {
                client.send(message).await.unwrap();
            }
            assert_eq!(read_to_end(&mut client).await.1.unwrap().0, code);
        }
        empty(&guard).await;
    });
}

#[test]
fn t51_nothing_is_delivered_after_expiry_and_the_far_end_is_told() {
    run(async {
        let guard = guard("");
        let (server, stream) = serve(&guard).await;
        let mut client = connect(stream, Some(&token("ann", 1))).await;
        assert_eq!(read_to_end(&mut client).await.1, Some((4401, "token_expired".into())));
        assert_eq!(server.await.closed.unwrap().reason, Reason::TokenExpired);
        empty(&guard).await;
    });
}

#[test]
fn a_renewed_token_keeps_the_connection() {
    run(async {
        let guard = guard(REFRESH);
        let (server, stream) = serve(&guard).await;
        let mut client = connect(stream, Some(&token("ann", 1))).await;
        client.send(auth(&token("ann", 60))).await.unwrap();
        Timer::after(Duration::from_millis(1300)).await;
        client.send(CHAT.into()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap().to_text().unwrap(), CHAT);
        client.close(None).await.unwrap();
        read_to_end(&mut client).await;
        assert_eq!(server.await.heard, [CHAT], "the token itself is not delivered");
    });
}

#[test]
fn a_token_of_somebody_else_or_a_wider_one_renews_nothing() {
    run(async {
        let guard = guard(REFRESH);
        for other in [token("bob", 60), token_with("ann", 60, &json!({ "scope": "admin" }))] {
            let (_server, mut client) = open(&guard, "ann").await;
            client.send(auth(&other)).await.unwrap();
            assert_eq!(read_to_end(&mut client).await.1, Some((4401, "identity_changed".into())));
        }
    });
}

#[test]
fn after_expiry_only_a_new_token_is_taken() {
    run(async {
        let guard = guard(REFRESH);
        let (server, stream) = serve(&guard).await;
        let mut client = connect(stream, Some(&token("ann", 1))).await;
        Timer::after(Duration::from_millis(1200)).await;
        client.send(CHAT.into()).await.unwrap();
        assert!(client.next().await.unwrap().unwrap().to_text().unwrap().contains("token_expired"));
        client.send(auth(&token("ann", 60))).await.unwrap();
        client.send(CHAT.into()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap().to_text().unwrap(), CHAT);
        drop(client);
        assert_eq!(server.await.heard, [CHAT]);
    });
}

#[test]
fn an_identity_is_asked_for_again_and_its_end_closes() {
    static STANDS: AtomicBool = AtomicBool::new(true);
    run(async {
        let more = r#"
            [credential]
            sources = [{ kind = "session", in = "header", name = "x-session" }]
            revalidate = "1s"
        "#;
        let guard = guard_of_sessions(more, |need: Need, _: &_| async move {
            match need {
                Need::Identity(_) => Answer::Identity(Identity::assertion("ann")),
                Need::Revalidate(identity) if STANDS.load(Ordering::SeqCst) => Answer::Identity(identity),
                _ => Answer::Refused,
            }
        });
        let (_server, stream) = serve(&guard).await;
        let mut request = crate::lab::request(None);
        request.headers_mut().insert("x-session", "s3cret".parse().unwrap());
        let (mut client, _) = async_tungstenite::client_async(request, stream).await.unwrap();
        Timer::after(Duration::from_millis(1300)).await;
        client.send(CHAT.into()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap().to_text().unwrap(), CHAT);
        STANDS.store(false, Ordering::SeqCst);
        assert_eq!(read_to_end(&mut client).await.1, Some((4401, "revoked".into())));
    });
}
