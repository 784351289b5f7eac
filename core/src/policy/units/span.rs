//! Lengths of time.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FromLeaf, read_leaf, split_number};

/// A length of time, as "250ms", "30s", "5min", "1h", "1d" or a number of seconds.
///
/// In whole milliseconds, and at most 36,500 days: a [`Timestamp`](crate::Timestamp) can count
/// that far from any point it will ever stand at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span(Duration);

/// From the longest, so that writing finds the shortest form.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];
const MAX_MILLIS: u64 = 36_500 * 86_400_000;

impl Span {
    /// A span of whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// The length itself.
    pub const fn get(self) -> Duration {
        self.0
    }

    fn checked(millis: Option<u64>, found: impl fmt::Display) -> Result<Self, String> {
        match millis {
            Some(millis) if millis <= MAX_MILLIS => Ok(Self::from_millis(millis)),
            _ => Err(format!("found {found}; the longest is \"36500d\"")),
        }
    }
}

/// "1min" rather than "60s": the longest unit that says it in whole numbers.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let fits = |unit: &&(&str, u64)| millis.checked_rem(unit.1) == Some(0);
        match UNITS.iter().find(fits).filter(|_| millis > 0) {
            Some((name, size)) => write!(f, "{}{name}", millis.checked_div(*size).unwrap_or_default()),
            None => write!(f, "0s"),
        }
    }
}

impl FromLeaf for Span {
    const EXPECTED: &'static str =
        "a length of time such as \"250ms\", \"30s\", \"5min\", \"1h\", \"1d\" or a number of seconds";

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("found {text:?}; expected {}", Self::EXPECTED);
        let (number, unit) = split_number(text).ok_or_else(wrong)?;
        if unit.is_empty() {
            return Err(format!("found {text:?}, which has no unit; expected {}", Self::EXPECTED));
        }
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        Self::checked(number.checked_mul(*millis), format_args!("{text:?}"))
    }

    fn from_whole(secs: u64) -> Option<Result<Self, String>> {
        Some(Self::checked(secs.checked_mul(1_000), secs))
    }

    fn from_float(secs: f64) -> Option<Result<Self, String>> {
        Some(match Duration::try_from_secs_f64(secs) {
            Ok(length) if length.subsec_nanos() % 1_000_000 == 0 => {
                Self::checked(u64::try_from(length.as_millis()).ok(), secs)
            }
            Ok(_) => Err(format!("found {secs}; the shortest step is a millisecond: 0.001 or \"1ms\"")),
            Err(_) => Err(format!("found {secs}; expected {}", Self::EXPECTED)),
        })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_leaf(deserializer)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: a number with the unit ms, s, min, h or d; or a number of seconds.",
            "anyOf": [
                { "type": "string", "pattern": r"^\s*[0-9]+\s*(ms|s|min|h|d)\s*$" },
                { "type": "number", "minimum": 0 }
            ],
            "examples": ["250ms", "30s", "5min", "1h", "1d", 30]
        })
    }
}
