//! The `Host` header, and the hosts this server answers for.
//!
//! A page of the attacker's can make its own name resolve to this server (DNS rebinding). Its
//! Origin then equals the Host, and only a list of the server's own names tells the two apart.

use std::fmt;
use std::net::Ipv6Addr;

use super::request::{Header, single};
use crate::policy::HostName;
use crate::reason::Reason;

/// Host and port, as in a URL's authority without user information (RFC 3986 section 3.2).
#[derive(Clone, Copy)]
pub struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses `host` or `host:port`. The host is a name, an IPv4 address, or an IPv6 address in
    /// brackets; the port has no leading zero. None for anything else.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = split_port(text)?;
        let is_host = host.starts_with('[') || host.bytes().all(is_name_byte) && !host.starts_with('.');
        if !is_host || host.contains("..") {
            return None;
        }
        Some(Self { host, port })
    }

    /// The host as it came, an IPv6 address with its brackets.
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// The port, where one was named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port, or that of `https` or `http`.
    pub fn port_or_default(&self, secure: bool) -> u16 {
        self.port.unwrap_or(if secure { 443 } else { 80 })
    }

    /// Whether the list has it; an empty list has every host.
    pub(crate) fn is_listed(&self, hosts: &[HostName], secure: bool) -> bool {
        let mut entries = hosts.iter().filter_map(|entry| Authority::parse(entry.as_str()));
        hosts.is_empty() || entries.any(|entry| self.is_listed_as(&entry, secure))
    }

    /// Whether an entry of the allowlist stands for this host: letter case and one dot at the end
    /// do not matter; an entry without a port stands for every port.
    fn is_listed_as(&self, entry: &Authority<'_>, secure: bool) -> bool {
        let port = entry.port.is_none_or(|port| port == self.port_or_default(secure));
        port && same_host(without_dot(self.host), without_dot(entry.host))
    }
}

/// The header's value stays out.
impl fmt::Debug for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(..)")
    }
}

/// Checks `Host` against the allowlist; an empty one takes every well-formed host. Gives the host
/// back. `secure` says which port stands for none.
///
/// # Errors
/// [`Reason::BadRequest`] when the header is missing, repeated or malformed;
/// [`Reason::HostNotAllowed`] when it is not listed.
pub fn check_host<'a>(headers: &[Header<'a>], hosts: &[HostName], secure: bool) -> Result<Authority<'a>, Reason> {
    let value = single(headers, "host")?.ok_or(Reason::BadRequest)?;
    let text = std::str::from_utf8(value).map_err(|_| Reason::BadRequest)?;
    let authority = Authority::parse(text).ok_or(Reason::BadRequest)?;
    if authority.is_listed(hosts, secure) { Ok(authority) } else { Err(Reason::HostNotAllowed) }
}

/// Splits `host[:port]`; the host is not empty, and in brackets when it is an IPv6 address.
pub(crate) fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, rest) = if text.starts_with('[') {
        let end = text.find(']')?.checked_add(1)?;
        let (host, rest) = text.split_at_checked(end)?;
        ipv6(host)?;
        (host, rest)
    } else {
        text.split_at_checked(text.find(':').unwrap_or(text.len()))?
    };
    if host.is_empty() {
        return None;
    }
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Some((host, None)),
        Some(digits) => port(digits).map(|port| (host, Some(port))),
        None => None,
    }
}

/// Whether two hosts are the same: letter case does not matter, nor how an IPv6 address is spelled.
pub(crate) fn same_host(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || (left.starts_with('[') && ipv6(left).is_some() && ipv6(left) == ipv6(right))
}

/// The address in brackets.
fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// A port in its one spelling.
fn port(digits: &str) -> Option<u16> {
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if canonical { digits.parse().ok() } else { None }
}

fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}
