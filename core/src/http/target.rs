//! The request target: a path to choose rules by, a query to look for a credential in.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use super::request::MAX_TARGET;
use crate::reason::Reason;

/// The most characters of a path in a log line.
const MAX_LOGGED: usize = 128;

/// A request target in origin form (RFC 9112 section 3.2.1): `/path?query`.
///
/// The path is kept in one spelling only: what a router further in might decode or tidy up is
/// refused, or `/%61dmin` would be judged by the rules of one path and served by another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Parses `target`.
    ///
    /// # Errors
    /// [`Reason::UriTooLong`]; [`Reason::BadRequest`] for another form than `/path?query`, a
    /// fragment, a byte that is not visible ASCII, dot segments, empty segments, and percent
    /// escapes that are broken, needless, or hide a separator.
    pub fn parse(target: &'a str) -> Result<Self, Reason> {
        if target.len() > MAX_TARGET {
            return Err(Reason::UriTooLong);
        }
        if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(Reason::BadRequest);
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        if !is_plain_path(path) {
            return Err(Reason::BadRequest);
        }
        Ok(Self { path, query })
    }

    /// The path, as it came.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The value of the query parameter `name`, decoded as `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`Reason::CredentialAmbiguous`] when the name is there twice, however it is spelled;
    /// [`Reason::BadRequest`] when its value has a broken escape, is not UTF-8, or has
    /// control characters.
    pub fn query_value(&self, name: &str) -> Result<Option<Cow<'a, str>>, Reason> {
        let mut found = None;
        for pair in self.query.unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A key with a broken escape cannot be the name in any decoder's eyes.
            if decode(key).is_none_or(|key| *key != *name.as_bytes()) || pair.is_empty() {
                continue;
            }
            if found.is_some() {
                return Err(Reason::CredentialAmbiguous);
            }
            found = Some(value);
        }
        // A control character is in no credential, and some stores stop reading at NUL.
        let text = |value| text(value).filter(|text| !text.contains(char::is_control)).ok_or(Reason::BadRequest);
        found.map(text).transpose()
    }

    /// The target for a log line: no query, nothing a terminal would obey, and not too long.
    pub fn masked(&self) -> Masked<'a> {
        Masked { path: self.path, query: self.query.is_some() }
    }
}

/// Shows the masked form.
impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.masked())
    }
}

/// A request target that is safe to print: tokens travel in queries (CVE-2022-24757), and escape
/// sequences in paths (CVE-2020-7694).
#[derive(Clone, Copy)]
pub struct Masked<'a> {
    path: &'a str,
    query: bool,
}

/// As [`Display`](fmt::Display) shows it.
impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Masks a target that was not parsed, or could not be.
pub fn mask(target: &str) -> Masked<'_> {
    let end = target.find(['?', '#']);
    let path = end.and_then(|end| target.get(..end)).unwrap_or(target);
    // Another form may carry user and password.
    let path = if path.starts_with('/') { path } else { "" };
    Masked { path, query: end.is_some() }
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.path.chars();
        for c in chars.by_ref().take(MAX_LOGGED) {
            match c {
                '!'..='~' => f.write_char(c)?,
                _ => write!(f, "{}", c.escape_unicode())?,
            }
        }
        if chars.next().is_some() {
            f.write_str("...")?;
        }
        if self.query {
            f.write_str("?...")?;
        }
        Ok(())
    }
}

/// Whether every router reads this path the same way.
fn is_plain_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    if rest.contains('\\') {
        return false;
    }
    // Only the last segment may be empty ("/chat/"), and only if it is not the second of two.
    let mut segments = rest.split('/').rev();
    let last = segments.next().unwrap_or_default();
    !matches!(last, "." | "..")
        && segments.all(|segment| !matches!(segment, "" | "." | ".."))
        && escapes_are_needed(rest)
}

/// Whether every percent escape in `path` is whole and could not be written without.
fn escapes_are_needed(path: &str) -> bool {
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            continue;
        }
        match (bytes.next().and_then(hex), bytes.next().and_then(hex)) {
            (Some(high), Some(low)) => {
                let decoded = high << 4 | low;
                let unreserved = decoded.is_ascii_alphanumeric() || matches!(decoded, b'-' | b'.' | b'_' | b'~');
                if unreserved || decoded.is_ascii_control() || matches!(decoded, b'/' | b'\\') {
                    return false;
                }
            }
            _ => return false,
        }
    }
    true
}

/// `text` with `+` and percent escapes undone; none when an escape is broken.
fn decode(text: &str) -> Option<Cow<'_, [u8]>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => bytes.next().and_then(hex)? << 4 | bytes.next().and_then(hex)?,
            other => other,
        });
    }
    Some(Cow::Owned(out))
}

/// `value` decoded, when it is UTF-8.
fn text(value: &str) -> Option<Cow<'_, str>> {
    match decode(value)? {
        Cow::Borrowed(_) => Some(Cow::Borrowed(value)),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(byte.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}
