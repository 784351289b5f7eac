//! The values of a message as a flat list of places, for those who build objects of it.

use std::borrow::Cow;

use super::fault::offset;
use super::machine::{index, unescaped};

/// What kind a value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number, from its first to past its last character.
    Number,
    /// A string, without its quotes.
    String,
    /// The name of a member, without its quotes; its value follows.
    Key,
    /// An array, from bracket to past the closing one; its items follow.
    Array,
    /// An object, from brace to past the closing one; its keys and values follow, in turn.
    Object,
}

/// One value or key of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// A string or key holds escapes.
    pub escaped: bool,
    /// Its first byte in the message.
    pub start: u32,
    /// Past its last byte in the message.
    pub end: u32,
}

impl Entry {
    /// The text of a string or key of `message`, with its escapes resolved: UTF-8 in a message that was
    /// accepted. Empty if the place is not in the message.
    pub fn text<'a>(&self, message: &'a [u8]) -> Cow<'a, [u8]> {
        let raw = message.get(index(self.start)..index(self.end)).unwrap_or_default();
        unescaped(raw, self.escaped)
    }
}

/// The values of one message in the order in which they stand; a container stands before what is in it,
/// and all entries that start before its end are in it.
///
/// The caller owns it and hands it in again: it grows to the largest message and then allocates no more.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    entries: Vec<Entry>,
}

impl Tape {
    /// An empty tape.
    pub fn new() -> Self {
        Self::default()
    }

    /// The values of the last message that was accepted; of a refused one, those up to the fault.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

/// What is told of the values as they are read.
pub(crate) trait Sink {
    /// A value that holds no others, or a key.
    fn scalar(&mut self, kind: Kind, start: usize, end: usize, escaped: bool);
    /// A container opens; the answer is handed back when it closes.
    fn open(&mut self, kind: Kind, start: usize) -> u32;
    /// The container closes before `end`.
    fn close(&mut self, opened: u32, end: usize);
}

/// Tells nobody.
pub(crate) struct Nobody;

impl Sink for Nobody {
    #[inline(always)]
    fn scalar(&mut self, _: Kind, _: usize, _: usize, _: bool) {}
    #[inline(always)]
    fn open(&mut self, _: Kind, _: usize) -> u32 {
        0
    }
    #[inline(always)]
    fn close(&mut self, _: u32, _: usize) {}
}

impl Sink for Tape {
    #[inline(always)]
    fn scalar(&mut self, kind: Kind, start: usize, end: usize, escaped: bool) {
        self.entries.push(Entry { kind, escaped, start: offset(start), end: offset(end) });
    }
    #[inline(always)]
    fn open(&mut self, kind: Kind, start: usize) -> u32 {
        let opened = offset(self.entries.len());
        self.entries.push(Entry { kind, escaped: false, start: offset(start), end: u32::MAX });
        opened
    }
    #[inline(always)]
    fn close(&mut self, opened: u32, end: usize) {
        let entry = usize::try_from(opened).ok().and_then(|opened| self.entries.get_mut(opened));
        if let Some(entry) = entry {
            entry.end = offset(end);
        }
    }
}
