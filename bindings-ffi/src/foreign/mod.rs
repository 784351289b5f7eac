//! The same core for Kotlin, Swift, Ruby and Python, by UniFFI.
//!
//! Objects lock themselves, visibly: UniFFI hands out shared references to them. A panic is an error of the language, and
//! leaves the lock poisoned: that object then refuses for ever.

pub mod guard;
pub mod registry;
pub mod schema;
pub mod socket;
pub mod values;

use std::sync::{Mutex, MutexGuard};

use wswarden_core::{Now, Reason, Timestamp, UnixTime};

use crate::handle::Local;

/// The caller's mistake, or a bug; never what a peer did.
#[derive(Debug, uniffi::Error)]
#[uniffi(flat_error)]
pub enum WswardenError {
    /// The policy cannot be, or the host cannot keep it.
    Policy(String),
    /// An argument is not what the function takes.
    Argument(String),
    /// The handle's connection is gone, or is at another point of its life.
    StaleHandle,
    /// There is no room for another revocation.
    Full,
    /// An earlier call was given up by a bug: the object refuses for ever.
    Poisoned,
    /// The object was made in the process that this one was forked from.
    Forked(String),
}

impl std::fmt::Display for WswardenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Policy(message) | Self::Argument(message) | Self::Forked(message) => f.write_str(message),
            Self::StaleHandle => write!(f, "{}", wswarden_core::StaleHandle),
            Self::Full => f.write_str("too many revocations are in force"),
            Self::Poisoned => f.write_str("an earlier call was given up"),
        }
    }
}

impl std::error::Error for WswardenError {}

pub(crate) type Result<T> = std::result::Result<T, WswardenError>;

/// Both clocks, read together.
#[derive(Clone, Copy, uniffi::Record)]
pub struct Time {
    /// Nanoseconds on a monotonic clock of any fixed origin.
    pub mono: u64,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub unix: u64,
}

impl From<Time> for Now {
    fn from(time: Time) -> Self {
        Self { mono: Timestamp::from_nanos(time.mono), unix: UnixTime::from_nanos(time.unix) }
    }
}

/// One row of the table of reasons.
#[derive(Clone, uniffi::Record)]
pub struct ReasonRow {
    /// The pinned number.
    pub number: u32,
    /// The name in logs, metrics, problem documents and error replies.
    pub name: String,
    /// The status of the HTTP answer, before the 101.
    pub http_status: u16,
    /// The code of the close frame in the dialect `rfc`.
    pub close_code_rfc: u16,
    /// The code of the close frame in the dialect `app`.
    pub close_code_app: u16,
    /// What a peer should do next: "never", "now", "backoff", "after_delay" or "with_new_credential".
    pub retry_advice: String,
    /// One sentence for people.
    pub sentence: String,
}

/// The library's version.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// Both clocks of the operating system, now.
#[uniffi::export]
pub fn now() -> Time {
    let now = crate::clock::wsw_now();
    Time { mono: now.mono_ns, unix: now.unix_ns }
}

/// The table of reasons.
#[uniffi::export]
pub fn reasons() -> Vec<ReasonRow> {
    use wswarden_core::Dialect;
    let row = |reason: &Reason| ReasonRow {
        number: reason.number().into(),
        name: reason.name().into(),
        http_status: reason.http_status(),
        close_code_rfc: reason.close_code(Dialect::Rfc),
        close_code_app: reason.close_code(Dialect::App),
        retry_advice: reason.retry().name().into(),
        sentence: reason.sentence().into(),
    };
    Reason::ALL.iter().map(row).collect()
}

/// What an object holds, in the process that made it.
pub(crate) fn here<T>(local: &Local<T>) -> Result<&T> {
    local.here().map_err(|fault| WswardenError::Forked(fault.message().into()))
}

/// What is to work in this process alone.
pub(crate) fn local<T>(value: T) -> Result<Local<T>> {
    Local::new(value).map_err(|fault| WswardenError::Argument(fault.message().into()))
}

/// Locks an object; not after a panic.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    mutex.lock().map_err(|_| WswardenError::Poisoned)
}
