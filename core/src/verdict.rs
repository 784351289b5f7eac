//! What the host must do now. Every value here is `Copy` and holds no text of the peer's.

use std::time::Duration;

use crate::event::Event;
use crate::message::TypeIndex;
use crate::reason::{Dialect, Reason, Retry};
use crate::time::nanos;

/// The answer to one frame or message: what to do, and what to tell the audit sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the return value is the whole effect"]
pub struct Outcome {
    /// What the host must do.
    pub verdict: Verdict,
    /// What happened, if it is worth a record.
    pub event: Option<Event>,
}

/// What the host must do with a frame or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Hand the message to the application; it is of this type.
    Deliver(TypeIndex),
    /// Send this text and drop the message.
    Reply(Reply),
    /// Drop the message, or take no notice of the frame.
    Drop(Reason),
    /// Send this close frame and hand over no more messages. It is said once; what still comes is
    /// dropped. [`Action::Terminate`] follows: when the peer has closed, too, or has not in time.
    Close(Close),
    /// The message carries a credential: call [`Session::authenticate`](crate::Session::authenticate) with it.
    Authenticate,
    /// Answer the ping with its own payload (RFC 6455 section 5.5.3).
    Pong,
    /// A pong, a renewed credential, or the peer's answer to our close frame: nothing to do.
    Ignore,
}

/// A close frame to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The status code (RFC 6455 section 7.4); 0 stands for a close frame without one.
    pub code: u16,
    /// Why.
    pub reason: Reason,
}

impl Close {
    pub(crate) const fn new(reason: Reason, dialect: Dialect) -> Self {
        Self { code: reason.close_code(dialect), reason }
    }

    /// The text to send with the code: the reason's name, at most 123 bytes (RFC 6455 section 5.5).
    pub const fn text(self) -> &'static str {
        self.reason.name()
    }

    /// The longest payload of a control frame, in bytes (RFC 6455 section 5.5).
    pub const MAX: usize = 125;

    /// Renders the close frame's payload: the code, in network order, and the text; nothing for code 0.
    pub fn write(self, buffer: &mut [u8; Self::MAX]) -> &[u8] {
        let bytes = self.code.to_be_bytes().into_iter().chain(self.text().bytes()).take(if self.code == 0 {
            0
        } else {
            Self::MAX
        });
        let mut length = 0_usize;
        for (place, byte) in buffer.iter_mut().zip(bytes) {
            *place = byte;
            length = length.saturating_add(1);
        }
        buffer.get(..length).unwrap_or_default()
    }
}

/// An error reply to send as a text message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Why the message was not delivered.
    pub reason: Reason,
    /// When another try can succeed.
    pub retry_after: Option<Duration>,
    dialect: Dialect,
}

impl Reply {
    /// Room for every reply.
    pub const MAX: usize = 256;

    pub(crate) const fn new(reason: Reason, retry_after: Option<Duration>, dialect: Dialect) -> Self {
        Self { reason, retry_after, dialect }
    }

