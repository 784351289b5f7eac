//! The exact sliding window: at most so many in *any* stretch of time, the guide's rule.
//!
//! It remembers when each unit passed, so a key costs 8 bytes a unit and a limit is at most 64;
//! [`Gcra`](super::Gcra) costs 8 bytes a key. It also differs in what it lets through: the window
//! lets a whole limit pass at once, then nothing until the first of them is `per` old.

use std::collections::VecDeque;

use super::gcra::SKEW;
use crate::policy::Quota;
use crate::time::{Timestamp, nanos};

/// The most units a window counts: with 8 bytes each, one cache page would hold eight keys.
const MAX_STAMPS: u64 = 64;

/// A quota prepared as a sliding window: `limit` units in any stretch of `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    limit: u64,
    per: u64,
}

/// When the units that may still count passed, oldest first: a window's state, at most 64 of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps(VecDeque<u64>);

impl Window {
    /// Prepares `quota`, taken as one of kind sliding window.
    ///
    /// A limit over 64 counts as 64, and a quota of nothing lets nothing pass; a policy refuses
    /// to hold either.
    pub fn new(quota: Quota) -> Self {
        Self::times(quota, 1)
    }

    /// Prepares `factor` times `quota`: for the wider of two prefixes of one address.
    pub fn times(quota: Quota, factor: u64) -> Self {
        let per = nanos(quota.per());
        let limit = if per == 0 { 0 } else { quota.limit().saturating_mul(factor).min(MAX_STAMPS) };
        Self { limit, per }
    }

    /// Whether a charge of `cost` would pass, or the first instant at which it will
    /// ([`Timestamp::MAX`]: never, the cost is over the limit).
    pub fn test(&self, stamps: &Stamps, cost: u64, now: Timestamp) -> Result<(), Timestamp> {
        if cost > self.limit {
            return Err(Timestamp::MAX);
        }
        let now = now.as_nanos();
        let gone = stamps.0.iter().take_while(|stamp| self.is_over(**stamp, now)).count();
        let counted = stamps.0.len().saturating_sub(gone);
        let room = self.limit.saturating_sub(cost);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let Some(last_to_go) = counted.checked_sub(room).and_then(|over| over.checked_sub(1)) else {
            return Ok(());
        };
        let stamp = stamps.0.get(gone.saturating_add(last_to_go)).copied().unwrap_or(now);
        let stamp = if self.is_from_a_later_clock(stamp, now) { now } else { stamp };
        Err(Timestamp::from_nanos(stamp.saturating_add(self.per)))
    }

    /// Charges `cost` if it passes; else says from when on it will.
    pub fn charge(&self, stamps: &mut Stamps, cost: u64, now: Timestamp) -> Result<(), Timestamp> {
        self.settle(stamps, now);
        self.test(stamps, cost, now)?;
        // In order, although a thread whose clock is late may come after one whose is not.
        let now = stamps.0.back().copied().unwrap_or(0).max(now.as_nanos());
        stamps.0.extend((0..cost).map(|_| now));
        Ok(())
    }

    /// Gives back a charge of `cost`: the latest units.
    pub fn refund(&self, stamps: &mut Stamps, cost: u64) {
        let cost = usize::try_from(cost).unwrap_or(usize::MAX);
        stamps.0.truncate(stamps.0.len().saturating_sub(cost));
    }

    /// How much would pass at once.
    pub fn remaining(&self, stamps: &Stamps, now: Timestamp) -> u64 {
        let counted = stamps.0.iter().filter(|stamp| !self.is_over(**stamp, now.as_nanos())).count();
        self.limit.saturating_sub(u64::try_from(counted).unwrap_or(u64::MAX))
    }

    /// From when on nothing counts any more.
    pub fn full_at(&self, stamps: &Stamps) -> Timestamp {
        stamps.0.back().map_or(Timestamp::ZERO, |stamp| Timestamp::from_nanos(stamp.saturating_add(self.per)))
    }

    /// The longest a unit counts, in nanoseconds.
    pub(crate) fn per(&self) -> u64 {
        self.per
    }

    /// Forgets what no longer counts, and takes what a clock set back left in the future as
    /// taken now: nothing is refilled and nobody is locked out.
    pub(crate) fn settle(&self, stamps: &mut Stamps, now: Timestamp) {
        let now = now.as_nanos();
        while stamps.0.front().is_some_and(|stamp| self.is_over(*stamp, now)) {
            stamps.0.pop_front();
        }
        for stamp in stamps.0.iter_mut().rev() {
            if !self.is_from_a_later_clock(*stamp, now) {
                break;
            }
            *stamp = now;
        }
    }

    /// Whether the clock must have been set back since; two threads' clocks differ by less.
    fn is_from_a_later_clock(&self, stamp: u64, now: u64) -> bool {
        stamp > now.saturating_add(SKEW)
    }

    /// A unit taken at 0 counts until just before `per`: the guide keeps `now - t < per`.
    fn is_over(&self, stamp: u64, now: u64) -> bool {
        now.checked_sub(stamp).is_some_and(|age| age >= self.per)
    }
}

impl Stamps {
    /// Forgets everything and gives the memory back.
    pub(crate) fn clear(&mut self) {
        self.0 = VecDeque::new();
    }
}
