//! Verdicts in full, and what goes to the audit.

use std::time::Duration;

use wswarden_core::{Close, Event, Outcome, Reply, Verdict};

use crate::border::Sized32;
use crate::text::wsw_str;

/// What the host must do with a frame or message: bits 0 to 7 of a verdict. See `WSW_VERDICT`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_verdict {
    /// No verdict: the call failed. Close the connection.
    WSW_INVALID = 0,
    /// Hand the message to the application. `WSW_VERDICT_TYPE` is its type.
    WSW_DELIVER = 1,
    /// Send the text that `wsw_registry_outcome` gives, and drop the message.
    WSW_REPLY = 2,
    /// Drop the message.
    WSW_DROP = 3,
    /// Send the close frame that `wsw_registry_outcome` gives, and hand over no more messages.
    WSW_CLOSE = 4,
    /// The message carries a credential: call `wsw_registry_authenticate` with it.
    WSW_AUTHENTICATE = 5,
    /// Answer the ping with its own payload.
    WSW_PONG = 6,
    /// Nothing to do.
    WSW_IGNORE = 7,
}

impl wsw_verdict {
    /// Whether a verdict's number hands the message to the application.
    pub(crate) const fn delivers(number: u32) -> bool {
        number & 0xff == Self::WSW_DELIVER as u32
    }
}

/// A verdict in full.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_outcome {
    /// `sizeof (wsw_outcome)`.
    pub size: u32,
    /// The verdict's number.
    pub verdict: u32,
    /// For `WSW_REPLY` the text message to send; for `WSW_CLOSE` the payload of the close frame, code and text.
    pub payload: wsw_str,
    /// For `WSW_CLOSE` the text in the close frame, which is the reason's name.
    pub close_text: wsw_str,
    /// For a reply, when another try can succeed, in nanoseconds from now; `WSW_NEVER` where that is not known.
    pub retry_after: u64,
    /// For `WSW_CLOSE` the status code; 0 stands for a close frame without one.
    pub close_code: u16,
    /// Why, a `wsw_reason`; 0 where nothing was refused.
    pub reason: u8,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_outcome {
    const FIRST: usize = size_of::<Self>();
}

/// Something worth a record: numbers only. Who and where is read from the session by the sink that prints it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_event {
    /// `sizeof (wsw_event)`.
    pub size: u32,
    /// A `wsw_event_kind`.
    pub kind: u32,
    /// Why, a `wsw_reason`; 0 where the kind says it all.
    pub reason: u32,
    /// How many events of the session were left out since its last one.
    pub suppressed: u32,
    /// The session's number, never used twice by one guard.
    pub session: u64,
    /// When, on the monotonic clock.
    pub at: u64,
}

// SAFETY: as above.
unsafe impl Sized32 for wsw_event {
    const FIRST: usize = size_of::<Self>();
}

impl From<Event> for wsw_event {
    fn from(event: Event) -> Self {
        Self {
            size: 0,
            kind: event.kind.number().into(),
            reason: event.reason.map_or(0, |reason| reason.number().into()),
            suppressed: event.suppressed,
            session: event.session.number(),
            at: event.at.as_nanos(),
        }
    }
}

/// Room for every text to send.
pub(crate) type Room = [u8; Reply::MAX];

/// An outcome as C reads it; what is to be sent is rendered into `room`.
pub(crate) fn shown(outcome: Outcome, room: &mut Room) -> wsw_outcome {
    let mut said = wsw_outcome {
        size: 0,
        verdict: outcome.number(),
        payload: wsw_str::EMPTY,
        close_text: wsw_str::EMPTY,
        retry_after: u64::MAX,
        close_code: 0,
        reason: 0,
    };
    match outcome.verdict {
        Verdict::Reply(reply) => {
            said.payload = wsw_str::of(reply.write(room));
            said.retry_after = nanos(reply.retry_after);
            said.reason = reply.reason.number();
        }
        Verdict::Close(close) => {
            said.payload = wsw_str::of(close_payload(close, room));
            said.close_text = wsw_str::of(close.text());
            said.close_code = close.code;
            said.reason = close.reason.number();
        }
        Verdict::Drop(reason) => said.reason = reason.number(),
        _ => {}
    }
    said
}

/// The payload of a close frame: code and text, or nothing for a frame without a code.
pub(crate) fn close_payload(close: Close, room: &mut Room) -> &[u8] {
    room.first_chunk_mut().map(|room| close.write(room)).unwrap_or_default()
}

/// A wait as C reads it: `WSW_NEVER` for none.
pub(crate) fn nanos(wait: Option<Duration>) -> u64 {
    wait.map_or(u64::MAX, |wait| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX))
}
