//! The upgrade request as a host hands it over, and the checks of its size and syntax.

use std::fmt;
use std::net::IpAddr;

use super::target::{Target, mask};
use crate::policy::Transport;
use crate::reason::Reason;

/// The longest request target, in bytes: what RFC 9110 section 4.1 asks every server to take
/// (8,000), as Apache (8,190) and Python's websockets (8,192) round it.
pub(crate) const MAX_TARGET: usize = 8192;

/// One field line of the request.
#[derive(Clone, Copy)]
pub struct Header<'a> {
    /// The field's name, in any case.
    pub name: &'a str,
    /// The field's value, as it came.
    pub value: &'a [u8],
}

/// Names and values stay out: both are the peer's, and some values are secrets.
impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Header(..)")
    }
}

/// The protocol the request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.0, which has no upgrade to WebSocket.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2, with the extended CONNECT of RFC 8441.
    Http2,
}

impl HttpVersion {
    /// The version with this name: `1.0`, `1.1` or `2`, as servers tell it; with `.0` or without.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "1.0" | "1" => Some(Self::Http10),
            "1.1" => Some(Self::Http11),
            "2" | "2.0" => Some(Self::Http2),
            _ => None,
        }
    }
}

/// The other end of a connection to this process: the client itself, or a proxy.
///
/// A host that does not know the address must not guess: whoever stands for a local socket may be
/// trusted as a proxy by `transport.trusted_proxies = ["unix"]`, and is held to no address's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remote {
    /// The address of the socket's other end.
    Address(IpAddr),
    /// A local (Unix-domain) socket, which has none.
    Unix,
}

impl Remote {
    /// The address; none for a local socket.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Unix => None,
        }
    }
}

impl From<IpAddr> for Remote {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

/// An upgrade request. For HTTP/2 the host puts `:authority` in as `host`, and `:protocol` under
/// its own name.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The request target as it came: path and query.
    pub target: &'a str,
    /// The protocol.
    pub version: HttpVersion,
    /// The field lines, in the order they came, repeated ones as often as they came.
    pub headers: &'a [Header<'a>],
    /// The other end of the connection.
    pub peer: Remote,
    /// Whether the connection to this process is encrypted.
    pub tls: bool,
}

/// Shows where the request goes and how large it is; query and header values never.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("target", &format_args!("{}", mask(self.target)))
            .field("version", &self.version)
            .field("headers", &self.headers.len())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Checks the request's size: `max_headers` field lines, `max_head` bytes in all, a target of at
/// most 8 KiB. Hosts that read the head themselves come here too, so that one policy holds
/// everywhere (CVE-2024-37890).
///
/// # Errors
/// [`Reason::UriTooLong`], [`Reason::HeadersTooLarge`].
pub fn check_size(request: &Request<'_>, transport: &Transport) -> Result<(), Reason> {
    if request.target.len() > MAX_TARGET {
        return Err(Reason::UriTooLong);
    }
    if request.headers.len() > usize::try_from(transport.max_headers).unwrap_or(usize::MAX) {
        return Err(Reason::HeadersTooLarge);
    }
    // As the head stands on the wire: "GET /chat HTTP/1.1" CRLF, "name: value" CRLF ..., CRLF.
    let line = request.method.len().saturating_add(request.target.len()).saturating_add(14);
    let bytes = request.headers.iter().fold(line, |sum, header| {
        sum.saturating_add(header.name.len()).saturating_add(header.value.len()).saturating_add(4)
    });
    if u64::try_from(bytes).unwrap_or(u64::MAX) > transport.max_head.bytes() {
        return Err(Reason::HeadersTooLarge);
    }
    Ok(())
}

/// Checks the request's syntax: an origin-form target, names that are tokens, values without
/// control characters, and no body. Gives the target back, parsed.
///
/// A body on an upgrade is how two parsers are made to disagree about where the handshake ends
/// (request smuggling, CVE-2024-23326).
///
/// # Errors
/// [`Reason::BadRequest`].
pub fn check_syntax<'a>(request: &Request<'a>) -> Result<Target<'a>, Reason> {
    if request.method.is_empty() || !request.method.bytes().all(is_token_byte) {
        return Err(Reason::BadRequest);
    }
    for header in request.headers {
        let pseudo = request.version == HttpVersion::Http2 && header.name == ":protocol";
        if !(pseudo || is_token(header.name.as_bytes())) || !header.value.iter().copied().all(is_value_byte) {
            return Err(Reason::BadRequest);
        }
        let length = header.name.eq_ignore_ascii_case("content-length");
        let body = (length && trim(header.value) != b"0") || header.name.eq_ignore_ascii_case("transfer-encoding");
        if body {
            return Err(Reason::BadRequest);
        }
    }
    single(request.headers, "host")?;
    single(request.headers, "content-length")?;
    Target::parse(request.target)
}

/// The value of a header that may come once only, without the white space around it.
///
/// Where one header comes twice, one parser takes the first and the next the last; so none is
/// taken (RFC 9110 section 5.3).
///
/// # Errors
/// [`Reason::BadRequest`] when it came more than once.
pub fn single<'a>(headers: &[Header<'a>], name: &str) -> Result<Option<&'a [u8]>, Reason> {
    let mut found = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let first = found.next().map(|header| trim(header.value));
    if found.next().is_some() {
        return Err(Reason::BadRequest);
    }
    Ok(first)
}

/// The value without spaces and tabs at its ends (`OWS`, RFC 9110 section 5.6.3).
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether this is a `token` (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// Whether a `token` may hold this byte.
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// Whether a field value may hold this byte: visible, space, tab or obs-text (RFC 9110 section 5.5).
const fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..=0xff)
}
