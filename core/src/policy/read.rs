//! From a tree of values to the document: serde, with errors that know their place.
//!
//! `serde_json` names neither the field nor what is allowed there, so its values are read by a
//! deserializer of our own: every error is given its dotted path on the way out.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde_json::{Value, map};

use super::PolicyError;
use super::text::{element, member};

pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, PolicyError> {
    T::deserialize(At(value)).map_err(|fault| fault.error)
}

/// What a value is, for sentences: "found a table".
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "a table",
    }
}

/// "did you mean `messages`?", if anything allowed is close.
pub(super) fn did_you_mean(found: &str, allowed: &[&str]) -> Option<String> {
    let near = |name: &&str| strsim::damerau_levenshtein(found, name);
    let best = allowed.iter().copied().min_by_key(near)?;
    // A third of the letters may be wrong, but at least one and never all.
    let most = best.len().div_ceil(3).min(found.len().saturating_sub(1)).max(1);
    let part = found.len() >= 3 && (best.starts_with(found) || found.starts_with(best));
    let close = near(&best) <= most || part;
    close.then(|| format!("did you mean `{best}`?"))
}

#[derive(Debug)]
struct Fault {
    error: PolicyError,
    /// The problem without the text that was found.
    discreet: Option<String>,
}

impl Fault {
    fn new(error: PolicyError) -> Self {
        Self { error, discreet: None }
    }

    /// The same, seen from one level further out. Whatever stands below `credential` may be a key that has slipped into
    /// the wrong field.
    fn within(self, name: &str) -> Self {
        let Self { error, discreet } = self;
        let error = error.within(&member("", name));
        match discreet {
            Some(problem) if name == "credential" => Self::new(error.with_problem(problem)),
            discreet => Self { error, discreet },
        }
    }

    fn within_element(self, index: usize) -> Self {
        Self { error: self.error.within(&element("", index)), ..self }
    }

    /// The same, of the value that was read: its own text is left out of the discreet telling.
    fn at(self, value: &Value) -> Self {
        match value {
            Value::String(text) if self.discreet.is_none() => {
                let discreet = self.error.problem().replace(&format!("{text:?}"), "a string");
                Self { discreet: Some(discreet), ..self }
            }
            _ => self,
        }
    }

    fn found_text(found: &str, expected: &dyn fmt::Display) -> Self {
        let error = PolicyError::new("", format!("found {found:?}; expected {expected}"));
        Self { error, discreet: Some(format!("found a string; expected {expected}")) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(PolicyError::new("", message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = plain_expected(expected);
        match found {
            Unexpected::Str(text) => Self::found_text(text, &expected),
            found => Self::custom(format_args!("found {}; expected {expected}", plain_found(found))),
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, allowed: &'static [&'static str]) -> Self {
        let all: Vec<_> = allowed.iter().map(|name| format!("{name:?}")).collect();
        let Self { error, discreet } = Self::found_text(found, &any_of(&all));
        match did_you_mean(found, allowed) {
            Some(hint) => Self { error: error.help(hint), discreet },
            None => Self { error, discreet },
        }
    }

    fn unknown_field(found: &str, allowed: &'static [&'static str]) -> Self {
        let all: Vec<_> = allowed.iter().map(|name| format!("`{name}`")).collect();
        let hint = did_you_mean(found, allowed).map(|hint| hint + " ").unwrap_or_default();
        let help = format!("{hint}allowed here: {}", all.join(", "));
        Self::new(PolicyError::new(member("", found), "there is no such field").help(help).at_name())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(PolicyError::new(field, "this field is given twice").at_name())
    }
}

fn any_of(names: &[String]) -> String {
    match names {
        [] => "nothing".into(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn plain_found(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(flag) => flag.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Unit | Unexpected::Option => "null".into(),
        Unexpected::Seq => "an array".into(),
        Unexpected::Map => "a table".into(),
        other => other.to_string(),
    }
}

/// serde's expectations name Rust's types; an operator writes TOML.
fn plain_expected(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "a boolean" => "true or false".into(),
        "a sequence" => "an array".into(),
        "a map" => "a table".into(),
        text if text.starts_with("struct ") => "a table".into(),
        text => text.into(),
    }
}

/// A value, about to be read.
#[derive(Clone, Copy)]
struct At<'a>(&'a Value);

impl At<'_> {
    fn found(&self) -> Unexpected<'_> {
        match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(flag) => Unexpected::Bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => Unexpected::Unsigned(number),
                (_, Some(number), _) => Unexpected::Signed(number),
                (.., number) => Unexpected::Float(number.unwrap_or(f64::NAN)),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (.., number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Array(array) => visitor.visit_seq(Elements(array.iter().enumerate())),
            Value::Object(table) => visitor.visit_map(Fields { rest: table.iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// serde would also read a struct from an array of its fields in order, which no operator means.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Object(_) => self.deserialize_any(visitor),
            _ => Err(de::Error::invalid_type(self.found(), &"a table")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Name(name)),
            _ => {
                let all: Vec<_> = variants.iter().map(|name| format!("{name:?}")).collect();
                Err(de::Error::invalid_type(self.found(), &any_of(&all).as_str()))
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// The name of an enum's variant; none in the document has content.
struct Name<'a>(&'a str);

impl<'de> EnumAccess<'de> for Name<'_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let name: StrDeserializer<'_, Fault> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Name<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Fault> {
        Err(de::Error::invalid_type(Unexpected::Str(self.0), &"a table"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(de::Error::invalid_type(Unexpected::Str(self.0), &"an array"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Fault> {
        Err(de::Error::invalid_type(Unexpected::Str(self.0), &"a table"))
    }
}

struct Elements<'a>(std::iter::Enumerate<std::slice::Iter<'a, Value>>);

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some((index, value)) = self.0.next() else { return Ok(None) };
        seed.deserialize(At(value)).map(Some).map_err(|fault| fault.at(value).within_element(index))
    }
}

struct Fields<'a> {
    rest: map::Iter<'a>,
    value: Option<(&'a str, &'a Value)>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((name, value));
        let name: StrDeserializer<'_, Fault> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let Some((name, value)) = self.value.take() else { return Err(de::Error::custom("a value without a name")) };
        seed.deserialize(At(value)).map_err(|fault| match name {
            // Whatever stands there may be a key: say what kind of value it is, not which.
            "secret" | "pem" | "jwk" => {
                Fault::new(PolicyError::new(member("", name), format!("found {}; expected a string", kind(value))))
            }
            _ => fault.at(value).within(name),
        })
    }
}
