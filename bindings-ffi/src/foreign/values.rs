//! What goes over the border, by value.

use std::time::Duration;

use wswarden_core as core;
use wswarden_core::http::{Header as CoreHeader, HttpVersion, Remote, Request as CoreRequest};
use wswarden_core::{UnixTime, UserKey, Verdict as CoreVerdict};

use super::{Result, WswardenError};

/// One field line of a request or response.
#[derive(Clone, uniffi::Record)]
pub struct Header {
    /// The name; of a response, in lower case.
    pub name: String,
    /// The value, byte for byte.
    pub value: Vec<u8>,
}

/// An upgrade request.
#[derive(Clone, uniffi::Record)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The request target as it came: path and query.
    pub target: String,
    /// The protocol: "1.0", "1.1" or "2".
    pub version: String,
    /// The field lines in the order they came, repeated ones as often as they came.
    pub headers: Vec<Header>,
    /// The other end of the connection.
    pub peer: Peer,
    /// Whether the connection to this process is encrypted.
    pub tls: bool,
}

/// What is at the other end of a connection. It has to be said.
#[derive(Clone, uniffi::Enum)]
pub enum Peer {
    /// An IP address as text: no port, no brackets, no zone.
    Address {
        /// The address.
        ip: String,
    },
    /// A process of this machine, by a Unix-domain socket.
    Unix,
}

impl Peer {
    pub(crate) fn read(&self) -> Result<Remote> {
        match self {
            Self::Address { ip } => {
                let wrong = |_| WswardenError::Argument("peer: expected an IP address".into());
                ip.parse().map(Remote::Address).map_err(wrong)
            }
            Self::Unix => Ok(Remote::Unix),
        }
    }
}

impl Request {
    pub(crate) fn with<R>(&self, work: impl FnOnce(&CoreRequest<'_>) -> R) -> Result<R> {
        let wrong = |what: &str| WswardenError::Argument(what.into());
        let version = HttpVersion::from_name(&self.version).ok_or_else(|| wrong("version: expected 1.0, 1.1 or 2"))?;
        let peer = self.peer.read()?;
        let headers: Vec<_> =
            self.headers.iter().map(|header| CoreHeader { name: &header.name, value: &header.value }).collect();
        let (method, target) = (&*self.method, &*self.target);
        Ok(work(&CoreRequest { method, target, version, headers: &headers, peer, tls: self.tls }))
    }
}

/// What answers an upgrade request: the 101, or a refusal.
#[derive(Clone, uniffi::Record)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Vec<u8>,
    /// The name of the reason; none for an answer that opens.
    pub reason: Option<String>,
    /// In how many nanoseconds the same request may succeed, where that is known.
    pub retry_after: Option<u64>,
    /// For the audit: the peer must not be told.
    pub detail: Option<String>,
}

impl Response {
    pub(crate) fn opening(response: &core::http::Response) -> Self {
        let header = |(name, value): (&str, &str)| Header { name: name.into(), value: value.into() };
        Self {
            status: response.status(),
            headers: response.headers().map(header).collect(),
            body: response.body().to_vec(),
            reason: None,
            retry_after: None,
            detail: None,
        }
    }

    pub(crate) fn refusing(refusal: &core::Refusal) -> Self {
        Self {
            reason: Some(refusal.reason().name().into()),
            retry_after: refusal.retry_after().map(nanos),
            detail: refusal.detail().map(Into::into),
            ..Self::opening(&refusal.response())
        }
    }
}

