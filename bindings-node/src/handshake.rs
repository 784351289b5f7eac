//! What an upgrade is in JavaScript: the request, what became of it, who it is.

use std::net::IpAddr;

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use wswarden_core as core;
use wswarden_core::http::{Header, HttpVersion, Remote, Request};
use wswarden_core::{Answer, Need};

use crate::error;
use crate::values::{from_unix_millis, millis, unix_millis};

/// An upgrade request.
#[napi(object)]
pub struct NativeRequest {
    /// The method.
    pub method: String,
    /// The request target as it came: path and query.
    pub target: String,
    /// `1.0`, `1.1` or `2`.
    pub version: String,
    /// Names and values in turn, as Node's `rawHeaders`. A value's characters are its bytes.
    pub headers: Vec<String>,
    /// The other end's address; `unix` for a local socket.
    pub peer: String,
    /// Whether the connection to this process is encrypted.
    pub tls: bool,
}

impl NativeRequest {
    /// Runs `work` on the core's form of it.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&Request<'_>) -> T) -> crate::Result<T> {
        let peer = remote(&self.peer)?;
        let (pairs, rest) = self.headers.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(error("request", "`headers` are names and values in turn"));
        }
        let values: Vec<Vec<u8>> = pairs.iter().map(|[_, value]| latin1(value)).collect();
        let headers: Vec<Header<'_>> =
            pairs.iter().zip(&values).map(|([name, _], value)| Header { name, value }).collect();
        Ok(work(&Request {
            method: &self.method,
            target: &self.target,
            version: HttpVersion::from_name(self.version.trim_end_matches(".0")).unwrap_or(HttpVersion::Http10),
            headers: &headers,
            peer,
            tls: self.tls,
        }))
    }
}

/// The other end of a connection: an IP address, or `unix` for a local socket.
pub(crate) fn remote(peer: &str) -> crate::Result<Remote> {
    if peer == "unix" {
        return Ok(Remote::Unix);
    }
    // A link-local address comes with its zone, which is no part of who it is.
    let address = peer.split('%').next().unwrap_or_default();
    let address: IpAddr = address.parse().map_err(|_| error("request", "`peer` is no IP address"))?;
    Ok(Remote::Address(address))
}

/// The bytes of a header's value: Node gives each as one character. What cannot have been a byte
/// becomes NUL, which no header may hold.
fn latin1(value: &str) -> Vec<u8> {
    value.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(0)).collect()
}

/// What became of a request.
#[napi(object)]
#[derive(Default)]
pub struct Admission {
    /// The connection's handle; 0 when it is refused.
    pub handle: f64,
    /// What only the host can find out, and has to provide.
    pub need: Option<NativeNeed>,
    /// Why it is refused.
    pub refusal: Option<NativeRefusal>,
}

impl Admission {
    pub(crate) fn refused(refusal: &core::Refusal) -> Self {
        Self { refusal: Some(NativeRefusal::new(refusal)), ..Self::default() }
    }
}

/// A refusal, and its HTTP answer.
#[napi(object)]
pub struct NativeRefusal {
    /// The reason's name.
    pub reason: String,
    /// What the audit is told besides.
    pub detail: Option<String>,
    /// How long to wait, in milliseconds.
    pub retry_after_ms: Option<f64>,
    /// The HTTP status.
    pub status: u32,
    /// The header fields, names and values in turn.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl NativeRefusal {
    pub(crate) fn new(refusal: &core::Refusal) -> Self {
        let response = refusal.response();
        Self {
            reason: refusal.reason().name().into(),
            detail: refusal.detail().map(Into::into),
            retry_after_ms: refusal.retry_after().map(millis),
            status: response.status().into(),
            headers: response.headers().flat_map(|(name, value)| [name.into(), value.into()]).collect(),
            body: String::from_utf8_lossy(response.body()).into_owned(),
        }
    }
}

/// Whose token it is, or why it is refused: exactly one of these is set.
#[napi(object)]
#[derive(Default)]
pub struct NativeVerified {
    /// Whose it is.
    pub identity: Option<NativeIdentity>,
    /// Why it is refused.
    pub refusal: Option<NativeRefusal>,
}

