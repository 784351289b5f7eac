//! What the tests share: a policy, a server that echoes, and clients that behave or do not.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::http::Request;
use async_tungstenite::tungstenite::{Error, Message};
use futures::future::{Either, select};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures::{SinkExt, StreamExt};
use jsonwebtoken::{EncodingKey, encode};
use serde_json::{Value, json};
use smol::Task;
use smol::net::{TcpListener, TcpStream};
use wswarden::{AcceptError, Client, Close, Event, Guard, Incoming, Policy, Reason, Remote, Resolve, Smol, Timer};

pub(crate) const KEY: &str = "a key for these tests, of 32 bytes or more";
pub(crate) const ORIGIN: &str = "https://app.example.com";
pub(crate) const CHAT: &str = r#"{"type":"chat","content":"hello"}"#;
const TOKENS: &str = r#"
[credential.jwt]
keys = [{ alg = "HS256", secret = "a key for these tests, of 32 bytes or more" }]
issuer = ["https://id.example.com"]
audience = ["chat"]
leeway = "0s"
"#;
const CHATS: &str = r#"
[origin]
allow = ["https://app.example.com"]
[message.types.chat]
schema = { type = "object", required = ["content"], properties = { content = { type = "string" } } }
"#;

/// What the audit was told.
pub(crate) type Log = Arc<Mutex<Vec<Event>>>;

/// The tests' policy and `more`, which may open tables that the policy has not.
pub(crate) fn policy(more: &str) -> Policy {
    read(&[more, TOKENS, CHATS])
}

/// A policy whose sources, in `more`, take session tokens alone.
pub(crate) fn policy_of_sessions(more: &str) -> Policy {
    read(&[more, CHATS])
}

fn read(parts: &[&str]) -> Policy {
    Policy::from_toml(&parts.join("\n")).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn guard(more: &str) -> Guard<Smol> {
    Guard::new(policy(more), Smol).unwrap()
}

/// A guard whose events are kept.
pub(crate) fn audited(more: &str) -> (Guard<Smol>, Log) {
    let log = Log::default();
    let kept = Arc::clone(&log);
    (guard(more).audit_with(move |record| kept.lock().unwrap().push(record.event)), log)
}

/// A guard that asks `resolve` whose session a token is.
pub(crate) fn guard_of_sessions(more: &str, resolve: impl Resolve) -> Guard<Smol> {
    Guard::new(policy_of_sessions(more), Smol).unwrap().resolve_with(resolve)
}

pub(crate) fn token(subject: &str, lives: i32) -> String {
    token_with(subject, lives, &json!({}))
}

pub(crate) fn token_with(subject: &str, lives: i32, more: &Value) -> String {
    // To the fraction of a second, or a token that lives for one would do so for less.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let mut claims = json!({ "sub": subject, "iss": "https://id.example.com", "aud": "chat", "exp": now + f64::from(lives), "iat": now });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    encode(&jsonwebtoken::Header::default(), &claims, &EncodingKey::from_secret(KEY.as_bytes())).unwrap()
}

/// Runs a test, which must not take longer than all its deadlines together could.
pub(crate) fn run(test: impl Future<Output = ()>) {
    run_within(Duration::from_secs(20), test);
}

pub(crate) fn run_within(limit: Duration, test: impl Future<Output = ()>) {
    smol::block_on(within(limit, test));
}

/// Base64url without padding, as tokens and keys are written.
pub(crate) fn b64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes)
}

pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> F::Output {
    match select(std::pin::pin!(future), smol::Timer::after(limit)).await {
        Either::Left((output, _)) => output,
        Either::Right(_) => panic!("not done within {limit:?}"),
    }
}

/// Both ends of a connection over the loopback interface: the server's, the client's.
pub(crate) async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0, client)
}

/// What became of a connection, as its server saw it.
#[derive(Debug, Default)]
pub(crate) struct End {
    pub(crate) refused: Option<Reason>,
    pub(crate) failed: bool,
    pub(crate) closed: Option<Close>,
    pub(crate) heard: Vec<String>,
}

/// What the server knows of a client here.
pub(crate) const LOCAL: Client =
    Client { remote: Remote::Address(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)), tls: true };

