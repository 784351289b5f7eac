//! The security layer for WebSocket servers, over any async runtime.
//!
//! This crate never spawns a task, opens a socket or decides anything about security itself: every
//! decision is [`wswarden_core`]'s, which is re-exported whole. It reads bytes, the clock and the
//! operating system's random source, and does what the core says.
//!
//! [`Guard::accept`] reads an upgrade request from a stream, judges it, answers it, and gives a
//! [`Guarded`] connection: a `Stream` of messages that are within policy, and a `Sink`. It needs
//! only `futures::io::{AsyncRead, AsyncWrite}` and a [`Timer`]; those of smol and tokio are here
//! behind features of these names.
//!
//! # A server
//!
//! ```no_run
//! use futures::{SinkExt, StreamExt};
//! use wswarden::{Client, Guard, Incoming, Policy, Smol};
//!
//! # smol::block_on(async {
//! let policy = Policy::from_toml(r#"
//!     origin.allow = ["https://app.example.com"]
//!     credential.jwt.keys = [{ alg = "HS256", secret = "a secret of your own, of 32 bytes or more" }]
//!     credential.jwt.issuer = ["https://id.example.com"]
//!     credential.jwt.audience = ["chat"]
//! "#)?;
//! let guard = Guard::new(policy, Smol)?;
//! let listener = smol::net::TcpListener::bind("127.0.0.1:8080").await?;
//! loop {
//!     let (stream, peer) = listener.accept().await?;
//!     let guard = guard.clone();
//!     smol::spawn(async move {
//!         // `tls` is the truth about the stream: here a proxy on this machine would have to end it.
//!         let client = Client { remote: peer.ip().into(), tls: false };
//!         let Ok(mut socket) = guard.accept(stream, client).await else { return };
//!         while let Some(Incoming::Text { text, .. }) = socket.next().await {
//!             socket.send(text.as_str().into()).await.ok();
//!         }
//!     })
//!     .detach();
//! }
//! # #[allow(unreachable_code)]
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # What to know
//!
//! - **Poll the connection**, also when no message is awaited: pings, deadlines, error replies and
//!   closes happen in [`Guarded`]'s `Stream`. To wait for something of your own besides, use `select`.
//! - A server that only sends is held to the deadlines, too: a `send` or `flush` after one fails, and the close frame goes
//!   out if there is room. What only the stream does it misses, such as to see that the peer has left.
//! - After `split`, one task may read and another send; both end with the connection.
//! - After a close no more is read than 1 MiB, or one message of `max_bytes` if that is more. A message refused for its
//!   length is read on for that length besides, up to 16 MiB, so that who writes it to the end can read why.
//! - `send` waits until the bytes are in the socket, `feed` does not; what waits is counted, and at
//!   the policy's `queue.hard` the connection closes.
//! - [`Guard::mint_ticket`] makes single-use tickets for your HTTPS endpoint to hand out.
//! - Where the policy names published keys (`credential.jwt.jwks.url`), say who fetches them with
//!   [`Guard::fetch_with`] (`Https`, feature `jwks`) and spawn [`Guard::run`] once.
//! - Session tokens are resolved by [`Guard::resolve_with`], and what happens is told to
//!   [`Guard::audit_with`].
//! - [`Guard::revoke`], [`Guard::reload`] and [`Guard::drain`] reach open connections at once.
//! - Over TLS it is `Guard::accept_tls` (feature `rustls`); below hyper or axum it is
//!   `Guard::upgrade_http` (feature `http`) and [`Guarded::from_upgraded`].

mod accept;
mod clock;
#[cfg(feature = "jwks")]
mod connect;
mod fetch;
mod guard;
mod guarded;
#[cfg(feature = "http")]
mod hosted;
#[cfg(feature = "jwks")]
mod https;
mod resolve;
mod signal;
mod source;
mod timer;
#[cfg(feature = "rustls")]
pub mod tls;
mod traffic;
mod transport;

pub use accept::{AcceptError, Client};
pub use clock::now;
#[cfg(feature = "jwks")]
pub use connect::{Connect, Connecting, Duplex};
pub use fetch::{Fetch, FetchFailed, Fetching};
pub use guard::{Guard, Record};
pub use guarded::Guarded;
#[cfg(feature = "http")]
pub use hosted::http_response;
#[cfg(feature = "jwks")]
pub use https::Https;
pub use resolve::{Resolve, Resolving};
pub use source::{policy_draft, policy_from_file};
#[cfg(feature = "smol")]
pub use timer::Smol;
pub use timer::Timer;
#[cfg(feature = "tokio")]
pub use timer::Tokio;
pub use traffic::{Incoming, Outgoing, SendError};
pub use wswarden_core as core;
pub use wswarden_core::*;

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
