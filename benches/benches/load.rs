//! A load generator: so many connections, each of which sends a message, waits for its echo, and sends the next.
//!
//! `load PORT CONNECTIONS SECONDS` prints messages per second, and the median, 99th and 99.9th percentile of the time
//! to the echo in microseconds, with tabs between.
#![expect(clippy::print_stdout, reason = "a line of figures is what it makes")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_tungstenite::client_async;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::client::IntoClientRequest;
use futures::StreamExt;
use futures::future::join_all;
use jsonwebtoken::{EncodingKey, Header, encode};
use smol::net::TcpStream;

const KEY: &[u8] = b"a key for the benches, of 32 bytes or more";
const MESSAGE: &str = r#"{"type":"chat","channelId":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","content":"Hello everyone, how are you doing today? See you at five"}"#;
/// Before this much time has passed, nothing counts: both sides get warm.
const WARM_UP: Duration = Duration::from_millis(500);

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    // `cargo bench` runs every bench without arguments.
    let [port, connections, seconds] = numbers[..] else { return };
    let port = u16::try_from(port).expect("a port");
    let token = token();
    let began = Instant::now();
    let (from, to) = (began + WARM_UP, began + WARM_UP + Duration::from_secs(seconds));
    let clients = (0..connections).map(|_| client(port, &token, from, to));
    let mut waited: Vec<u32> = smol::block_on(join_all(clients)).concat();
    waited.sort_unstable();
    let at = |share: f64| f64::from(waited[((waited.len() - 1) as f64 * share) as usize]) / 1e3;
    let rate = waited.len() as f64 / seconds as f64;
    println!("{rate:.0}\t{:.1}\t{:.1}\t{:.1}", at(0.5), at(0.99), at(0.999));
}

/// The nanoseconds that each echo took.
async fn client(port: u16, token: &str, from: Instant, to: Instant) -> Vec<u32> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("a server");
    stream.set_nodelay(true).expect("a socket");
    let mut request = format!("ws://127.0.0.1:{port}/chat").into_client_request().expect("a request");
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
    let (mut socket, _) = client_async(request, stream).await.expect("an upgrade");
    let mut waited = Vec::new();
    loop {
        let sent = Instant::now();
        if sent >= to {
            socket.close(None).await.ok();
            return waited;
        }
        socket.send(Message::text(MESSAGE)).await.expect("sent");
        let echo = socket.next().await.expect("an echo").expect("an echo");
        assert_eq!(echo, Message::text(MESSAGE));
        if sent >= from {
            waited.push(u32::try_from(sent.elapsed().as_nanos()).unwrap_or(u32::MAX));
        }
    }
}

fn token() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let claims =
        serde_json::json!({ "sub": "load", "iss": "https://id.example.com", "aud": "chat", "exp": now + 3600 });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY)).expect("a token")
}
