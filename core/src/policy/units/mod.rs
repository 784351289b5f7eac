//! Leaf values of the policy document, written as people write them: "30s", "64KiB", "10/s".
//!
//! Each reads what it writes, and an error says what was found and what would be right. A limit
//! or length of zero can be written down here; where it would mean "nothing" or "for ever", the
//! policy refuses it.

mod net;
mod quota;
mod size;
mod span;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

pub use net::{Cidr, HostName};
pub use quota::{Quota, QuotaKind};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};
pub use size::Size;
pub use span::Span;

/// A value, or "off".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrOff<T> {
    /// Not limited by this.
    #[default]
    Off,
    /// Limited.
    On(T),
}

impl<T> OrOff<T> {
    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Off => None,
            Self::On(value) => Some(value),
        }
    }
}

impl<T: Serialize> Serialize for OrOff<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_str("off"),
            Self::On(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OrOff<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrOffVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for OrOff<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}OrOff", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "off" }, generator.subschema_for::<T>()] })
    }
}

struct OrOffVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrOffVisitor<T> {
    type Value = OrOff<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"off\" or a value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match text {
            "off" => Ok(OrOff::Off),
            _ => T::deserialize(text.into_deserializer()).map(OrOff::On),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        T::deserialize(number.into_deserializer()).map(OrOff::On)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        T::deserialize(number.into_deserializer()).map(OrOff::On)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OrOff::On)
    }
}

/// A leaf that is written as text or as a number.
struct Leaf<T>(PhantomData<T>);

/// What a leaf can be read from. Errors are whole sentences: "found ...; ... is written ...".
trait FromLeaf: Sized {
    /// What stands after "expected" when not even the kind of the value is right.
    const EXPECTED: &'static str;

    fn from_text(text: &str) -> Result<Self, String>;

    fn from_whole(_number: u64) -> Option<Result<Self, String>> {
        None
    }

    fn from_float(_number: f64) -> Option<Result<Self, String>> {
        None
    }
}

fn read_leaf<'de, T: FromLeaf, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Leaf(PhantomData))
}

impl<T: FromLeaf> Visitor<'_> for Leaf<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        let unexpected = de::Unexpected::Unsigned(number);
        T::from_whole(number).ok_or_else(|| E::invalid_type(unexpected, &self))?.map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        let unexpected = de::Unexpected::Float(number);
        T::from_float(number).ok_or_else(|| E::invalid_type(unexpected, &self))?.map_err(E::custom)
    }
}

/// Splits "30s" into its digits and its unit, blanks around either left out.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.get(..text.len().checked_sub(unit.len())?)?;
    Some((digits.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests;