/// Who may do what, and until when. Handing one in claims that the host has authenticated the subject.
#[derive(Clone, uniffi::Record)]
pub struct Identity {
    /// The user's name; none for a guest.
    pub subject: Option<String>,
    /// Who vouches for it: the JWT's issuer, or the host's name for its session store.
    #[uniffi(default = "")]
    pub vouched_by: String,
    /// The tenant.
    #[uniffi(default = "")]
    pub tenant: String,
    /// What it permits.
    #[uniffi(default = [])]
    pub scopes: Vec<String>,
    /// When it ends, in Unix nanoseconds.
    #[uniffi(default = None)]
    pub expires: Option<u64>,
    /// When the credential was issued, in Unix nanoseconds.
    #[uniffi(default = None)]
    pub issued_at: Option<u64>,
    /// The credential's own id (`jti`).
    #[uniffi(default = None)]
    pub token_id: Option<String>,
    /// The host's session that it belongs to (`sid`).
    #[uniffi(default = None)]
    pub session_id: Option<String>,
}

impl Identity {
    pub(crate) fn taken(self) -> core::Identity {
        let mut taken = self.subject.map_or_else(core::Identity::guest, core::Identity::assertion);
        taken = taken.with_namespace(self.vouched_by).with_tenant(self.tenant).with_scopes(self.scopes);
        if let Some(at) = self.expires {
            taken = taken.with_expires(UnixTime::from_nanos(at));
        }
        if let Some(at) = self.issued_at {
            taken = taken.with_issued_at(UnixTime::from_nanos(at));
        }
        if let Some(id) = self.token_id {
            taken = taken.with_token_id(id);
        }
        if let Some(id) = self.session_id {
            taken = taken.with_session_id(id);
        }
        taken
    }

    pub(crate) fn shown(identity: &core::Identity) -> Self {
        let user = identity.user();
        let word = |of: fn(&UserKey) -> &str| user.map(of).unwrap_or_default().to_owned();
        Self {
            subject: user.map(|user| user.subject.to_string()),
            vouched_by: word(|user| &user.namespace),
            tenant: word(|user| &user.tenant),
            scopes: identity.scopes().iter().map(ToString::to_string).collect(),
            expires: identity.expires().map(UnixTime::as_nanos),
            issued_at: identity.issued_at().map(UnixTime::as_nanos),
            token_id: identity.token_id().map(Into::into),
            session_id: identity.session_id().map(Into::into),
        }
    }
}

/// What only the host can find out.
#[derive(Clone, uniffi::Enum)]
pub enum Need {
    /// Whose session token this is. A secret: never log it.
    Identity {
        /// The token.
        token: Vec<u8>,
    },
    /// Whether the session's identity still holds.
    Revalidate {
        /// Who it is.
        identity: Identity,
    },
    /// The keys that are published at this URL: answer `Keys` when they were fetched, or could not be.
    Keys {
        /// The URL.
        url: String,
    },
    /// Whether a ticket was used before: mark it as used, in one step, in the store that your servers share.
    Ticket {
        /// What the ticket is known by.
        id: Vec<u8>,
        /// When it runs out, in Unix nanoseconds.
        until: u64,
    },
}

impl Need {
    pub(crate) fn shown(need: &core::Need) -> Result<Self> {
        Ok(match need {
            core::Need::Identity(token) => Self::Identity { token: token.expose().to_vec() },
            core::Need::Revalidate(identity) => Self::Revalidate { identity: Identity::shown(identity) },
            core::Need::Keys(url) => Self::Keys { url: url.to_string() },
            core::Need::Ticket { id, until } => Self::Ticket { id: id.to_vec(), until: until.as_nanos() },
            _ => return Err(WswardenError::Argument("this version has no words for what is needed".into())),
        })
    }
}

/// The host's answer to a need.
#[derive(Clone, uniffi::Enum)]
pub enum Answer {
    /// The token is this user's.
    Identity {
        /// Who it is.
        identity: Identity,
    },
    /// The keys were fetched, or could not be: look again.
    Keys,
    /// The ticket was not used before, and is marked as used now.
    Unused,
    /// The token is nobody's, or the ticket was used before.
    Refused,
    /// The host cannot tell just now: fail closed.
    Unavailable,
}

impl From<Answer> for core::Answer {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Identity { identity } => Self::Identity(identity.taken()),
            Answer::Keys => Self::Keys,
            Answer::Unused => Self::Unused,
            Answer::Refused => Self::Refused,
            Answer::Unavailable => Self::Unavailable,
        }
    }
}

