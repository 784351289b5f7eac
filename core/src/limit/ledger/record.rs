//! What the ledger keeps for one key.

use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::{Key, Lane};
use crate::limit::Gcra;
use crate::time::Timestamp;

/// The number of references of a record that is being handed to another key.
const RETIRED: u32 = u32::MAX;
/// The number of strikes of a record that is banned.
const BANNED: u16 = u16::MAX;

/// What the [`Ledger`](super::Ledger) keeps for one key: 80 bytes.
#[derive(Debug, Default)]
pub struct Record {
    /// The limiters' states.
    words: [AtomicU64; Lane::COUNT],
    key: [AtomicU64; 2],
    scope: AtomicU32,
    /// The next record of the same index bucket.
    pub(super) next: AtomicU32,
    refs: AtomicU32,
    open: AtomicU32,
    /// When the strikes are forgotten, or the ban ends.
    until: AtomicU64,
    pending: AtomicU16,
    strikes: AtomicU16,
}

impl Record {
    /// Takes one of `cap` open slots, if one is free.
    pub fn try_open(&self, cap: u32) -> bool {
        let taken = |open: u32| open.checked_add(1).filter(|open| *open <= cap);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Gives one open slot back; to be called once for each [`Record::try_open`] that said yes.
    pub fn close(&self) {
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| open.checked_sub(1)).ok();
    }

    /// Takes one of `cap` slots of connections that have not shown a good credential.
    /// A record counts at most 65,535 of them.
    pub fn try_open_pending(&self, cap: u32) -> bool {
        let taken = |open: u16| open.checked_add(1).filter(|open| u32::from(*open) <= cap);
        self.pending.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Gives one unauthenticated slot back; once for each [`Record::try_open_pending`] that said yes.
    pub fn close_pending(&self) {
        self.pending.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| open.checked_sub(1)).ok();
    }

    /// How many slots are open.
    pub fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }

    /// How many unauthenticated slots are open.
    pub fn pending(&self) -> u32 {
        u32::from(self.pending.load(Ordering::Relaxed))
    }

    /// The state of one limiter, for [`Gcra::charge_shared`].
    pub fn word(&self, lane: Lane) -> &AtomicU64 {
        let [handshakes, failures, messages, bytes] = &self.words;
        match lane {
            Lane::Handshakes => handshakes,
            Lane::Failures => failures,
            Lane::Messages => messages,
            Lane::Bytes => bytes,
        }
    }

    /// Until when the key is banned, if it is.
    pub fn banned_until(&self, now: Timestamp) -> Option<Timestamp> {
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
        let old =
            if self.until.load(Ordering::Relaxed) > now.as_nanos() { self.strikes.load(Ordering::Relaxed) } else { 0 };
        let strikes = old.saturating_add(1);
        let strikes = if u32::from(strikes) >= after { BANNED } else { strikes };
        self.until.store(until, Ordering::Relaxed);
        self.strikes.store(strikes, Ordering::Release);
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

    /// Whether the record is this key's; certain only while a reference is held.
    pub(super) fn is_of(&self, key: &Key) -> bool {
        self.key() == *key
    }

    /// Whether a charge made without a reference has counted for `key`: asked after the charge.
    pub(super) fn was_charged_for(&self, key: &Key) -> bool {
        self.refs.load(Ordering::SeqCst) != RETIRED && self.is_of(key)
    }

    pub(super) fn key(&self) -> Key {
        let [high, low] = &self.key;
        let (high, low) = (high.load(Ordering::Relaxed), low.load(Ordering::Relaxed));
        let bits = u128::from(high).wrapping_shl(64) | u128::from(low);
        Key { bits, scope: self.scope.load(Ordering::Relaxed) }
    }

    /// Under the ledger's lock: makes an unused record, all refilled and not banned, one that
    /// nobody can take hold of. A charge without a reference comes either before the second look,
    /// which then sees it, or after `refs` changed, which it then sees: all of these are SeqCst.
    pub(super) fn retire(&self, longest: u64, now: Timestamp) -> bool {
        if self.refs.load(Ordering::SeqCst) != 0 || !self.is_settled(longest, now) {
            return false;
        }
        if self.refs.compare_exchange(0, RETIRED, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            return false;
        }
        let settled = self.is_settled(longest, now);
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
        let [high, low] = &self.key;
        high.store(u64::try_from(key.bits.wrapping_shr(64)).unwrap_or(0), Ordering::Relaxed);
        low.store(u64::try_from(key.bits & u128::from(u64::MAX)).unwrap_or(0), Ordering::Relaxed);
        self.scope.store(key.scope, Ordering::Relaxed);
        self.open.store(0, Ordering::Relaxed);
        self.pending.store(0, Ordering::Relaxed);
        self.until.store(0, Ordering::Relaxed);
        self.strikes.store(0, Ordering::Relaxed);
        self.refs.store(1, Ordering::SeqCst);
    }

    /// Whether every bucket is full and no strike is remembered. What lies further ahead than
    /// anything can (the clock was set back) is brought near, so that no record lives for ever.
    fn is_settled(&self, longest: u64, now: Timestamp) -> bool {
        let horizon = now.as_nanos().saturating_add(longest);
        self.words.iter().chain([&self.until]).all(|word| {
            let seen = word.load(Ordering::SeqCst);
            if seen > horizon {
                word.compare_exchange(seen, horizon, Ordering::SeqCst, Ordering::Relaxed).ok();
            }
            Gcra::is_full(seen, now)
        })
    }
}
