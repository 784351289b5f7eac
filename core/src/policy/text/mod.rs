//! A policy's text as a tree of values, and where in the text each of them stands.

mod json;
mod toml;

use std::collections::BTreeMap;
use std::ops::Range;

pub(super) use json::parse as parse_json;
use serde_json::Value;

pub(super) use self::toml::parse as parse_toml;
use super::{PolicyError, PolicyWarning};

/// What a text says, and where.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) value: Value,
    pub(super) places: Places,
}

/// Where in the text a dotted path's name and value stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(BTreeMap<String, Spot>);

#[derive(Clone, Debug)]
struct Spot {
    name: Range<usize>,
    value: Range<usize>,
}

impl Places {
    fn insert(&mut self, place: &str, name: Range<usize>, value: Range<usize>) {
        self.0.insert(place.to_owned(), Spot { name, value });
    }

    /// The bytes of `place`, or of the nearest table around it that the text has.
    fn find(&self, place: &str, at_name: bool) -> Option<Range<usize>> {
        let mut place = place;
        let mut at_name = at_name;
        loop {
            if let Some(spot) = self.0.get(place) {
                return Some(if at_name { spot.name.clone() } else { spot.value.clone() });
            }
            place = parent(place)?;
            at_name = true; // the value around it may be many lines long
        }
    }

    pub(super) fn has(&self, place: &str) -> bool {
        self.0.contains_key(place)
    }

    pub(super) fn locate(&self, error: PolicyError) -> PolicyError {
        let span = self.find(error.place(), error.is_at_name());
        error.with_span(span)
    }

    pub(super) fn locate_warning(&self, warning: PolicyWarning) -> PolicyWarning {
        let span = self.find(warning.place(), false);
        warning.with_span(span)
    }
}

/// The dotted path of `name` in the table at `place`; names that are not bare are quoted as in TOML.
pub(super) fn member(place: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if place.is_empty() { name } else { format!("{place}.{name}") }
}

/// The dotted path of an array's element.
pub(super) fn element(place: &str, index: usize) -> String {
    format!("{place}[{index}]")
}

fn parent(place: &str) -> Option<&str> {
    let mut quoted = false;
    let mut cut = None;
    for (at, c) in place.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '.' | '[' if !quoted => cut = Some(at),
            _ => {}
        }
    }
    place.get(..cut?)
}
