//! Step 2 of the document: how a token is judged.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ClaimRule;
use crate::policy::units::{Size, Span};

/// How JSON Web Tokens are judged (RFC 7519, RFC 8725).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Jwt {
    /// The keys. Each owns its algorithm; the token's header never chooses one.
    pub keys: Vec<JwtKey>,
    /// A set of keys that their issuer publishes (RFC 7517 section 5), besides `keys`.
    pub jwks: Option<JwkSet>,
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
    /// The claim that names the user. This and the other names of claims may be JSON Pointers to what
    /// stands inside objects (RFC 6901): `/realm_access/roles`. What does not begin with a slash is a
    /// name as it stands, dots included.
    pub subject: Box<str>,
    /// The claim that names the tenant.
    pub tenant: Option<Box<str>>,
    /// The claim that lists the scopes: a string separated by spaces, or an array.
    pub scopes: Box<str>,
    /// The claim that lists roles, and what each permits, besides the scopes.
    pub roles: Option<Roles>,
    /// What further claims must say, by name or JSON Pointer: a text, `{ one_of = [..] }` or `{ contains = ".." }`.
    pub claims: BTreeMap<Box<str>, ClaimRule>,
    /// The longest token, in bytes.
    pub max_length: Size,
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            jwks: None,
            issuer: Vec::new(),
            audience: Vec::new(),
            typ: Vec::new(),
            waive: Vec::new(),
            leeway: Span::from_secs(30),
            subject: "sub".into(),
            tenant: None,
            scopes: "scope".into(),
            roles: None,
            claims: BTreeMap::new(),
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

/// A claim that lists roles, and what they permit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// The claim, by name or JSON Pointer: a string separated by spaces, or an array.
    pub claim: Box<str>,
    /// The scopes that each role permits. A role that is not here permits nothing.
    pub permit: BTreeMap<Box<str>, Vec<Box<str>>>,
}

/// A set of keys: published at a URL and fetched by the host, or given here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JwkSet {
    /// Where it is published; `https://` only.
    pub url: Option<Box<str>>,
    /// The set's own `keys`, in place of a URL.
    pub keys: Option<Vec<Value>>,
    /// The algorithms its keys may have; none with a shared secret. A key that names no algorithm
    /// serves each that fits its type.
    pub algs: Vec<Algorithm>,
    /// Those of the issuers accepted that its keys sign for (RFC 8725 section 3.8); empty means each of them.
    pub issuer: Vec<Box<str>>,
    /// How long a fetched set is fresh.
    pub cache: Span,
    /// How long after a fetch began no other begins, whatever came of it.
    pub cooldown: Span,
    /// How long a key id that the source does not know is not asked for again.
    pub negative: Span,
    /// How long keys go on counting after they stopped being fresh, while the source is down.
    pub stale: Span,
    /// How long one fetch may take, in all.
    pub timeout: Span,
}

impl Default for JwkSet {
    fn default() -> Self {
        Self {
            url: None,
            keys: None,
            algs: Vec::new(),
            issuer: Vec::new(),
            cache: Span::from_secs(600),
            cooldown: Span::from_secs(30),
            negative: Span::from_secs(300),
            stale: Span::from_secs(3600),
            timeout: Span::from_secs(5),
        }
    }
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
    /// Those of the issuers accepted that it signs for (RFC 8725 section 3.8); empty means each of them.
    #[serde(default)]
    pub issuer: Vec<Box<str>>,
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
