//! The bounded table of what is known of each address and user.
//!
//! A bucket outlives its connections until it is refilled, so that reconnecting resets nothing.
//! The table itself must not be the memory hole (governor #171), and an attacker who fills it must
//! not push out the record of his own ban: a live record is never evicted. When all are live,
//! newcomers share 1,024 records by a coarser key.

mod census;
mod chunks;
mod index;
mod key;
mod place;
mod record;

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub(crate) use census::Census;
pub use key::Key;
pub use place::Place;

use self::chunks::{CHUNK, Chunks};
use self::index::Index;
use self::key::Sip;
use self::record::{Record, Standing};
use super::{Gcra, Meter, Planned, Stamps};
use crate::time::{Timestamp, nanos};

/// The most keys a ledger can be made for: 1.5 GiB of records.
const MAX_CAPACITY: u32 = 1 << 24;
/// How many records a newcomer looks at for one to take over, while there is room to grow ...
const LOOKS: u32 = 4;
/// ... and when there is none. Bounded: the search must not be the attacker's lever (affinidi #808).
const LOOKS_WHEN_FULL: u32 = 64;
/// The records newcomers share when all others are live.
const OVERFLOW: u32 = CHUNK;

/// Which of a record's limiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Upgrade requests.
    Handshakes,
    /// Refused credentials.
    Failures,
    /// Messages.
    Messages,
    /// Bytes of messages.
    Bytes,
}

impl Lane {
    pub(crate) const COUNT: usize = 4;
}

/// The limits, caps and bans of many keys, in bounded memory: at most 96 bytes a key.
///
/// [`Ledger::enter`] finds or makes a key's record and holds it. The message path then reaches
/// the record by its place, with no lock and no hash. [`Ledger::leave`] lets go; the record stays
/// until its buckets are full and its strikes forgotten.
///
/// Finding a known key takes no lock either; newcomers are entered under one.
pub struct Ledger {
    capacity: u32,
    sip: Sip,
    /// Further ahead than this, in nanoseconds, no bucket's refilling and no ban can reach.
    longest: AtomicU64,
    records: Chunks<Record>,
    standings: Chunks<Standing>,
    index: Index,
    /// The states of sliding windows, made when the first is charged.
    windows: [OnceLock<Chunks<Mutex<Stamps>>>; Lane::COUNT],
    /// Stands for a place that is not of this ledger: one bucket for all of them.
    nowhere: (Record, Standing),
    growth: Mutex<Growth>,
}

/// What changes under the lock.
#[derive(Debug, Default)]
struct Growth {
    /// How many records are in use.
    used: u32,
    /// The record at which the search for a refilled one goes on.
    hand: u32,
}

impl Ledger {
    /// A ledger of at most `capacity` keys (16,777,216 at most), whose hash is keyed by `seed`.
    ///
    /// `longest` is the longest time any bucket takes to refill or any ban lasts.
    pub fn new(capacity: u32, seed: [u8; 16], longest: Duration) -> Self {
        let capacity = capacity.min(MAX_CAPACITY);
        let places = capacity.next_multiple_of(CHUNK).saturating_add(OVERFLOW);
        Self {
            capacity,
            sip: Sip::new(seed),
            longest: AtomicU64::new(nanos(longest)),
            records: Chunks::new(places),
            standings: Chunks::new(places),
            index: Index::new(capacity),
            windows: [const { OnceLock::new() }; Lane::COUNT],
            nowhere: Default::default(),
            growth: Mutex::default(),
        }
    }

    /// Sets what [`Ledger::new`] was told of `longest`, when the limits change.
    pub fn set_longest(&self, longest: Duration) {
        self.longest.store(nanos(longest), Ordering::Relaxed);
    }

    /// Finds the record of `key`, or makes one, and holds it until [`Ledger::leave`].
    ///
    /// A newcomer gets a record whose buckets are full, which nobody holds and which is not
    /// banned; else a fresh one; else, when all `capacity` records are live, one of 1,024 that are
    /// shared, chosen by `overflow`.
    #[must_use = "the record is held until its place is given back with `leave`"]
    pub fn enter(&self, key: Key, overflow: Key, now: Timestamp) -> Place {
        let hash = self.sip.hash(&key);
        match self.find(hash, &key) {
            Some((place, record)) if record.hold(&key) => place,
            _ => self.enter_newcomer(hash, &key, &overflow, now),
        }
    }

    /// Lets go of a record; once for each [`Ledger::enter`].
    pub fn leave(&self, place: Place) {
        self.record(place).release();
    }

    /// The record of `key`, if it has one of its own. It is not held: enough to read a ban.
    pub fn peek(&self, key: Key) -> Option<Place> {
        let hash = self.sip.hash(&key);
        if let Some((place, _)) = self.find(hash, &key) {
            return Some(place);
        }
        let _growth = self.lock();
        self.find_locked(hash, &key).map(|(place, _)| place)
    }

