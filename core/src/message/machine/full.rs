//! What one pass cannot decide: the `jsonschema` crate, on the places of a value that has been read, its steps counted.

use std::fmt;
use std::sync::Arc;

use super::sip::Seed;
use super::tree::{Places, Tree};

/// A subtree's validator.
#[derive(Clone)]
pub(crate) struct Full {
    validator: Arc<jsonschema::Validator<Places>>,
}

impl fmt::Debug for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full").finish_non_exhaustive()
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Valid,
    Invalid,
    InvalidUtf8,
    TooCostly,
}

/// The steps a message may cost on trees, a step being one look at one value: some tens of milliseconds at the most, and
/// less for a message that cost its sender less.
const MOST_STEPS: u64 = 1 << 21;
const STEPS_A_BYTE: u64 = 128;
const STEPS_AT_LEAST: u64 = 1 << 16;

/// The steps a message of `len` bytes may cost.
pub(super) fn steps(len: usize) -> u64 {
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    len.saturating_mul(STEPS_A_BYTE).saturating_add(STEPS_AT_LEAST).min(MOST_STEPS)
}

impl Full {
    pub(crate) fn new(validator: Arc<jsonschema::Validator<Places>>) -> Self {
        Self { validator }
    }

    /// Whether a value of the policy's, or a string, passes: nothing in it is hashed.
    pub(crate) fn accepts(&self, text: &[u8]) -> bool {
        self.judge(text, [0; 2], MOST_STEPS).0 == Outcome::Valid
    }

    /// Judges one value that was read as JSON before, given as its bytes.
    ///
    /// `seed` keys the hashes of items that must differ; `left` is how many steps it may take. Besides the outcome it tells
    /// those taken.
    #[inline(never)]
    pub(super) fn judge(&self, bytes: &[u8], seed: Seed, left: u64) -> (Outcome, u64) {
        let Ok(text) = simdutf8::basic::from_utf8(bytes) else { return (Outcome::InvalidUtf8, 0) };
        let tree = Tree::new(text, seed, left);
        let valid = tree.root().is_some_and(|value| self.validator.is_valid(value));
        let outcome = match valid {
            // What the tree says of a value when no step is left means nothing.
            _ if tree.left() == 0 => Outcome::TooCostly,
            true => Outcome::Valid,
            false => Outcome::Invalid,
        };
        (outcome, left.saturating_sub(tree.left()))
    }
}
