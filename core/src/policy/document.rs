//! The policy document: every field, its type and its default. Nothing here decides anything.
//!
//! A leaf type cannot hold an invalid value; what several fields must agree on is checked when
//! the document becomes a [`Policy`](crate::Policy).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::units::{Cidr, HostName, OrOff, Quota, Size, Span};
use crate::http::OriginEntry;
use crate::reason::Dialect;

/// What a WebSocket server accepts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    /// Which close codes and error replies peers see.
    pub dialect: Dialect,
    /// The subprotocols the server speaks, in its order of preference.
    pub subprotocols: Vec<Box<str>>,
    /// Step 1: encrypted transport, and whose word counts for it.
    pub transport: Transport,
    /// Step 2: who may connect.
    pub credential: Credential,
    /// Step 3: which pages may connect.
    pub origin: Origin,
    /// Step 4: what a message may be.
    pub message: Message,
    /// Step 5: how often.
    pub rate: Rate,
    /// Step 5: how many at once.
    pub cap: Cap,
    /// Step 6: how dead peers are found.
    pub heartbeat: Heartbeat,
    /// Step 6: how long things may take.
    pub deadline: Deadline,
    /// Step 6: how much may wait to be sent.
    pub queue: Queue,
    /// Paths with rules of their own; what a route does not say, it takes from the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<Route>,
}

/// A path with rules of its own: `path` and any of the document's tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// The path these rules are for, compared exactly and before any decoding.
    pub path: Box<str>,
    /// The tables that differ from the document's.
    #[serde(flatten)]
    pub tables: serde_json::Map<String, Value>,
}

/// Step 1: encrypted transport, and whose word counts for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Transport {
    /// Whether plain `ws://` is refused. Never redirected: the credential has already travelled in clear.
    pub secure: Secure,
    /// Only these peers may speak for the client (`X-Forwarded-*`, `Forwarded`).
    pub trusted_proxies: Vec<Cidr>,
    /// The header to which trusted proxies append the client's address.
    pub forwarded: ForwardedHeader,
    /// The hosts this server answers for; empty means any.
    pub hosts: Vec<HostName>,
    /// The largest request head, in bytes.
    pub max_head: Size,
    /// The most header fields in a request.
    pub max_headers: u32,
    /// How long a peer may take to send its request head, in all.
    pub head_timeout: Span,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            secure: Secure::Required,
            trusted_proxies: Vec::new(),
            forwarded: ForwardedHeader::XForwardedFor,
            hosts: Vec::new(),
            max_head: Size::from_kib(16),
            max_headers: 64,
            head_timeout: Span::from_secs(10),
        }
    }
}

/// Whether plain `ws://` is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Secure {
    /// TLS, here or at a trusted proxy.
    #[default]
    Required,
    /// Anything goes: for development on one machine.
    DangerousAny,
}

/// The header to which trusted proxies append the client's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Step 3: which pages may connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Origin {
    /// The origins that may connect: exact, `https://*.example.com` for exactly one label, `null`,
    /// an extension's, or `same-host`.
    pub allow: Vec<OriginEntry>,
    /// What a request without an Origin means.
    pub missing: MissingOrigin,
    /// Lets pages of any origin connect. Refused together with ambient credentials.
    pub dangerous_any_origin: bool,
}

/// What a request without an Origin means. Browsers always send one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MissingOrigin {
    /// Fine with a credential that the client chose to send; refused with an ambient one.
    #[default]
    ExplicitCredential,
    /// Always refused.
    Refuse,
    /// Fine, though never with an ambient credential.
    Allow,
}

/// Step 2: who may connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Credential {
    /// Where a credential may stand. Empty with a `jwt` table: the `Authorization` header.
    pub sources: Vec<Source>,
    /// Whether a connection without credential is let in as a guest.
    pub anonymous: bool,
    /// The message that renews the credential on a live connection.
    pub refresh: Option<Refresh>,
    /// How often a session's identity is asked for again.
    pub revalidate: OrOff<Span>,
    /// How JSON Web Tokens are judged.
    pub jwt: Option<Jwt>,
}