    /// Renders the reply as JSON into `buffer` and returns the part that was written.
    ///
    /// In the dialect `guide` these are the guide's own two replies. In the others
    /// `{"type":"error","code":"rate_limited","close_code":4429,"retryable":true,"retry_after_ms":1500}`,
    /// where `retry_after_ms` is rounded up and left out when unknown.
    pub fn write(self, buffer: &mut [u8; Self::MAX]) -> &[u8] {
        use std::io::Write as _;
        let mut room = &mut buffer[..];
        let before = room.len();
        // A slice's writer fails only when it is full, which the test of every reason excludes.
        let _full = match (self.dialect, self.reason) {
            (Dialect::Guide, Reason::RateLimited) => write!(room, r#"{{"error":"Rate limit exceeded"}}"#),
            (Dialect::Guide, _) => write!(room, r#"{{"error":"Invalid message format"}}"#),
            (Dialect::Rfc | Dialect::App, reason) => {
                let code = reason.close_code(self.dialect);
                let retryable = reason.retry() != Retry::Never;
                write!(room, r#"{{"type":"error","code":"{reason}","close_code":{code},"retryable":{retryable}"#)
                    .and_then(|()| match self.retry_after {
                        Some(after) => write!(room, r#","retry_after_ms":{}"#, nanos(after).div_ceil(1_000_000)),
                        None => Ok(()),
                    })
                    .and_then(|()| write!(room, "}}"))
            }
        };
        let written = before.saturating_sub(room.len());
        buffer.get(..written).unwrap_or_default()
    }
}

/// What is due on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the return value is the whole effect"]
pub struct Due {
    /// What the host must do.
    pub action: Action,
    /// What happened, if it is worth a record.
    pub event: Option<Event>,
}

/// What the host must do of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Send a ping frame with this payload.
    Ping([u8; 8]),
    /// Send this close frame, then go on as after [`Verdict::Close`].
    Close(Close),
    /// Ask the identity's source again and hand the answer to
    /// [`Session::revalidated`](crate::Session::revalidated).
    Revalidate,
    /// Tell the client to renew its credential, if the host has a way: it has expired, and only a
    /// refresh message is taken until the grace is over.
    Expired,
    /// Cut the connection and drop the session: the close handshake is over, or was not finished in
    /// time.
    Terminate,
}

impl Action {
    /// The pinned number. 0 is no action.
    pub const fn number(self) -> u8 {
        match self {
            Self::Ping(_) => 1,
            Self::Close(_) => 2,
            Self::Revalidate => 3,
            Self::Expired => 4,
            Self::Terminate => 5,
        }
    }
}

/// How full the queue of bytes to send is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a queue over its hard mark closes the connection"]
pub enum Pressure {
    /// Under the soft mark.
    Free,
    /// Over the soft mark: hold back what can wait.
    Full,
    /// Over the hard mark: the peer does not read. With the event, the first time.
    Close(Close, Option<Event>),
}

impl Pressure {
    /// The pinned number: 1 free, 2 full, 3 close. 0 is no pressure's.
    pub const fn number(self) -> u8 {
        match self {
            Self::Free => 1,
            Self::Full => 2,
            Self::Close(..) => 3,
        }
    }
}

impl Verdict {
    const INVALID: u32 = 0;

    /// The verdict as a number: bits 0 to 7 the outcome, bits 8 to 15 the reason, bits 16 to 29 the
    /// type of the message. An outcome of 0 is never made and means close: zeroed memory does not
    /// read as a message to deliver.
    pub fn number(self) -> u32 {
        let (outcome, reason, kind) = match self {
            Self::Deliver(kind) => (1, None, kind.number()),
            Self::Reply(reply) => (2, Some(reply.reason), 0),
            Self::Drop(reason) => (3, Some(reason), 0),
            Self::Close(close) => (4, Some(close.reason), 0),
            Self::Authenticate => (5, None, 0),
            Self::Pong => (6, None, 0),
            Self::Ignore => (7, None, 0),
        };
        let reason = u32::from(reason.map_or(0, Reason::number));
        outcome | (reason << 8) | (u32::from(kind) << 16)
    }
}

impl Outcome {
    pub(crate) const fn quiet(verdict: Verdict) -> Self {
        Self { verdict, event: None }
    }

    /// [`Verdict::number`], with bit 30 set when there is an event.
    pub fn number(self) -> u32 {
        let number = self.verdict.number();
        debug_assert_ne!(number & 0xff, Verdict::INVALID);
        number | (u32::from(self.event.is_some()) << 30)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_fits_and_is_json() {
        for &reason in Reason::ALL {
            for dialect in [Dialect::Rfc, Dialect::App, Dialect::Guide] {
                for retry_after in [None, Some(Duration::from_nanos(1)), Some(Duration::MAX)] {
                    let mut buffer = [0; Reply::MAX];
                    let text = Reply::new(reason, retry_after, dialect).write(&mut buffer);
                    serde_json::from_slice::<serde_json::Value>(text).expect("a whole JSON text");
                }
            }
        }
    }

    #[test]
    fn the_guide_gets_its_own_words() {
        let mut buffer = [0; Reply::MAX];
        let reply = Reply::new(Reason::RateLimited, Some(Duration::from_secs(1)), Dialect::Guide);
        assert_eq!(reply.write(&mut buffer), br#"{"error":"Rate limit exceeded"}"#);
        let reply = Reply::new(Reason::SchemaViolation, None, Dialect::Guide);
        assert_eq!(reply.write(&mut buffer), br#"{"error":"Invalid message format"}"#);
    }

    #[test]
    fn a_wait_is_rounded_up() {
        let mut buffer = [0; Reply::MAX];
        let reply = Reply::new(Reason::RateLimited, Some(Duration::from_nanos(1_000_001)), Dialect::App);
        let text = r#"{"type":"error","code":"rate_limited","close_code":4429,"retryable":true,"retry_after_ms":2}"#;
        assert_eq!(reply.write(&mut buffer), text.as_bytes());
    }

    #[test]
    fn numbers_are_pinned() {
        assert_eq!(Verdict::Deliver(TypeIndex::AUTH).number(), 0x3fff_0001);
        assert_eq!(Verdict::Drop(Reason::RateLimited).number(), 0x0000_1303);
        assert_eq!(Verdict::Close(Close::new(Reason::MessageTooBig, Dialect::App)).number(), 0x0000_2004);
        assert_eq!(Verdict::Authenticate.number(), 5);
        assert_eq!(Verdict::Pong.number(), 6);
    }

    #[test]
    fn a_close_frame_has_code_and_text_or_nothing() {
        let mut buffer = [0; Close::MAX];
        let close = Close::new(Reason::MessageTooBig, Dialect::App);
        assert_eq!(close.write(&mut buffer), b"\x03\xf1message_too_big");
        assert_eq!(Close { code: 0, ..close }.write(&mut buffer), b"");
    }

    #[test]
    fn names_and_numbers_lead_back() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_name(reason.name()), Some(reason));
        }
        for &dialect in Dialect::ALL {
            assert_eq!(Dialect::from_name(dialect.name()), Some(dialect));
            assert_eq!(serde_json::to_value(dialect).expect("a name"), dialect.name());
        }
        assert_eq!((Reason::from_name(""), Dialect::from_name("App")), (None, None));
        assert_eq!(TypeIndex::from_number(TypeIndex::AUTH.number()), Some(TypeIndex::AUTH));
        assert_eq!(TypeIndex::from_number(0x4000), None);
    }

    #[test]
    fn close_codes_are_allowed_on_the_wire() {
        for &reason in Reason::ALL {
            for dialect in [Dialect::Rfc, Dialect::App, Dialect::Guide] {
                let code = reason.close_code(dialect);
                let registered = matches!(code, 1000..=1003 | 1007..=1014 | 4000..=4999);
                assert!(registered, "{reason}: {code} may not be sent (RFC 6455 section 7.4)");
                assert!(reason.name().len() <= 123);
            }
            assert_eq!(Reason::from_number(reason.number()), Some(reason));
            assert_ne!(reason.number(), 0);
        }
    }
}
