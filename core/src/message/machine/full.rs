//! What one pass cannot decide: the `jsonschema` crate, on the places of a value that has been read, its cost bounded
//! first.

use std::fmt;
use std::sync::Arc;

use super::sip::Seed;
use super::tree::{Places, Tree};

/// A subtree's validator.
#[derive(Clone)]
pub(crate) struct Full {
    validator: Arc<jsonschema::Validator<Places>>,
    /// How many schemas may judge each value of the subtree.
    factor: u32,
}

impl fmt::Debug for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full").field("factor", &self.factor).finish_non_exhaustive()
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

/// The steps one value may cost, a step being one schema that judges one value: some tens of milliseconds.
const MOST_STEPS: u64 = 1 << 21;

impl Full {
    pub(crate) fn new(validator: Arc<jsonschema::Validator<Places>>, factor: u32) -> Self {
        Self { validator, factor }
    }

    /// Whether a value of the policy's, or a string, passes: nothing in it is hashed.
    pub(crate) fn accepts(&self, text: &[u8]) -> bool {
        self.judge(text, [0; 2]) == Outcome::Valid
    }

    /// Judges one value that was read as JSON before, given as its bytes.
    ///
    /// `seed` keys the hashes of items that must differ.
    #[inline(never)]
    pub(super) fn judge(&self, bytes: &[u8], seed: Seed) -> Outcome {
        let Ok(text) = simdutf8::basic::from_utf8(bytes) else { return Outcome::InvalidUtf8 };
        let count = Tree::count(text);
        if u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(u64::from(self.factor)) > MOST_STEPS {
            return Outcome::TooCostly;
        }
        match Tree::new(text, count, seed).root() {
            Some(value) if self.validator.is_valid(value) => Outcome::Valid,
            _ => Outcome::Invalid,
        }
    }
}
