//! Numbers of bytes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FromLeaf, read_leaf, split_number};

/// A number of bytes, as "64KiB", "1MiB", "64kB" or a number.
///
/// At most 2^53 - 1, which every language's numbers hold exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Size(u64);

/// From the largest of each kind, so that writing finds the shortest form.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];
const MAX: u64 = (1 << 53) - 1;

impl Size {
    /// So many times 1,024 bytes.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1024))
    }

    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Reads "64KiB" and the like; `None` for a text without a unit of bytes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split_number(text)?;
        let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
        number.checked_mul(*bytes).map(Self)
    }
}

/// "64KiB" rather than 65536: the largest unit that says it in whole numbers.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: &&(&str, u64)| self.0.checked_rem(unit.1) == Some(0);
        match UNITS.iter().find(fits).filter(|_| self.0 > 0) {
            Some((name, size)) => write!(f, "{}{name}", self.0.checked_div(*size).unwrap_or_default()),
            None => write!(f, "0B"),
        }
    }
}

impl FromLeaf for Size {
    const EXPECTED: &'static str = "a size such as \"64KiB\" (1,024), \"1MiB\", \"64kB\" (1,000) or a number of bytes";

    fn from_text(text: &str) -> Result<Self, String> {
        let size = Self::parse(text).ok_or_else(|| {
            // "64kb" could mean either, and a guess would be a limit the operator did not set.
            let meant = UNITS.iter().find(|(name, _)| {
                split_number(text).is_some_and(|(_, unit)| !unit.is_empty() && name.eq_ignore_ascii_case(unit))
            });
            let hint = meant.map(|(name, _)| format!(" (did you mean {name:?}?)")).unwrap_or_default();
            format!("found {text:?}{hint}; expected {}", Self::EXPECTED)
        })?;
        if size.0 > MAX { Err(format!("found {text:?}; the largest is {MAX} bytes")) } else { Ok(size) }
    }

    fn from_whole(bytes: u64) -> Option<Result<Self, String>> {
        let size =
            if bytes > MAX { Err(format!("found {bytes}; the largest is {MAX} bytes")) } else { Ok(Self(bytes)) };
        Some(size)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_leaf(deserializer)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes: with the unit KiB, MiB, GiB (1,024), kB, MB, GB (1,000) or B; or alone.",
            "anyOf": [
                { "type": "string", "pattern": r"^\s*[0-9]+\s*([KMG]iB|[kMG]?B)\s*$" },
                { "type": "integer", "minimum": 0, "maximum": MAX }
            ],
            "examples": ["64KiB", "1MiB", "64kB", 65536]
        })
    }
}
