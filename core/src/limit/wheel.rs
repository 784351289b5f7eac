//! What is due: a lazy timer wheel.
//!
//! A pong must only store a number (re-arming a timer for each cost tokio's DelayQueue 496 ns), so
//! the wheel does not know true deadlines. It says which slot to *look at*; the caller works out
//! when that slot is really due and inserts it again. A deadline that moves later never touches
//! the wheel; one that moves earlier is inserted again at once.

use crate::time::Timestamp;

/// The buckets of a level, as a power of two.
const BITS: u32 = 12;
const BUCKETS: u32 = 1 << BITS;
/// Three levels: a bucket of the last holds one nanosecond, of the middle one 4.1 µs, of the first
/// 16.8 ms; all together reach 68.7 s ahead.
const LEVELS: u32 = 3;
/// Marks an index as a bucket's, not a slot's.
const HEAD: u32 = 1 << 31;
/// The list of what is due now, after the buckets of all levels.
const DUE: u32 = HEAD | (LEVELS << BITS);
/// The neighbour of a slot that is in no list.
const NONE: u32 = u32::MAX;

/// Which slots to look at, and when: 8 bytes a slot, and 96 KiB.
///
/// Every operation takes a handful of steps, however many slots there are and however far the clock
/// jumps. [`Wheel::advance`] hands out one slot a call and empties a bucket at most: the next call
/// goes on where it stopped, so that the caller bounds a tick.
///
/// A slot may be handed out before its time (a bucket is emptied when its time begins, and what
/// lies further ahead than the wheel reaches is looked at once in 68.7 s), never after it.
#[derive(Clone, Debug)]
pub struct Wheel {
    now: u64,
    slots: Vec<Link>,
    heads: Box<[Link]>,
    used: [Used; 3],
    /// The buckets that have begun by `now` and are still to be emptied.
    begun: [Stretch; 3],
}

/// A slot's or bucket's place in a circular list.
#[derive(Clone, Copy, Debug)]
struct Link {
    prev: u32,
    next: u32,
}

impl Wheel {
    /// An empty wheel; times before `now` count as due.
    pub fn new(now: Timestamp) -> Self {
        let heads = (HEAD..=DUE).map(|head| Link { prev: head, next: head }).collect();
        Self {
            now: now.as_nanos(),
            slots: Vec::new(),
            heads,
            used: [Used::default(), Used::default(), Used::default()],
            begun: [Stretch::default(); 3],
        }
    }

    /// Asks for `slot` to be handed out at `at`, and no longer when it was asked for before.
    /// A slot inserted for [`Timestamp::MAX`] is only removed. Memory grows with the largest slot.
    pub fn insert(&mut self, slot: u32, at: Timestamp) {
        if slot >= HEAD {
            return;
        }
        self.remove(slot);
        if at == Timestamp::MAX {
            return;
        }
        let length = usize::try_from(slot).unwrap_or(usize::MAX).saturating_add(1);
        if self.slots.len() < length {
            self.slots.resize(length, Link { prev: NONE, next: NONE });
        }
        let head = self.bucket(at.as_nanos());
        let last = self.link(head).prev;
        self.set(slot, Link { prev: last, next: head });
        self.set_next(last, slot);
        self.set_prev(head, slot);
    }

    /// Forgets `slot`.
    pub fn remove(&mut self, slot: u32) {
        let Link { prev, next } = self.link(slot);
        if slot >= HEAD || next == NONE {
            return;
        }
        self.set_next(prev, next);
        self.set_prev(next, prev);
        self.set(slot, Link { prev: NONE, next: NONE });
        if prev == next && next >= HEAD {
            // The last of its bucket: nothing is waited for there any more.
            let bucket = next ^ HEAD;
            if let Some(used) = level_of(&mut self.used, bucket.wrapping_shr(BITS)) {
                used.remove(bucket & (BUCKETS - 1));
            }
        }
    }

    /// The next slot to look at, or none when no more are due at `now`. The slot is then forgotten:
    /// the caller inserts it again for when it is really due, which must be later than `now`
    /// unless the caller counts its calls.
    pub fn advance(&mut self, now: Timestamp) -> Option<u32> {
        while self.link(DUE).next == DUE {
            if self.empty_one() {
                break;
            }
            // A clock set back is as good as one that stands still.
            if now.as_nanos() <= self.now {
                return None;
            }
            self.move_to(now.as_nanos());
        }
        let slot = self.link(DUE).next;
        self.remove(slot);
        Some(slot)
    }

