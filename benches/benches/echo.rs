//! An echo server on smol: `echo bare` or `echo guarded POLICY`. Prints its port.
#![expect(clippy::print_stdout, reason = "the port is told to whoever started it")]

use async_tungstenite::accept_async;
use futures::{SinkExt, StreamExt};
use smol::net::{TcpListener, TcpStream};
use wswarden::{Client, Guard, Incoming, Smol};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let guard = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare"] => None,
        ["guarded", policy] => Some(Guard::new(wswarden::policy_from_file(policy)?, Smol)?),
        // `cargo bench` runs every bench without arguments.
        _ => return Ok(()),
    };
    smol::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        loop {
            let (stream, peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match guard.clone() {
                None => smol::spawn(bare(stream)).detach(),
                Some(guard) => {
                    let client = Client { remote: peer.ip().into(), tls: false };
                    smol::spawn(guarded(guard, stream, client)).detach();
                }
            }
        }
    })
}

async fn bare(stream: TcpStream) {
    let Ok(mut socket) = accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn guarded(guard: Guard<Smol>, stream: TcpStream, client: Client) {
    let Ok(mut socket) = guard.accept(stream, client).await else { return };
    while let Some(message) = socket.next().await {
        if let Incoming::Text { text, .. } = message
            && socket.send(text.into()).await.is_err()
        {
            return;
        }
    }
}
