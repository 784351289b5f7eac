//! A guarded echo with tokio, for users who have a session cookie of your website.
//!
//! **Development only:** it speaks plain `ws://`, and its policy says so. Behind a proxy that ends
//! TLS, remove `secure` and list the proxy in `transport.trusted_proxies` instead.
//!
//! ```sh
//! cargo run --example tokio --features tokio
//! ```

use std::net::IpAddr;

use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::TokioAsyncReadCompatExt;
use wswarden::{Answer, Client, Guard, Identity, Incoming, Need, Policy, Tokio};

const POLICY: &str = r#"
transport.secure = "dangerous-any"
origin.allow = ["http://localhost:3000"]
credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
credential.revalidate = "5min"
[message.types.chat]
schema = { type = "object", required = ["content"], properties = { content = { type = "string", maxLength = 5000 } } }
"#;

/// Whose session this is, and whether it still is. Here the database would be asked.
async fn whose(need: Need) -> Answer {
    match need {
        Need::Identity(cookie) if cookie.expose() == b"ann-s-session" => Answer::Identity(Identity::assertion("ann")),
        Need::Revalidate(identity) => Answer::Identity(identity),
        _ => Answer::Refused,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guard = Guard::new(Policy::from_toml(POLICY)?, Tokio)?.resolve_with(|need: Need, _: &_| whose(need));
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(serve(guard.clone(), stream, peer.ip()));
    }
}

async fn serve(guard: Guard<Tokio>, stream: TcpStream, address: IpAddr) {
    let client = Client { remote: address.into(), tls: false };
    let mut socket = match guard.accept(stream.compat(), client).await {
        Ok(socket) => socket,
        Err(error) => return eprintln!("{error}"),
    };
    let user = socket.session().identity().and_then(Identity::subject).unwrap_or("nobody").to_owned();
    while let Some(message) = socket.next().await {
        if let Incoming::Text { text, .. } = message {
            eprintln!("{user} sent {} bytes", text.len());
            socket.send(text.as_str().into()).await.ok();
        }
    }
}
