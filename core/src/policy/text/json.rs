//! JSON, by `serde_json`; a second, small walk over text known to be good finds where things stand.

use std::ops::Range;

use serde_json::Value;

use super::{Parsed, Places, element, member};
use crate::policy::PolicyError;

pub(in crate::policy) fn parse(text: &str) -> Result<Parsed, PolicyError> {
    let mut value: Value = serde_json::from_str(text).map_err(|error| {
        let span = offset(text, error.line(), error.column()).map(|at| at..at);
        PolicyError::new("", format!("this is not JSON: {error}")).with_span(span)
    })?;
    let mut walk = Walk { text, at: 0, places: Places::default() };
    walk.value("")?;
    if let Some(document) = value.as_object_mut() {
        document.remove("$schema"); // how editors find policy.schema.json
    }
    Ok(Parsed { value, places: walk.places })
}

/// The byte at a line and column, both counted from 1, the column in bytes; or the character it is in.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let at = before.saturating_add(column.saturating_sub(1)).min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at))
}

/// Depth is bounded: `serde_json` has refused anything deeper than 128 before.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    places: Places,
}

impl Walk<'_> {
    /// Walks over one value and the blanks before it.
    fn value(&mut self, place: &str) -> Result<Range<usize>, PolicyError> {
        self.blanks();
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.object(place)?,
            Some(b'[') => self.array(place)?,
            Some(b'"') => self.string(),
            _ => self.skip(|b| !matches!(b, b',' | b']' | b'}') && !b.is_ascii_whitespace()),
        }
        Ok(start..self.at)
    }

    fn object(&mut self, place: &str) -> Result<(), PolicyError> {
        self.step();
        loop {
            self.blanks();
            match self.peek() {
                Some(b'"') => self.field(place)?,
                Some(b',') => self.step(),
                _ => {
                    self.step();
                    return Ok(());
                }
            }
        }
    }

    fn field(&mut self, place: &str) -> Result<(), PolicyError> {
        let start = self.at;
        self.string();
        let span = start..self.at;
        let name: String = self.text.get(span.clone()).and_then(|s| serde_json::from_str(s).ok()).unwrap_or_default();
        let place = member(place, &name);
        // serde_json keeps the last of two; which one was meant nobody can tell.
        if self.places.has(&place) {
            return Err(PolicyError::new(place, "this field is given twice").with_span(Some(span)));
        }
        self.blanks();
        self.step(); // the colon
        let value = self.value(&place)?;
        self.places.insert(&place, span, value);
        Ok(())
    }

    fn array(&mut self, place: &str) -> Result<(), PolicyError> {
        self.step();
        let mut index = 0_usize;
        loop {
            self.blanks();
            match self.peek() {
                Some(b',') => self.step(),
                Some(b']') | None => {
                    self.step();
                    return Ok(());
                }
                Some(_) => {
                    let place = element(place, index);
                    let span = self.value(&place)?;
                    self.places.insert(&place, span.clone(), span);
                    index = index.saturating_add(1);
                }
            }
        }
    }

    fn string(&mut self) {
        self.step();
        loop {
            self.skip(|b| b != b'"' && b != b'\\');
            let escape = self.peek() == Some(b'\\');
            self.step();
            if !escape {
                return;
            }
            self.step();
        }
    }

    fn blanks(&mut self) {
        self.skip(|b| b.is_ascii_whitespace());
    }

    fn skip(&mut self, while_true: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&while_true) {
            self.step();
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1).min(self.text.len());
    }
}
