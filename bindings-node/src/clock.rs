//! The clocks of the operating system, or a clock that a test has set.

use std::time::{SystemTime, UNIX_EPOCH};

use wswarden_core::{Now, Timestamp, UnixTime};

/// One event loop's clock.
///
/// The monotonic time goes on while the machine sleeps (`CLOCK_BOOTTIME` on Linux): a credential
/// must not outlive its expiry by a suspend. For messages it is read at most once in a tick of the
/// system's coarse clock (1 to 4 ms), which costs a quarter of a read.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// The tick of the coarse clock in which `mono` was read.
    tick: u64,
    mono: Timestamp,
    set: Option<Now>,
}

impl Clock {
    /// Both clocks, exactly.
    pub(crate) fn now(&mut self) -> Now {
        if let Some(now) = self.set {
            return now;
        }
        // A clock before 1970 reads as 1970: every token that says when it begins is then refused.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix = UnixTime::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        Now { mono: self.read(), unix }
    }

    /// The monotonic clock alone, exactly.
    pub(crate) fn mono(&mut self) -> Timestamp {
        self.set.map_or_else(|| self.read(), |now| now.mono)
    }

    /// The monotonic clock, not older than a tick of the coarse one.
    #[inline]
    pub(crate) fn coarse(&mut self) -> Timestamp {
        if let Some(now) = self.set {
            return now.mono;
        }
        let tick = system::tick();
        if tick != self.tick {
            self.tick = tick;
            self.read();
        }
        self.mono
    }

    /// From here on it is what is said, as tests want it.
    pub(crate) fn set(&mut self, now: Now) {
        self.set = Some(now);
    }

    fn read(&mut self) -> Timestamp {
        self.mono = self.mono.max(system::mono());
        self.mono
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use rustix::time::{ClockId, clock_gettime};
    use wswarden_core::Timestamp;

    fn read(clock: ClockId) -> u64 {
        let time = clock_gettime(clock);
        let secs = u64::try_from(time.tv_sec).unwrap_or_default();
        secs.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or_default())
    }

    #[inline]
    pub(super) fn tick() -> u64 {
        read(ClockId::MonotonicCoarse)
    }

    pub(super) fn mono() -> Timestamp {
        Timestamp::from_nanos(read(ClockId::Boottime))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::sync::OnceLock;
    use std::time::Instant;

    use wswarden_core::Timestamp;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();

    /// No coarse clock that is known to be cheaper: every message reads the exact one.
    pub(super) fn tick() -> u64 {
        mono().as_nanos().wrapping_add(1)
    }

    pub(super) fn mono() -> Timestamp {
        Timestamp::ZERO.after(ORIGIN.get_or_init(Instant::now).elapsed())
    }
}
