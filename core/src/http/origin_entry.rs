//! An entry of the origin allowlist, as the operator writes it.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::host::split_port;
use super::origin::{default_port, is_label_byte};
use crate::policy::PolicyError;

/// An entry of the origin allowlist:
/// - `https://app.example.com`, `http://localhost:3000`, `chrome-extension://abc`: this origin;
/// - `https://*.example.com`: exactly one label in the place of the star;
/// - `null`: pages without an origin, which every site can make;
/// - `same-host`: the page was served under the request's own `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginEntry {
    text: Box<str>,
    kind: Kind,
}

/// What an entry stands for. Schemes and hosts are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One origin.
    Exact { scheme: Box<str>, host: Box<str>, port: Option<u16> },
    /// Hosts of one label and `suffix`, which begins with its dot.
    Subdomain { scheme: Box<str>, suffix: Box<str>, port: Option<u16> },
    /// `null`.
    Null,
    /// The host the request was sent to.
    SameHost,
}

impl OriginEntry {
    /// The entry as a browser would serialise it: lower case, without a default port.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the entry names one origin whole, as an ambient credential needs it.
    pub fn is_exact(&self) -> bool {
        matches!(self.kind, Kind::Exact { .. } | Kind::SameHost)
    }

    /// Whether this is `same-host`, which is safe only with an allowlist of hosts.
    pub fn is_same_host(&self) -> bool {
        self.kind == Kind::SameHost
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }
}

impl FromStr for OriginEntry {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let kind = match text {
            "null" => Kind::Null,
            "same-host" => Kind::SameHost,
            _ => tuple(text).map_err(|right| PolicyError::new("", format!("{text:?} is not an origin: {right}")))?,
        };
        let port = |scheme: &str, port: Option<u16>| match port {
            Some(port) if Some(port) != default_port(scheme) => format!(":{port}"),
            _ => String::new(),
        };
        let text = match &kind {
            Kind::Exact { scheme, host, port: named } => format!("{scheme}://{host}{}", port(scheme, *named)),
            Kind::Subdomain { scheme, suffix, port: named } => format!("{scheme}://*{suffix}{}", port(scheme, *named)),
            Kind::Null | Kind::SameHost => text.to_owned(),
        };
        Ok(Self { text: text.into(), kind })
    }
}

impl fmt::Display for OriginEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for OriginEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for OriginEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for OriginEntry {
    fn schema_name() -> Cow<'static, str> {
        "OriginEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An origin: \"https://app.example.com\", \"https://*.example.com\" for exactly one label, \
                            an extension's, \"null\" or \"same-host\".",
            "examples": ["https://app.example.com", "https://*.example.com", "null", "chrome-extension://abc", "same-host"],
        })
    }
}

/// Parses an entry with a scheme, or says what would be right.
fn tuple(text: &str) -> Result<Kind, &'static str> {
    const ANY: &str = "name the origins that may connect (dangerous_any_origin = true lets pages of every origin in)";
    if text == "*" {
        return Err(ANY);
    }
    if !text.is_ascii() {
        return Err("write the host as browsers send it, in its xn-- form");
    }
    let lower = text.to_ascii_lowercase();
    let Some((scheme, rest)) = lower.split_once("://") else {
        return Err("an origin begins with its scheme, as in https://app.example.com");
    };
    check_scheme(scheme)?;
    if rest.contains('@') {
        return Err("an origin has no user name");
    }
    if rest.contains(['/', '?', '#', '\\']) {
        return Err("an origin ends with its host or port: leave out the path, and a slash at the end");
    }
    let Some((host, port)) = split_port(rest) else {
        return Err("the host is a name, an IPv4 address, or an IPv6 address in brackets; the port is 0 to 65535");
    };
    let scheme = Box::from(scheme);
    let port = port.or_else(|| default_port(&scheme));
    if host == "*" {
        return Err(ANY);
    }
    match host.strip_prefix("*.") {
        Some(suffix) => {
            check_name(suffix)?;
            if !suffix.contains('.') || suffix.parse::<Ipv4Addr>().is_ok() {
                return Err("a star stands before a domain of your own, as in https://*.example.com");
            }
            Ok(Kind::Subdomain { scheme, suffix: format!(".{suffix}").into(), port })
        }
        None => {
            let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            match address.and_then(|address| address.parse::<Ipv6Addr>().ok()) {
                Some(address) => Ok(Kind::Exact { scheme, host: format!("[{address}]").into(), port }),
                None => check_name(host).map(|()| Kind::Exact { scheme, host: host.into(), port }),
            }
        }
    }
}

fn check_scheme(scheme: &str) -> Result<(), &'static str> {
    let mut bytes = scheme.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
    match scheme {
        "ws" | "wss" => Err("an Origin is the page's, not the socket's: write https:// or http://"),
        "file" | "data" | "blob" | "about" | "javascript" => Err("pages of this scheme have the origin \"null\""),
        _ if !first || !bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) => {
            Err("an origin begins with its scheme, as in https://app.example.com")
        }
        _ => Ok(()),
    }
}

fn check_name(host: &str) -> Result<(), &'static str> {
    if host.contains('*') {
        return Err("a star stands for one whole label, the first, as in https://*.example.com");
    }
    let labels_are_fit = host.split('.').all(|label| !label.is_empty() && label.bytes().all(is_label_byte));
    if labels_are_fit {
        Ok(())
    } else {
        Err("the host's labels are letters, digits and hyphens, without a dot at the end")
    }
}
