//! Who is at the other end, and whether the way there is encrypted, when proxies stand between.

use std::net::IpAddr;

use super::forwarded::{Hop, address, forwarded, node_address};
use super::request::{Remote, Request, single};
use crate::policy::{Cidr, ForwardedHeader, Secure, Transport};
use crate::reason::Reason;

/// The most trusted proxies in one chain. Only trusted elements are walked over, so the peer
/// cannot lengthen the walk; this bounds a proxy that adds itself again and again.
const MAX_HOPS: usize = 32;

/// The client's address: the peer's, unless the peer is a trusted proxy. Then the forwarding
/// header is read from the right, over all its lines, past elements that are trusted themselves;
/// the first that is not is the client. Nothing further left is looked at, because the client
/// wrote it. When every element is trusted, the leftmost is the client.
///
/// None for a local socket's peer that forwards for nobody.
///
/// # Errors
/// [`Reason::BadRequest`] when an element that had to be read is not an address: the word of our
/// own proxy wins, or none does.
pub fn client_address(request: &Request<'_>, transport: &Transport) -> Result<Option<IpAddr>, Reason> {
    client(request, transport).map(|client| client.address)
}

/// Whether the request came encrypted: over TLS to this process, or, by a trusted proxy's word,
/// to that proxy (`X-Forwarded-Proto`, once and with one value, or the client's element of
/// `Forwarded`: `https` or `wss`). The same words from anybody else mean nothing.
pub fn is_secure(request: &Request<'_>, transport: &Transport) -> bool {
    if request.tls {
        return true;
    }
    if !is_proxy(request.peer, transport) {
        return false;
    }
    match transport.forwarded {
        ForwardedHeader::XForwardedFor => {
            single(request.headers, "x-forwarded-proto").is_ok_and(|proto| proto.is_some_and(is_secure_scheme))
        }
        ForwardedHeader::Forwarded => {
            client(request, transport).is_ok_and(|client| client.proto.is_some_and(|proto| is_secure_scheme(&proto)))
        }
    }
}

/// Refuses an unencrypted request where the policy demands encryption, and says whether it is.
/// It is never redirected: the credential has already travelled in clear.
///
/// # Errors
/// [`Reason::InsecureTransport`].
pub fn require_secure(request: &Request<'_>, transport: &Transport) -> Result<bool, Reason> {
    match (is_secure(request, transport), transport.secure) {
        (false, Secure::Required) => Err(Reason::InsecureTransport),
        (secure, _) => Ok(secure),
    }
}

/// An address in its one form: an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4
/// address. IPv4 addresses embedded in other ways (`2001:db8::192.0.2.1`, NAT64's `64:ff9b::/96`)
/// stay IPv6: they are routed as such.
pub fn fold(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What the proxies say of the client.
struct Client<'a> {
    address: Option<IpAddr>,
    proto: Option<std::borrow::Cow<'a, [u8]>>,
}

fn client<'a>(request: &Request<'a>, transport: &Transport) -> Result<Client<'a>, Reason> {
    let peer = Client { address: request.peer.address().map(fold), proto: None };
    if !is_proxy(request.peer, transport) {
        return Ok(peer);
    }
    let name = match transport.forwarded {
        ForwardedHeader::XForwardedFor => "x-forwarded-for",
        ForwardedHeader::Forwarded => "forwarded",
    };
    let lines = request.headers.iter().rev().filter(|header| header.name.eq_ignore_ascii_case(name));
    let mut client = peer;
    let mut hops = 0_usize;
    for line in lines {
        for hop in elements(line.value, transport.forwarded)?.into_iter().rev() {
            let from = hop.from.as_deref().and_then(|from| match transport.forwarded {
                ForwardedHeader::XForwardedFor => address(from),
                ForwardedHeader::Forwarded => node_address(from),
            });
            let from = from.map(fold).filter(|from| !from.is_unspecified()).ok_or(Reason::BadRequest)?;
            client = Client { address: Some(from), proto: hop.proto };
            hops = hops.saturating_add(1);
            if !is_proxy(Remote::Address(from), transport) {
                return Ok(client);
            }
            if hops == MAX_HOPS {
                return Err(Reason::BadRequest);
            }
        }
    }
    Ok(client)
}

/// The elements of one line, from left to right.
fn elements(line: &[u8], header: ForwardedHeader) -> Result<Vec<Hop<'_>>, Reason> {
    match header {
        ForwardedHeader::Forwarded => forwarded(line),
        ForwardedHeader::XForwardedFor => {
            let hop = |element| Hop { from: Some(std::borrow::Cow::Borrowed(element)), proto: None };
            Ok(line.split(|byte| *byte == b',').map(hop).collect())
        }
    }
}

/// Whether the other end is a proxy of ours, whose word on the client is taken.
pub(crate) fn is_proxy(remote: Remote, transport: &Transport) -> bool {
    transport.trusted_proxies.iter().any(|block| match (block, remote.address().map(fold)) {
        (Cidr::Unix, None) => true,
        (Cidr::Net(net), Some(address)) => net.contains(&address) || is_mapped_in(net, address),
        _ => false,
    })
}

/// Whether an IPv4 address is in a block of IPv4-mapped addresses.
fn is_mapped_in(net: &ipnet::IpNet, address: IpAddr) -> bool {
    match (net, address) {
        (ipnet::IpNet::V6(net), IpAddr::V4(address)) => {
            net.prefix_len() >= 96 && net.contains(&address.to_ipv6_mapped())
        }
        _ => false,
    }
}

fn is_secure_scheme(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"https") || scheme.eq_ignore_ascii_case(b"wss")
}
