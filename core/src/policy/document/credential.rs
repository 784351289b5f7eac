//! Step 2 of the document: where a credential may stand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Jwt, Ticket};
use crate::policy::units::{OrOff, Span};

/// Step 2: who may connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Credential {
    /// Where a credential may stand. Empty with a `jwt` table: the `Authorization` header.
    pub sources: Vec<Source>,
    /// Whether a connection without credential is let in as a guest.
    pub anonymous: bool,
    /// The message that renews the credential on a live connection. It carries what the first message
    /// does, if the policy has one; else a token, if there are keys; else what the first source takes.
    pub refresh: Option<Refresh>,
    /// How often a session's identity is asked for again.
    pub revalidate: OrOff<Span>,
    /// How single-use tickets are made and judged.
    pub ticket: Ticket,
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
    /// A single-use ticket, made by this server.
    Ticket,
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
