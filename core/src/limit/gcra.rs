//! The generic cell rate algorithm: a whole rate limit in one number.
//!
//! The number is the *theoretical arrival time* (ITU-T I.371): when the bucket will be full
//! again. A charge moves it later by its price; it may never stand more than one burst's price
//! ahead of the clock. An old number simply means a full bucket, so nothing has to be refilled.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::policy::Quota;
use crate::time::{Timestamp, nanos};

/// How often a charge that loses a race tries again. Then it is refused: one too few is
/// allowed, one too many never, and no peer can make another spin.
const RACES: u32 = 16;

/// By how much the clocks of two threads may differ when they charge the same word, because each
/// reads its own once for many messages. A word that is only this much too far ahead stands as it
/// is: were it brought near for each late thread, two connections of one user could take a
/// little more than the rate with every message.
pub(super) const SKEW: u64 = 1_000_000_000;

/// A quota prepared for charging: no division is left to do.
///
/// The state is kept by the caller: one `u64` a key, 0 for a fresh one. It belongs to no quota,
/// so that a changed quota holds at once for what is stored: a word counts as at most one burst
/// of the quota it is tested with.
///
/// Rounding is always to the stricter side: by less than one nanosecond a charge, or, where a
/// burst's units so add up to less than one of them, less than one nanosecond a unit, so that a
/// burst taken in units of one is whole.
///
/// ```
/// use wswarden_core::Timestamp;
/// use wswarden_core::limit::Gcra;
/// use wswarden_core::policy::{Quota, Span};
///
/// let two_a_second = Gcra::new(Quota::gcra(2, Span::from_secs(1), 1));
/// let mut word = 0;
/// assert!(two_a_second.charge(&mut word, 1, Timestamp::from_millis(0)).is_ok());
/// let until = two_a_second.charge(&mut word, 1, Timestamp::from_millis(100));
/// assert_eq!(until, Err(Timestamp::from_millis(500)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    /// The price of one unit: whole nanoseconds ...
    whole: u64,
    /// ... and 2^-64ths of one.
    fraction: u64,
    /// What one unit costs when it is charged alone: rounded up.
    one: u64,
    /// The price of a burst: how far a word may stand ahead of the clock.
    tolerance: u64,
    /// The largest cost that can ever pass.
    burst: u64,
}

impl Gcra {
    /// Prepares `quota`, taken as one of kind GCRA.
    ///
    /// A quota of nothing (a limit, period or burst of zero) lets nothing pass; a policy refuses
    /// to hold one.
    pub fn new(quota: Quota) -> Self {
        Self::times(quota, 1)
    }

    /// Prepares `factor` times `quota`: for the wider of two prefixes of one address.
    pub fn times(quota: Quota, factor: u64) -> Self {
        let limit = u128::from(quota.limit().saturating_mul(factor));
        let burst = quota.burst().saturating_mul(factor);
        let per = u128::from(nanos(quota.per()));
        let (Some(whole), Some(rest)) = (per.checked_div(limit), per.checked_rem(limit)) else {
            return Self::nothing();
        };
        if per == 0 || burst == 0 {
            return Self::nothing();
        }
        let whole = u64::try_from(whole).unwrap_or(u64::MAX);
        let rounding = u128::from(burst).saturating_mul(limit.saturating_sub(rest));
        let (whole, fraction) = if rest == 0 {
            (whole, 0)
        } else if rounding < per {
            // Rounding every unit up costs less than one unit in a whole burst.
            (whole.saturating_add(1), 0)
        } else {
            (whole, fraction(rest, limit, burst))
        };
        let one = whole.saturating_add(u64::from(fraction != 0));
        let gcra = Self { whole, fraction, one, tolerance: 0, burst };
        Self { tolerance: gcra.price(burst), ..gcra }
    }

