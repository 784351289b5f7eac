//! The unknown keys of the objects that are open: how a key that stands twice is found.

use super::sip::{Seed, Sip};
use super::text::{Span, Text, Unescaped};

/// How many unknown keys all open objects may have together; the table never grows.
const OPEN: usize = 1024;
/// A third stays free, so that a search soon meets an empty slot.
const SLOTS: usize = 1536;
/// Up to so many keys of one object are compared one by one, which is cheaper than a hash.
const FEW: usize = 8;

/// A key by its place in the message.
#[derive(Clone, Copy, Default)]
struct OpenKey {
    /// The offset of its first byte; the top bit says that it holds escapes.
    start: u32,
    len: u16,
    /// Its slot plus one, once its object has more than a few keys.
    slot: u16,
}

/// A stack of keys, and a hash table over those of objects with many.
///
/// Keys leave in the reverse order of coming: so linear probing needs no tombstones.
pub(crate) struct OpenKeys {
    seed: Seed,
    len: u16,
    keys: [OpenKey; OPEN],
    slots: [u16; SLOTS],
}

/// What came of noting a key.
pub(super) enum Noted {
    New,
    Twice,
    Full,
}

const ESCAPED: u32 = 1 << 31;

impl OpenKeys {
    pub(crate) fn new(seed: [u8; 16]) -> Self {
        let (words, _) = seed.as_chunks::<8>();
        let word = |at: usize| words.get(at).map_or(0, |word| u64::from_le_bytes(*word));
        Self { seed: [word(0), word(1)], len: 0, keys: [OpenKey::default(); OPEN], slots: [0; SLOTS] }
    }

    /// The key of the hash.
    pub(super) fn seed(&self) -> Seed {
        self.seed
    }

    /// How many are noted: what an object remembers when it opens.
    #[inline(always)]
    pub(super) fn mark(&self) -> u16 {
        self.len
    }

    /// Forgets all that were noted since `mark`.
    #[inline(always)]
    pub(super) fn release(&mut self, mark: u16) {
        if self.len > mark {
            self.release_some(mark);
        }
    }

    #[inline(never)]
    fn release_some(&mut self, mark: u16) {
        for key in self.keys.get_mut(usize::from(mark)..usize::from(self.len)).unwrap_or_default().iter_mut().rev() {
            if let Some(slot) = usize::from(key.slot).checked_sub(1).and_then(|slot| self.slots.get_mut(slot)) {
                *slot = 0;
            }
        }
        self.len = mark;
    }

    /// Notes a key of the object that opened at `mark`.
    #[inline(never)]
    pub(super) fn note(&mut self, text: &Text<'_>, mark: u16, key: Span) -> Noted {
        let mark = usize::from(mark);
        let (Ok(start), Ok(len)) = (u32::try_from(key.start), u16::try_from(key.len())) else {
            return Noted::Full; // no sensible key has 64 KiB
        };
        let new = OpenKey { start: start | if key.escaped { ESCAPED } else { 0 }, len, slot: 0 };
        let siblings = self.keys.get(mark..usize::from(self.len)).unwrap_or_default();
        let count = siblings.len();
        if count < FEW {
            if siblings.iter().any(|key| same(text, *key, new)) {
                return Noted::Twice;
            }
            return self.push(new);
        }
        if count == FEW {
            for index in mark..usize::from(self.len) {
                self.hash_in(text, mark, index);
            }
        }
        match self.find(text, mark, new) {
            Some(slot) => {
                let noted = self.push(OpenKey { slot: u16::try_from(slot.saturating_add(1)).unwrap_or(0), ..new });
                if let (Noted::New, Some(entry)) = (&noted, self.slots.get_mut(slot)) {
                    *entry = self.len;
                }
                noted
            }
            None => Noted::Twice,
        }
    }

    fn push(&mut self, key: OpenKey) -> Noted {
        let Some(entry) = self.keys.get_mut(usize::from(self.len)) else { return Noted::Full };
        *entry = key;
        self.len = self.len.saturating_add(1);
        Noted::New
    }

    /// Gives a key that was compared one by one its slot.
    fn hash_in(&mut self, text: &Text<'_>, mark: usize, index: usize) {
        let Some(key) = self.keys.get(index).copied() else { return };
        let Some(slot) = self.find(text, mark, key) else { return };
        if let (Some(key), Some(entry)) = (self.keys.get_mut(index), self.slots.get_mut(slot)) {
            key.slot = u16::try_from(slot.saturating_add(1)).unwrap_or(0);
            *entry = u16::try_from(index.saturating_add(1)).unwrap_or(0);
        }
    }

    /// The free slot for `key`, or none if its object has that key already.
    fn find(&self, text: &Text<'_>, mark: usize, key: OpenKey) -> Option<usize> {
        let hash = self.hash(text, mark, key);
        let mut slot = usize::try_from(hash).unwrap_or(0) % SLOTS;
        loop {
            match self.slots.get(slot) {
                Some(0) => return Some(slot),
                Some(entry) => {
                    let index = usize::from(*entry).saturating_sub(1);
                    if index >= mark && self.keys.get(index).is_some_and(|other| same(text, *other, key)) {
                        return None;
                    }
                    slot = slot.saturating_add(1);
                }
                None => slot = 0,
            }
        }
    }

    /// SipHash-1-3 of the unescaped key: a fast hash with known constants is what hash flooding feeds on.
    fn hash(&self, text: &Text<'_>, mark: usize, key: OpenKey) -> u64 {
        let [k0, k1] = self.seed;
        let mut sip = Sip::new([k0, k1 ^ u64::try_from(mark).unwrap_or(0)]);
        sip.write_text(Unescaped::new(raw(text, key)));
        sip.finish()
    }
}

fn raw<'a>(text: &Text<'a>, key: OpenKey) -> &'a [u8] {
    let start = usize::try_from(key.start & !ESCAPED).unwrap_or(usize::MAX);
    text.slice(start, start.saturating_add(usize::from(key.len)))
}

fn same(text: &Text<'_>, a: OpenKey, b: OpenKey) -> bool {
    if (a.start | b.start) & ESCAPED == 0 {
        return a.len == b.len && raw(text, a) == raw(text, b);
    }
    Unescaped::new(raw(text, a)).eq(Unescaped::new(raw(text, b)))
}
