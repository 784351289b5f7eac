//! What goes to and comes from JavaScript, where it is more than a number.

use std::net::IpAddr;
use std::time::Duration;

use napi_derive::napi;
use wswarden_core as core;
use wswarden_core::http::{Header, HttpVersion, Request};
use wswarden_core::{Answer, Need, Policy, Reason, Reply, Session, UnixTime, UserKey, Verdict};

use crate::error;

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
        let peer = match self.peer.as_str() {
            "unix" => None,
            // A link-local address comes with its zone, which is no part of who it is.
            text => {
                let text = text.split('%').next().unwrap_or_default();
                let address: IpAddr = text.parse().map_err(|_| error("request", "`peer` is no IP address"))?;
                Some(address)
            }
        };
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
            version: match self.version.as_str() {
                "1.1" => HttpVersion::Http11,
                "2" | "2.0" => HttpVersion::Http2,
                _ => HttpVersion::Http10,
            },
            headers: &headers,
            peer,
            tls: self.tls,
        }))
    }
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

/// What only the host can find out: exactly one of these is set.
#[napi(object)]
#[derive(Default)]
pub struct NativeNeed {
    /// Whose session token this is. Its characters are its bytes.
    pub token: Option<String>,
    /// Whether this identity still holds.
    pub identity: Option<NativeIdentity>,
}

