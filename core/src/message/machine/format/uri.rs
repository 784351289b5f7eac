//! URIs and IRIs: the grammar of RFC 3986 appendix A, and RFC 3987 section 2.2.

use std::net::Ipv6Addr;
use std::str::FromStr;

/// A URI or IRI; with no scheme demanded, a relative reference too.
pub(super) fn is_reference(bytes: &[u8], absolute: bool, international: bool) -> bool {
    let is = |part: &[u8], extra: &[u8], private: bool| is_part(part, extra, international, private);
    let (rest, fragment) = cut(bytes, b'#');
    let (hier, query) = cut(rest, b'?');
    if !fragment.is_none_or(|part| is(part, b":@/?", false)) || !query.is_none_or(|part| is(part, b":@/?", true)) {
        return false;
    }
    let (scheme, hier) = match hier.iter().position(|byte| *byte == b':') {
        Some(colon) if is_scheme(hier.get(..colon).unwrap_or_default()) => {
            (true, hier.get(colon.saturating_add(1)..).unwrap_or_default())
        }
        _ => (false, hier),
    };
    if absolute && !scheme {
        return false;
    }
    if let [b'/', b'/', rest @ ..] = hier {
        let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end.min(rest.len()));
        return is_authority(authority, international) && is(path, b":@/", false);
    }
    // Without a scheme, a colon in the first segment would make it one.
    let first = hier.split(|byte| *byte == b'/').next().unwrap_or_default();
    (scheme || !first.contains(&b':')) && is(hier, b":@/", false)
}

fn cut(bytes: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == at) {
        Some(place) => (bytes.get(..place).unwrap_or_default(), bytes.get(place.saturating_add(1)..)),
        None => (bytes, None),
    }
}

fn is_scheme(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn is_authority(bytes: &[u8], international: bool) -> bool {
    let (user, host_port) = match bytes.iter().rposition(|byte| *byte == b'@') {
        Some(at) => (bytes.get(..at).unwrap_or_default(), bytes.get(at.saturating_add(1)..).unwrap_or_default()),
        None => (&[][..], bytes),
    };
    if !is_part(user, b":", international, false) {
        return false;
    }
    let (host, port) = if let [b'[', rest @ ..] = host_port {
        let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
        if !is_ip_literal(rest.get(..end).unwrap_or_default()) {
            return false;
        }
        (&[][..], rest.get(end.saturating_add(1)..).unwrap_or_default())
    } else {
        let end = host_port.iter().position(|byte| *byte == b':').unwrap_or(host_port.len());
        host_port.split_at(end.min(host_port.len()))
    };
    let port_is_number = match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    port_is_number && is_part(host, b"", international, false)
}

/// What stands in brackets: an IPv6 address, or one of a version to come.
fn is_ip_literal(bytes: &[u8]) -> bool {
    if let [b'v' | b'V', rest @ ..] = bytes {
        let (version, address) = cut(rest, b'.');
        let address = address.unwrap_or_default();
        return !version.is_empty()
            && version.iter().all(u8::is_ascii_hexdigit)
            && !address.is_empty()
            && address.iter().all(|byte| is_unreserved(*byte) || is_sub_delim(*byte) || *byte == b':');
    }
    bytes.len() <= 45 && std::str::from_utf8(bytes).is_ok_and(|text| Ipv6Addr::from_str(text).is_ok())
}

/// Unreserved characters, escapes, sub-delimiters and `extra`.
fn is_part(bytes: &[u8], extra: &[u8], international: bool, private: bool) -> bool {
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'%' => match after {
                [a, b, after @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => after,
                _ => return false,
            },
            0x80.. if international => {
                let Some(after) = past_ucschar(rest, private) else { return false };
                after
            }
            byte if is_unreserved(*byte) || is_sub_delim(*byte) || extra.contains(byte) => after,
            _ => return false,
        };
    }
    true
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_sub_delim(byte: u8) -> bool {
    b"!$&'()*+,;=".contains(&byte)
}

/// Past the character that starts `bytes`, if an IRI may hold it.
fn past_ucschar(bytes: &[u8], private: bool) -> Option<&[u8]> {
    let chunk = bytes.get(..bytes.len().min(4))?;
    let valid = match std::str::from_utf8(chunk) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(chunk.get(..error.valid_up_to())?).ok()?,
    };
    let character = valid.chars().next()?;
    let allowed = match u32::from(character) {
        0xa0..=0xd7ff | 0xf900..=0xfdcf | 0xfdf0..=0xffef => true,
        0xe000..=0xf8ff => private,
        code @ 0x1_0000..=0xe_ffff => code & 0xffff < 0xfffe && !(0xe_0000..0xe_1000).contains(&code),
        code @ 0xf_0000.. => private && code & 0xffff < 0xfffe,
        _ => false,
    };
    if allowed { bytes.get(character.len_utf8()..) } else { None }
}
