//! The clocks of the operating system.

use std::time::{SystemTime, UNIX_EPOCH};

use wswarden_core::{Now, Timestamp, UnixTime};

/// Both clocks, now. On Linux and Android the monotonic one goes on while the machine sleeps
/// (`CLOCK_BOOTTIME`): a credential must not outlive its expiry by a suspend.
pub fn now() -> Now {
    // A clock before 1970 reads as 1970: every token that says when it begins is then refused.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unix = UnixTime::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    Now { mono: mono(), unix }
}

/// The monotonic clock alone.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn mono() -> Timestamp {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let secs = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    Timestamp::from_nanos(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// The monotonic clock alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn mono() -> Timestamp {
    use std::sync::OnceLock;
    use std::time::Instant;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    Timestamp::ZERO.after(ORIGIN.get_or_init(Instant::now).elapsed())
}
