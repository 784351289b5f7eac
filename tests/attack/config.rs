//! The description of a target: one small TOML file. `tests/attack/README.md` explains every field.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// How to reach an endpoint, how to be let in, and which limits it says it keeps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// `wss://localhost:8443/chat`; the host must be this machine.
    pub(crate) url: String,
    /// The certificate to trust, in PEM.
    pub(crate) ca: Option<PathBuf>,
    /// Trusts whatever certificate is shown.
    #[serde(default)]
    pub(crate) dangerous_insecure_tls: bool,
    /// A port without TLS of the same server, which must refuse.
    pub(crate) plain_port: Option<u16>,
    /// Where the attacks come from.
    #[serde(default)]
    pub(crate) source: Source,
    /// An origin that is let in.
    pub(crate) origin: Option<String>,
    /// Whether the server keeps a list of the hosts it answers for.
    #[serde(default)]
    pub(crate) hosts_checked: bool,
    /// Offered in every handshake.
    pub(crate) subprotocol: Option<String>,
    /// Attacks that are known not to apply; every other skipped one fails under `--no-skip`.
    #[serde(default)]
    pub(crate) skip: Vec<String>,
    /// How tokens are made. Without it the server takes no tokens.
    pub(crate) token: Option<Token>,
    /// What messages look like.
    #[serde(default)]
    pub(crate) message: Message,
    /// When the server pings.
    pub(crate) heartbeat: Option<Heartbeat>,
    /// The limits the server says it keeps.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// The deadlines the server says it keeps.
    #[serde(default)]
    pub(crate) deadline: Deadline,
    /// Other outcomes than those of `--list`.
    #[serde(default)]
    pub(crate) expect: BTreeMap<String, String>,
}

/// Where the attacks come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// Each attack from an address of its own in 127.0.0.0/8, so that limits by address do not mix.
    #[default]
    Rotate,
    /// All from one address, one after the other.
    Fixed,
}

/// How tokens are made and where they may stand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    /// Where the server looks for a token; the first place is used by every other attack.
    pub(crate) places: Vec<Place>,
    /// The secret of HS256.
    pub(crate) secret: String,
    /// The issuer it wants.
    pub(crate) issuer: String,
    /// The audience it wants.
    pub(crate) audience: String,
    /// The key id it wants, if it wants one.
    pub(crate) kid: Option<String>,
    /// How far an expiry may have passed.
    #[serde(default = "default_leeway")]
    pub(crate) leeway_ms: u64,
    /// The longest token, in bytes.
    #[serde(default = "default_max_length")]
    pub(crate) max_length: usize,
}

/// One place where a token may stand, as in the policy document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// Which part of the request.
    #[serde(rename = "in")]
    pub(crate) part: Part,
    /// The query parameter, cookie or header.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The type of the first message.
    #[serde(default, rename = "type")]
    pub(crate) message_type: Option<String>,
    /// The member of the first message that holds the token.
    #[serde(default)]
    pub(crate) field: Option<String>,
}

/// Which part of the request holds a token. A subprotocol entry has the form of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    Header,
    Query,
    Cookie,
    Subprotocol,
    FirstMessage,
}

/// What messages look like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Message {
    /// Valid messages, JSON objects; `$MARK` is replaced. The first is used by every other attack.
    pub(crate) valid: Vec<String>,
    /// Further messages that must not be delivered.
    pub(crate) invalid: Vec<String>,
    /// Whether the sender gets each delivered `$MARK` back.
    pub(crate) echo: bool,
    /// A text that contains one of these is an error reply.
    pub(crate) error: Vec<String>,
    /// The member that names the type.
    pub(crate) discriminator: String,
    /// A member with a longest text.
    pub(crate) long: Option<Long>,
    /// Whether unknown members are refused.
    pub(crate) closed: bool,
    /// The largest message, in bytes.
    pub(crate) max_bytes: usize,
    /// The most fragments in a message.
    pub(crate) max_fragments: usize,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            valid: vec![r#"{"type":"chat","content":"$MARK"}"#.into()],
            invalid: Vec::new(),
            echo: true,
            error: vec![r#""error""#.into()],
            discriminator: "type".into(),
            long: None,
            closed: true,
            max_bytes: 64 << 10,
            max_fragments: 64,
        }
    }
}

/// A member with a longest text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Long {
    pub(crate) field: String,
    /// In characters.
    pub(crate) max: usize,
}

/// When the server pings.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Heartbeat {
    pub(crate) interval_ms: u64,
    pub(crate) timeout_ms: u64,
}

/// So much in so much time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    pub(crate) limit: u64,
    pub(crate) per_ms: u64,
    /// At once; by default `limit`.
    pub(crate) burst: Option<u64>,
}

impl Quota {
    /// At once.
    pub(crate) fn burst(&self) -> u64 {
        self.burst.unwrap_or(self.limit)
    }

    /// The most that may pass in this time from a full bucket.
    pub(crate) fn most_in(&self, elapsed: std::time::Duration) -> u64 {
        let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.burst() + self.limit * elapsed / self.per_ms.max(1) + 1
    }
}

/// The limits the server says it keeps. An attack on one that is not named is skipped.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) connection_messages: Option<Quota>,
    pub(crate) connection_bytes: Option<Quota>,
    pub(crate) connection_control: Option<Quota>,
    pub(crate) user_messages: Option<Quota>,
    pub(crate) address_messages: Option<Quota>,
    pub(crate) address_handshakes: Option<Quota>,
    pub(crate) address_failures: Option<Quota>,
    pub(crate) per_user: Option<usize>,
    pub(crate) per_address: Option<usize>,
    /// Invalid messages borne before the connection is closed.
    pub(crate) errors: Option<u64>,
    /// Closes for violations before user and address are shut out.
    pub(crate) ban_after: Option<usize>,
}

/// The deadlines the server says it keeps, in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deadline {
    /// TLS and request head together, or each.
    pub(crate) head_ms: u64,
    pub(crate) first_message_ms: u64,
    /// The close handshake.
    pub(crate) close_ms: u64,
    /// An attack that would have to wait longer is skipped.
    pub(crate) patience_ms: u64,
}

impl Default for Deadline {
    fn default() -> Self {
        Self { head_ms: 10_000, first_message_ms: 5_000, close_ms: 5_000, patience_ms: 60_000 }
    }
}

fn default_leeway() -> u64 {
    30_000
}

fn default_max_length() -> usize {
    8 << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_enough() {
        let target: Target = toml::from_str(r#"url = "ws://localhost:1/""#).unwrap();
        assert_eq!(target.source, Source::Rotate);
        assert!(target.token.is_none() && target.message.echo);
    }

    #[test]
    fn unknown_fields_are_errors() {
        assert!(toml::from_str::<Target>("url = 'ws://localhost:1/'\norigins = 'x'").is_err());
        assert!(toml::from_str::<Target>("url = 'ws://localhost:1/'\n[limits]\nper_usr = 1").is_err());
    }

    #[test]
    fn a_quota_allows_its_burst_and_what_has_come_back() {
        let quota = Quota { limit: 10, per_ms: 1000, burst: Some(5) };
        assert_eq!(quota.most_in(std::time::Duration::from_millis(500)), 5 + 5 + 1);
    }
}