    /// No slot is to be handed out before this; none: nothing is waited for.
    pub fn next(&self) -> Option<Timestamp> {
        let mut begun = self.begun.iter().zip(&self.used);
        if self.link(DUE).next != DUE || begun.any(|(stretch, used)| stretch.first_used(used).is_some()) {
            return Some(Timestamp::from_nanos(self.now));
        }
        self.used.iter().zip(0..LEVELS).find_map(|(used, level)| {
            let first = tick(self.now, level).wrapping_add(1);
            let tick = first.saturating_add(u64::from(used.distance(index(first))?));
            Some(Timestamp::from_nanos(tick.saturating_mul(1u64.wrapping_shl(shift(level)))))
        })
    }

    /// The list for a time: the finest level whose bucket of the next coarser one has begun.
    fn bucket(&mut self, at: u64) -> u32 {
        if at <= self.now {
            return DUE;
        }
        let same = |level: u32| tick(at, level) == tick(self.now, level);
        let (level, tick) = if same(1) {
            (0, at)
        } else if same(2) {
            (1, tick(at, 1))
        } else {
            // Beyond the wheel's reach, going round once or more: looked at each time it comes by.
            (2, tick(at, 2))
        };
        let index = index(tick);
        if let Some(used) = level_of(&mut self.used, level) {
            used.insert(index);
        }
        head(level, index)
    }

    /// Notes which buckets have begun by `now`; those that had before are all emptied.
    fn move_to(&mut self, now: u64) {
        let before = std::mem::replace(&mut self.now, now);
        for (stretch, level) in self.begun.iter_mut().zip(0..LEVELS) {
            let (old, new) = (tick(before, level), tick(now, level));
            let coarser = level.saturating_add(1);
            let count = if coarser < LEVELS && tick(before, coarser) != tick(now, coarser) {
                BUCKETS
            } else {
                u32::try_from(new.saturating_sub(old)).unwrap_or(BUCKETS).min(BUCKETS)
            };
            *stretch = Stretch { first: index(old.wrapping_add(1)), count };
        }
    }

    /// Moves what is in the earliest bucket that has begun to the list of what is due; false when all
    /// such buckets are empty. What lies in one of a later time by now is only handed out early.
    fn empty_one(&mut self) -> bool {
        let mut levels = self.begun.iter_mut().zip(&mut self.used).zip(0..LEVELS);
        let found = levels.find_map(|((stretch, used), level)| {
            let index = stretch.take(used)?;
            used.remove(index);
            Some(head(level, index))
        });
        found.map(|head| self.splice(head)).is_some()
    }

    /// Appends a bucket's list to that of what is due.
    fn splice(&mut self, head: u32) {
        let Link { prev: last, next: first } = self.link(head);
        if first == head {
            return;
        }
        let end = self.link(DUE).prev;
        self.set_next(end, first);
        self.set_prev(first, end);
        self.set_next(last, DUE);
        self.set_prev(DUE, last);
        self.set(head, Link { prev: head, next: head });
    }

    fn link(&self, index: u32) -> Link {
        let (list, index) = if index >= HEAD { (&*self.heads, index ^ HEAD) } else { (&*self.slots, index) };
        list.get(at(index)).copied().unwrap_or(Link { prev: NONE, next: NONE })
    }

    fn link_mut(&mut self, index: u32) -> Option<&mut Link> {
        if index >= HEAD { self.heads.get_mut(at(index ^ HEAD)) } else { self.slots.get_mut(at(index)) }
    }

    fn set(&mut self, index: u32, link: Link) {
        if let Some(place) = self.link_mut(index) {
            *place = link;
        }
    }

    fn set_next(&mut self, index: u32, next: u32) {
        if let Some(link) = self.link_mut(index) {
            link.next = next;
        }
    }

    fn set_prev(&mut self, index: u32, prev: u32) {
        if let Some(link) = self.link_mut(index) {
            link.prev = prev;
        }
    }
}

/// Which buckets of a level hold something: a bit each, and a bit for each word of them.
#[derive(Clone, Debug)]
struct Used {
    words: [u64; 64],
    summary: u64,
}

