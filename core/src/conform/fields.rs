//! Reading the fields of a question, each with an error that names it.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::{Header, Remote};
use crate::policy::PolicyError;

/// What is wrong with a question.
#[derive(Debug)]
pub(super) struct Wrong(String);

impl Wrong {
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }

    /// The same, seen from one level further out.
    pub(super) fn within(self, place: &str) -> Self {
        Self(format!("{place}.{}", self.0))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A field that is there and not null.
pub(super) fn optional<'a>(from: &'a Value, name: &str) -> Option<&'a Value> {
    from.get(name).filter(|value| !value.is_null())
}

pub(super) fn required<'a>(from: &'a Value, name: &str) -> Result<&'a Value, Wrong> {
    optional(from, name).ok_or_else(|| Wrong::new(format!("{name} is missing")))
}

pub(super) fn text<'a>(from: &'a Value, name: &str) -> Result<&'a str, Wrong> {
    required(from, name)?.as_str().ok_or_else(|| expected(name, "a string"))
}

pub(super) fn optional_text<'a>(from: &'a Value, name: &str) -> Result<Option<&'a str>, Wrong> {
    optional(from, name).map(|value| value.as_str().ok_or_else(|| expected(name, "a string"))).transpose()
}

pub(super) fn flag(from: &Value, name: &str, default: bool) -> Result<bool, Wrong> {
    match optional(from, name) {
        None => Ok(default),
        Some(value) => value.as_bool().ok_or_else(|| expected(name, "true or false")),
    }
}

pub(super) fn optional_number(from: &Value, name: &str) -> Result<Option<u64>, Wrong> {
    let number = |value: &Value| value.as_u64().ok_or_else(|| expected(name, "a whole number, 0 or more"));
    optional(from, name).map(number).transpose()
}

pub(super) fn number(from: &Value, name: &str) -> Result<u64, Wrong> {
    optional_number(from, name)?.ok_or_else(|| Wrong::new(format!("{name} is missing")))
}

/// An array; a missing one is empty.
pub(super) fn list<'a>(from: &'a Value, name: &str) -> Result<&'a [Value], Wrong> {
    match optional(from, name) {
        None => Ok(&[]),
        Some(value) => value.as_array().map(Vec::as_slice).ok_or_else(|| expected(name, "an array")),
    }
}

pub(super) fn texts<'a>(from: &'a Value, name: &str) -> Result<Vec<&'a str>, Wrong> {
    let one = |value: &'a Value| value.as_str().ok_or_else(|| expected(name, "an array of strings"));
    list(from, name)?.iter().map(one).collect()
}

pub(super) fn decoded(value: &Value, name: &str) -> Result<Vec<u8>, Wrong> {
    let text = value.as_str().ok_or_else(|| expected(name, "base64"))?;
    BASE64_STANDARD.decode(text).map_err(|_| expected(name, "base64, of the standard alphabet and padded"))
}

pub(super) fn bytes(from: &Value, name: &str) -> Result<Vec<u8>, Wrong> {
    decoded(required(from, name)?, name)
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// The `peer` of a request: an address, or none for a local socket.
pub(super) fn remote(from: &Value) -> Result<Remote, Wrong> {
    let parse = |text: &str| text.parse().map(Remote::Address).map_err(|_| expected("peer", "an IP address"));
    optional_text(from, "peer")?.map_or(Ok(Remote::Unix), parse)
}

/// `[[name, value], ...]`.
pub(super) fn headers<'a>(from: &'a Value, name: &str) -> Result<Vec<Header<'a>>, Wrong> {
    let one = |pair: &'a Value| match pair.as_array().map(Vec::as_slice) {
        Some([Value::String(name), Value::String(value)]) => Some(Header { name, value: value.as_bytes() }),
        _ => None,
    };
    let pairs = list(from, name)?.iter();
    pairs.map(|pair| one(pair).ok_or_else(|| expected(name, "an array of [name, value]"))).collect()
}

/// A value of one of the policy's own types.
pub(super) fn typed<T: DeserializeOwned>(value: &Value, name: &str) -> Result<T, Wrong> {
    serde_json::from_value(value.clone()).map_err(|error| Wrong::new(format!("{name}: {error}")))
}

pub(super) fn in_policy(error: &PolicyError) -> Wrong {
    Wrong::new(format!("policy: {error}"))
}

fn expected(name: &str, what: &str) -> Wrong {
    Wrong::new(format!("{name}: expected {what}"))
}