    /// Whether the record at a place is one that newcomers share.
    pub fn is_shared(&self, place: Place) -> bool {
        place.index() >= self.capacity
    }

    /// Whether a charge would pass, or from when on it would; charges nothing.
    pub fn test(&self, place: Place, lane: Lane, meter: &Meter, cost: u64, now: Timestamp) -> Result<(), Timestamp> {
        match meter {
            Meter::Gcra(gcra) => gcra.test_shared(self.record(place).word(lane), cost, now),
            Meter::Window(window) => self.with_stamps(place, lane, |stamps| window.test(stamps, cost, now)),
        }
    }

    /// A charge on one of a held record's limiters that would pass by what it says now.
    #[inline(always)]
    pub(crate) fn plan(&self, place: Place, lane: Lane, gcra: &Gcra, cost: u64, now: Timestamp) -> Option<Planned<'_>> {
        gcra.plan(self.record(place).word(lane), cost, now)
    }

    /// Charges one of a held record's limiters, or says from when on the charge will pass.
    #[inline]
    pub fn charge(&self, place: Place, lane: Lane, meter: &Meter, cost: u64, now: Timestamp) -> Result<(), Timestamp> {
        let word = self.record(place).word(lane);
        match meter {
            Meter::Gcra(gcra) => gcra.charge_shared(word, cost, now),
            Meter::Window(window) => self.with_stamps(place, lane, |stamps| {
                let charged = window.charge(stamps, cost, now);
                // The word tells, without this lock, from when on the bucket is full.
                word.store(window.full_at(stamps).as_nanos(), Ordering::SeqCst);
                charged
            }),
        }
    }

    /// Gives back an earlier charge on a held record.
    pub fn refund(&self, place: Place, lane: Lane, meter: &Meter, cost: u64) {
        let word = self.record(place).word(lane);
        match meter {
            Meter::Gcra(gcra) => gcra.refund_shared(word, cost),
            Meter::Window(window) => self.with_stamps(place, lane, |stamps| {
                window.refund(stamps, cost);
                word.store(window.full_at(stamps).as_nanos(), Ordering::SeqCst);
            }),
        }
    }

    /// Finds or makes the record of `key` and charges it, holding nothing afterwards.
    ///
    /// The same as entering, charging and leaving, but a known key costs one atomic operation.
    pub fn check(
        &self,
        key: Key,
        overflow: Key,
        lane: Lane,
        meter: &Meter,
        cost: u64,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let hash = self.sip.hash(&key);
        if let (Meter::Gcra(gcra), Some((_, record))) = (meter, self.find(hash, &key)) {
            let charged = gcra.charge_shared(record.word(lane), cost, now);
            if record.was_charged_for(&key) {
                return charged;
            }
            // Another key's by now: that one has lost a unit, this one is charged below.
        }
        let place = self.enter(key, overflow, now);
        let charged = self.charge(place, lane, meter, cost, now);
        self.leave(place);
        charged
    }

    /// Counts a strike against a held record; with the `after`th, it is banned for `ban`. Says
    /// until when the key is banned, if it is.
    ///
    /// Shared records are never banned: one attacker would shut out all newcomers.
    pub fn strike(&self, place: Place, after: u32, ban: Duration, now: Timestamp) -> Option<Timestamp> {
        if self.is_shared(place) {
            return None;
        }
        let growth = self.lock();
        self.standing(place).strike(after, nanos(ban), now);
        drop(growth);
        self.banned_until(place, now)
    }

    /// Until when a key is banned, if it is.
    pub fn banned_until(&self, place: Place, now: Timestamp) -> Option<Timestamp> {
        self.standing(place).banned_until(now)
    }

    /// Takes one of `cap` open slots of a held record, if one is free.
    pub fn try_open(&self, place: Place, cap: u32) -> bool {
        take(self.record(place).open(), cap)
    }

    /// Gives an open slot back; once for each [`Ledger::try_open`] that said yes.
    pub fn close(&self, place: Place) {
        give_back(self.record(place).open());
    }

    /// Takes one of `cap` slots of connections that have not shown a good credential.
    pub fn try_open_pending(&self, place: Place, cap: u32) -> bool {
        take(self.standing(place).pending(), cap)
    }

    /// Gives an unauthenticated slot back; once for each [`Ledger::try_open_pending`] that said yes.
    pub fn close_pending(&self, place: Place) {
        give_back(self.standing(place).pending());
    }

    /// How many slots of a key are open, and how many unauthenticated ones.
    pub fn slots(&self, place: Place) -> (u32, u32) {
        let count = |slots: &AtomicU32| slots.load(Ordering::Relaxed);
        (count(self.record(place).open()), count(self.standing(place).pending()))
    }

    /// How many keys have a record of their own, live or waiting to be taken over.
    pub fn tracked(&self) -> u32 {
        self.lock().used
    }

    /// How many keys can have a record of their own.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// How many bytes it takes now; the stamps of sliding windows, 8 bytes a unit, come on top.
    pub fn memory(&self) -> usize {
        let windows = self.windows.iter().filter_map(|window| window.get().map(Chunks::memory));
        let parts = [self.records.memory(), self.standings.memory(), self.index.memory()];
        parts.into_iter().chain(windows).fold(0, usize::saturating_add)
    }

    #[inline]
    fn record(&self, place: Place) -> &Record {
        self.records.at(place.index()).unwrap_or(&self.nowhere.0)
    }

    fn standing(&self, place: Place) -> &Standing {
        self.standings.at(place.index()).unwrap_or(&self.nowhere.1)
    }

    #[inline]
    fn find(&self, hash: u64, key: &Key) -> Option<(Place, &Record)> {
        let found = self.index.find(hash, &self.records, |record| record.is_of(key))?;
        Some((Place::new(found.0), found.1))
    }

    fn find_locked(&self, hash: u64, key: &Key) -> Option<(Place, &Record)> {
        let found = self.index.find_locked(hash, &self.records, |record| record.is_of(key))?;
        Some((Place::new(found.0), found.1))
    }

    #[cold]
    fn enter_newcomer(&self, hash: u64, key: &Key, overflow: &Key, now: Timestamp) -> Place {
        let mut growth = self.lock();
        // Under the lock nothing moves, so that a miss is certain now, and no record is being retired.
        if let Some((place, record)) = self.find_locked(hash, key)
            && record.hold_any()
        {
            return place;
        }
        let Some(place) = self.take_over(&mut growth, now).or_else(|| self.take_fresh(&mut growth)) else {
            drop(growth);
            return self.enter_shared(overflow);
        };
        self.standing(place).clear();
        self.record(place).assign(key);
        self.index.insert(hash, place.index(), &self.records);
        self.index.grow(growth.used, |record| self.sip.hash(&record.key()), &self.records);
        place
    }

    /// A record whose key needs it no longer, taken out of the index; the search is bounded and
    /// goes on where the last one ended.
    fn take_over(&self, growth: &mut Growth, now: Timestamp) -> Option<Place> {
        let looks = if growth.used < self.capacity { LOOKS } else { LOOKS_WHEN_FULL };
        let longest = self.longest.load(Ordering::Relaxed);
        for _ in 0..looks.min(growth.used) {
            let place = Place::new(growth.hand);
            growth.hand = growth.hand.saturating_add(1).checked_rem(growth.used).unwrap_or(0);
            let record = self.record(place);
            if record.retire(self.standing(place), longest, now) {
                self.index.remove(self.sip.hash(&record.key()), place.index(), &self.records);
                return Some(place);
            }
        }
        None
    }

    /// A record that no key has had.
    fn take_fresh(&self, growth: &mut Growth) -> Option<Place> {
        let place = growth.used;
        if place >= self.capacity {
            return None;
        }
        self.records.grow(place)?;
        self.standings.grow(place)?;
        growth.used = place.saturating_add(1);
        Some(Place::new(place))
    }

    /// One of the records shared by newcomers. Which is keyed too: nobody picks his neighbours.
    fn enter_shared(&self, overflow: &Key) -> Place {
        let hash = self.sip.hash(overflow);
        let offset = u32::try_from(hash & u64::from(OVERFLOW - 1)).unwrap_or(0);
        let place = self.capacity.next_multiple_of(CHUNK).saturating_add(offset);
        if let (Some(record), Some(_)) = (self.records.grow(place), self.standings.grow(place)) {
            record.hold_any();
        }
        Place::new(place)
    }

    /// Runs `with` on the stamps of a held record, cleared if they are an earlier key's.
    fn with_stamps<R>(&self, place: Place, lane: Lane, with: impl FnOnce(&mut Stamps) -> R) -> R {
        let [handshakes, failures, messages, bytes] = &self.windows;
        let window = match lane {
            Lane::Handshakes => handshakes,
            Lane::Failures => failures,
            Lane::Messages => messages,
            Lane::Bytes => bytes,
        };
        let stamps = window.get_or_init(|| Chunks::new(self.records.room())).grow(place.index());
        let Some(stamps) = stamps else {
            return with(&mut Stamps::default());
        };
        let mut stamps = stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if self.record(place).word(lane).load(Ordering::SeqCst) == 0 {
            stamps.clear();
        }
        with(&mut stamps)
    }

    fn lock(&self) -> MutexGuard<'_, Growth> {
        self.growth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes one of `cap` slots.
fn take(slots: &AtomicU32, cap: u32) -> bool {
    let taken = |slots: u32| slots.checked_add(1).filter(|slots| *slots <= cap);
    slots.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
}

/// Gives a slot back; never one that was not taken.
fn give_back(slots: &AtomicU32) {
    slots.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |slots| slots.checked_sub(1)).ok();
}

/// Shows how full it is, never whom it knows.
impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tracked, capacity) = (self.tracked(), self.capacity);
        f.debug_struct("Ledger").field("tracked", &tracked).field("capacity", &capacity).finish_non_exhaustive()
    }
}
