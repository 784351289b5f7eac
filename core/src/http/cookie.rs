//! Cookies, read so that no other parser can find another value (RFC 6265 section 4.2).

use super::request::{Header, trim};
use crate::reason::Reason;

/// The value of the cookie `name`, as it came: neither unquoted nor percent-decoded.
///
/// Whoever can set a cookie for a sibling domain can make the browser send two of one name, or
/// one that only some parsers see. So the name must be there once, in all `Cookie` lines together,
/// and whatever parsers are known to read in two ways is refused:
/// - a pair without a name, whose value begins with `name=` (browsers used to send those as if
///   they had one), and `name` without `=`;
/// - quotes around the value, and a quote that opens in one pair and does not close there
///   (RFC 2965 parsers read on to the next quote, over the semicolons);
/// - `$Version`, which makes some parsers change to RFC 2965 (CVE-2023-26049);
/// - bytes that RFC 6265 keeps out of values: white space, comma, backslash.
///
/// # Errors
/// [`Reason::CredentialAmbiguous`] when there is more than one reading; [`Reason::BadRequest`]
/// when the value holds a byte that it may not.
pub fn cookie_value<'a>(headers: &[Header<'a>], name: &str) -> Result<Option<&'a str>, Reason> {
    let lines = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("cookie"));
    let mut found = None;
    for pair in lines.flat_map(|header| header.value.split(|byte| *byte == b';')) {
        let pair = trim(pair);
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let key = trim(parts.next().unwrap_or_default());
        let value = parts.next().map(trim);
        if key.eq_ignore_ascii_case(b"$version") || value.is_some_and(opens_a_quote) {
            return Err(Reason::CredentialAmbiguous);
        }
        if key.is_empty() && value.is_some_and(|value| begins_with_pair(value, name.as_bytes())) {
            return Err(Reason::CredentialAmbiguous);
        }
        if key != name.as_bytes() {
            continue;
        }
        let Some(value) = value else { return Err(Reason::CredentialAmbiguous) };
        if found.replace(value).is_some() {
            return Err(Reason::CredentialAmbiguous);
        }
    }
    let Some(value) = found else { return Ok(None) };
    if !value.iter().copied().all(is_cookie_octet) {
        return Err(Reason::BadRequest);
    }
    std::str::from_utf8(value).map(Some).map_err(|_| Reason::BadRequest)
}

/// Whether a value begins with a quote that does not close at its end.
fn opens_a_quote(value: &[u8]) -> bool {
    match value {
        // Some parsers take the last quote for an escaped one, and read on.
        [b'"', inner @ .., b'"'] => inner.ends_with(b"\\"),
        [b'"', ..] => true,
        _ => false,
    }
}

/// Whether `value`, of a pair without a name, is `name` or goes on as `name=...`.
fn begins_with_pair(value: &[u8], name: &[u8]) -> bool {
    let mut parts = value.splitn(2, |byte| *byte == b'=');
    trim(parts.next().unwrap_or_default()) == name
}

/// `cookie-octet` of RFC 6265 section 4.1.1.
const fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}
