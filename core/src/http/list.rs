//! Header fields that are lists: `Connection`, `Upgrade`, `Sec-WebSocket-Protocol` and
//! `Sec-WebSocket-Extensions`.
//!
//! The grammar is RFC 9110's (section 5.6.1): elements are parted by commas, and a recipient
//! ignores empty ones. Every parser here reads each byte a fixed number of times, because list
//! headers are where the field's slow parsers were (CVE-2021-32640, CVE-2020-7662).

use std::borrow::Cow;
use std::fmt;

use super::cursor::Cursor;
use super::request::{Header, is_token, trim};
use crate::reason::Reason;

/// The most elements in one list. A browser sends five at most; what is compared pair by pair
/// must stay few.
const MAX_ELEMENTS: usize = 64;

/// The values of every line of the header `name`, in order.
pub fn values_of<'a>(headers: &[Header<'a>], name: &str) -> Vec<&'a [u8]> {
    headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value).collect()
}

/// The elements of a list header, as text: `connection`, `upgrade`, `sec-websocket-protocol` or
/// `sec-websocket-extensions`. `values` are its lines, in order.
///
/// # Errors
/// [`Reason::BadRequest`] when the list is not well-formed, or `name` is none of the four.
pub fn header_list(name: &str, values: &[&[u8]]) -> Result<Vec<String>, Reason> {
    let texts = |items: Vec<&str>| items.into_iter().map(str::to_owned).collect();
    match name.to_ascii_lowercase().as_str() {
        "connection" => connection_options(values).map(texts),
        "upgrade" => upgrade_protocols(values).map(texts),
        "sec-websocket-protocol" => subprotocols(values).map(texts),
        "sec-websocket-extensions" => extensions(values).map(|items| items.iter().map(Extension::to_string).collect()),
        _ => Err(Reason::BadRequest),
    }
}

/// The options of `Connection` (RFC 9110 section 7.6.1): tokens.
///
/// # Errors
/// [`Reason::BadRequest`].
pub fn connection_options<'a>(values: &[&'a [u8]]) -> Result<Vec<&'a str>, Reason> {
    elements(values, is_token)
}

/// The protocols of `Upgrade` (RFC 9110 section 7.8): `token` or `token/token`.
///
/// # Errors
/// [`Reason::BadRequest`].
pub fn upgrade_protocols<'a>(values: &[&'a [u8]]) -> Result<Vec<&'a str>, Reason> {
    elements(values, |element| {
        let mut parts = element.splitn(2, |byte| *byte == b'/');
        parts.all(is_token)
    })
}

/// The subprotocols of `Sec-WebSocket-Protocol` (RFC 6455 section 11.3.4): tokens, at least one
/// where the header is there at all, and no two the same (section 4.1, item 10).
///
/// # Errors
/// [`Reason::BadRequest`].
pub fn subprotocols<'a>(values: &[&'a [u8]]) -> Result<Vec<&'a str>, Reason> {
    let items = elements(values, is_token)?;
    let repeated = items.iter().enumerate().any(|(at, item)| items.iter().take(at).any(|earlier| earlier == item));
    if repeated || (items.is_empty() && !values.is_empty()) {
        return Err(Reason::BadRequest);
    }
    Ok(items)
}

/// An extension the client offers (RFC 6455 section 9.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Extension<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

impl<'a> Extension<'a> {
    /// The extension's name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Its parameters, in order: name, and value where there is one, unquoted.
    pub fn parameters(&self) -> &[(&'a str, Option<Cow<'a, str>>)] {
        &self.parameters
    }
}

/// The header's value stays out.
impl fmt::Debug for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extension(..)")
    }
}

/// Writes the extension in its shortest form: `name; parameter; parameter=value`.
impl fmt::Display for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for (name, value) in &self.parameters {
            write!(f, "; {name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

/// The extensions of `Sec-WebSocket-Extensions`, at least one where the header is there at all.
/// A quoted value must stand for a token (RFC 6455 section 9.1).
///
/// # Errors
/// [`Reason::BadRequest`].
pub fn extensions<'a>(values: &[&'a [u8]]) -> Result<Vec<Extension<'a>>, Reason> {
    let mut items = Vec::new();
    let mut parameters = 0_usize;
    for value in values {
        let mut cursor = Cursor::new(trim(value));
        loop {
            cursor.skip_space();
            if let Some(name) = cursor.token() {
                let item = extension(&mut cursor, name).ok_or(Reason::BadRequest)?;
                parameters = parameters.saturating_add(item.parameters.len());
                if items.len() == MAX_ELEMENTS || parameters > MAX_ELEMENTS {
                    return Err(Reason::BadRequest);
                }
                items.push(item);
            }
            if cursor.at_end() {
                break;
            }
            if !cursor.eat(b',') {
                return Err(Reason::BadRequest);
            }
        }
    }
    if items.is_empty() && !values.is_empty() {
        return Err(Reason::BadRequest);
    }
    Ok(items)
}

/// The parameters that follow `name`, up to a comma or the end.
fn extension<'a>(cursor: &mut Cursor<'a>, name: &'a str) -> Option<Extension<'a>> {
    let mut parameters = Vec::new();
    loop {
        cursor.skip_space();
        if !cursor.eat(b';') {
            return Some(Extension { name, parameters });
        }
        cursor.skip_space();
        let parameter = cursor.token()?;
        cursor.skip_space();
        let value = if cursor.eat(b'=') {
            cursor.skip_space();
            Some(if cursor.peek() == Some(b'"') { unquoted(cursor)? } else { Cow::Borrowed(cursor.token()?) })
        } else {
            None
        };
        parameters.push((parameter, value));
    }
}

/// A quoted value that stands for a token.
fn unquoted<'a>(cursor: &mut Cursor<'a>) -> Option<Cow<'a, str>> {
    let value = cursor.quoted().filter(|value| is_token(value))?;
    match value {
        Cow::Borrowed(value) => std::str::from_utf8(value).ok().map(Cow::Borrowed),
        Cow::Owned(value) => String::from_utf8(value).ok().map(Cow::Owned),
    }
}

/// The elements of a comma-separated list that `is_element` holds for; empty ones are ignored.
fn elements<'a>(values: &[&'a [u8]], is_element: impl Fn(&[u8]) -> bool) -> Result<Vec<&'a str>, Reason> {
    let mut items = Vec::new();
    for element in values.iter().flat_map(|value| value.split(|byte| *byte == b',')) {
        let element = trim(element);
        if element.is_empty() {
            continue;
        }
        if items.len() == MAX_ELEMENTS || !is_element(element) {
            return Err(Reason::BadRequest);
        }
        items.push(std::str::from_utf8(element).map_err(|_| Reason::BadRequest)?);
    }
    Ok(items)
}