    /// Whether a charge of `cost` would pass: the word to store if it does, or the first
    /// instant at which it will ([`Timestamp::MAX`]: never, the cost is over the burst).
    pub fn test(&self, word: u64, cost: u64, now: Timestamp) -> Result<u64, Timestamp> {
        if cost > self.burst {
            return Err(Timestamp::MAX);
        }
        let now = now.as_nanos();
        let horizon = now.saturating_add(self.tolerance);
        // Never before now: no more than a burst is saved up. Not far beyond the horizon: a clock
        // set back, or a quota made smaller, refills nothing and locks nobody out.
        let full_at = if word > horizon.saturating_add(SKEW) { horizon } else { word.max(now) };
        // At the end of time the sum does not fit, and nothing passes any more.
        match full_at.checked_add(self.price(cost)) {
            Some(next) if next <= horizon => Ok(next),
            Some(next) => Err(Timestamp::from_nanos(next.saturating_sub(self.tolerance))),
            None => Err(Timestamp::MAX),
        }
    }

    /// The word to store if a charge of `cost` passes; none where it does not, and where the word is so
    /// far ahead of the clock that only [`Gcra::test`] can tell. The short way for what passes, as
    /// nearly everything does.
    #[inline(always)]
    pub(crate) fn admit(&self, word: u64, cost: u64, now: Timestamp) -> Option<u64> {
        let now = now.as_nanos();
        let next = word.max(now).checked_add(self.price(cost))?;
        (cost <= self.burst && next <= now.saturating_add(self.tolerance)).then_some(next)
    }

