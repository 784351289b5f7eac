//! What time brings.

use wswarden_core::{Action, Tick, Timestamp};

use crate::border::{Out, Sized32, SizedOut, entry};
use crate::outcome::close_payload;
use crate::registry::{Desk, Last, at, kept, wsw_registry};
use crate::response::wsw_response;
use crate::status::wsw_status;
use crate::text::wsw_str;

/// What the host must do of its own accord.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_action {
    /// Send a ping frame with this payload.
    WSW_ACTION_PING = 1,
    /// Send a close frame with this payload, then go on as after `WSW_CLOSE`.
    WSW_ACTION_CLOSE = 2,
    /// Ask the identity's source again, and hand the answer to `wsw_registry_revalidated`.
    WSW_ACTION_REVALIDATE = 3,
    /// Tell the client to renew its credential, if the host has a way: it has expired.
    WSW_ACTION_EXPIRED = 4,
    /// Cut the connection and remove the session.
    WSW_ACTION_TERMINATE = 5,
}

/// What is due on a connection.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_tick {
    /// `sizeof (wsw_tick)`.
    pub size: u32,
    /// A `wsw_action`; 0 when a candidate is refused.
    pub action: i32,
    /// Whose it is.
    pub handle: u64,
    /// The payload of the ping or close frame to send; valid until the next call with this registry.
    pub payload: wsw_str,
    /// For `WSW_ACTION_CLOSE` the text in the close frame, which is the reason's name.
    pub close_text: wsw_str,
    /// For `WSW_ACTION_CLOSE` the status code; 0 stands for a close frame without one.
    pub close_code: u16,
    /// Why, a `wsw_reason`; 0 where nothing is refused.
    pub reason: u8,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_tick {
    const FIRST: usize = size_of::<Self>();
}

/// When to call `wsw_registry_tick` next, on the monotonic clock; a time that is past means at once.
///
/// `WSW_STATUS_NONE`: nothing will be due. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_next_timeout(registry: *mut wsw_registry, at_mono: *mut u64) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `at_mono` may be written, `registry` is live.
        let out = unsafe { Out::new(at_mono, "at_mono") }?;
        let read = |desk: &mut Desk| {
            let Some(next) = desk.registry.next_timeout() else { return Ok(wsw_status::WSW_STATUS_NONE) };
            out.set(next.as_nanos());
            Ok(wsw_status::WSW_STATUS_OK)
        };
        // SAFETY: as above.
        unsafe { kept(registry, read) }
    })
}

/// The next thing that is due at `now_mono`: call until it gives `WSW_STATUS_NONE`, then again at
/// `wsw_registry_next_timeout`. One call looks at a bounded number of connections.
///
/// `WSW_STATUS_OK`: do what `*tick` says. `WSW_STATUS_REFUSED`: the candidate of `tick->handle` has run out of time;
/// send `*response`, free it, and cut the connection: its handle is gone. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_tick(
    registry: *mut wsw_registry,
    now_mono: u64,
    tick: *mut wsw_tick,
    response: *mut *mut wsw_response,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `tick` and `response` may be written, `registry` is live.
        let (out, response) = unsafe { (SizedOut::new(tick, "tick")?, Out::new(response, "response")?) };
        let next = |desk: &mut Desk| match desk.registry.tick(Timestamp::from_nanos(now_mono)) {
            None => Ok(wsw_status::WSW_STATUS_NONE),
            Some(Tick::Due(handle, due)) => {
                desk.last = Last::Event(due.event);
                out.set(&shown(handle.number(), due.action, &mut desk.room));
                Ok(wsw_status::WSW_STATUS_OK)
            }
            Some(Tick::Refused(handle, refusal)) => {
                out.set(&wsw_tick { reason: refusal.reason().number(), ..nothing(handle.number()) });
                response.set(wsw_response::refusing(refusal));
                Ok(wsw_status::WSW_STATUS_REFUSED)
            }
        };
        // SAFETY: as above.
        unsafe { at(registry, next) }
    })
}

fn shown(handle: u64, action: Action, room: &mut crate::outcome::Room) -> wsw_tick {
    let tick = wsw_tick { action: action.number().into(), ..nothing(handle) };
    match action {
        Action::Ping(payload) => {
            room[..payload.len()].copy_from_slice(&payload);
            wsw_tick { payload: wsw_str::of(&room[..payload.len()]), ..tick }
        }
        Action::Close(close) => wsw_tick {
            payload: wsw_str::of(close_payload(close, room)),
            close_text: wsw_str::of(close.text()),
            close_code: close.code,
            reason: close.reason.number(),
            ..tick
        },
        _ => tick,
    }
}

const fn nothing(handle: u64) -> wsw_tick {
    let (payload, close_text) = (wsw_str::EMPTY, wsw_str::EMPTY);
    wsw_tick { size: 0, action: 0, handle, payload, close_text, close_code: 0, reason: 0 }
}
