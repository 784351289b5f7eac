//! What the ledger keeps for one key: 80 bytes.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{Key, Lane};
use crate::limit::Gcra;
use crate::limit::gcra::SKEW;
use crate::time::Timestamp;

/// The number of references of a record that is being handed to another key.
const RETIRED: u32 = u32::MAX;
/// The number of strikes of a record that is banned.
const BANNED: u32 = u32::MAX;

/// What a check of one key reads and writes: one cache line.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Record {
    key: [AtomicU64; 2],
    /// The limiters' states.
    words: [AtomicU64; Lane::COUNT],
    scope: AtomicU32,
    /// The next record of the same index bucket.
    pub(super) next: AtomicU32,
    refs: AtomicU32,
    open: AtomicU32,
}

/// What is known of a key besides: only coming, going and misbehaving touch it.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// When the strikes are forgotten, or the ban ends.
    until: AtomicU64,
    strikes: AtomicU32,
    pending: AtomicU32,
}

impl Standing {
    /// The open slots of connections that have not shown a good credential.
    pub(super) fn pending(&self) -> &AtomicU32 {
        &self.pending
    }

    /// Until when the key is banned, if it is.
    pub(super) fn banned_until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.strikes.load(Ordering::Acquire) != BANNED {
            return None;
        }
        let until = Timestamp::from_nanos(self.until.load(Ordering::Relaxed));
        (until > now).then_some(until)
    }

    /// Counts a strike, under the ledger's lock: with the `after`th the key is banned for `nanos`.
    /// Strikes are forgotten when the last is as old as a ban is long.
    pub(super) fn strike(&self, after: u32, nanos: u64, now: Timestamp) {
        let until = now.as_nanos().saturating_add(nanos);
        let remembered = self.until.load(Ordering::Relaxed) > now.as_nanos();
        let strikes = if remembered { self.strikes.load(Ordering::Relaxed) } else { 0 };
        let strikes = strikes.saturating_add(1);
        self.until.store(until, Ordering::Relaxed);
        self.strikes.store(if strikes >= after { BANNED } else { strikes }, Ordering::Release);
    }

    /// Under the ledger's lock: what a new key starts with.
    pub(super) fn clear(&self) {
        self.until.store(0, Ordering::Relaxed);
        self.strikes.store(0, Ordering::Relaxed);
        self.pending.store(0, Ordering::Relaxed);
    }
}

impl Record {
    /// The open slots.
    pub(super) fn open(&self) -> &AtomicU32 {
        &self.open
    }

    /// The state of one limiter.
    #[inline]
    pub(super) fn word(&self, lane: Lane) -> &AtomicU64 {
        let [handshakes, failures, messages, bytes] = &self.words;
        match lane {
            Lane::Handshakes => handshakes,
            Lane::Failures => failures,
            Lane::Messages => messages,
            Lane::Bytes => bytes,
        }
    }

    /// Takes a reference if the record is still this key's. Without a lock: whoever hands a record
    /// to another key first makes `refs` say so, and can do that only while it is zero.
    pub(super) fn hold(&self, key: &Key) -> bool {
        if !self.hold_any() {
            return false;
        }
        let same = self.is_of(key);
        if !same {
            self.release();
        }
        same
    }

    /// Takes a reference whoever the record's key is.
    pub(super) fn hold_any(&self) -> bool {
        let more = |refs: u32| refs.checked_add(1).filter(|refs| *refs < RETIRED);
        self.refs.fetch_update(Ordering::SeqCst, Ordering::Relaxed, more).is_ok()
    }

    /// Gives a reference back.
    pub(super) fn release(&self) {
        let fewer = |refs: u32| if refs == RETIRED { None } else { refs.checked_sub(1) };
        self.refs.fetch_update(Ordering::SeqCst, Ordering::Relaxed, fewer).ok();
    }

    /// How many references are held.
    pub(super) fn references(&self) -> u32 {
        let refs = self.refs.load(Ordering::Relaxed);
        if refs == RETIRED { 0 } else { refs }
    }

    /// Whether the record is this key's; certain only while a reference is held.
    pub(super) fn is_of(&self, key: &Key) -> bool {
        self.key() == *key
    }