/// The kind of a frame or whole message.
#[derive(Clone, Copy, uniffi::Enum)]
pub enum FrameKind {
    /// A whole text message.
    Text,
    /// A whole binary message.
    Binary,
    /// A close frame; its payload begins with the status code.
    Close,
    /// A ping frame.
    Ping,
    /// A pong frame.
    Pong,
}

impl FrameKind {
    /// None for a payload that no such frame may have.
    pub(crate) fn message(self, payload: &[u8]) -> Option<core::Message<'_>> {
        let opcode = match self {
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        };
        core::Message::from_opcode(opcode, payload)
    }
}

/// What the host must do with a frame or message.
#[derive(Clone, uniffi::Enum)]
pub enum Verdict {
    /// Hand the message to the application.
    Deliver {
        /// Its type, where the policy has names for them.
        message_type: Option<String>,
    },
    /// Send this text, and drop the message.
    Reply {
        /// The text.
        text: String,
        /// Why.
        reason: String,
    },
    /// Drop the message.
    Drop {
        /// Why.
        reason: String,
    },
    /// Send a close frame, and hand over no more messages.
    Close {
        /// The status code; 0 stands for a close frame without one.
        code: u16,
        /// Why, and the text in the close frame.
        reason: String,
    },
    /// The message carries a credential: call `authenticate` with it.
    Authenticate,
    /// Answer the ping with its own payload.
    Pong,
    /// Nothing to do.
    Ignore,
}

/// A verdict, and what goes to the audit.
#[derive(Clone, uniffi::Record)]
pub struct Outcome {
    /// What the host must do.
    pub verdict: Verdict,
    /// In how many nanoseconds a refused message may be tried again, where that is known.
    pub retry_after: Option<u64>,
    /// What happened, if it is worth a record.
    pub event: Option<Event>,
}

impl Outcome {
    pub(crate) fn shown(outcome: core::Outcome, session: &core::Session, now: core::Timestamp) -> Result<Self> {
        let verdict = match outcome.verdict {
            CoreVerdict::Deliver(index) => Verdict::Deliver { message_type: session.type_name(index).map(Into::into) },
            CoreVerdict::Reply(reply) => {
                let mut room = [0; core::Reply::MAX];
                let text = String::from_utf8_lossy(reply.write(&mut room)).into_owned();
                Verdict::Reply { text, reason: reply.reason.name().into() }
            }
            CoreVerdict::Drop(reason) => Verdict::Drop { reason: reason.name().into() },
            CoreVerdict::Close(close) => Verdict::Close { code: close.code, reason: close.text().into() },
            CoreVerdict::Authenticate => Verdict::Authenticate,
            CoreVerdict::Pong => Verdict::Pong,
            CoreVerdict::Ignore => Verdict::Ignore,
            _ => return Err(WswardenError::Argument("this version has no words for the verdict".into())),
        };
        let retry_after = session.retry_after(now).map(nanos);
        Ok(Self { verdict, retry_after, event: outcome.event.map(Into::into) })
    }
}

/// Something worth a record: numbers and names only.
#[derive(Clone, uniffi::Record)]
pub struct Event {
    /// What happened: "opened", "authenticated", "refreshed", "limited", "violation", "expired" or "closed".
    pub kind: String,
    /// Why; none where the kind says it all.
    pub reason: Option<String>,
    /// The session's number.
    pub session: u64,
    /// When, on the monotonic clock.
    pub at: u64,
    /// How many events of the session were left out since its last one.
    pub suppressed: u32,
}

impl From<core::Event> for Event {
    fn from(event: core::Event) -> Self {
        Self {
            kind: event.kind.name().into(),
            reason: event.reason.map(|reason| reason.name().into()),
            session: event.session.number(),
            at: event.at.as_nanos(),
            suppressed: event.suppressed,
        }
    }
}

/// A wait in nanoseconds.
pub(crate) fn nanos(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)
}
