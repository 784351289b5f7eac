//! The upgrade: who is let in, and what those read who are not.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use smol::Timer;
use wswarden::{Answer, Client, Identity, Need, Reason};

use crate::lab::{
    CHAT, LOCAL, answer, echo, empty, frame, guard, guard_of_sessions, head, open, raw, read_to_end, request, run,
    serve, sockets, token, within,
};

#[test]
fn a_client_is_let_in_and_chats() {
    run(async {
        let guard = guard("");
        let (server, mut client) = open(&guard, "ann").await;
        for _ in 0..3 {
            client.send(CHAT.into()).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap().to_text().unwrap(), CHAT);
        }
        client.close(None).await.unwrap();
        read_to_end(&mut client).await;
        let end = server.await;
        assert_eq!(end.heard, [CHAT; 3]);
        assert_eq!(end.closed.unwrap().reason, Reason::ClosedByPeer);
        empty(&guard).await;
    });
}

#[test]
fn every_refusal_is_read_by_the_client() {
    let good = head(Some(&token("ann", 60)));
    let without = |name: &str| {
        let lines = good.split_inclusive("\r\n").filter(|line| !line.starts_with(name));
        lines.collect::<String>()
    };
    let swapped = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    let cases = [
        (swapped("GET", "POST"), Reason::MethodNotAllowed),
        (swapped("version: 13", "version: 8"), Reason::WrongVersion),
        (swapped("/chat", &"/x".repeat(5000)), Reason::UriTooLong),
        (swapped("upgrade:", &format!("{many}upgrade:")), Reason::HeadersTooLarge),
        (swapped("upgrade:", "bad header: 1\r\nupgrade:"), Reason::BadRequest),
        (swapped("upgrade:", "content-length: 5\r\nupgrade:"), Reason::BadRequest),
        (swapped("host: chat", "host: other"), Reason::HostNotAllowed),
        (swapped("https://app", "https://evil"), Reason::OriginNotAllowed),
        (without("authorization"), Reason::CredentialMissing),
        (swapped("Bearer e", "Bearer x"), Reason::CredentialInvalid),
        (head(Some(&token("ann", -60))), Reason::TokenExpired),
        (swapped("upgrade:", "sec-websocket-protocol: soap\r\nupgrade:"), Reason::SubprotocolNotSupported),
    ];
    run(async {
        for (request, reason) in cases {
            let more = "subprotocols = [\"chat.v1\"]\n[transport]\nhosts = [\"chat.example.com\"]";
            let guard = guard(more);
            let (server, stream) = serve(&guard).await;
            let (status, problem, head) = answer(raw(stream, request.as_bytes()).await).await;
            assert_eq!(status, reason.http_status(), "{reason}");
            assert_eq!(problem["code"], reason.name());
            assert_eq!(problem["title"], reason.sentence());
            assert!(head.contains("content-type: application/problem+json"), "{head}");
            assert!(head.contains("connection: close"), "{head}");
            assert_eq!(server.await.refused, Some(reason));
            empty(&guard).await;
        }
    });
}

#[test]
fn plain_text_is_refused_and_not_redirected() {
    run(async {
        let guard = guard("");
        let (server, client) = sockets().await;
        let plain = Client { tls: false, ..LOCAL };
        let accepting = guard.clone();
        let server = smol::spawn(async move { accepting.accept(server, plain).await.map(drop) });
        let (status, problem, head) = answer(raw(client, head(Some(&token("ann", 60))).as_bytes()).await).await;
        assert_eq!((status, &problem["code"]), (403, &"insecure_transport".into()));
        assert!(!head.contains("location"), "{head}");
        assert!(server.await.is_err());
    });
}

#[test]
fn one_connection_too_many_is_refused_and_a_freed_place_can_be_had() {
    run(async {
        let guard = guard("[cap]\nper_user = 2");
        let (_first, _held) = open(&guard, "ann").await;
        let (second, mut client) = open(&guard, "ann").await;
        let (_server, stream) = serve(&guard).await;
        let third = head(Some(&token("ann", 60)));
        let (status, problem, head) = answer(raw(stream, third.as_bytes()).await).await;
        assert_eq!((status, &problem["code"]), (429, &"too_many_connections".into()));
        assert!(head.contains("retry-after: "), "{head}");
        client.close(None).await.unwrap();
        read_to_end(&mut client).await;
        second.await;
        let (_fourth, _held_too) = open(&guard, "ann").await;
    });
}

#[test]
fn t07_what_comes_right_after_the_head_is_delivered_once() {
    run(async {
        let guard = guard("");
        let (server, stream) = serve(&guard).await;
        let mut bytes = head(Some(&token("ann", 60))).into_bytes();
        bytes.extend(frame(0x81, CHAT.as_bytes()));
        bytes.extend(frame(0x88, &1000u16.to_be_bytes()));
        let mut stream = raw(stream, &bytes).await;
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.unwrap();
        let echoes = String::from_utf8_lossy(&read).matches(CHAT).count();
        assert!(read.starts_with(b"HTTP/1.1 101 "));
        assert_eq!(echoes, 1);
        assert_eq!(server.await.heard, [CHAT]);
    });
}

