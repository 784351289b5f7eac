//! A value that has been read, as a list of places in its text: what the `jsonschema` crate judges instead of a DOM.
//!
//! It takes four bytes for a value or key and eight for a container, of which each has two in its message (`1,`): with what
//! the crate notes for itself, no more than four times the text.

mod json;
#[cfg(test)]
mod tests;
mod unique;

use std::borrow::Cow;
use std::cell::Cell;

pub(crate) use json::Places;

use super::decimal::Num;
use super::sip::Seed;
use super::text::Unescaped;
use super::{index, unescaped};

/// A value and all that is in it, in the order in which they stand: keys before their values.
pub(crate) struct Tree<'a> {
    text: &'a str,
    seed: Seed,
    /// How many looks at a value are left. When there are none, all that is left to see is null: whoever judges comes to
    /// an end soon, whatever the schema.
    left: Cell<u64>,
    /// How many more containers are remembered.
    memory: Cell<u8>,
    /// Where each value and key starts; for a container, also the number of the entry after all that is in it.
    entries: Vec<u32>,
}

impl<'a> Tree<'a> {
    /// The entries for a text that was read as JSON before.
    fn count(text: &str) -> usize {
        let mut count = 0_usize;
        for_each_token(text, |_, token| {
            count = count.saturating_add(match token {
                b']' | b'}' => 0,
                b'[' | b'{' => 2,
                _ => 1,
            });
        });
        count
    }

    /// The tree of a text that was read as JSON before.
    ///
    /// `seed` keys the hashes of items that must differ; `left` is how many looks there may be.
    pub(super) fn new(text: &'a str, seed: Seed, left: u64) -> Self {
        let mut entries = Vec::with_capacity(Self::count(text));
        // While a container is open, its second entry is that of the one around it.
        let mut open = NONE;
        for_each_token(text, |start, token| match token {
            b']' | b'}' => {
                let after = small(entries.len());
                if let Some(entry) = entries.get_mut(index(open).saturating_add(1)) {
                    open = std::mem::replace(entry, after);
                }
            }
            b'[' | b'{' => {
                let opened = small(entries.len());
                entries.extend([small(start), std::mem::replace(&mut open, opened)]);
            }
            _ => entries.push(small(start)),
        });
        Self { text, seed, left: Cell::new(left), memory: Cell::new(REMEMBERED), entries }
    }

    /// How many looks are left; 0 when there were not enough.
    pub(super) fn left(&self) -> u64 {
        self.left.get()
    }

    /// Whether what is made of one more container may be kept.
    fn remembers(&self) -> bool {
        let memory = self.memory.get();
        self.memory.set(memory.saturating_sub(1));
        memory > 0
    }

    /// Whether there may be one more look, at so many bytes.
    fn looks(&self, bytes: usize) -> bool {
        let steps = u64::try_from(bytes).unwrap_or(u64::MAX).wrapping_shr(6).saturating_add(1);
        self.left.set(self.left.get().saturating_sub(steps));
        self.left.get() > 0
    }
}

/// For so many containers the crate may keep what it made of them.
const REMEMBERED: u8 = 16;
/// No entry.
const NONE: u32 = u32::MAX;

/// Tells where each scalar, key and bracket starts, and its first byte.
#[inline(always)]
fn for_each_token(text: &str, mut tell: impl FnMut(usize, u8)) {
    let bytes = text.as_bytes();
    let mut at = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':') {
            tell(at, byte);
        }
        at = at.saturating_add(length(bytes.get(at..).unwrap_or_default()));
    }
}

/// How many bytes the token at the front takes; a bracket, a separator or a space is one by itself.
#[inline(always)]
fn length(text: &[u8]) -> usize {
    match text {
        [b'"', rest @ ..] => closing(rest).saturating_add(2),
        [b'-' | b'0'..=b'9' | b'a'..=b'z', rest @ ..] => {
            let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}');
            rest.iter().position(ends).unwrap_or(rest.len()).saturating_add(1)
        }
        _ => 1,
    }
}