/// Guards one connection and echoes what is delivered, to its end.
pub(crate) async fn echo<S, T>(guard: Guard<T>, stream: S) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: Timer,
{
    match guard.accept(stream, LOCAL).await {
        Ok(socket) => chat(socket).await,
        Err(AcceptError::Refused(refusal)) => End { refused: Some(refusal.reason()), ..End::default() },
        Err(_) => End { failed: true, ..End::default() },
    }
}

/// Echoes what is delivered, to the connection's end.
pub(crate) async fn chat<S, T>(mut socket: wswarden::Guarded<S, T>) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: Timer,
{
    let mut heard = Vec::new();
    while let Some(Incoming::Text { text, .. }) = socket.next().await {
        heard.push(text.clone());
        socket.send(text.as_str().into()).await.ok();
    }
    End { closed: socket.closed(), heard, ..End::default() }
}

/// A server for one connection, and the client's end of it.
pub(crate) async fn serve(guard: &Guard<Smol>) -> (Task<End>, TcpStream) {
    let (server, client) = sockets().await;
    (smol::spawn(echo(guard.clone(), server)), client)
}

/// A good upgrade request of a client that has `token`, if any.
pub(crate) fn request(token: Option<&str>) -> Request<()> {
    request_to("/chat", token)
}

fn request_to(target: &str, token: Option<&str>) -> Request<()> {
    let request = Request::get(format!("wss://chat.example.com{target}"))
        .header("host", "chat.example.com")
        .header("upgrade", "websocket")
        .header("connection", "Upgrade")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-version", "13")
        .header("origin", ORIGIN);
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
    .body(())
    .unwrap()
}

/// A stock client that is let in.
pub(crate) async fn connect<S>(stream: S, token: Option<&str>) -> WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let_in(request(token), stream).await
}

/// The same without a token, at another request target.
pub(crate) async fn connect_to<S>(target: &str, stream: S) -> WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let_in(request_to(target, None), stream).await
}

async fn let_in<S>(request: Request<()>, stream: S) -> WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match async_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => socket,
        Err(error) => panic!("not let in: {error}"),
    }
}

/// A server for one connection, and a stock client of user `subject` that was let in.
pub(crate) async fn open(guard: &Guard<Smol>, subject: &str) -> (Task<End>, WebSocketStream<TcpStream>) {
    let (server, stream) = serve(guard).await;
    let token = token(subject, 3600);
    (server, connect(stream, Some(&token)).await)
}

/// Reads to the end: the texts, and the close frame, code and reason.
pub(crate) async fn read_to_end<S>(socket: &mut WebSocketStream<S>) -> (Vec<String>, Option<(u16, String)>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut texts, mut close) = (Vec::new(), None);
    while let Some(message) = socket.next().await {
        match message {
            Ok(Message::Text(text)) => texts.push(text.as_str().to_owned()),
            Ok(Message::Close(frame)) => {
                close = frame.map(|frame| (frame.code.into(), frame.reason.as_str().to_owned()))
            }
            Ok(_) => {}
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => break,
            Err(error) => panic!("the server did not close cleanly: {error}; so far {texts:?} {close:?}"),
        }
    }
    (texts, close)
}

/// The request's bytes, for clients that misbehave.
pub(crate) fn head(token: Option<&str>) -> String {
    written("/chat", &request(token))
}

/// The same without a token, at another request target.
pub(crate) fn head_of(target: &str) -> String {
    written(target, &request_to(target, None))
}

fn written(target: &str, request: &Request<()>) -> String {
    let mut head = format!("GET {target} HTTP/1.1\r\n");
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head + "\r\n"
}

/// A client's frame: its first byte and payload, masked with zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length @ ..0x1_0000 => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// Sends bytes as a client without any library.
pub(crate) async fn raw(mut stream: TcpStream, bytes: &[u8]) -> TcpStream {
    stream.write_all(bytes).await.unwrap();
    stream
}

/// What an HTTP client reads: the status and the body.
pub(crate) async fn answer(mut stream: TcpStream) -> (u16, Value, String) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("an answer that no reset has overtaken");
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no whole answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null), head.to_lowercase())
}

/// Waits until the guard holds nothing any more.
pub(crate) async fn empty<T: Timer>(guard: &Guard<T>) {
    within(Duration::from_secs(5), async {
        while guard.stats().connections > 0 || guard.stats().sessions > 0 {
            smol::Timer::after(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(guard.stats().unauthenticated, 0);
}
