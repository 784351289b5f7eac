//! Step 2 of the document: rules an operator adds for single claims.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// What one claim must say: "role must be staff", "groups must contain chat". The claim must be
/// there; values are compared whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimRule {
    /// The claim is this text.
    Is(Box<str>),
    /// The claim is one of these texts.
    OneOf(Vec<Box<str>>),
    /// The claim is an array of texts, and this is among them.
    Contains(Box<str>),
}

impl Serialize for ClaimRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = match self {
            Self::Is(text) => return serializer.serialize_str(text),
            Self::OneOf(_) | Self::Contains(_) => serializer.serialize_map(Some(1))?,
        };
        match self {
            Self::OneOf(texts) => table.serialize_entry("one_of", texts)?,
            Self::Is(text) | Self::Contains(text) => table.serialize_entry("contains", text)?,
        }
        table.end()
    }
}

impl<'de> Deserialize<'de> for ClaimRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RuleVisitor)
    }
}

impl JsonSchema for ClaimRule {
    fn schema_name() -> Cow<'static, str> {
        "ClaimRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let table = |name: &str, value: Schema| {
            json_schema!({
                "type": "object", "properties": { name: value }, "required": [name], "additionalProperties": false
            })
        };
        json_schema!({
            "description": "What one claim must say; the claim must be there, and values are compared whole.",
            "anyOf": [
                { "type": "string" },
                table("one_of", json_schema!({ "type": "array", "items": { "type": "string" }, "minItems": 1 })),
                table("contains", json_schema!({ "type": "string" })),
            ]
        })
    }
}

/// A rule that is written as a table.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    one_of: Option<Vec<Box<str>>>,
    contains: Option<Box<str>>,
}

struct RuleVisitor;

impl<'de> Visitor<'de> for RuleVisitor {
    type Value = ClaimRule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { one_of = [..] } or { contains = \"..\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ClaimRule, E> {
        Ok(ClaimRule::Is(text.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClaimRule, A::Error> {
        let table: Table = de::Deserialize::deserialize(MapAccessDeserializer::new(map))?;
        match (table.one_of, table.contains) {
            (Some(texts), None) => Ok(ClaimRule::OneOf(texts)),
            (None, Some(text)) => Ok(ClaimRule::Contains(text)),
            _ => Err(de::Error::custom("expected exactly one of `one_of` and `contains`")),
        }
    }
}
