//! The decisions of a secure WebSocket server, as pure state machines.
//!
//! This crate never does I/O, reads no clock, draws no random numbers, starts no threads, awaits
//! nothing and calls nothing back: bytes and times come in as arguments, and the return value is
//! the whole effect. What a peer sends never makes it panic, and never lets it accept by mistake.
//!
//! Servers written in Rust want the crate `wswarden`, which drives this one over any async stream.
//! This crate is for those who write such an adapter, and for tests.
//!
//! # A whole connection, by hand
//!
//! A [`Policy`] is what is allowed. A [`Guard`] is a policy and what all connections of a server
//! share. It screens a request into a [`Candidate`], which is admitted as a [`Session`]; the session
//! judges messages and says what time brings. Time is always the last argument:
//!
//! ```
//! use std::time::Duration;
//! use wswarden_core::http::{Header, HttpVersion, Remote, Request};
//! use wswarden_core::{Action, Admission, Answer, Guard, Host, Identity, Message, Need, Now, Policy, Timestamp, UnixTime, Verdict};
//!
//! let policy = Policy::from_toml(r#"
//!     origin.allow = ["https://app.example.com"]
//!     credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
//!     [message.types.chat]
//!     schema = { type = "object", required = ["content"] }
//! "#)?;
//! let seed = [0x5a; 32]; // a real one comes from the operating system
//! let guard = Guard::new(policy, Host::SOCKET, &[], seed)?;
//! let mut now = Now { mono: Timestamp::from_secs(100), unix: UnixTime::from_secs(1_800_000_000) };
//!
//! // The request, as the host's HTTP parser gives it.
//! let headers = [
//!     ("Host", "chat.example.com"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
//!     ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
//!     ("Origin", "https://app.example.com"), ("Cookie", "sid=s3cret"),
//! ]
//! .map(|(name, value)| Header { name, value: value.as_bytes() });
//! let request = Request {
//!     method: "GET", target: "/chat", version: HttpVersion::Http11, headers: &headers,
//!     peer: Remote::Address([198, 51, 100, 7].into()), tls: true,
//! };
//!
//! // All that needs no credential judged; then the credential. A JSON Web Token is judged at once;
//! // whose session token this is, only the host knows.
//! let candidate = guard.screen(&request, now)?;
//! let mut session = match candidate.admit(now)? {
//!     Admission::Open(session) => session,
//!     Admission::Wait(waiting) => {
//!         let answer = match waiting.need() {
//!             Need::Identity(token) if token.expose() == b"s3cret" => Answer::Identity(Identity::assertion("ann")),
//!             _ => Answer::Refused,
//!         };
//!         match waiting.provide(answer, now)? {
//!             Admission::Open(session) => session,
//!             Admission::Wait(_) => unreachable!("one question was enough"),
//!         }
//!     }
//! };
//! assert_eq!(session.response().status(), 101); // send session.response().to_bytes()
//!
//! // A message, then another that is not within policy.
//! let mut scratch = guard.scratch(); // one for each thread
//! now.mono = now.mono.after(Duration::from_secs(1));
//! let good = session.receive(Message::Text(br#"{"type":"chat","content":"hello"}"#), &mut scratch, now.mono);
//! assert!(matches!(good.verdict, Verdict::Deliver(_)));
//! let bad = session.receive(Message::Text(br#"{"type":"chat"}"#), &mut scratch, now.mono);
//! assert!(matches!(bad.verdict, Verdict::Reply(reply) if reply.reason.name() == "schema_violation"));
//!
//! // Nothing comes. The host sleeps until the session wants to be woken, and does what is due:
//! // a ping; then, as no pong comes, a close; then the end.
//! let mut done = Vec::new();
//! while let Some(at) = session.next_timeout() {
//!     now.mono = at;
//!     while let Some(due) = session.handle_timeout(now.mono) {
//!         done.push(match due.action {
//!             Action::Ping(_payload) => "ping",
//!             Action::Close(close) => close.text(),
//!             Action::Terminate => "cut",
//!             _ => "something else",
//!         });
//!     }
//! }
//! assert_eq!(done, ["ping", "ping_timeout", "cut"]);
//!
//! // Dropping it gives everything back.
//! drop(session);
//! assert_eq!(guard.stats().connections, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An event loop with many sessions keeps them in a [`Registry`], which has one timer for all.
//!
//! # Rules for a host
//!
//! - Do what a [`Verdict`] or [`Action`] says; hand nothing to the application but what
//!   [`Verdict::Deliver`] names.
//! - Close a stream by dropping its session, whatever the exit path.
//! - Take the monotonic time from a clock that goes on while the machine sleeps, and the seed from
//!   the operating system.
//! - Where the policy names published keys, do what [`Guard::handle_timeout`] says when
//!   [`Guard::next_timeout`] says so.
//! - Wake the sessions that [`Affected`] names. One that is not woken notices by itself, later.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::disallowed_methods,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "a test that panics has failed, which is what it is for"
    )
)]

#[cfg(feature = "conform")]
pub mod conform;
pub mod credential;
mod event;
mod frames;
mod guard;
mod handshake;
#[cfg(test)]
mod handshake_tests;
mod host;
pub mod http;
mod identity;
pub mod limit;
pub mod message;
pub mod policy;
mod reason;
mod registry;
mod secret;
mod session;
#[cfg(test)]
mod story;
mod time;
mod verdict;

pub use credential::Revocation;
pub use event::{Event, EventKind, SessionId};
pub use frames::FrameMeter;
pub use guard::{Affected, Guard, GuardAction, Knock, Reconciled, RevocationsFull, Stats};
pub use handshake::{Admission, Answer, Candidate, Judgement, Need, Peer, Waiting};
pub use host::{Gap, Host, HostLimits};
pub use http::{Refusal, Remote};
pub use identity::{Identity, UserKey};
pub use policy::{Policy, PolicyError};
pub use reason::{Dialect, Reason, Retry};
pub use registry::{Admitted, Entry, Handle, Registry, StaleHandle, Tick};
pub use secret::Secret;
pub use session::{Message, Session};
pub use time::{Now, Timestamp, UnixTime};
pub use verdict::{Action, Close, Due, Outcome, Pressure, Reply, Verdict};