    /// The same on a word shared between threads: a charge to [commit](Planned::commit).
    #[inline(always)]
    pub(crate) fn plan<'a>(&self, word: &'a AtomicU64, cost: u64, now: Timestamp) -> Option<Planned<'a>> {
        let seen = word.load(Ordering::Relaxed);
        Some(Planned { word, seen, next: self.admit(seen, cost, now)? })
    }

    /// Charges `cost` if it passes; else says from when on it will.
    pub fn charge(&self, word: &mut u64, cost: u64, now: Timestamp) -> Result<(), Timestamp> {
        match self.test(*word, cost, now) {
            Ok(next) => {
                *word = next;
                Ok(())
            }
            Err(until) => {
                *word = self.settled(*word, now);
                Err(until)
            }
        }
    }

    /// The same on a word shared between threads. Losing a race tests again; losing many in a
    /// row refuses.
    pub fn charge_shared(&self, word: &AtomicU64, cost: u64, now: Timestamp) -> Result<(), Timestamp> {
        let mut seen = word.load(Ordering::Relaxed);
        for _ in 0..RACES {
            // SeqCst: the ledger must see either this charge or, here, that the record changed hands.
            match self.test(seen, cost, now) {
                Ok(next) => match word.compare_exchange_weak(seen, next, Ordering::SeqCst, Ordering::Relaxed) {
                    Ok(_) => return Ok(()),
                    Err(other) => seen = other,
                },
                Err(until) => {
                    self.settle(word, seen, now);
                    return Err(until);
                }
            }
        }
        Err(Timestamp::from_nanos(now.as_nanos().saturating_add(1)))
    }

    /// Whether a charge on a shared word would pass, charging nothing.
    pub fn test_shared(&self, word: &AtomicU64, cost: u64, now: Timestamp) -> Result<(), Timestamp> {
        let seen = word.load(Ordering::Relaxed);
        self.test(seen, cost, now).map(drop).inspect_err(|_| self.settle(word, seen, now))
    }

    /// Gives back an earlier charge of `cost`. Whatever is given back, no more than a burst is saved up.
    pub fn refund(&self, word: &mut u64, cost: u64) {
        *word = word.saturating_sub(self.price(cost));
    }

    /// The same on a word shared between threads.
    pub fn refund_shared(&self, word: &AtomicU64, cost: u64) {
        let price = self.price(cost);
        word.fetch_update(Ordering::SeqCst, Ordering::Relaxed, |seen| Some(seen.saturating_sub(price))).ok();
    }

    /// How much would pass at once.
    pub fn remaining(&self, word: u64, now: Timestamp) -> u64 {
        let horizon = self.horizon(now);
        let room = horizon.saturating_sub(self.settled(word, now).max(now.as_nanos()));
        let unit = u128::from(self.whole).wrapping_shl(64) | u128::from(self.fraction);
        let Some(units) = u128::from(room).wrapping_shl(64).checked_div(unit) else { return 0 };
        let mut units = u64::try_from(units).unwrap_or(u64::MAX).min(self.burst);
        // The quotient may be one off, because the price of a sum is not the sum of the prices.
        if units < self.burst && self.price(units.saturating_add(1)) <= room {
            units = units.saturating_add(1);
        }
        if self.price(units) > room { units.saturating_sub(1) } else { units }
    }

    /// Whether a word stands for a full bucket: then it may be forgotten. True of every quota alike.
    pub fn is_full(word: u64, now: Timestamp) -> bool {
        word <= now.as_nanos()
    }

    /// How far ahead of the clock a word may stand, in nanoseconds.
    pub(crate) fn tolerance(&self) -> u64 {
        self.tolerance
    }

    /// The horizon in place of a word far beyond it. It has to be stored when a charge is refused:
    /// else a clock set back would refuse for as long as it was set back.
    pub(crate) fn settled(&self, word: u64, now: Timestamp) -> u64 {
        let horizon = self.horizon(now);
        if word > horizon.saturating_add(SKEW) { horizon } else { word }
    }

    fn settle(&self, word: &AtomicU64, seen: u64, now: Timestamp) {
        let settled = self.settled(seen, now);
        if settled != seen {
            word.compare_exchange(seen, settled, Ordering::SeqCst, Ordering::Relaxed).ok();
        }
    }

    fn horizon(&self, now: Timestamp) -> u64 {
        now.as_nanos().saturating_add(self.tolerance)
    }

    /// What `cost` units cost in nanoseconds, rounded up.
    #[inline(always)]
    fn price(&self, cost: u64) -> u64 {
        if cost == 1 {
            return self.one;
        }
        let whole = self.whole.saturating_mul(cost);
        if self.fraction == 0 {
            return whole;
        }
        let product = u128::from(self.fraction).wrapping_mul(u128::from(cost));
        let carry = u64::try_from(product.wrapping_shr(64)).unwrap_or(u64::MAX);
        let part = u64::from(product & u128::from(u64::MAX) != 0);
        whole.saturating_add(carry).saturating_add(part)
    }

    /// Lets nothing pass but a cost of zero.
    fn nothing() -> Self {
        Self { whole: u64::MAX, fraction: 0, one: u64::MAX, tolerance: 0, burst: 0 }
    }
}

/// A charge on a shared word that would pass, worked out and not made yet.
#[derive(Debug)]
#[must_use = "nothing is charged before it is committed"]
pub(crate) struct Planned<'a> {
    word: &'a AtomicU64,
    seen: u64,
    next: u64,
}

impl Planned<'_> {
    /// Makes the charge, unless the word has changed since: then nothing is charged, and the answer is false.
    #[inline(always)]
    pub(crate) fn commit(self) -> bool {
        // SeqCst: see `Gcra::charge_shared`.
        self.word.compare_exchange(self.seen, self.next, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }
}

/// `rest / limit` of a nanosecond in 2^-64ths, such that the price of any cost up to `burst`
/// comes out rounded up.
///
/// Rounded down, the product is short by less than `burst / 2^64`. The true price is a multiple
/// of `1 / limit`, so while that is the wider step, rounding the product up gives the true price
/// rounded up. Beyond, the fraction is rounded up and the price may be one nanosecond more.
fn fraction(rest: u128, limit: u128, burst: u64) -> u64 {
    let down = u64::try_from(rest.wrapping_shl(64).checked_div(limit).unwrap_or(0)).unwrap_or(u64::MAX);
    let exact = u128::from(burst).checked_mul(limit).is_some_and(|product| product < (1u128 << 64));
    if exact { down } else { down.saturating_add(1) }
}
