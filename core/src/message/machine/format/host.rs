//! Names and addresses of hosts, and of mailboxes on them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// RFC 1123 section 2.1: labels of letters, digits and inner hyphens.
pub(super) fn is_hostname(bytes: &[u8]) -> bool {
    bytes.len() <= 253
        && bytes.split(|byte| *byte == b'.').all(|label| {
            (1..=63).contains(&label.len())
                && label.first() != Some(&b'-')
                && label.last() != Some(&b'-')
                && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        })
}

pub(super) fn is_ipv4(bytes: &[u8]) -> bool {
    text(bytes).is_some_and(|text| Ipv4Addr::from_str(text).is_ok())
}

pub(super) fn is_ipv6(bytes: &[u8]) -> bool {
    text(bytes).is_some_and(|text| Ipv6Addr::from_str(text).is_ok())
}

/// No address is longer: what is, need not be decoded.
fn text(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > 45 { None } else { std::str::from_utf8(bytes).ok() }
}

/// RFC 5321 section 4.1.2: a local part of atoms or in quotes, and a host or an address in brackets.
pub(super) fn is_email(bytes: &[u8]) -> bool {
    let Some(at) = bytes.iter().rposition(|byte| *byte == b'@') else { return false };
    let (Some(local), Some(domain)) = (bytes.get(..at), bytes.get(at.saturating_add(1)..)) else { return false };
    is_local_part(local) && is_mail_domain(domain)
}

fn is_local_part(local: &[u8]) -> bool {
    if local.is_empty() || local.len() > 64 {
        return false;
    }
    if let [b'"', inside @ .., b'"'] = local {
        return is_quoted(inside);
    }
    local.split(|byte| *byte == b'.').all(|atom| {
        !atom.is_empty()
            && atom.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(byte))
    })
}

fn is_quoted(mut rest: &[u8]) -> bool {
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'\\', [b' '..=b'~', after @ ..]) => after,
            (b'\\' | b'"', _) => return false,
            (b' '..=b'~', after) => after,
            _ => return false,
        };
    }
    true
}

fn is_mail_domain(domain: &[u8]) -> bool {
    match domain {
        [b'[', address @ .., b']'] => match address.split_first_chunk::<5>() {
            Some((tag, address)) if tag.eq_ignore_ascii_case(b"IPv6:") => is_ipv6(address),
            _ => is_ipv4(address),
        },
        _ => is_hostname(domain),
    }
}
