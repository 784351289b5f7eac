//! Reading a field value from left to right, one construct of RFC 9110 section 5.6 at a time.

use std::borrow::Cow;

use super::request::is_token_byte;

/// The part of a field value that was not read yet. No byte is looked at more than twice.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `value`.
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }

    /// Whether nothing is left.
    pub(crate) fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, left where it is.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads `byte`, if it is next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads over spaces and tabs (`OWS`).
    pub(crate) fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Reads bytes as long as `belongs` holds.
    pub(crate) fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|byte| !belongs(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// Reads a `token`; none when there is not at least one byte of one.
    pub(crate) fn token(&mut self) -> Option<&'a str> {
        let token = self.take_while(is_token_byte);
        if token.is_empty() { None } else { std::str::from_utf8(token).ok() }
    }

    /// Reads a `quoted-string` and gives what it stands for; none when it is not a whole one.
    pub(crate) fn quoted(&mut self) -> Option<Cow<'a, [u8]>> {
        if !self.eat(b'"') {
            return None;
        }
        let plain = self.take_while(is_quoted_text);
        if self.eat(b'"') {
            return Some(Cow::Borrowed(plain));
        }
        let mut out = plain.to_vec();
        while !self.eat(b'"') {
            if self.eat(b'\\') {
                match self.rest {
                    [byte @ (b'\t' | b' '..=b'~' | 0x80..=0xff), rest @ ..] => {
                        out.push(*byte);
                        self.rest = rest;
                    }
                    _ => return None,
                }
            } else {
                let plain = self.take_while(is_quoted_text);
                if plain.is_empty() {
                    return None;
                }
                out.extend_from_slice(plain);
            }
        }
        Some(Cow::Owned(out))
    }
}

/// Whether a byte stands for itself in a `quoted-string` (`qdtext`).
const fn is_quoted_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' ' | b'!' | b'#'..=b'[' | b']'..=b'~' | 0x80..=0xff)
}
