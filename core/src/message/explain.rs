//! A fault in words: where in the message, and against what in the schema.

use std::borrow::Cow;

use super::fault::{Explanation, Fault};
use super::machine::{Program, index, unescaped};
use super::tape::{Entry, Kind, Tape};
use crate::Reason;

/// The most bytes of a pointer that is told.
const LONGEST: usize = 480;

/// Puts a fault in words. `tape` holds what was read up to it, `place` the number of the schema's place.
pub(super) fn explain(program: &Program, fault: Fault, bytes: &[u8], tape: &Tape, place: u32) -> Explanation {
    let mut pointer = pointer(program, fault, bytes, tape);
    let schema = match fault.reason {
        Reason::SchemaViolation => program.places.get(index(place)).map(|place| place.to_string()),
        _ => None,
    };
    cut(&mut pointer);
    let schema = schema.map(|mut schema| {
        cut(&mut schema);
        schema
    });
    Explanation { fault, pointer, schema }
}

/// The string that a member of the outermost object holds, unescaped.
pub(super) fn member<'a>(tape: &Tape, bytes: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    let text = |entry: &Entry| bytes.get(index(entry.start)..index(entry.end)).map(|raw| unescaped(raw, entry.escaped));
    let (object, mut rest) = tape.entries().split_first()?;
    if object.kind != Kind::Object {
        return None;
    }
    while let [key, value, ..] = rest {
        if key.kind == Kind::Key && *text(key)? == *name.as_bytes() {
            return if value.kind == Kind::String { text(value) } else { None };
        }
        let end = value.end;
        let inside = rest.iter().skip(1).take_while(|entry| entry.start < end || entry.start == value.start).count();
        rest = rest.get(inside.saturating_add(1)..)?;
    }
    None
}

/// Where in the message the fault is, as a JSON pointer.
fn pointer(program: &Program, fault: Fault, bytes: &[u8], tape: &Tape) -> String {
    struct Open<'a> {
        entry: &'a Entry,
        key: Option<&'a Entry>,
        items: usize,
    }
    let mut open: Vec<Open<'_>> = Vec::new();
    for entry in tape.entries() {
        while open.last().is_some_and(|top| top.entry.end <= entry.start) {
            open.pop();
        }
        if let Some(top) = open.last_mut() {
            match entry.kind {
                Kind::Key => top.key = Some(entry),
                _ => top.items = top.items.saturating_add(1),
            }
        }
        if matches!(entry.kind, Kind::Array | Kind::Object) {
            open.push(Open { entry, key: None, items: 0 });
        }
    }
    // Containers that were read to their end are not around the fault.
    while open.last().is_some_and(|top| top.entry.end != u32::MAX) {
        open.pop();
    }
    let at_end = fault.reason != Reason::InvalidJson && matches!(bytes.get(index(fault.at)), Some(b']' | b'}'));
    let mut pointer = String::new();
    let depth = open.len();
    for (level, top) in open.iter().enumerate() {
        let innermost = level.saturating_add(1) == depth;
        if innermost && at_end {
            break;
        }
        match (top.entry.kind, top.key) {
            (Kind::Object, Some(key)) => {
                // A member that was read is not at fault: what follows it is.
                if innermost && index(key.end) < index(fault.at) && top.items_after(key, tape) {
                    break;
                }
                pointer.push('/');
                pointer.push_str(&told(program, key, bytes));
            }
            (Kind::Object, None) => break,
            _ => {
                let item = if innermost { top.items } else { top.items.saturating_sub(1) };
                pointer.push_str(&format!("/{item}"));
            }
        }
    }
    return pointer;

    impl Open<'_> {
        /// Whether a value stands on the tape after the key.
        fn items_after(&self, key: &Entry, tape: &Tape) -> bool {
            tape.entries().last().is_some_and(|last| last.start > key.start)
        }
    }
}

/// A key as it may be shown: only those the schemas name.
fn told(program: &Program, key: &Entry, bytes: &[u8]) -> String {
    let raw = bytes.get(index(key.start)..index(key.end)).unwrap_or_default();
    let name = unescaped(raw, key.escaped);
    let known = program.objects.iter().any(|rule| {
        let choice = rule.rare.as_deref().and_then(|rare| rare.choice.as_ref());
        rule.names.texts().chain(choice.iter().flat_map(|choice| choice.tag.texts())).any(|text| *text == *name)
    });
    match std::str::from_utf8(&name) {
        Ok(name) if known => name.replace('~', "~0").replace('/', "~1"),
        _ => "(key)".to_owned(),
    }
}

/// Shortens a text to what is told at most, at a character's end.
fn cut(text: &mut String) {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.truncate(end);
}
