//! One open connection's state machine.
//!
//! A session is two parts: one cache line that the message path reads and writes, and the rest.

mod authenticate;
mod charge;
mod lifecycle;
#[cfg(test)]
mod properties;
mod receive;
mod state;
#[cfg(test)]
mod tests;
mod timeout;

use std::time::Duration;

pub(crate) use state::Opening;
use state::{Cold, Hot, State};

use crate::event::{Event, SessionId};
use crate::handshake::Peer;
use crate::http::Response;
use crate::identity::Identity;
use crate::message::TypeIndex;
use crate::time::Timestamp;
use crate::verdict::Close;

/// A frame or message as the host's WebSocket library gives it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Message<'a> {
    /// A whole text message.
    Text(&'a [u8]),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping frame's payload.
    Ping(&'a [u8]),
    /// A pong frame's payload.
    Pong(&'a [u8]),
    /// A close frame's status code; none when it has no body.
    Close(Option<u16>),
}

impl<'a> Message<'a> {
    /// The frame with this opcode (RFC 6455 section 5.2) and payload; a text or binary message must
    /// be whole. None for opcodes that have no meaning here, and for a close frame with half a code:
    /// close for [`Reason::ProtocolError`](crate::Reason::ProtocolError) then.
    pub fn from_opcode(opcode: u8, payload: &'a [u8]) -> Option<Self> {
        match opcode {
            1 => Some(Self::Text(payload)),
            2 => Some(Self::Binary(payload)),
            8 => match payload {
                [] => Some(Self::Close(None)),
                [high, low, ..] => Some(Self::Close(Some(u16::from_be_bytes([*high, *low])))),
                [_] => None,
            },
            9 => Some(Self::Ping(payload)),
            10 => Some(Self::Pong(payload)),
            _ => None,
        }
    }
}

/// One open connection.
///
/// The methods come in four families: what came from outside ([`receive`](Self::receive),
/// [`authenticate`](Self::authenticate), [`provide`](Self::provide),
/// [`revalidated`](Self::revalidated)), what time brings ([`next_timeout`](Self::next_timeout),
/// [`handle_timeout`](Self::handle_timeout)), what the application does
/// ([`queued`](Self::queued), [`drained`](Self::drained), [`join`](Self::join),
/// [`leave`](Self::leave), [`close`](Self::close)), and what can be read. Time must not go back;
/// where it does, nothing is refilled and nothing is locked.
///
/// Dropping it gives every slot it holds back, exactly once, whatever the exit path was.
#[derive(Debug)]
pub struct Session {
    hot: Hot,
    cold: Cold,
}

impl Session {
    /// The name of a type that was delivered; none if the policy has no names for its messages.
    pub fn type_name(&self, index: TypeIndex) -> Option<&str> {
        self.hot.rules.messages.type_name(index)
    }

    /// The session's number.
    pub fn id(&self) -> SessionId {
        self.cold.seats.session
    }

    /// Who it belongs to; none while a first message's credential is awaited.
    pub fn identity(&self) -> Option<&Identity> {
        self.cold.identity.as_deref()
    }

    /// Where it comes from.
    pub fn peer(&self) -> &Peer {
        &self.cold.peer
    }

    /// The 101 answer to send.
    pub fn response(&self) -> &Response {
        &self.cold.peer.response
    }

    /// The subprotocol that was agreed on (RFC 6455 section 4.2.2); never a token.
    pub fn subprotocol(&self) -> Option<&str> {
        self.response().header("sec-websocket-protocol")
    }

    /// The event of its opening, for the audit.
    pub fn opened(&self) -> Event {
        self.cold.opened_event()
    }

    /// How long the last refused message has to wait.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        self.cold.retry_after(now)
    }

    /// How long the peer took to answer the last ping.
    pub fn latency(&self) -> Option<Duration> {
        (self.cold.latency > 0).then(|| Duration::from_nanos(self.cold.latency))
    }

    /// Why it is closing or closed; none while it is neither.
    pub fn closed(&self) -> Option<Close> {
        match self.cold.state {
            State::Closing(close) | State::Closed(close) => Some(close),
            State::Pending { .. } | State::Open(_) | State::Expired { .. } => None,
        }
    }

    /// Whether it still takes messages.
    pub fn is_open(&self) -> bool {
        self.cold.is_open()
    }

    /// Whether it waits for a first message's credential.
    pub fn is_pending(&self) -> bool {
        self.cold.is_pending()
    }
}