    /// Whether a charge made without a reference has counted for `key`: asked after the charge.
    pub(super) fn was_charged_for(&self, key: &Key) -> bool {
        self.refs.load(Ordering::SeqCst) != RETIRED && self.is_of(key)
    }

    pub(super) fn key(&self) -> Key {
        let [low, high] = &self.key;
        let bits = [low.load(Ordering::Relaxed), high.load(Ordering::Relaxed)];
        Key { bits, scope: self.scope.load(Ordering::Relaxed) }
    }

    /// Under the ledger's lock: makes an unused record, all refilled and not banned, one that
    /// nobody can take hold of. A charge without a reference comes either before the second look,
    /// which then sees it, or after `refs` changed, which it then sees: all of these are SeqCst.
    pub(super) fn retire(&self, standing: &Standing, longest: u64, now: Timestamp) -> bool {
        if self.refs.load(Ordering::SeqCst) != 0 || !self.is_settled(standing, longest, now) {
            return false;
        }
        if self.refs.compare_exchange(0, RETIRED, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            return false;
        }
        let settled = self.is_settled(standing, longest, now);
        if !settled {
            self.refs.store(0, Ordering::SeqCst);
        }
        settled
    }

    /// Under the ledger's lock: makes a retired or fresh record a new key's, with one reference.
    pub(super) fn assign(&self, key: &Key) {
        for word in &self.words {
            word.store(0, Ordering::SeqCst);
        }
        for (stored, bits) in self.key.iter().zip(key.bits) {
            stored.store(bits, Ordering::Relaxed);
        }
        self.scope.store(key.scope, Ordering::Relaxed);
        self.open.store(0, Ordering::Relaxed);
        self.refs.store(1, Ordering::SeqCst);
    }

    /// Whether every bucket is full and no strike is remembered. What lies further ahead than
    /// anything can (the clock was set back) is brought near, so that no record lives for ever.
    fn is_settled(&self, standing: &Standing, longest: u64, now: Timestamp) -> bool {
        let horizon = now.as_nanos().saturating_add(longest).saturating_add(SKEW);
        self.words.iter().chain([&standing.until]).all(|word| {
            let seen = word.load(Ordering::SeqCst);
            if seen > horizon {
                word.compare_exchange(seen, horizon, Ordering::SeqCst, Ordering::Relaxed).ok();
            }
            Gcra::is_full(seen, now)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp::from_secs(60);

    fn record_of(key: &Key) -> (Record, Standing) {
        let record = Record::default();
        record.assign(key);
        (record, Standing::default())
    }

    #[test]
    fn is_a_cache_line_and_a_quarter() {
        assert_eq!((size_of::<Record>(), size_of::<Standing>()), (64, 16));
    }

    /// Someone looked the record up for one key, and it has become another's before he takes hold.
    #[test]
    fn t91_a_look_up_that_comes_too_late_gets_nothing() {
        let (ours, theirs) = (Key::new(1, 0), Key::new(2, 0));
        let (record, standing) = record_of(&ours);
        record.release();
        assert!(record.was_charged_for(&ours));
        assert!(record.retire(&standing, 0, LATER));
        assert!(!record.hold(&ours) && !record.was_charged_for(&ours), "nobody's now");
        record.release();
        record.assign(&theirs);
        assert!(!record.hold(&ours) && !record.was_charged_for(&ours));
        record.release();
        assert!(record.retire(&standing, 0, LATER), "the failed look-ups left no reference behind");
    }

    #[test]
    fn t89_what_is_held_owed_or_remembered_is_not_retired() {
        let (record, standing) = record_of(&Key::new(1, 0));
        assert!(!record.retire(&standing, 0, LATER), "held");
        record.release();
        record.word(Lane::Bytes).store(LATER.as_nanos() + 1, Ordering::Relaxed);
        assert!(!record.retire(&standing, u64::MAX, LATER), "a bucket is not full");
        record.word(Lane::Bytes).store(LATER.as_nanos(), Ordering::Relaxed);
        standing.strike(5, 1, LATER);
        assert!(!record.retire(&standing, u64::MAX, LATER), "a strike is remembered");
        assert!(record.hold(&Key::new(1, 0)), "and refusing to retire it left it usable");
        record.release();
        assert!(record.retire(&standing, u64::MAX, Timestamp::from_secs(61)));
    }
}