/// One place where a credential may stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What stands there.
    pub kind: CredentialKind,
    /// Where.
    #[serde(rename = "in")]
    pub place: Place,
    /// The name of the query parameter, cookie or header.
    #[serde(default)]
    pub name: Option<Box<str>>,
    /// The shape of a subprotocol entry that carries a token.
    #[serde(default)]
    pub form: Option<SubprotocolForm>,
    /// The type of the first message that carries a token.
    #[serde(default, rename = "type")]
    pub message_type: Option<Box<str>>,
    /// The field of the first message that carries the token.
    #[serde(default)]
    pub field: Option<Box<str>>,
    /// Accepts a reusable token in the URL, where logs and histories keep it (RFC 9700 section 4.3.2).
    #[serde(default)]
    pub dangerous_in_url: bool,
}

/// What kind of credential stands in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// A JSON Web Token, judged here.
    Jwt,
    /// An opaque token, resolved by the host.
    Session,
}

/// Where a credential stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A query parameter of the request target.
    Query,
    /// A cookie: sent by the browser whatever page asks, so it is ambient.
    Cookie,
    /// A header field; for `authorization` the `Bearer` scheme is expected.
    Header,
    /// An entry of `Sec-WebSocket-Protocol`.
    Subprotocol,
    /// The first message after the upgrade.
    FirstMessage,
}

/// The shape of a subprotocol entry that carries a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SubprotocolForm {
    /// `base64url.bearer.authorization.k8s.io.<base64url>`
    Kubernetes,
    /// `base64url.bearer.phx.<base64>`
    Phoenix,
    /// `v1.token.websocket.jupyter.org.<percent-encoded>`
    Jupyter,
    /// `anycable-token.<token>`
    Anycable,
}

/// The message that renews the credential on a live connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The message's type.
    #[serde(rename = "type")]
    pub message_type: Box<str>,
    /// The field that carries the token.
    pub field: Box<str>,
}

/// How JSON Web Tokens are judged (RFC 7519, RFC 8725).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Jwt {
    /// The keys. Each owns its algorithm; the token's header never chooses one.
    pub keys: Vec<JwtKey>,
    /// The issuers accepted, compared exactly.
    pub issuer: Vec<Box<str>>,
    /// The audiences accepted, compared exactly; one of the token's must be among them.
    pub audience: Vec<Box<str>>,
    /// The values of the `typ` header accepted; empty means it is not looked at.
    pub typ: Vec<Box<str>>,
    /// Claims that need not be there.
    pub waive: Vec<WaivedClaim>,
    /// How far clocks may differ.
    pub leeway: Span,
    /// The claim that names the user.
    pub subject: Box<str>,
    /// The claim that names the tenant.
    pub tenant: Option<Box<str>>,
    /// The claim that lists the scopes: a string separated by spaces, or an array.
    pub scopes: Box<str>,
    /// The longest token, in bytes.
    pub max_length: Size,
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            issuer: Vec::new(),
            audience: Vec::new(),
            typ: Vec::new(),
            waive: Vec::new(),
            leeway: Span::from_secs(30),
            subject: "sub".into(),
            tenant: None,
            scopes: "scope".into(),
            max_length: Size::from_kib(8),
        }
    }
}

/// A claim that need not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaivedClaim {
    /// The token need not name an audience.
    Aud,
    /// The token need not name its issuer.
    Iss,
    /// The token need not expire.
    Exp,
}

/// One verification key.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtKey {
    /// The one algorithm this key is used with.
    pub alg: Algorithm,
    /// A shared secret: `env:NAME`, `file:PATH` or the value.
    #[serde(default)]
    pub secret: Option<Box<str>>,
    /// Says that `secret` is base64url.
    #[serde(default)]
    pub secret_base64: bool,
    /// A public key in PEM: `env:NAME`, `file:PATH` or the text.
    #[serde(default)]
    pub pem: Option<Box<str>>,
    /// A public key as a JSON Web Key (RFC 7517).
    #[serde(default)]
    pub jwk: Option<Value>,
    /// The key's id; a token that names another is not tried with this key.
    #[serde(default)]
    pub kid: Option<Box<str>>,
    /// When the key stops counting (RFC 3339): the way out for a rotated key.
    #[serde(default)]
    pub until: Option<Box<str>>,
}