/// Where the quote stands that ends a string.
fn closing(text: &[u8]) -> usize {
    let mut at = 0_usize;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(found) = memchr::memchr2(b'"', b'\\', rest) else { return text.len() };
        at = at.saturating_add(found);
        if text.get(at) == Some(&b'"') {
            return at;
        }
        at = at.saturating_add(2);
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A place in a tree.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    tree: &'a Tree<'a>,
    at: u32,
}

impl<'a> At<'a> {
    /// The text from its first byte on.
    fn from(self) -> &'a str {
        let start = self.tree.entries.get(index(self.at)).copied().unwrap_or(NONE);
        self.tree.text.get(index(start)..).unwrap_or_default()
    }

    /// It tells what kind of value this is.
    pub(super) fn first_byte(self) -> u8 {
        if !self.tree.looks(0) {
            return b'n';
        }
        self.from().as_bytes().first().copied().unwrap_or(b'n')
    }

    /// Whether there are others in it.
    fn is_container(self) -> bool {
        matches!(self.from().as_bytes().first(), Some(b'[' | b'{'))
    }

    /// The number of the entry after it and all that is in it.
    fn after(self) -> u32 {
        let next = self.at.saturating_add(1);
        if self.is_container() { self.tree.entries.get(index(next)).copied().unwrap_or(0) } else { next }
    }

    pub(super) fn seed(self) -> Seed {
        self.tree.seed
    }

    /// How a scalar is written; a string without its quotes.
    pub(super) fn written(self) -> &'a str {
        let text = self.from();
        let text = text.get(..length(text.as_bytes())).unwrap_or_default();
        self.tree.looks(text.len());
        text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
    }

    /// What a string stands for.
    pub(super) fn string(self) -> Cow<'a, str> {
        let written = self.written();
        if memchr::memchr(b'\\', written.as_bytes()).is_none() {
            return Cow::Borrowed(written);
        }
        let bytes = unescaped(written.as_bytes(), true).into_owned();
        Cow::Owned(
            String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        )
    }

    /// Whether a key stands for a name. Escapes only make it longer.
    fn is_key(self, name: &str) -> bool {
        let written = self.written();
        match written.len().cmp(&name.len()) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => written == name && !name.contains('\\'),
            std::cmp::Ordering::Greater => Unescaped::new(written.as_bytes()).eq(name.bytes()),
        }
    }

    /// The value of an object's member. The last of a name counts, as in a map, where names may repeat at all.
    fn member(self, name: &str) -> Option<At<'a>> {
        let mut children = self.children();
        let mut found = None;
        while let (Some(key), Some(value)) = (children.next(), children.next()) {
            if key.is_key(name) {
                found = Some(value);
            }
        }
        found
    }

    /// The value of a number.
    pub(super) fn number(self) -> Num {
        Num::read(self.written().as_bytes())
    }

    /// What stands directly in a container, keys among it; nothing in a scalar.
    pub(super) fn children(self) -> Children<'a> {
        let end = if self.is_container() { self.after() } else { 0 };
        Children { tree: self.tree, at: self.at.saturating_add(2), end }
    }

    /// How it is written, with all that is in it.
    fn whole(self) -> &'a str {
        let text = self.from();
        let mut depth = 0_usize;
        let mut at = 0_usize;
        loop {
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            match rest.first() {
                Some(b'[' | b'{') => depth = depth.saturating_add(1),
                Some(b']' | b'}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            at = at.saturating_add(length(rest));
            if depth == 0 || rest.is_empty() {
                return text.get(..at).unwrap_or(text);
            }
        }
    }
}

/// Goes from one to the next of what stands directly in a container.
#[derive(Clone)]
pub(crate) struct Children<'a> {
    tree: &'a Tree<'a>,
    at: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = At<'a>;

    fn next(&mut self) -> Option<At<'a>> {
        let child = At { tree: self.tree, at: self.at };
        (self.at < self.end && self.tree.looks(0)).then(|| {
            self.at = child.after();
            child
        })
    }
}
