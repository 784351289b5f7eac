//! The numbers that stand for connections.

use std::fmt;
use std::num::NonZeroU64;

/// The number of a connection in one registry: 52 bits, so that it is exact in every language, and
/// never 0. No two connections of a registry's life have the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(NonZeroU64);

const SLOT_BITS: u32 = 24;
/// So many slots a registry can have: the connections it holds at once.
pub(super) const SLOTS: u32 = 1 << SLOT_BITS;
/// So often a slot can be used, less one: generation 0 is none's, so that no handle is 0.
pub(super) const GENERATIONS: u32 = 1 << 28;

impl Handle {
    pub(super) fn new(slot: u32, generation: u32) -> Option<Self> {
        NonZeroU64::new((u64::from(generation) << SLOT_BITS) | u64::from(slot)).map(Self)
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0.get()
    }

    /// The handle with this number. Whether it stands for a connection is found out when it is used.
    pub fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    pub(super) fn slot(self) -> u32 {
        u32::try_from(self.0.get() & u64::from(SLOTS.wrapping_sub(1))).unwrap_or(u32::MAX)
    }

    pub(super) fn generation(self) -> Option<u32> {
        u32::try_from(self.0.get() >> SLOT_BITS).ok()
    }
}

/// The handle stands for nothing: its connection was removed. (A handle of another registry may by
/// chance stand for one of this: keep them with their registry.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleHandle;

impl fmt::Display for StaleHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handle's connection was removed")
    }
}

impl std::error::Error for StaleHandle {}