#[test]
fn t13_a_dripped_head_is_cut_at_the_total_deadline() {
    run(async {
        let guard = guard("[transport]\nhead_timeout = \"300ms\"");
        let (server, mut stream) = serve(&guard).await;
        let began = Instant::now();
        let mut reader = stream.clone();
        let drip = async {
            for byte in head(Some(&token("ann", 60))).bytes() {
                if stream.write_all(&[byte]).await.is_err() {
                    break;
                }
                Timer::after(Duration::from_millis(20)).await;
            }
        };
        let mut read = Vec::new();
        let read_all = async { reader.read_to_end(&mut read).await };
        drop(futures::future::select(std::pin::pin!(drip), std::pin::pin!(read_all)).await);
        assert!(read.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&read));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(server.await.refused, Some(Reason::HandshakeTimeout));
        empty(&guard).await;
    });
}

const COOKIE: &str = r#"
credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
"#;

fn cookie(value: &str) -> String {
    head(None).replacen("upgrade:", &format!("cookie: sid={value}\r\nupgrade:"), 1)
}

#[test]
fn a_session_cookie_is_resolved_by_the_host() {
    run(async {
        let guard = guard_of_sessions(COOKIE, |need: Need, _: &_| async move {
            Timer::after(Duration::from_millis(5)).await;
            match need {
                Need::Identity(token) if token.expose() == b"s3cret" => Answer::Identity(Identity::assertion("ann")),
                Need::Identity(token) if token.expose() == b"down" => Answer::Unavailable,
                _ => Answer::Refused,
            }
        });
        let (_server, stream) = serve(&guard).await;
        let mut request = request(None);
        request.headers_mut().insert("cookie", "sid=s3cret".parse().unwrap());
        let (mut client, _) = async_tungstenite::client_async(request, stream).await.unwrap();
        client.send(CHAT.into()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap().to_text().unwrap(), CHAT);
        for (value, status) in [("guess", 401), ("down", 503)] {
            let (_server, stream) = serve(&guard).await;
            assert_eq!(answer(raw(stream, cookie(value).as_bytes()).await).await.0, status);
        }
        // The browser sends the cookie whatever page asks, so the page decides.
        let (_server, stream) = serve(&guard).await;
        let foreign = cookie("s3cret").replace("https://app", "https://evil");
        assert_eq!(answer(raw(stream, foreign.as_bytes()).await).await.0, 403);
    });
}

#[test]
fn a_resolver_that_never_answers_is_given_up() {
    run(async {
        let more = format!("{COOKIE}\n[deadline]\nadmit = \"200ms\"");
        let guard = guard_of_sessions(&more, |_: Need, _: &_| std::future::pending());
        let (server, stream) = serve(&guard).await;
        let (status, ..) = answer(raw(stream, cookie("s3cret").as_bytes()).await).await;
        assert!(matches!(status, 408 | 503), "{status}");
        assert!(server.await.refused.is_some());
        empty(&guard).await;
    });
}

#[test]
fn t15_a_client_that_leaves_while_it_is_judged_frees_its_place() {
    run(async {
        let guard = guard_of_sessions(COOKIE, |_: Need, _: &_| std::future::pending());
        let (server, stream) = serve(&guard).await;
        let stream = raw(stream, cookie("s3cret").as_bytes()).await;
        while guard.stats().unauthenticated == 0 {
            Timer::after(Duration::from_millis(5)).await;
        }
        drop(stream);
        // Long before `deadline.admit`, which is ten seconds.
        assert!(within(Duration::from_secs(3), server).await.failed);
        empty(&guard).await;
    });
}

#[test]
fn what_comes_while_the_credential_is_judged_waits_and_is_bounded() {
    run(async {
        let guard = guard_of_sessions(COOKIE, |_: Need, _: &_| async {
            Timer::after(Duration::from_millis(50)).await;
            Answer::Identity(Identity::assertion("ann"))
        });
        let (server, client) = sockets().await;
        let server = smol::spawn(echo(guard.clone(), server));
        let mut stream = raw(client, cookie("s3cret").as_bytes()).await;
        Timer::after(Duration::from_millis(20)).await;
        for _ in 0..20 {
            stream.write_all(&frame(0x81, CHAT.as_bytes())).await.unwrap();
        }
        stream.write_all(&frame(0x88, &1000u16.to_be_bytes())).await.unwrap();
        assert_eq!(server.await.heard, [CHAT; 20]);
        drop(stream);
        empty(&guard).await;
        let (_server, stream) = serve(&guard).await;
        drop(connect_after(stream).await);
    });
}

/// A stock client waits for its 101.
async fn connect_after(stream: smol::net::TcpStream) -> impl Sized {
    let mut request = request(None);
    request.headers_mut().insert("cookie", "sid=s3cret".parse().unwrap());
    async_tungstenite::client_async(request, stream).await.unwrap()
}

#[test]
fn a_request_that_an_http_server_has_read_is_judged_the_same() {
    run(async {
        let guard = guard("");
        let (mut parts, ()) = request(Some(&token("ann", 60))).into_parts();
        let session = guard.upgrade_http(&parts, LOCAL).await.unwrap();
        let answer = wswarden::http_response(session.response());
        assert_eq!(answer.status(), 101);
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(session.peer().path.as_ref(), "/chat");

        parts.headers.append("authorization", "Bearer x".parse().unwrap());
        let refusal = guard.upgrade_http(&parts, LOCAL).await.unwrap_err();
        let answer = wswarden::http_response(&refusal.response());
        assert_eq!(answer.status(), refusal.reason().http_status());
        assert!(answer.body().starts_with(b"{"));
        drop(session);
        empty(&guard).await;
    });
}
