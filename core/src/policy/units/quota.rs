//! Rate limits.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FromLeaf, Size, Span};

/// A rate limit, as "10/s", "120/min", "256KiB/s" or `{ limit, per, burst, kind }`.
///
/// Where no burst is given: the whole limit, if it is counted over a second or less; over longer
/// spans a third of it, though at least 30 or, if that is less, the limit. So "120/min" lets 40
/// through at once, "10/min" all 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    limit: u64,
    per: Span,
    burst: u64,
    kind: QuotaKind,
}

/// How a quota counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaKind {
    /// The generic cell rate algorithm: `burst` at once, refilled evenly at `limit` per `per`.
    #[default]
    Gcra,
    /// At most `limit` in any stretch of `per`, exactly.
    SlidingWindow,
}

/// The exact window keeps a time stamp for each of its events, so it has to be small.
const SLIDING_WINDOW_MAX: u64 = 64;
/// A bucket that takes longer to refill than this is never given back in practice.
const REFILL_MAX: Duration = Duration::from_secs(366 * 86_400);

impl Quota {
    /// `limit` per `per`, evenly, and `burst` at once.
    pub const fn gcra(limit: u64, per: Span, burst: u64) -> Self {
        Self { limit, per, burst, kind: QuotaKind::Gcra }
    }

    /// At most `limit` in any stretch of `per`.
    pub const fn sliding_window(limit: u64, per: Span) -> Self {
        Self { limit, per, burst: limit, kind: QuotaKind::SlidingWindow }
    }

    /// How many in `per`.
    pub const fn limit(self) -> u64 {
        self.limit
    }

    /// The stretch `limit` is counted over.
    pub const fn per(self) -> Duration {
        self.per.get()
    }

    /// How many at once.
    pub const fn burst(self) -> u64 {
        self.burst
    }

    /// How it counts.
    pub const fn kind(self) -> QuotaKind {
        self.kind
    }

    /// The quota, if it is one: something passes, not everything does, and its times can be counted.
    fn checked(self) -> Result<Self, String> {
        let Self { limit, per, burst, kind } = self;
        if limit == 0 || per.get().is_zero() || burst == 0 {
            return Err("limit, per and burst of a quota must all be more than 0".into());
        }
        match kind {
            QuotaKind::SlidingWindow if limit > SLIDING_WINDOW_MAX => Err(format!(
                "found a sliding window of {limit}; it keeps a time stamp for each, so at most {SLIDING_WINDOW_MAX} are \
                 possible (use kind = \"gcra\")"
            )),
            QuotaKind::SlidingWindow if burst != limit => {
                Err("a sliding window has no burst of its own: leave burst out".into())
            }
            QuotaKind::SlidingWindow => Ok(self),
            QuotaKind::Gcra => {
                if u128::from(limit) > per.get().as_nanos() {
                    return Err(format!("found {limit} per {per}: more than one in a nanosecond cannot be counted"));
                }
                let refill =
                    per.get().as_nanos().checked_mul(u128::from(burst)).and_then(|n| n.checked_div(limit.into()));
                if refill.is_none_or(|nanos| nanos > REFILL_MAX.as_nanos()) {
                    return Err(format!("a burst of {burst} at {limit} per {per} takes over a year to refill"));
                }
                Ok(self)
            }
        }
    }
}

fn default_burst(limit: u64, per: Span) -> u64 {
    if per.get() <= Duration::from_secs(1) { limit } else { limit.div_ceil(3).max(limit.min(30)) }
}

impl FromLeaf for Quota {
    const EXPECTED: &'static str =
        "a rate such as \"10/s\", \"120/min\", \"256KiB/s\" or { limit = 120, per = \"60s\", burst = 40 }";

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("found {text:?}; expected {}", Self::EXPECTED);
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim();
        let limit = count.parse().ok().or_else(|| Size::parse(count).map(Size::bytes)).ok_or_else(wrong)?;
        let unit = unit.trim();
        // "10/s" is one second; "10/5s" is five of them.
        let one = if unit.starts_with(|c: char| c.is_ascii_digit()) { "" } else { "1" };
        let per = Span::from_text(&format!("{one}{unit}")).map_err(|_| wrong())?;
        Self::gcra(limit, per, default_burst(limit, per)).checked().map_err(|why| format!("found {text:?}; {why}"))
    }
}

/// The table form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "quota")]
struct Table {
    limit: Count,
    per: Span,
    burst: Option<Count>,
    #[serde(default)]
    kind: QuotaKind,
}

/// A number of messages, or of bytes.
struct Count(u64);

impl FromLeaf for Count {
    const EXPECTED: &'static str = "a whole number, or a size such as \"256KiB\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let size = Size::parse(text).ok_or_else(|| format!("found {text:?}; expected {}", Self::EXPECTED))?;
        Ok(Self(size.bytes()))
    }

    fn from_whole(number: u64) -> Option<Result<Self, String>> {
        Some(Ok(Self(number)))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::read_leaf(deserializer)
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = Quota;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Quota::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quota, E> {
        Quota::from_text(text).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Quota, A::Error> {
        let Table { limit: Count(limit), per, burst, kind } = Table::deserialize(MapAccessDeserializer::new(map))?;
        let implied = if kind == QuotaKind::Gcra { default_burst(limit, per) } else { limit };
        let burst = burst.map_or(implied, |Count(burst)| burst);
        Quota { limit, per, burst, kind }.checked().map_err(de::Error::custom)
    }
}

/// "120/min" where that says all there is to say.
impl Serialize for Quota {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unit = match self.per.get().as_secs() {
            1 => "s",
            60 => "min",
            3_600 => "h",
            86_400 => "d",
            _ => "",
        };
        let short = self.kind == QuotaKind::Gcra && self.burst == default_burst(self.limit, self.per);
        if short && !unit.is_empty() && self.per.get().subsec_nanos() == 0 {
            return serializer.collect_str(&format_args!("{}/{unit}", self.limit));
        }
        let mut table = serializer.serialize_struct("Quota", 4)?;
        table.serialize_field("limit", &self.limit)?;
        table.serialize_field("per", &self.per)?;
        match self.kind {
            QuotaKind::Gcra => table.serialize_field("burst", &self.burst)?,
            QuotaKind::SlidingWindow => table.serialize_field("kind", &self.kind)?,
        }
        table.end()
    }
}

impl JsonSchema for Quota {
    fn schema_name() -> Cow<'static, str> {
        "Quota".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let count = json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": r"^\s*[0-9]+\s*([KMG]iB|[kMG]?B)\s*$" }
            ]
        });
        let burst = "How many at once. Left out: the limit if it is per second, else a third of it and at least 30.";
        json_schema!({
            "description": "A rate limit: how many, or how many bytes, in which time.",
            "anyOf": [
                {
                    "type": "string",
                    "pattern": r"^\s*[0-9]+\s*([KMG]iB|[kMG]?B)?\s*/\s*([0-9]+\s*)?(ms|s|min|h|d)\s*$"
                },
                {
                    "type": "object",
                    "properties": {
                        "limit": { "description": "How many in `per`.", "anyOf": count.get("anyOf") },
                        "per": generator.subschema_for::<Span>(),
                        "burst": { "description": burst, "anyOf": count.get("anyOf") },
                        "kind": generator.subschema_for::<QuotaKind>()
                    },
                    "required": ["limit", "per"],
                    "additionalProperties": false
                }
            ],
            "examples": ["10/s", "120/min", "256KiB/s", { "limit": 240, "per": "60s", "burst": 80 }]
        })
    }
}
