//! The clocks of the operating system, for hosts that have none of their own.

use std::time::{SystemTime, UNIX_EPOCH};

use wswarden_core::{Now, Timestamp, UnixTime};

use crate::border::entry_or;

/// Both clocks, read together.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_time {
    /// Nanoseconds on a monotonic clock of any fixed origin. It should go on while the machine sleeps.
    pub mono_ns: u64,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: u64,
}

impl From<wsw_time> for Now {
    fn from(time: wsw_time) -> Self {
        Self { mono: Timestamp::from_nanos(time.mono_ns), unix: UnixTime::from_nanos(time.unix_ns) }
    }
}

/// Both clocks of the operating system, now: `CLOCK_BOOTTIME` on Linux, which goes on while the machine sleeps, and
/// civil time. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_now() -> wsw_time {
    // After a bug every credential reads as not valid yet: nothing is let in.
    entry_or(
        |_| wsw_time { mono_ns: 0, unix_ns: 0 },
        || {
            // A clock before 1970 reads as 1970: every token that says when it begins is then refused.
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok(wsw_time { mono_ns: mono(), unix_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) })
        },
    )
}

/// The monotonic clock of `wsw_now` alone: what messages need. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_now_mono() -> u64 {
    entry_or(|_| 0, || Ok(mono()))
}

/// By libc, not by the kernel's own page: a host under valgrind has no such page.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn mono() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` may be written. It fails for clocks that do not exist alone, and then stays 0.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) };
    let secs = u64::try_from(time.tv_sec).unwrap_or_default();
    secs.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn mono() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(ORIGIN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}