/// Shows which key it is, never the key.
impl std::fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A signature algorithm of RFC 7518 or RFC 8037. There is no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names are those of RFC 7518 section 3.1")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// Step 4: what a message may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Message {
    /// The kinds accepted.
    pub kinds: Vec<MessageKind>,
    /// The largest message, in bytes, all fragments together.
    pub max_bytes: Size,
    /// The most fragments in a message.
    pub max_fragments: u32,
    /// Where the message's type stands: a member's name, or a place in an array.
    pub discriminator: Discriminator,
    /// What a message of an unknown type means.
    pub unknown_type: UnknownType,
    /// What an invalid message leads to.
    pub on_invalid: OnFault,
    /// How many invalid messages are borne before the connection is closed.
    pub errors: ErrorBudget,
    /// What JSON may be, whatever the schema says.
    pub json: JsonRules,
    /// One schema for every message: a JSON Schema, or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// The message types, by name.
    pub types: BTreeMap<Box<str>, MessageType>,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            kinds: vec![MessageKind::Text],
            max_bytes: Size::from_kib(64),
            max_fragments: 64,
            discriminator: Discriminator::default(),
            unknown_type: UnknownType::Refuse,
            on_invalid: OnFault::Reply,
            errors: ErrorBudget::default(),
            json: JsonRules::default(),
            schema: None,
            types: BTreeMap::new(),
        }
    }
}

/// The kind of a message (RFC 6455 section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// Where a message's type stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Discriminator {
    /// In this member of an object.
    Member(Box<str>),
    /// At this place of an array, counted from 0.
    Index(u32),
}

impl Default for Discriminator {
    fn default() -> Self {
        Self::Member("type".into())
    }
}

/// What a message of an unknown type means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownType {
    /// It is invalid.
    #[default]
    Refuse,
    /// It is delivered, checked as JSON only.
    DangerousDeliver,
}

/// What the peer sees of a message that is not delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFault {
    /// An error reply.
    #[default]
    Reply,
    /// Nothing.
    Drop,
    /// The connection closes.
    Close,
}

/// How many faults are borne before the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorBudget {
    /// So many faults are borne.
    pub limit: u32,
    /// In this time.
    pub per: Span,
}

impl Default for ErrorBudget {
    fn default() -> Self {
        Self { limit: 5, per: Span::from_secs(60) }
    }
}

/// What JSON may be, whatever the schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JsonRules {
    /// How deep arrays and objects may stand in each other.
    pub max_depth: u32,
    /// The most members of one object.
    pub max_members: u32,
    /// The most digits of one number.
    pub max_digits: u32,
    /// What the same key twice in one object means.
    pub duplicate_keys: DuplicateKeys,
}

impl Default for JsonRules {
    fn default() -> Self {
        Self { max_depth: 32, max_members: 1024, max_digits: 64, duplicate_keys: DuplicateKeys::Refuse }
    }
}

/// What the same key twice in one object means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateKeys {
    /// The message is invalid.
    #[default]
    Refuse,
    /// Not looked for: two parsers may read two different messages (CVE-2017-12635).
    DangerousAllow,
}

/// One type of message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MessageType {
    /// A JSON Schema, or `file:PATH`.
    pub schema: Value,
    /// How many messages it counts as.
    pub cost: u32,
    /// The scopes of which the sender must have all.
    pub scopes: Vec<Box<str>>,
    /// The kinds accepted; the policy's when empty.
    pub kinds: Vec<MessageKind>,
}

impl Default for MessageType {
    fn default() -> Self {
        Self { schema: Value::Bool(true), cost: 1, scopes: Vec::new(), kinds: Vec::new() }
    }
}

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
    /// When a user and address that go on are shut out.
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

/// When a user and address that go on are shut out.
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
