//! What the machine needs beside the message: one fixed block, owned by the caller, used again and again.

use super::machine::{Frame, OpenKeys};

/// The containers that may stand in each other: the hard bound on every `max_depth`.
///
/// The same figure as serde_json's recursion limit, so that what is accepted here can be read there.
pub(crate) const MAX_DEPTH: usize = 128;
/// The working memory of one thread, 16 KiB: hand the same one to every call.
///
/// Nothing of a message is left in it that a later call could see: it only saves allocations.
pub struct Scratch {
    pub(crate) frames: [Frame; MAX_DEPTH],
    pub(crate) keys: OpenKeys,
    pub(crate) place: u32,
}

impl Scratch {
    /// With the hash key of zeros: right where the peer cannot time the answers, such as in tests and tools.
    pub fn new() -> Self {
        Self::with_seed([0; 16])
    }

    /// With a hash key of 16 random bytes, so that no peer can choose keys that collide (hash flooding).
    pub fn with_seed(seed: [u8; 16]) -> Self {
        Self { frames: [Frame::default(); MAX_DEPTH], keys: OpenKeys::new(seed), place: 0 }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}
