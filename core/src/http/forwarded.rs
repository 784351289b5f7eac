//! `X-Forwarded-For` and `Forwarded` (RFC 7239), one element of the list at a time.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cursor::Cursor;
use super::host::split_port;
use super::request::{is_token, is_token_byte, trim};
use crate::reason::Reason;

/// What one proxy said about the request it took.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Hop<'a> {
    /// Who sent the request (`for`).
    pub(crate) from: Option<Cow<'a, [u8]>>,
    /// By which protocol (`proto`).
    pub(crate) proto: Option<Cow<'a, [u8]>>,
}

/// Parses one line of `Forwarded` whole. A line with any fault is refused whole: an unbalanced
/// quote sent by the client would swallow the element that our proxy appended after it.
///
/// # Errors
/// [`Reason::BadRequest`].
pub(crate) fn forwarded(line: &[u8]) -> Result<Vec<Hop<'_>>, Reason> {
    let mut hops = Vec::new();
    let mut cursor = Cursor::new(trim(line));
    loop {
        hops.push(element(&mut cursor).ok_or(Reason::BadRequest)?);
        if cursor.at_end() {
            return Ok(hops);
        }
        if !cursor.eat(b',') {
            return Err(Reason::BadRequest);
        }
    }
}

/// The address in an element of `X-Forwarded-For`: bare, with a port, or in brackets.
pub(crate) fn address(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(trim(element)).ok()?;
    // A bare IPv6 address has colons too, so it is tried first.
    text.parse::<Ipv6Addr>().ok().map(IpAddr::V6).or_else(|| node(text))
}

/// The address in a `for` of `Forwarded`: `unknown` and obfuscated identifiers have none, and an
/// IPv6 address needs its brackets (RFC 7239 section 6).
pub(crate) fn node_address(value: &[u8]) -> Option<IpAddr> {
    node(std::str::from_utf8(value).ok()?)
}

/// An address of either kind, with or without a port.
fn node(text: &str) -> Option<IpAddr> {
    let (host, _port) = split_port(text)?;
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// `forwarded-element`: pairs parted by semicolons, where a pair may be empty.
fn element<'a>(cursor: &mut Cursor<'a>) -> Option<Hop<'a>> {
    let mut hop = Hop::default();
    let mut seen = Vec::new();
    loop {
        cursor.skip_space();
        if let Some(name) = cursor.token() {
            let value = cursor.eat(b'=').then(|| value(cursor)).flatten()?;
            // No parameter may come twice in an element (RFC 7239 section 4).
            if seen.iter().any(|earlier: &&str| earlier.eq_ignore_ascii_case(name)) || seen.len() == MAX_PARAMETERS {
                return None;
            }
            seen.push(name);
            if name.eq_ignore_ascii_case("for") {
                hop.from = Some(value);
            } else if name.eq_ignore_ascii_case("proto") {
                hop.proto = Some(value);
            }
        }
        cursor.skip_space();
        if !cursor.eat(b';') {
            return Some(hop);
        }
    }
}

/// The most parameters of one element; RFC 7239 defines four.
const MAX_PARAMETERS: usize = 16;

/// A token or a quoted string. Proxies in the field leave the quotes away around `1.2.3.4:5678`.
fn value<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, [u8]>> {
    if cursor.peek() == Some(b'"') {
        return cursor.quoted();
    }
    let value = cursor.take_while(|byte| is_token_byte(byte) || byte == b':');
    let is_value = value.split(|byte| *byte == b':').all(is_token);
    is_value.then_some(Cow::Borrowed(value))
}
