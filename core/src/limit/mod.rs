//! How often and how many: quotas, the bounded ledger, the timer wheel.
//! Time is an argument, always the last one; nothing in this crate reads a clock.
//!
//! - [`RateLimit`]: one key's limit with its state, of either kind.
//! - [`Gcra`] and [`Window`]: the two kinds prepared, with the state kept by the caller.
//! - [`Ledger`]: the limits, caps and bans of many keys, with a hard bound on memory.
//! - [`Wheel`]: what is due, for a million slots, at 8 bytes each.

mod address;
mod gcra;
mod ledger;
mod wheel;
mod window;

use std::time::Duration;

pub use address::AddressKeys;
pub use gcra::Gcra;
pub(crate) use gcra::Planned;
pub(crate) use ledger::Census;
pub use ledger::{Key, Lane, Ledger, Place};
pub use wheel::Wheel;
pub use window::{Stamps, Window};

use crate::policy::{Quota, QuotaKind};
use crate::time::Timestamp;

/// A quota prepared for charging, of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meter {
    /// Evenly refilled.
    Gcra(Gcra),
    /// Exact in any stretch.
    Window(Window),
}

impl Meter {
    /// Prepares `quota`.
    pub fn new(quota: Quota) -> Self {
        Self::times(quota, 1)
    }

    /// Prepares `factor` times `quota`: for the wider of two prefixes of one address.
    pub fn times(quota: Quota, factor: u64) -> Self {
        match quota.kind() {
            QuotaKind::Gcra => Self::Gcra(Gcra::times(quota, factor)),
            QuotaKind::SlidingWindow => Self::Window(Window::times(quota, factor)),
        }
    }

    /// How long an empty bucket of this quota takes to be full again.
    pub fn refill(&self) -> Duration {
        match self {
            Self::Gcra(gcra) => Duration::from_nanos(gcra.tolerance()),
            Self::Window(window) => Duration::from_nanos(window.per()),
        }
    }
}

/// One key's rate limit: a quota and its state.
///
/// ```
/// use wswarden_core::Timestamp;
/// use wswarden_core::limit::RateLimit;
/// use wswarden_core::policy::{Quota, Span};
///
/// // The guide's rule: 10 messages in any second.
/// let mut limit = RateLimit::new(Quota::sliding_window(10, Span::from_secs(1)));
/// for _ in 0..10 {
///     assert!(limit.check(1, Timestamp::from_millis(250)).is_ok());
/// }
/// let refused = limit.check(1, Timestamp::from_millis(900)).unwrap_err();
/// assert_eq!(refused.at(), Timestamp::from_millis(1250));
/// ```
#[derive(Clone, Debug)]
pub struct RateLimit {
    meter: Meter,
    /// The state of a GCRA.
    word: u64,
    /// The state of a window.
    stamps: Stamps,
}

impl RateLimit {
    /// A full bucket of `quota`.
    pub fn new(quota: Quota) -> Self {
        Self { meter: Meter::new(quota), word: 0, stamps: Stamps::default() }
    }

    /// Lets something of `cost` units pass and counts it, or says from when on it will pass.
    ///
    /// # Errors
    /// [`NotUntil`] if it must not pass. A refused call costs nothing.
    pub fn check(&mut self, cost: u64, now: Timestamp) -> Result<(), NotUntil> {
        match &self.meter {
            Meter::Gcra(gcra) => gcra.charge(&mut self.word, cost, now),
            Meter::Window(window) => window.charge(&mut self.stamps, cost, now),
        }
        .map_err(NotUntil)
    }

    /// How many units would pass at once.
    pub fn remaining(&self, now: Timestamp) -> u64 {
        match &self.meter {
            Meter::Gcra(gcra) => gcra.remaining(self.word, now),
            Meter::Window(window) => window.remaining(&self.stamps, now),
        }
    }

    /// From when on the bucket is full, if nothing more passes.
    pub fn full_at(&self) -> Timestamp {
        match &self.meter {
            Meter::Gcra(_) => Timestamp::from_nanos(self.word),
            Meter::Window(window) => window.full_at(&self.stamps),
        }
    }
}

/// Refused, until exactly then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUntil(Timestamp);

impl NotUntil {
    /// The first instant at which the same call would pass, if nothing else does before.
    /// [`Timestamp::MAX`]: never, because it costs more than the quota allows at once.
    pub fn at(self) -> Timestamp {
        self.0
    }

    /// How long to wait; zero when the instant is past.
    pub fn retry_after(self, now: Timestamp) -> Duration {
        self.0.since(now)
    }
}

#[cfg(test)]
mod tests;
