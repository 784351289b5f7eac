//! A guarded echo over TLS with smol. Start it in a folder with `cert.pem` and `key.pem` (for
//! example from `mkcert localhost`) and a key of 32 bytes or more for HS256 tokens in `JWT_KEY`:
//!
//! ```sh
//! JWT_KEY=... cargo run --example smol --features smol
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use smol::net::{TcpListener, TcpStream};
use wswarden::tls::{Certificate, ServerConfig};
use wswarden::{Guard, Incoming, Smol};

const POLICY: &str = r#"
origin.allow = ["https://app.example.com"]
[credential.jwt]
keys = [{ alg = "HS256", secret = "env:JWT_KEY" }]
issuer = ["https://id.example.com"]
audience = ["chat"]
[message.types.chat]
schema = { type = "object", required = ["content"], properties = { content = { type = "string", maxLength = 5000 } } }
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = wswarden::policy_draft("policy.toml", POLICY)?.build()?;
    let guard = Guard::new(policy, Smol)?.audit_with(|record| {
        let event = record.event;
        eprintln!("session {} {} {:?}", event.session.number(), event.kind.name(), event.reason);
    });
    let tls = Certificate::from_pem(&std::fs::read("cert.pem")?, &std::fs::read("key.pem")?)?.server_config()?;
    smol::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:8443").await?;
        loop {
            let (stream, peer) = listener.accept().await?;
            smol::spawn(serve(guard.clone(), Arc::clone(&tls), stream, peer.ip())).detach();
        }
    })
}

async fn serve(guard: Guard<Smol>, tls: Arc<ServerConfig>, stream: TcpStream, address: IpAddr) {
    // TLS, request, origin, token, limits: a connection comes out, or the client was told why not.
    let mut socket = match guard.accept_tls(stream, &tls, address.into()).await {
        Ok(socket) => socket,
        Err(error) => return eprintln!("{error}"),
    };
    // Only messages within policy come out. Pings, deadlines, error replies and closes happen meanwhile.
    while let Some(message) = socket.next().await {
        if let Incoming::Text { text, .. } = message {
            socket.send(text.as_str().into()).await.ok();
        }
    }
}
