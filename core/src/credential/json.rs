//! A strict reading of the JSON in a token: no name twice at any depth, bounded depth and size.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::fault::JwtFault;
use crate::time::UnixTime;

/// How deep values may stand in each other. Real tokens nest three or four deep.
const MAX_DEPTH: u8 = 16;
/// The most members of one object and entries of one array. It bounds the search for duplicates,
/// which compares each name with those before it.
pub(super) const MAX_MEMBERS: usize = 256;
/// The last second of the year 9999, where RFC 3339 ends. A larger `exp` is a date in
/// milliseconds or a trick with overflow, not a date.
const LAST_SECOND: u64 = 253_402_300_799;

/// The members of an object, in their order.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// A value; text without escapes is borrowed from the token's decoded bytes.
#[derive(PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool,
    Whole(u64),
    Number(f64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Members<'a>),
}

impl<'a> Json<'a> {
    /// Reads one object and nothing else.
    pub(super) fn object(bytes: &'a [u8]) -> Result<Members<'a>, JwtFault> {
        let fault = Cell::new(JwtFault::Malformed);
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let value = Reading { fault: &fault, depth: 0 }.deserialize(&mut reader).map_err(|_| fault.get())?;
        reader.end().map_err(|_| JwtFault::Malformed)?;
        match value {
            Self::Object(members) => Ok(members),
            _ => Err(JwtFault::Malformed),
        }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Result<&str, JwtFault> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(JwtFault::ClaimType),
        }
    }

    /// The point in time, if it is a `NumericDate` (RFC 7519 section 2) between 1970 and 9999.
    pub(super) fn date(&self) -> Result<UnixTime, JwtFault> {
        let since_epoch = match self {
            Self::Whole(secs) => Duration::from_secs(*secs),
            Self::Number(secs) => Duration::try_from_secs_f64(*secs).map_err(|_| JwtFault::ClaimType)?,
            _ => return Err(JwtFault::ClaimType),
        };
        if since_epoch.as_secs() > LAST_SECOND {
            return Err(JwtFault::ClaimType);
        }
        Ok(UnixTime::default().after(since_epoch))
    }
}

/// The member with this name.
pub(super) fn member<'m, 'a>(members: &'m Members<'a>, name: &str) -> Option<&'m Json<'a>> {
    members.iter().find(|(have, _)| have == name).map(|(_, value)| value)
}

/// Reads one value; says through `fault` why it could not, which serde's error cannot.
#[derive(Clone, Copy)]
struct Reading<'c> {
    fault: &'c Cell<JwtFault>,
    depth: u8,
}

impl Reading<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > MAX_DEPTH { Err(E::custom("depth")) } else { Ok(Self { depth, ..self }) }
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Whole(number))
    }

    /// Only negative numbers come this way, and nothing in a token asks how negative one is.
    fn visit_i64<E: Error>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(-1.0))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let deeper = self.deeper()?;
        let mut array = Vec::new();
        while let Some(entry) = entries.next_element_seed(deeper)? {
            if array.len() >= MAX_MEMBERS {
                return Err(A::Error::custom("entries"));
            }
            array.push(entry);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let deeper = self.deeper()?;
        let mut members: Members<'de> = Vec::with_capacity(8);
        while let Some(name) = entries.next_key_seed(Name)? {
            // Two parsers that keep different ones see two users (threat 48). Escapes are undone
            // by now, so that another spelling of a name is the same name.
            if member(&members, &name).is_some() {
                self.fault.set(JwtFault::Duplicate);
                return Err(A::Error::custom("duplicate"));
            }
            if members.len() >= MAX_MEMBERS {
                return Err(A::Error::custom("members"));
            }
            members.push((name, entries.next_value_seed(deeper)?));
        }
        Ok(Json::Object(members))
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Cow<'de, str>, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
