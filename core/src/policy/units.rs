//! Leaf values of the policy document, written as people write them: "30s", "64KiB", "10/s".

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time, as "250ms", "30s", "5min", "1h", "1d" or a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Span(Duration);

impl Span {
    /// A span of whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// The length itself.
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// A number of bytes, as "64KiB", "1MiB" or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Size(u64);

impl Size {
    /// So many times 1,024 bytes.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1024))
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// A value, or "off".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OrOff<T> {
    /// Not limited by this.
    #[default]
    Off,
    /// Limited.
    On(T),
}

impl<T> OrOff<T> {
    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Off => None,
            Self::On(value) => Some(value),
        }
    }
}

/// A rate limit, as "10/s", "120/min" or `{ limit, per, burst, kind }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Quota {
    limit: u64,
    per: Span,
    burst: u64,
    kind: QuotaKind,
}

/// How a quota counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaKind {
    /// The generic cell rate algorithm: `burst` at once, refilled evenly at `limit` per `per`.
    #[default]
    Gcra,
    /// At most `limit` in any stretch of `per`, exactly.
    SlidingWindow,
}

impl Quota {
    /// `limit` per `per`, evenly, and `burst` at once.
    pub const fn gcra(limit: u64, per: Span, burst: u64) -> Self {
        Self { limit, per, burst, kind: QuotaKind::Gcra }
    }

    /// At most `limit` in any stretch of `per`.
    pub const fn sliding_window(limit: u64, per: Span) -> Self {
        Self { limit, per, burst: limit, kind: QuotaKind::SlidingWindow }
    }

    /// How many in `per`.
    pub const fn limit(self) -> u64 {
        self.limit
    }

    /// The stretch `limit` is counted over.
    pub const fn per(self) -> Duration {
        self.per.get()
    }

    /// How many at once.
    pub const fn burst(self) -> u64 {
        self.burst
    }

    /// How it counts.
    pub const fn kind(self) -> QuotaKind {
        self.kind
    }
}

/// A block of addresses, as "10.0.0.0/8", "2001:db8::/32" or one address; "unix" is a local socket's peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Cidr {
    /// The peer of a Unix-domain socket, which has no address.
    Unix,
    /// An address block.
    #[schemars(skip)]
    #[serde(skip)]
    Net(ipnet::IpNet),
}

/// A host and perhaps a port, as "chat.example.com" or "chat.example.com:8443", in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct HostName(Box<str>);

impl HostName {
    /// Host and port as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
