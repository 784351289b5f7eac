//! The addon below the npm package `wswarden`: it converts, reads the clock and calls the core.
//!
//! What is rare goes through classes of napi-rs ([`guard`], [`policy`]). The two calls a message
//! needs are functions of Node-API itself ([`calls`]): a class method would cost seven times as
//! much. Everything lives on one thread; a worker that loads the addon gets guards of its own.
//! A panic never crosses into the host: the guard it happened in ends, and refuses from then on.

mod calls;
mod clock;
mod credentials;
mod guard;
mod handshake;
mod policy;
mod record;
mod state;
mod values;

pub(crate) use napi::bindgen_prelude::Result;
use napi_derive::napi;
use wswarden_core::{Dialect, Policy, Reason};

/// The version of the addon: the package refuses one of another version.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The JSON Schema of the policy document.
#[napi]
pub fn policy_schema() -> String {
    Policy::json_schema().to_string()
}

/// A row of the table of reasons.
#[napi(object)]
pub struct ReasonRow {
    /// The name in logs, metrics, problem documents and error replies.
    pub name: String,
    /// The pinned number, as a verdict carries it.
    pub number: u32,
    /// The status of the HTTP answer.
    pub status: u32,
    /// The close code in the dialect `rfc`.
    pub close_rfc: u32,
    /// The close code in the dialect `app`.
    pub close_app: u32,
    /// What the peer should do next.
    pub retry: String,
    /// One sentence for people.
    pub sentence: String,
}

/// The table of reasons, by ascending number.
#[napi]
pub fn reasons() -> Vec<ReasonRow> {
    let row = |&reason: &Reason| ReasonRow {
        name: reason.name().into(),
        number: reason.number().into(),
        status: reason.http_status().into(),
        close_rfc: reason.close_code(Dialect::Rfc).into(),
        close_app: reason.close_code(Dialect::App).into(),
        retry: reason.retry().name().into(),
        sentence: reason.sentence().into(),
    };
    Reason::ALL.iter().map(row).collect()
}

/// Answers a line of the conformance protocol.
#[cfg(feature = "conform")]
#[napi(catch_unwind)]
pub fn conform(line: String) -> Result<String> {
    Ok(wswarden_core::conform::answer_line(line.as_bytes()).to_string())
}

/// An error that the package knows by its code.
pub(crate) fn error(code: &str, message: impl Into<String>) -> napi::Error {
    napi::Error::new(napi::Status::GenericFailure, format!("{code}\n{}", message.into()))
}
