//! The decisions of a secure WebSocket server, as pure state machines.
//!
//! This crate does no I/O, reads no clock, draws no random numbers, starts no threads and calls
//! nothing back: bytes and times come in as arguments, and the return value is the whole effect.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
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

pub use credential::{Revocation, RevocationsFull};
pub use event::{Event, EventKind, SessionId};
pub use frames::FrameMeter;
pub use guard::{Affected, Guard, Reconciled, Stats};
pub use handshake::{Admission, Answer, Candidate, Judgement, Need, Peer, Waiting};
pub use host::{Gap, Host};
pub use http::Refusal;
pub use identity::{Identity, UserKey};
pub use policy::{Policy, PolicyError};
pub use reason::{Dialect, Reason, Retry};
pub use registry::{Entry, Full, Handle, Provided, Registry, StaleHandle, Tick};
pub use secret::Secret;
pub use session::{Message, Session};
pub use time::{Now, Timestamp, UnixTime};
pub use verdict::{Action, Close, Due, Outcome, Pressure, Reply, Verdict};
