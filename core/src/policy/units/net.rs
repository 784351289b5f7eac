//! Addresses and hosts.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FromLeaf, read_leaf};

/// A block of addresses, as "10.0.0.0/8", "2001:db8::/32" or one address; "unix" is a local socket's peer.
///
/// An IPv4 block written as IPv6 (`::ffff:10.0.0.0/104`) is the IPv4 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cidr {
    /// The peer of a Unix-domain socket, which has no address.
    Unix,
    /// An address block.
    Net(IpNet),
}

impl Cidr {
    /// Whether a peer belongs to the block; `None` is a peer without an address.
    pub fn contains(&self, peer: Option<IpAddr>) -> bool {
        match (self, peer) {
            (Self::Unix, None) => true,
            (Self::Net(net), Some(peer)) => net.contains(&peer.to_canonical()),
            (Self::Unix, Some(_)) | (Self::Net(_), None) => false,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix => f.write_str("unix"),
            Self::Net(net) if net.prefix_len() == net.max_prefix_len() => net.addr().fmt(f),
            Self::Net(net) => net.fmt(f),
        }
    }
}

impl FromLeaf for Cidr {
    const EXPECTED: &'static str =
        "an address block such as \"10.0.0.0/8\" or \"2001:db8::/32\", one address, or \"unix\"";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let net: Option<IpNet> = text.parse().ok().or_else(|| text.parse().ok().map(|one: IpAddr| one.into()));
        let net = fold(net.ok_or_else(|| format!("found {text:?}; expected {}", Self::EXPECTED))?);
        if net.prefix_len() == 0 {
            return Err(format!("found {text:?}, which is everybody; name the addresses of your proxies"));
        }
        if net.trunc() != net {
            return Err(format!("found {text:?}, an address inside a block; the block is \"{}\"", net.trunc()));
        }
        Ok(Self::Net(net))
    }
}

/// An IPv4-mapped block as the IPv4 block it is, since peers' addresses are folded likewise.
fn fold(net: IpNet) -> IpNet {
    let folded = |net: ipnet::Ipv6Net| {
        let mapped: Option<std::net::Ipv4Addr> = Ipv6Addr::to_ipv4_mapped(&net.addr());
        Ipv4Net::new(mapped?, net.prefix_len().checked_sub(96)?).ok()
    };
    match net {
        IpNet::V6(six) => folded(six).map_or(net, IpNet::V4),
        IpNet::V4(_) => net,
    }
}

/// A host and perhaps a port, as "chat.example.com" or "chat.example.com:8443", in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(Box<str>);

impl HostName {
    /// Host and port as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromLeaf for HostName {
    const EXPECTED: &'static str = "a host such as \"chat.example.com\", \"chat.example.com:8443\" or \"[::1]:8443\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("found {text:?}, {why}; expected {}", Self::EXPECTED);
        if text.contains("://") {
            return Err(wrong("which has a scheme"));
        }
        if text.contains(['/', '?', '#', '@']) {
            return Err(wrong("which is more than a host and a port"));
        }
        if text.contains('*') {
            return Err(wrong("and hosts are compared exactly"));
        }
        if !text.is_ascii() {
            return Err(wrong("which is not ASCII: write the name as it is sent, \"xn--...\""));
        }
        let text = text.to_ascii_lowercase();
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
            _ => (&*text, None),
        };
        if port.is_some_and(|port| {
            port.starts_with('0') || port.starts_with('+') || !matches!(port.parse(), Ok(1..=u16::MAX))
        }) {
            return Err(wrong("whose port is not one"));
        }
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(six) => format!("[{}]", six.parse::<Ipv6Addr>().map_err(|_| wrong("which is not an IPv6 address"))?),
            None if is_name(host) => host.to_owned(),
            None => return Err(wrong("which is not a host name")),
        };
        Ok(Self(port.map_or(host.clone(), |port| format!("{host}:{port}")).into()))
    }
}

/// Letters, digits, hyphens and underscores between single dots (RFC 1123 section 2.1; underscores
/// because they are in use).
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= 253 && host.split('.').all(label)
}

macro_rules! as_text {
    ($($type:ty, $name:literal, $description:literal, $pattern:literal, $examples:tt;)+) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_leaf(deserializer)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": $description, "type": "string", "pattern": $pattern, "examples": $examples })
            }
        }
    )+};
}

as_text! {
    Cidr, "Cidr", "A block of addresses, one address, or `unix` for the peer of a local socket.",
        r"^(unix|[0-9a-fA-F.:]+(/[0-9]{1,3})?)$", ["10.0.0.0/8", "2001:db8::/32", "127.0.0.1", "unix"];
    HostName, "HostName", "A host and perhaps a port, compared exactly.",
        r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(:[0-9]{1,5})?$", ["chat.example.com", "chat.example.com:8443"];
}
