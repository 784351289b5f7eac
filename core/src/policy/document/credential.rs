//! Step 2 of the document: where a credential may stand, and how a token is judged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::policy::units::{OrOff, Size, Span};

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