impl Default for Used {
    fn default() -> Self {
        Self { words: [0; 64], summary: 0 }
    }
}

impl Used {
    fn insert(&mut self, index: u32) {
        let word = index.wrapping_shr(6);
        if let Some(bits) = self.words.get_mut(at(word)) {
            *bits |= 1u64.wrapping_shl(index);
            self.summary |= 1u64.wrapping_shl(word);
        }
    }

    fn remove(&mut self, index: u32) {
        let word = index.wrapping_shr(6);
        if let Some(bits) = self.words.get_mut(at(word)) {
            *bits &= !1u64.wrapping_shl(index);
            if *bits == 0 {
                self.summary &= !1u64.wrapping_shl(word);
            }
        }
    }

    /// How far from `start` the next marked bucket is, going round.
    fn distance(&self, start: u32) -> Option<u32> {
        let word = start.wrapping_shr(6);
        let rest = self.words.get(at(word))? & u64::MAX.wrapping_shl(start);
        if rest != 0 {
            return Some((word.wrapping_shl(6) | rest.trailing_zeros()).wrapping_sub(start));
        }
        // The words after this one; then all of them, this one last.
        let later = if word == 63 { 0 } else { self.summary & u64::MAX.wrapping_shl(word.wrapping_add(1)) };
        let word = if later != 0 { later } else { self.summary };
        if word == 0 {
            return None;
        }
        let word = word.trailing_zeros();
        let bit = self.words.get(at(word))?.trailing_zeros();
        Some((word.wrapping_shl(6) | bit).wrapping_sub(start) & (BUCKETS - 1))
    }
}

/// Consecutive buckets of a level, going round.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    first: u32,
    count: u32,
}

impl Stretch {
    /// How many buckets come before the first of these that holds something.
    fn first_used(self, used: &Used) -> Option<u32> {
        used.distance(self.first).filter(|distance| *distance < self.count)
    }

    /// Takes the first bucket that holds something off, and those before it.
    fn take(&mut self, used: &Used) -> Option<u32> {
        let Some(distance) = self.first_used(used) else {
            self.count = 0;
            return None;
        };
        let index = self.first.wrapping_add(distance) & (BUCKETS - 1);
        self.first = index.wrapping_add(1) & (BUCKETS - 1);
        self.count = self.count.saturating_sub(distance).saturating_sub(1);
        Some(index)
    }
}

/// How many nanoseconds a bucket of a level holds, as a power of two.
const fn shift(level: u32) -> u32 {
    level.wrapping_mul(BITS)
}

/// A time counted in buckets of a level.
const fn tick(time: u64, level: u32) -> u64 {
    time.wrapping_shr(shift(level))
}

/// The bucket of a tick.
fn index(tick: u64) -> u32 {
    u32::try_from(tick & u64::from(BUCKETS - 1)).unwrap_or(0)
}

/// A bucket's list.
const fn head(level: u32, index: u32) -> u32 {
    HEAD | level.wrapping_shl(BITS) | index
}

fn level_of(used: &mut [Used; 3], level: u32) -> Option<&mut Used> {
    used.get_mut(at(level))
}

fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets_in_use(wheel: &Wheel) -> u32 {
        wheel.used.iter().flat_map(|used| used.words).map(u64::count_ones).sum()
    }

    /// A host that slept must not pay for every bucket that has begun meanwhile in one call.
    #[test]
    fn one_call_empties_one_bucket_however_many_have_begun() {
        let mut wheel = Wheel::new(Timestamp::ZERO);
        // 1,000 buckets of each level, with a slot in each.
        for slot in 0..3000 {
            let (level, tick) = (slot % 3, u64::from(slot / 3) + 1);
            wheel.insert(slot, Timestamp::from_nanos(tick << shift(level)));
        }
        let before = buckets_in_use(&wheel);
        assert!(before > 2900, "{before}");
        let later = Timestamp::from_secs(1_000_000);
        for call in 1..=before {
            assert!(wheel.advance(later).is_some());
            assert!(buckets_in_use(&wheel) >= before - call, "call {call}");
        }
        assert_eq!((0..3000).filter_map(|_| wheel.advance(later)).count(), 3000 - before as usize);
    }
}
