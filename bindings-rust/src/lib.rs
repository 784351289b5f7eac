//! The security layer for WebSocket servers, over any async runtime.
//!
//! [`Guard::accept`] reads an upgrade request from a stream, judges it, answers it, and gives a
//! [`Guarded`] connection: a `Stream` of messages that are within policy, and a `Sink`. It needs
//! only `futures::io::{AsyncRead, AsyncWrite}` and a [`Timer`]; those of smol and tokio are here
//! behind features of these names.
//!
//! Every decision is made by [`wswarden_core`], which is re-exported whole. This crate reads bytes,
//! the clock and the operating system's random source, and does what the core says.

mod accept;
mod clock;
mod guard;
mod guarded;
#[cfg(feature = "http")]
mod hosted;
mod resolve;
mod source;
mod timer;
#[cfg(feature = "rustls")]
pub mod tls;
mod traffic;
mod transport;

pub use accept::{AcceptError, Client};
pub use clock::now;
pub use guard::{Guard, Record};
pub use guarded::Guarded;
#[cfg(feature = "http")]
pub use hosted::http_response;
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
