//! The policy document: every field, its type and its default. Nothing here decides anything.
//!
//! A leaf type cannot hold an invalid value; what several fields must agree on is checked when
//! the document becomes a [`Policy`](crate::Policy).

mod claim_rule;
mod credential;
mod jwt;
mod limits;
mod message;
mod ticket;

use std::borrow::Cow;

pub use claim_rule::*;
pub use credential::*;
pub use jwt::*;
pub use limits::*;
pub use message::*;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
pub use ticket::*;

use super::units::{Cidr, HostName, Size, Span};
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
///
/// Tables are merged into the document's, field by field; arrays, quotas and schemas replace the
/// document's whole. What comes out is read and checked as a document of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// A route's schema is the document's, with a path and without routes.
impl JsonSchema for Route {
    fn schema_name() -> Cow<'static, str> {
        "Route".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Document::json_schema(generator);
        if let Some(Value::Object(fields)) = schema.get_mut("properties") {
            fields.remove("route");
            for field in fields.values_mut().filter_map(Value::as_object_mut) {
                field.remove("default"); // what a route does not say is the document's, not the default
            }
            let about = "The path these rules are for, compared exactly and before any decoding.";
            fields.insert("path".into(), json!({ "description": about, "type": "string", "pattern": "^/" }));
        }
        schema.insert("required".into(), json!(["path"]));
        schema.insert(
            "description".into(),
            json!("A path with rules of its own; what it does not say, it takes from the document."),
        );
        schema
    }
}
