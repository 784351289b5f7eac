//! The `Origin` header: scheme, host and port of the page that asks (RFC 6454), and the judgement
//! whether that page may connect.
//!
//! Browsers let any page open a WebSocket to any server, and send the server's cookies along. The
//! Origin is what tells a foreign page apart (cross-site WebSocket hijacking, CWE-1385).

use std::fmt;

use super::host::{Authority, same_host, split_port};
use super::origin_entry::{Kind, OriginEntry};
use crate::policy;
use crate::policy::MissingOrigin;
use crate::reason::Reason;

/// An origin as a browser serialises it (RFC 6454 section 6.2), borrowed from the header.
///
/// Only this form is an origin: no user, path, query or fragment, no second origin, nothing but
/// ASCII. A host with a dot at its end is another host than without.
#[derive(Clone, Copy)]
pub struct Origin<'a>(Option<Tuple<'a>>);

#[derive(Clone, Copy)]
struct Tuple<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Origin<'a> {
    /// Parses the value of an `Origin` header.
    ///
    /// # Errors
    /// [`Reason::OriginNotAllowed`]: what is no origin is on no list.
    pub fn parse(value: &'a [u8]) -> Result<Self, Reason> {
        if value == b"null" {
            return Ok(Self(None));
        }
        tuple(value).map(|tuple| Self(Some(tuple))).ok_or(Reason::OriginNotAllowed)
    }

    /// Whether it is `null`: a sandboxed frame, a file, a redirect. Every site can make one.
    pub fn is_opaque(&self) -> bool {
        self.0.is_none()
    }

    /// The scheme, in lower case. None when opaque.
    pub fn scheme(&self) -> Option<String> {
        self.0.map(|tuple| tuple.scheme.to_ascii_lowercase())
    }

    /// The host, in lower case. None when opaque.
    pub fn host(&self) -> Option<String> {
        self.0.map(|tuple| tuple.host.to_ascii_lowercase())
    }

    /// The port, named or the scheme's default. None when opaque, or when the scheme has none.
    pub fn port(&self) -> Option<u16> {
        self.0.and_then(|tuple| tuple.port)
    }

    /// Whether scheme, host and port are the same.
    fn is(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        self.0
            .is_some_and(|own| own.port == port && own.scheme.eq_ignore_ascii_case(scheme) && same_host(own.host, host))
    }

    /// Whether the host is one label and `suffix`, which begins with its dot.
    fn is_below(&self, scheme: &str, suffix: &str, port: Option<u16>) -> bool {
        self.0.is_some_and(|own| {
            let Some(split) = own.host.len().checked_sub(suffix.len()) else { return false };
            let Some((label, rest)) = own.host.split_at_checked(split) else { return false };
            let is_label = !label.is_empty() && label.bytes().all(is_label_byte);
            is_label && rest.eq_ignore_ascii_case(suffix) && own.port == port && own.scheme.eq_ignore_ascii_case(scheme)
        })
    }
}

/// The header's value stays out.
impl fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_opaque() { "Origin(null)" } else { "Origin(..)" })
    }
}

/// The origins of one policy, prepared for comparison. Every policy has its own: a decision shared
/// between two would let one's pages into the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginList {
    /// The exact entries as browsers serialise them, sorted.
    canonical: Box<[Box<str>]>,
    /// All entries.
    entries: Box<[OriginEntry]>,
}

impl OriginList {
    /// Prepares `entries`.
    pub fn new(entries: &[OriginEntry]) -> Self {
        let exact = entries.iter().filter(|entry| matches!(entry.kind(), Kind::Exact { .. }));
        let mut canonical: Vec<Box<str>> = exact.map(|entry| entry.as_str().into()).collect();
        canonical.sort_unstable();
        Self { canonical: canonical.into(), entries: entries.into() }
    }

    /// Whether an ambient credential can ever be good here: only an entry that names one origin
    /// whole is proof enough for it.
    pub fn has_exact(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.kind(), Kind::Exact { .. } | Kind::SameHost))
    }

    /// Judges the value of the `Origin` header; `origin` is none when there was no such header.
    ///
    /// `ambient` tells that the browser would send the request's credential whatever page asks
    /// (a cookie, a client certificate, Basic), or that there is none. Such a request needs a page
    /// that is listed whole: a `*.` entry would let in whoever takes over one subdomain, `null` any
    /// site at all, with the user's cookies.
    ///
    /// `host` is the server's own name, as [`check_host`](super::check_host) gave it, for the entry
    /// `same-host`. Hand it in only when there is an allowlist of hosts: without one, the name is
    /// the attacker's choice (DNS rebinding). `secure` tells whether the request came encrypted.
    ///
    /// # Errors
    /// [`Reason::OriginNotAllowed`], [`Reason::OriginMissing`].
    pub fn judge(
        &self,
        origin: Option<&[u8]>,
        ambient: bool,
        host: Option<&Authority<'_>>,
        secure: bool,
        rules: &policy::Origin,
    ) -> Result<(), Reason> {
        let Some(value) = origin else {
            return match rules.missing {
                _ if ambient => Err(Reason::OriginMissing),
                MissingOrigin::Refuse => Err(Reason::OriginMissing),
                MissingOrigin::ExplicitCredential | MissingOrigin::Allow => Ok(()),
            };
        };
        // Browsers serialise in one way, so nearly every good origin is found by its bytes.
        if self.canonical.binary_search_by(|entry| entry.as_bytes().cmp(value)).is_ok() {
            return Ok(());
        }
        let origin = Origin::parse(value)?;
        let listed = self.entries.iter().any(|entry| is_listed(&origin, entry, ambient, host, secure));
        if listed || (rules.dangerous_any_origin && !ambient) { Ok(()) } else { Err(Reason::OriginNotAllowed) }
    }
}

fn is_listed(
    origin: &Origin<'_>,
    entry: &OriginEntry,
    ambient: bool,
    host: Option<&Authority<'_>>,
    secure: bool,
) -> bool {
    match entry.kind() {
        Kind::Exact { scheme, host, port } => origin.is(scheme, host, *port),
        Kind::Subdomain { scheme, suffix, port } => !ambient && origin.is_below(scheme, suffix, *port),
        Kind::Null => !ambient && origin.is_opaque(),
        Kind::SameHost => host.is_some_and(|host| {
            let scheme = if secure { "https" } else { "http" };
            origin.is(scheme, host.host(), Some(host.port_or_default(secure)))
        }),
    }
}

/// Parses `scheme://host[:port]`.
fn tuple(value: &[u8]) -> Option<Tuple<'_>> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let (host, port) = split_port(rest)?;
    if !is_scheme || !(host.starts_with('[') || host.bytes().all(is_host_byte)) {
        return None;
    }
    Some(Tuple { scheme, host, port: port.or_else(|| default_port(scheme)) })
}

/// The port that a URL of this scheme means when it names none (WHATWG URL, "special scheme").
pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    const DEFAULTS: [(&str, u16); 5] = [("https", 443), ("http", 80), ("wss", 443), ("ws", 80), ("ftp", 21)];
    DEFAULTS.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name)).map(|(_, port)| *port)
}

/// What a browser leaves in a host: ASCII but for the forbidden host code points (WHATWG URL).
/// More than names need; but then an entry never stands for such a host.
const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'#' | b'%' | b'/' | b':' | b'<' | b'>' | b'?' | b'@' | b'[' | b'\\' | b']' | b'^' | b'|')
}

/// What one label of a name is made of.
pub(crate) const fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