impl NativeNeed {
    /// None for a need that this binding does not know: it cannot be met, and is refused.
    pub(crate) fn new(need: &Need) -> Option<Self> {
        match need {
            Need::Identity(token) => {
                let token = token.expose().iter().map(|&byte| char::from(byte)).collect();
                Some(Self { token: Some(token), identity: None })
            }
            Need::Revalidate(identity) => {
                Some(Self { token: None, identity: Some(NativeIdentity::new(identity)) })
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
            scopes: Some(identity.all_scopes().iter().map(|scope| scope.to_string()).collect()),
            expires: identity.expires_at().map(unix_millis),
            issued_at: identity.issued().map(unix_millis),
            token_id: identity.token().map(Into::into),
            session_id: identity.host_session().map(Into::into),
        }
    }

    pub(crate) fn into_core(self) -> crate::Result<core::Identity> {
        let mut identity = match self.subject {
            Some(subject) => core::Identity::assertion(subject)
                .namespace(self.namespace.unwrap_or_default())
                .tenant(self.tenant.unwrap_or_default()),
            None => core::Identity::guest(),
        };
        identity = identity.scopes(self.scopes.unwrap_or_default());
        if let Some(expires) = self.expires {
            identity = identity.expires(from_unix_millis(expires)?);
        }
        if let Some(issued_at) = self.issued_at {
            identity = identity.issued_at(from_unix_millis(issued_at)?);
        }
        if let Some(id) = self.token_id {
            identity = identity.token_id(id);
        }
        if let Some(id) = self.session_id {
            identity = identity.session_id(id);
        }
        Ok(identity)
    }
}

/// The host's answer to a need: an identity, or `refused`, or neither when it cannot tell.
#[napi(object)]
pub struct NativeAnswer {
    /// Whose it is.
    pub identity: Option<NativeIdentity>,
    /// It is nobody's.
    pub refused: bool,
}

impl NativeAnswer {
    pub(crate) fn into_core(self) -> crate::Result<Answer> {
        Ok(match self.identity {
            Some(identity) => Answer::Identity(identity.into_core()?),
            None if self.refused => Answer::Refused,
            None => Answer::Unavailable,
        })
    }
}

/// A verdict with all that belongs to it.
#[napi(object)]
#[derive(Default)]
pub struct NativeOutcome {
    /// The verdict's number.
    pub number: u32,
    /// The text to send.
    pub reply: Option<String>,
    /// The code of the close frame to send; 0 is a frame without one.
    pub close: Option<u32>,
    /// Why.
    pub reason: Option<String>,
    /// What to record.
    pub event: Option<NativeEvent>,
    /// What only the host can find out first.
    pub need: Option<NativeNeed>,
}

impl NativeOutcome {
    pub(crate) fn new(outcome: core::Outcome) -> Self {
        let mut buffer = [0; Reply::MAX];
        let (mut reply, mut close, mut reason) = (None, None, None);
        match outcome.verdict {
            Verdict::Reply(answer) => {
                reply = Some(String::from_utf8_lossy(answer.write(&mut buffer)).into_owned());
                reason = Some(answer.reason);
            }
            Verdict::Drop(why) => reason = Some(why),
            Verdict::Close(frame) => {
                close = Some(frame.code.into());
                reason = Some(frame.reason);
            }
            _ => {}
        }
        Self {
            number: outcome.number(),
            reply,
            close,
            reason: reason.map(|reason: Reason| reason.name().into()),
            event: outcome.event.map(NativeEvent::new),
            need: None,
        }
    }
}

/// Something worth a record.
#[napi(object)]
pub struct NativeEvent {
    /// What kind of thing.
    pub kind: String,
    /// Why.
    pub reason: Option<String>,
    /// How many events of the session were left out since its last one.
    pub suppressed: u32,
}

impl NativeEvent {
    pub(crate) fn new(event: core::Event) -> Self {
        Self {
            kind: event.kind.name().into(),
            reason: event.reason.map(|reason| reason.name().into()),
            suppressed: event.suppressed,
        }
    }
}

/// What can be read of a session.
#[napi(object)]
pub struct NativeSession {
    /// Its number, never used twice by one guard.
    pub id: f64,
    /// Who it belongs to; none while a first message's credential is awaited.
    pub identity: Option<NativeIdentity>,
    /// The client's address; none on a local socket.
    pub address: Option<String>,
    /// The page's origin, as it was sent.
    pub origin: Option<String>,
    /// The path that was asked for.
    pub path: String,
    /// The subprotocol that was agreed on.
    pub subprotocol: Option<String>,
    /// The names of the types of its messages, by index.
    pub pending: bool,
    /// How long the peer took to answer the last ping, in milliseconds.
    pub latency_ms: Option<f64>,
}

impl NativeSession {
    pub(crate) fn new(session: &Session) -> Self {
        let peer = session.peer();
        Self {
            id: session.id().number() as f64,
            identity: session.identity().map(NativeIdentity::new),
            address: peer.address.map(|address| address.to_string()),
            origin: peer.origin.as_deref().map(Into::into),
            path: peer.path.to_string(),
            subprotocol: session.response().header("sec-websocket-protocol").map(Into::into),
            pending: session.is_pending(),
            latency_ms: session.latency().map(millis),
        }
    }
}

/// What a host hands to its WebSocket library.
#[napi(object)]
pub struct HostLimits {
    /// The largest message, in bytes.
    pub max_bytes: f64,
    /// The most fragments of a message.
    pub max_fragments: u32,
    /// From the last pong to the next ping, in milliseconds.
    pub heartbeat_interval_ms: f64,
    /// From a ping to its pong.
    pub heartbeat_timeout_ms: f64,
    /// For the whole request head.
    pub head_timeout_ms: f64,
    /// The largest request head, in bytes.
    pub max_head: f64,
    /// The most header fields.
    pub max_headers: u32,
    /// From our close frame to the cut, in milliseconds.
    pub close_timeout_ms: f64,
}

impl HostLimits {
    pub(crate) fn new(policy: &Policy, path: &str) -> Self {
        let document = policy.document_for(path);
        Self {
            max_bytes: document.message.max_bytes.bytes() as f64,
            max_fragments: document.message.max_fragments,
            heartbeat_interval_ms: millis(document.heartbeat.interval.get()),
            heartbeat_timeout_ms: millis(document.heartbeat.timeout.get()),
            head_timeout_ms: millis(document.transport.head_timeout.get()),
            max_head: document.transport.max_head.bytes() as f64,
            max_headers: document.transport.max_headers,
            close_timeout_ms: millis(document.deadline.close.get()),
        }
    }
}

/// What is taken back: a token, a session, or a user's credentials.
#[napi(object)]
pub struct NativeRevocation {
    /// `token`, `session` or `user`.
    pub kind: String,
    /// Whose id it is: the JWT's issuer, or the host's name for its store.
    pub namespace: String,
    /// The token's or session's id, or the user's subject.
    pub id: String,
    /// The user's tenant.
    pub tenant: String,
    /// Up to when a user's credentials were issued, in milliseconds since 1970.
    pub issued_until: f64,
}

impl NativeRevocation {
    pub(crate) fn into_core(self) -> crate::Result<core::Revocation> {
        let (namespace, id) = (self.namespace.into(), self.id.into());
        match self.kind.as_str() {
            "token" => Ok(core::Revocation::Token { namespace, id }),
            "session" => Ok(core::Revocation::Session { namespace, id }),
            "user" => Ok(core::Revocation::User {
                user: UserKey { namespace, tenant: self.tenant.into(), subject: id },
                issued_until: from_unix_millis(self.issued_until)?,
            }),
            _ => Err(error("argument", "a revocation is of a token, a session or a user")),
        }
    }
}

/// A guard's state in numbers.
#[napi(object)]
pub struct NativeStats {
    /// Connections that hold a slot.
    pub connections: u32,
    /// Those of them that have not shown a good credential.
    pub unauthenticated: u32,
    /// Sessions.
    pub sessions: f64,
    /// Sessions opened since the guard was made.
    pub opened: f64,
    /// Addresses the limiter remembers.
    pub addresses: u32,
    /// Users the limiter remembers.
    pub users: u32,
    /// Requests refused since the guard was made.
    pub refused: Vec<Refusals>,
}

/// How often something was refused.
#[napi(object)]
pub struct Refusals {
    /// The reason's name.
    pub reason: String,
    /// How often.
    pub count: f64,
}

impl NativeStats {
    pub(crate) fn new(stats: &core::Stats) -> Self {
        let refused = stats.refused.iter();
        Self {
            connections: stats.connections,
            unauthenticated: stats.unauthenticated,
            sessions: stats.sessions as f64,
            opened: stats.opened as f64,
            addresses: stats.addresses,
            users: stats.users,
            refused: refused
                .map(|&(reason, count)| Refusals { reason: reason.name().into(), count: count as f64 })
                .collect(),
        }
    }
}

/// Why a message is refused, in words that hold nothing of it.
#[napi(object)]
pub struct NativeExplanation {
    /// The reason's name.
    pub reason: String,
    /// Where in the message, in bytes.
    pub offset: f64,
    /// The whole sentence.
    pub text: String,
}

/// Milliseconds, for JavaScript.
pub(crate) fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

fn unix_millis(time: UnixTime) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// Nanoseconds from milliseconds, exact to the microsecond.
pub(crate) fn nanos(millis: f64) -> crate::Result<u64> {
    if !millis.is_finite() || millis < 0.0 {
        return Err(error("argument", "a time is a number of milliseconds that is not negative"));
    }
    Ok(((millis * 1000.0).round() as u64).saturating_mul(1000))
}

fn from_unix_millis(millis: f64) -> crate::Result<UnixTime> {
    nanos(millis).map(UnixTime::from_nanos)
}
