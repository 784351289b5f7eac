//! What one pass cannot decide: the `jsonschema` crate, on the value that has been read, its cost bounded first.

use std::fmt;
use std::sync::Arc;

/// A subtree's validator.
#[derive(Clone)]
pub(crate) struct Full {
    validator: Arc<jsonschema::Validator>,
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
    NotJson,
    TooCostly,
}

/// The steps one value may cost, a step being one schema that judges one value: some tens of milliseconds.
const MOST_STEPS: u64 = 1 << 21;

impl Full {
    pub(crate) fn new(validator: Arc<jsonschema::Validator>, factor: u32) -> Self {
        Self { validator, factor }
    }

    /// Whether the value without members passes.
    pub(crate) fn accepts(&self, value: &serde_json::Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Judges one value, given as its bytes.
    #[inline(never)]
    pub(crate) fn judge(&self, bytes: &[u8]) -> Outcome {
        if cost(bytes).saturating_mul(u64::from(self.factor)) > MOST_STEPS {
            return Outcome::TooCostly;
        }
        match serde_json::from_slice::<serde_json::Value>(bytes) {
            Ok(value) if self.validator.is_valid(&value) => Outcome::Valid,
            Ok(_) => Outcome::Invalid,
            Err(_) => Outcome::NotJson,
        }
    }
}

/// The values in a text, counted by what stands between them.
fn cost(bytes: &[u8]) -> u64 {
    let between = bytes.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    u64::try_from(between).unwrap_or(u64::MAX).saturating_add(1)
}
