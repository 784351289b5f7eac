//! An echo server, `echo smol bare` or `echo tokio guarded POLICY`, which prints its port; and what loads it, `load.rs`.
#![expect(clippy::print_stdout, reason = "the port is told to whoever started it")]

mod load;

use std::net::SocketAddr;

use async_tungstenite::accept_async_with_config;
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use futures::io::{AsyncRead, AsyncWrite};
use futures::{SinkExt, StreamExt};
use tokio_util::compat::TokioAsyncReadCompatExt;
use wswarden::{Client, Guard, Incoming, Smol, Timer, Tokio};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["smol", "bare"] => smol::block_on(on_smol(None)),
        ["smol", "guarded", policy] => smol::block_on(on_smol(Some(guard(policy, Smol)?))),
        ["tokio", "bare"] => runtime()?.block_on(on_tokio(None)),
        ["tokio", "guarded", policy] => runtime()?.block_on(on_tokio(Some(guard(policy, Tokio)?))),
        ["load", mode, port, connections, seconds] => {
            load::run(mode, port.parse()?, connections.parse()?, seconds.parse()?)
        }
        // `cargo bench` runs every bench without arguments: the policy is read, at least.
        _ => guard(concat!(env!("CARGO_MANIFEST_DIR"), "/servers/policy.toml"), Smol).map(drop),
    }
}

fn guard<T: Timer>(policy: &str, timer: T) -> Result<Guard<T>, Box<dyn std::error::Error>> {
    Ok(Guard::new(wswarden::policy_from_file(policy)?, timer)?)
}

/// One thread, as smol's is.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

async fn on_smol(guard: Option<Guard<Smol>>) -> Outcome {
    let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        smol::spawn(serve(guard.clone(), stream, peer)).detach();
    }
}

async fn on_tokio(guard: Option<Guard<Tokio>>) -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(guard.clone(), stream.compat(), peer));
    }
}

async fn serve<T: Timer, S: AsyncRead + AsyncWrite + Unpin>(guard: Option<Guard<T>>, stream: S, peer: SocketAddr) {
    match guard {
        None => bare(stream).await,
        Some(guard) => guarded(guard, stream, Client { remote: peer.ip().into(), tls: false }).await,
    }
}

/// With the library's settings as the guard has them: its default buffer of 128 KiB would cost more than the guard.
async fn bare<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    let config = WebSocketConfig::default().read_buffer_size(8 * 1024).write_buffer_size(0);
    let Ok(mut socket) = accept_async_with_config(stream, Some(config)).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn guarded<T: Timer, S: AsyncRead + AsyncWrite + Unpin>(guard: Guard<T>, stream: S, client: Client) {
    let Ok(mut socket) = guard.accept(stream, client).await else { return };
    while let Some(message) = socket.next().await {
        if let Incoming::Text { text, .. } = message
            && socket.send(text.into()).await.is_err()
        {
            return;
        }
    }
}
