//! From a key's hash to its record: a table that grows one bucket at a time.
//!
//! Linear hashing (Litwin, 1980): there are `n` buckets, and a new one takes its share of
//! just one old one. So no insertion ever pays for moving them all, memory grows in step with the
//! keys, and a walk needs no lock: one that a move leads astray ends as a miss, which is
//! looked up again under the lock.

use std::sync::atomic::{AtomicU32, Ordering};

use super::chunks::Chunks;
use super::record::Record;

/// The end of a chain.
const END: u32 = u32::MAX;
/// Buckets to a key, so that most chains hold one record.
const SPREAD: u32 = 2;
/// How far a walk without the lock goes. Chains this long do not come from a keyed hash.
const STEPS: u32 = 16;

/// A chain's first record.
#[derive(Debug)]
struct Head(AtomicU32);

impl Default for Head {
    fn default() -> Self {
        Self(AtomicU32::new(END))
    }
}

/// The buckets; the chains' links are in the records.
#[derive(Debug)]
pub(super) struct Index {
    heads: Chunks<Head>,
    buckets: AtomicU32,
}

impl Index {
    /// An index for at most `capacity` records.
    pub(super) fn new(capacity: u32) -> Self {
        Self { heads: Chunks::new(capacity.saturating_mul(SPREAD)), buckets: AtomicU32::new(1) }
    }

    /// The first record of the chain on which `wanted` says yes, if it is found within a few steps.
    #[inline]
    pub(super) fn find<'a>(
        &self,
        hash: u64,
        records: &'a Chunks<Record>,
        wanted: impl Fn(&Record) -> bool,
    ) -> Option<(u32, &'a Record)> {
        self.walk(hash, STEPS, records, wanted)
    }

    /// The same to the chain's end, under the lock.
    pub(super) fn find_locked<'a>(
        &self,
        hash: u64,
        records: &'a Chunks<Record>,
        wanted: impl Fn(&Record) -> bool,
    ) -> Option<(u32, &'a Record)> {
        self.walk(hash, u32::MAX, records, wanted)
    }

    /// How many bytes the buckets take.
    pub(super) fn memory(&self) -> usize {
        self.heads.memory()
    }

    /// Links a record in; under the lock.
    pub(super) fn insert(&self, hash: u64, place: u32, records: &Chunks<Record>) {
        let buckets = self.buckets.load(Ordering::Relaxed);
        self.push(bucket(hash, buckets), place, records);
    }

    /// Takes a record out; under the lock.
    pub(super) fn remove(&self, hash: u64, place: u32, records: &Chunks<Record>) {
        let buckets = self.buckets.load(Ordering::Relaxed);
        let Some(head) = self.heads.at(bucket(hash, buckets)) else { return };
        let mut link = &head.0;
        loop {
            let here = link.load(Ordering::Relaxed);
            let Some(record) = records.at(here) else { return };
            if here == place {
                link.store(record.next.load(Ordering::Relaxed), Ordering::Release);
                return;
            }
            link = &record.next;
        }
    }

    /// Adds the buckets that `records` of them in all call for, two at most; under the lock.
    pub(super) fn grow(&self, count: u32, hash: impl Fn(&Record) -> u64, records: &Chunks<Record>) {
        for _ in 0..SPREAD {
            let buckets = self.buckets.load(Ordering::Relaxed);
            if buckets >= count.saturating_mul(SPREAD).min(self.heads.room()) {
                return;
            }
            self.split(buckets, &hash, records);
        }
    }

    /// Makes bucket `fresh`, and moves to it what is its own from the one bucket it can be in.
    fn split(&self, fresh: u32, hash: impl Fn(&Record) -> u64, records: &Chunks<Record>) {
        if self.heads.grow(fresh).is_none() {
            return;
        }
        let after = fresh.saturating_add(1);
        let half = 1u32.wrapping_shl(fresh.checked_ilog2().unwrap_or(0));
        let from = fresh & half.wrapping_sub(1);
        let Some(head) = self.heads.at(from) else { return };
        let mut link = &head.0;
        while let Some(record) = records.at(link.load(Ordering::Relaxed)) {
            if bucket(hash(record), after) == fresh {
                let place = link.load(Ordering::Relaxed);
                link.store(record.next.load(Ordering::Relaxed), Ordering::Release);
                self.push(fresh, place, records);
            } else {
                link = &record.next;
            }
        }
        self.buckets.store(after, Ordering::Release);
    }

    fn push(&self, bucket: u32, place: u32, records: &Chunks<Record>) {
        let (Some(head), Some(record)) = (self.heads.grow(bucket), records.at(place)) else { return };
        record.next.store(head.0.load(Ordering::Relaxed), Ordering::Release);
        head.0.store(place, Ordering::Release);
    }

    #[inline]
    fn walk<'a>(
        &self,
        hash: u64,
        steps: u32,
        records: &'a Chunks<Record>,
        wanted: impl Fn(&Record) -> bool,
    ) -> Option<(u32, &'a Record)> {
        let bucket = bucket(hash, self.buckets.load(Ordering::Acquire));
        let mut place = self.heads.at(bucket)?.0.load(Ordering::Acquire);
        for _ in 0..steps {
            let record = records.at(place)?;
            if wanted(record) {
                return Some((place, record));
            }
            place = record.next.load(Ordering::Acquire);
        }
        None
    }
}

/// The bucket of a hash among `buckets`: as many low bits as name one of them.
#[inline]
fn bucket(hash: u64, buckets: u32) -> u32 {
    let low = u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0);
    let half = 1u32.wrapping_shl(buckets.checked_ilog2().unwrap_or(0));
    let wide = low & (half.wrapping_shl(1).wrapping_sub(1));
    if wide < buckets { wide } else { low & half.wrapping_sub(1) }
}
