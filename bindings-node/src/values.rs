//! What goes to and comes from JavaScript, where it is more than a number.

use std::time::Duration;

use napi_derive::napi;
use wswarden_core as core;
use wswarden_core::{Policy, Reason, Reply, Session, UnixTime, UserKey, Verdict};

use crate::error;
use crate::handshake::{NativeIdentity, NativeNeed};

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
    /// The status of the answer that opens it: 101, or 200 over HTTP/2.
    pub status: u32,
    /// Whether it waits for a first message's credential.
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
            subprotocol: session.subprotocol().map(Into::into),
            status: session.response().status().into(),
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

/// A key set to fetch.
#[napi(object)]
pub struct KeysToFetch {
    /// Where it is published.
    pub url: String,
    /// How long it may take, in milliseconds.
    pub within_ms: f64,
    /// How large it may be.
    pub max_bytes: f64,
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

pub(crate) fn unix_millis(time: UnixTime) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// Nanoseconds from milliseconds.
pub(crate) fn nanos(millis: f64) -> crate::Result<u64> {
    if !millis.is_finite() || millis < 0.0 {
        return Err(error("argument", "a time is a number of milliseconds that is not negative"));
    }
    Ok((millis * 1e6).round() as u64)
}

pub(crate) fn from_unix_millis(millis: f64) -> crate::Result<UnixTime> {
    nanos(millis).map(UnixTime::from_nanos)
}
