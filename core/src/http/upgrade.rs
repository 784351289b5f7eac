//! The opening handshake (RFC 6455 section 4.2, RFC 8441), and the choice of a subprotocol.

use std::fmt;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::list::{connection_options, extensions, subprotocols, upgrade_protocols, values_of};
use super::request::{HttpVersion, Request, single};
use super::response::Response;
use crate::reason::Reason;

/// Headers that may come once only. One that came twice is refused, even where nothing here reads
/// it: the application behind might.
const SINGLE: [&str; 6] =
    ["host", "origin", "authorization", "sec-websocket-key", "sec-websocket-version", "content-length"];

/// What RFC 6455 section 1.3 appends to the key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// An upgrade request that keeps to RFC 6455.
#[derive(Clone, PartialEq, Eq)]
pub struct Upgrade<'a> {
    key: Option<&'a str>,
    subprotocols: Vec<&'a str>,
    has_extensions: bool,
}

/// An offered subprotocol may be a token, so only their number is shown.
impl fmt::Debug for Upgrade<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("subprotocols", &self.subprotocols.len()).finish_non_exhaustive()
    }
}

/// Checks a request against RFC 6455 section 4.2.1, or RFC 8441 section 5 when it came by HTTP/2.
///
/// # Errors
/// [`Reason::MethodNotAllowed`], [`Reason::WrongVersion`], [`Reason::BadRequest`].
pub fn upgrade<'a>(request: &Request<'a>) -> Result<Upgrade<'a>, Reason> {
    let http2 = request.version == HttpVersion::Http2;
    if request.method != if http2 { "CONNECT" } else { "GET" } {
        return Err(Reason::MethodNotAllowed);
    }
    for name in SINGLE {
        single(request.headers, name)?;
    }
    let key = if http2 {
        check_extended_connect(request)?;
        None
    } else {
        // Only HTTP/2 may cut the cookies into several lines (RFC 9113 section 8.2.3).
        single(request.headers, "cookie")?;
        Some(check_upgrade(request)?)
    };
    match single(request.headers, "sec-websocket-version")? {
        Some(b"13") => {}
        Some(_) => return Err(Reason::WrongVersion),
        None => return Err(Reason::BadRequest),
    }
    let offers = extensions(&values_of(request.headers, "sec-websocket-extensions"))?;
    Ok(Upgrade {
        key,
        subprotocols: subprotocols(&values_of(request.headers, "sec-websocket-protocol"))?,
        has_extensions: !offers.is_empty(),
    })
}

impl<'a> Upgrade<'a> {
    /// The subprotocols the client offers, in its order of preference. Some may carry a token.
    pub fn subprotocols(&self) -> &[&'a str] {
        &self.subprotocols
    }

    /// Whether the client offers extensions. None is ever accepted: compression beside secrets
    /// tells their content by its length (CRIME), and a small message inflates without bound.
    pub fn has_extensions(&self) -> bool {
        self.has_extensions
    }

    /// Whether the request is an extended CONNECT (RFC 8441), which has no key.
    pub fn is_extended_connect(&self) -> bool {
        self.key.is_none()
    }

    /// The answer that opens the connection with this subprotocol, one of [`negotiate`]'s.
    ///
    /// # Errors
    /// [`Reason::Internal`] when the subprotocol could not stand in a header.
    pub fn accept(&self, subprotocol: Option<&str>) -> Result<Response, Reason> {
        match self.key {
            Some(key) => Response::switching_protocols(&accept_key(key), subprotocol),
            None => Response::connected(subprotocol),
        }
    }
}

/// The value of `Sec-WebSocket-Accept` for a key (RFC 6455 section 4.2.2, item 5.4). SHA-1 is no
/// secret here; it only shows that the server knows the protocol.
pub fn accept_key(key: &str) -> String {
    let input = [key.as_bytes(), GUID].concat();
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &input))
}

/// Chooses a subprotocol: the first of `spoken`, in the server's order, that is `offered`.
///
/// What comes back is the policy's own text. An offer in `tokens` carries a credential: it is
/// never chosen, as the answer would send it back where logs and scripts can read it.
///
/// # Errors
/// [`Reason::SubprotocolNotSupported`] when the server speaks some, and the client offers others
/// only (RFC 6455 section 4.2.2 lets the server end it there).
pub fn negotiate<'p>(offered: &[&str], tokens: &[&str], spoken: &'p [Box<str>]) -> Result<Option<&'p str>, Reason> {
    let is_plain = |offer: &str| !tokens.contains(&offer);
    let chosen = spoken.iter().find(|spoken| offered.contains(&&***spoken) && is_plain(spoken));
    match chosen {
        Some(chosen) => Ok(Some(chosen)),
        None if spoken.is_empty() || !offered.iter().any(|offer| is_plain(offer)) => Ok(None),
        None => Err(Reason::SubprotocolNotSupported),
    }
}

/// The checks of an HTTP/1.1 upgrade; gives the key.
fn check_upgrade<'a>(request: &Request<'a>) -> Result<&'a str, Reason> {
    if request.version != HttpVersion::Http11 || single(request.headers, "host")?.is_none() {
        return Err(Reason::BadRequest);
    }
    let is_in = |items: &[&str], wanted: &str| items.iter().any(|item| item.eq_ignore_ascii_case(wanted));
    let protocols = upgrade_protocols(&values_of(request.headers, "upgrade"))?;
    let options = connection_options(&values_of(request.headers, "connection"))?;
    if !is_in(&protocols, "websocket") || !is_in(&options, "upgrade") {
        return Err(Reason::BadRequest);
    }
    let key = single(request.headers, "sec-websocket-key")?.ok_or(Reason::BadRequest)?;
    // Exactly 16 bytes in their one spelling: the decoder refuses other padding and loose bits.
    let mut bytes = [0; 18];
    match STANDARD.decode_slice(key, &mut bytes) {
        Ok(16) => std::str::from_utf8(key).map_err(|_| Reason::BadRequest),
        _ => Err(Reason::BadRequest),
    }
}

/// The checks of an extended CONNECT: HTTP/2 has neither `Upgrade` nor `Connection` nor a key.
fn check_extended_connect(request: &Request<'_>) -> Result<(), Reason> {
    let protocol = single(request.headers, ":protocol")?;
    let absent = |name| !request.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
    if protocol == Some(b"websocket") && absent("upgrade") && absent("connection") && absent("sec-websocket-key") {
        Ok(())
    } else {
        Err(Reason::BadRequest)
    }
}
