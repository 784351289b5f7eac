//! Where a record is.

use std::num::NonZeroU32;

/// Where a key's record is: good until the reference is given back with [`Ledger::leave`](super::Ledger::leave).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(NonZeroU32);

impl Place {
    /// The place with this index, which is below 2^32 - 1. It is kept one higher, so that no place and
    /// a place take four bytes together.
    pub(super) fn new(index: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(index))
    }

    pub(super) fn index(self) -> u32 {
        self.0.get().wrapping_sub(1)
    }
}