/// What only the host can find out: exactly one of these is set.
#[napi(object)]
#[derive(Default)]
pub struct NativeNeed {
    /// Whose session token this is. Its characters are its bytes.
    pub token: Option<String>,
    /// Whether this identity still holds.
    pub identity: Option<NativeIdentity>,
    /// The keys that are published at this URL.
    pub keys: Option<String>,
    /// Whether the ticket known by this was used before.
    pub ticket: Option<Buffer>,
    /// When the ticket runs out, in milliseconds since 1970.
    pub until: Option<f64>,
}

impl NativeNeed {
    /// None for a need that this binding does not know: it cannot be met, and is refused.
    pub(crate) fn new(need: &Need) -> Option<Self> {
        match need {
            Need::Identity(token) => {
                let token = token.expose().iter().map(|&byte| char::from(byte)).collect();
                Some(Self { token: Some(token), ..Self::default() })
            }
            Need::Revalidate(identity) => {
                Some(Self { identity: Some(NativeIdentity::new(identity)), ..Self::default() })
            }
            Need::Keys(url) => Some(Self { keys: Some(url.to_string()), ..Self::default() }),
            Need::Ticket { id, until } => {
                Some(Self { ticket: Some(id.to_vec().into()), until: Some(unix_millis(*until)), ..Self::default() })
            }
            _ => None,
        }
    }
}

/// Who a connection belongs to. Times are milliseconds since 1970.
#[napi(object)]
#[derive(Default)]
pub struct NativeIdentity {
    /// The user's name; a guest has none.
    pub subject: Option<String>,
    /// Who vouches for it.
    pub namespace: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// What it permits.
    pub scopes: Option<Vec<String>>,
    /// When it ends.
    pub expires: Option<f64>,
    /// When the credential was issued.
    pub issued_at: Option<f64>,
    /// The credential's own id (`jti`).
    pub token_id: Option<String>,
    /// The host's session (`sid`).
    pub session_id: Option<String>,
}

impl NativeIdentity {
    pub(crate) fn new(identity: &core::Identity) -> Self {
        let user = identity.user();
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            subject: identity.subject().map(Into::into),
            namespace: user.and_then(|user| some(&user.namespace)),
            tenant: user.and_then(|user| some(&user.tenant)),
            scopes: Some(identity.scopes().iter().map(|scope| scope.to_string()).collect()),
            expires: identity.expires().map(unix_millis),
            issued_at: identity.issued_at().map(unix_millis),
            token_id: identity.token_id().map(Into::into),
            session_id: identity.session_id().map(Into::into),
        }
    }

    pub(crate) fn into_core(self) -> crate::Result<core::Identity> {
        let mut identity = match self.subject {
            Some(subject) => core::Identity::assertion(subject)
                .with_namespace(self.namespace.unwrap_or_default())
                .with_tenant(self.tenant.unwrap_or_default()),
            None => core::Identity::guest(),
        };
        identity = identity.with_scopes(self.scopes.unwrap_or_default());
        if let Some(expires) = self.expires {
            identity = identity.with_expires(from_unix_millis(expires)?);
        }
        if let Some(issued_at) = self.issued_at {
            identity = identity.with_issued_at(from_unix_millis(issued_at)?);
        }
        if let Some(id) = self.token_id {
            identity = identity.with_token_id(id);
        }
        if let Some(id) = self.session_id {
            identity = identity.with_session_id(id);
        }
        Ok(identity)
    }
}

/// The host's answer to a need.
#[napi(object)]
pub struct NativeAnswer {
    /// `identity`, `keys`, `unused`, `refused`; anything else is that the host cannot tell.
    pub kind: String,
    /// Whose it is.
    pub identity: Option<NativeIdentity>,
}

impl NativeAnswer {
    pub(crate) fn into_core(self) -> crate::Result<Answer> {
        Ok(match (self.kind.as_str(), self.identity) {
            ("identity", Some(identity)) => Answer::Identity(identity.into_core()?),
            ("keys", _) => Answer::Keys,
            ("unused", _) => Answer::Unused,
            ("refused", _) => Answer::Refused,
            _ => Answer::Unavailable,
        })
    }
}
