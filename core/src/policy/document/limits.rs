//! Steps 5 and 6 of the document: how often, how many at once, how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OnFault;
use crate::policy::units::{OrOff, Quota, Size, Span};

/// Step 5: how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rate {
    /// For one connection.
    pub connection: ConnectionRate,
    /// For all connections of one user.
    pub user: UserRate,
    /// For all connections from one address.
    pub address: AddressRate,
    /// What a message over the limit leads to.
    pub on_excess: OnFault,
    /// When a user who goes on is shut out; for connections without a user, their address.
    pub ban: OrOff<Ban>,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            connection: ConnectionRate::default(),
            user: UserRate::default(),
            address: AddressRate::default(),
            on_excess: OnFault::Reply,
            ban: OrOff::On(Ban::default()),
        }
    }
}

/// Limits of one connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionRate {
    /// Messages.
    pub messages: Quota,
    /// Bytes of messages.
    pub bytes: Quota,
    /// Ping, pong and close frames.
    pub control: Quota,
}

impl Default for ConnectionRate {
    fn default() -> Self {
        Self {
            messages: Quota::gcra(120, Span::from_secs(60), 40),
            bytes: Quota::gcra(256 << 10, Span::from_secs(1), 256 << 10),
            control: Quota::gcra(10, Span::from_secs(1), 10),
        }
    }
}

/// Limits of all connections of one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserRate {
    /// Messages.
    pub messages: Quota,
}

impl Default for UserRate {
    fn default() -> Self {
        Self { messages: Quota::gcra(240, Span::from_secs(60), 80) }
    }
}

/// Limits of all connections from one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AddressRate {
    /// Upgrade requests; given back when the credential is good.
    pub handshakes: Quota,
    /// Credentials that were refused.
    pub failures: Quota,
    /// Messages.
    pub messages: Quota,
    /// The bits of an IPv4 address that make one key.
    pub prefix4: u8,
    /// The bits of an IPv6 address that make one key; a /48 has 16 times the limits besides.
    pub prefix6: u8,
}

impl Default for AddressRate {
    fn default() -> Self {
        Self {
            handshakes: Quota::gcra(30, Span::from_secs(60), 30),
            failures: Quota::gcra(10, Span::from_secs(60), 10),
            messages: Quota::gcra(600, Span::from_secs(60), 200),
            prefix4: 32,
            prefix6: 64,
        }
    }
}

/// When a user who goes on is shut out; for connections without a user, their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ban {
    /// After so many connections were closed for violations.
    pub after: u32,
    /// For so long.
    #[serde(rename = "for")]
    pub duration: Span,
}

impl Default for Ban {
    fn default() -> Self {
        Self { after: 3, duration: Span::from_secs(300) }
    }
}

/// Step 5: how many at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cap {
    /// Connections of one user.
    pub per_user: u32,
    /// Connections from one address.
    pub per_address: u32,
    /// Connections from one address that have not shown a good credential.
    pub unauthenticated_per_address: u32,
    /// Connections in all.
    pub total: u32,
    /// Channels one connection may be in.
    pub channels_per_connection: u32,
    /// Addresses the limiter remembers.
    pub tracked_addresses: u32,
    /// Users the limiter remembers.
    pub tracked_users: u32,
    /// Tokens that were found good and are remembered, so that a crowd that reconnects pays for each
    /// signature once.
    pub cached_tokens: u32,
}

impl Default for Cap {
    fn default() -> Self {
        Self {
            per_user: 10,
            per_address: 32,
            unauthenticated_per_address: 8,
            total: 10_000,
            channels_per_connection: 128,
            tracked_addresses: 1_000_000,
            tracked_users: 1_000_000,
            cached_tokens: 100_000,
        }
    }
}

/// Step 6: how dead peers are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Heartbeat {
    /// How long after the last sign of life a ping is sent.
    pub interval: Span,
    /// How long the answer may take.
    pub timeout: Span,
    /// What is sent.
    pub mode: HeartbeatMode,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { interval: Span::from_secs(25), timeout: Span::from_secs(10), mode: HeartbeatMode::Frame }
    }
}

/// How peers are asked whether they live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeartbeatMode {
    /// By ping frames.
    #[default]
    Frame,
    /// By messages of the peer's own: for hosts that have no pings (ASGI).
    Message,
}

/// Step 6: how long things may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deadline {
    /// From a good request head to its 101, whatever the host has to ask.
    pub admit: Span,
    /// From the 101 to a good credential, in first-message mode.
    pub first_message: Span,
    /// Without a message from the peer.
    pub idle: OrOff<Span>,
    /// From the 101 to the end, whatever happens.
    pub lifetime: OrOff<Span>,
    /// From the close frame to the peer's answer.
    pub close: Span,
    /// Over which a drain spreads its closes.
    pub drain: Span,
    /// From expiry to the close, if the client can refresh.
    pub expiry_grace: Span,
}

impl Default for Deadline {
    fn default() -> Self {
        Self {
            admit: Span::from_secs(10),
            first_message: Span::from_secs(5),
            idle: OrOff::Off,
            lifetime: OrOff::Off,
            close: Span::from_secs(5),
            drain: Span::from_secs(30),
            expiry_grace: Span::from_secs(25),
        }
    }
}

/// Step 6: how much may wait to be sent to one peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// From here on the host is told to hold back.
    pub soft: Size,
    /// From here on the connection is closed.
    pub hard: Size,
}

impl Default for Queue {
    fn default() -> Self {
        Self { soft: Size::from_kib(256), hard: Size::from_kib(1024) }
    }
}
