//! Time is an argument, always the last one; nothing in this crate reads a clock.

use std::time::Duration;

/// A point on a monotonic clock: nanoseconds since any fixed origin.
///
/// Unlike [`std::time::Instant`] it can be made from a number, which every language has.
/// Hosts should take a clock that goes on counting while the machine sleeps
/// (`CLOCK_BOOTTIME` on Linux), so that a credential does not outlive a suspend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);
    /// Later than every other; stands for "never".
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the clock's origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The point `millis` milliseconds after the clock's origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The point `secs` seconds after the clock's origin.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the clock's origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This point moved later; an overflow gives [`Timestamp::MAX`].
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }

    /// How long after `earlier` this point is; zero when it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A point in civil time: nanoseconds since 1970-01-01T00:00:00Z.
///
/// Only credentials need it (`exp`, `nbf`, `iat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// Later than every other; stands for "for ever".
    pub const MAX: Self = Self(u64::MAX);

    /// The point `secs` seconds after the epoch, as RFC 7519 counts (`NumericDate`).
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// The point `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This point moved later; an overflow gives the last point there is.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }

    /// How long after `earlier` this point is; zero when it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Both clocks, read together; asked for wherever a credential is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// What deadlines and limits are measured by.
    pub mono: Timestamp,
    /// What the times in a credential are compared with.
    pub unix: UnixTime,
}

impl Now {
    /// When, on the monotonic clock, civil time will reach `at`: now, if it already has.
    ///
    /// A deadline is computed once from a credential's expiry. A civil clock that is set
    /// back later therefore cannot extend it (threat 57).
    pub fn deadline(self, at: UnixTime) -> Timestamp {
        self.mono.after(at.since(self.unix))
    }
}

/// A duration as whole nanoseconds; one of over 584 years gives the longest there is.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
