//! A guarded route of an axum server: axum reads the request, the guard judges it and answers.
//!
//! **Development only:** it speaks plain HTTP, and its policy says so. Behind a proxy that ends TLS,
//! remove `secure` and list the proxy in `transport.trusted_proxies` instead.
//!
//! ```sh
//! JWT_KEY=... cargo run --example axum --features tokio,http
//! ```

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::routing::any;
use futures::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_util::compat::TokioAsyncReadCompatExt;
use wswarden::{Client, Guard, Guarded, Incoming, Session, Tokio, http_response};

const POLICY: &str = r#"
transport.secure = "dangerous-any"
origin.allow = ["http://localhost:3000"]
[credential.jwt]
keys = [{ alg = "HS256", secret = "env:JWT_KEY" }]
issuer = ["https://id.example.com"]
audience = ["chat"]
[message.types.chat]
schema = { type = "object", required = ["content"], properties = { content = { type = "string", maxLength = 5000 } } }
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guard = Guard::new(wswarden::policy_draft("policy.toml", POLICY)?.build()?, Tokio)?;
    let app = Router::new().route("/ws", any(upgrade)).with_state(guard);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

async fn upgrade(
    State(guard): State<Guard<Tokio>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgraded = parts.extensions.remove::<OnUpgrade>();
    let client = Client { remote: peer.ip().into(), tls: false };
    match (guard.upgrade_http(&parts, client).await, upgraded) {
        (Ok(session), Some(upgraded)) => {
            let answer = http_response(session.response()).map(Body::from);
            tokio::spawn(serve(guard, session, upgraded));
            answer
        }
        (Ok(_), None) => {
            http_response(&wswarden::Refusal::new(wswarden::Reason::BadRequest).response()).map(Body::from)
        }
        (Err(refusal), _) => http_response(&refusal.response()).map(Body::from),
    }
}

async fn serve(guard: Guard<Tokio>, session: Session, upgraded: OnUpgrade) {
    let Ok(stream) = upgraded.await else { return };
    let mut socket = Guarded::from_upgraded(&guard, TokioIo::new(stream).compat(), session, Vec::new()).await;
    while let Some(message) = socket.next().await {
        if let Incoming::Text { text, .. } = message {
            socket.send(text.as_str().into()).await.ok();
        }
    }
}
