//! One connection of a registry: what it needs, what can be read of it, and what the application does to it.

use std::fmt::Write as _;

use wswarden_core::message::TypeIndex;
use wswarden_core::{Need, Outcome, Pressure, Reason, Timestamp, Verdict};

use crate::border::{Out, Sized32, SizedOut, entry, entry_or};
use crate::identity::{shown, wsw_identity};
use crate::registry::{Desk, Last, at, kept, number, wsw_registry};
use crate::status::{Fault, wsw_status};
use crate::text::wsw_str;

/// What only the host can find out.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_need_kind {
    /// Whose token this is.
    WSW_NEED_IDENTITY = 1,
    /// Whether the session's identity still holds, and what it may do now.
    WSW_NEED_REVALIDATE = 2,
    /// The keys that are published at `url`: answer `WSW_ANSWER_KEYS` when `wsw_guard_keys_fetched` or
    /// `wsw_guard_keys_failed` was called for it. `wsw_guard_tick` says when to fetch them.
    WSW_NEED_KEYS = 3,
    /// Whether the ticket known by `ticket_id` was used before: mark it as used, in one step, in the store that your
    /// servers share, and answer `WSW_ANSWER_UNUSED` if it was not there. Keep it until `until`.
    WSW_NEED_TICKET = 4,
}

/// What only the host can find out, and the token it is about.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_need {
    /// `sizeof (wsw_need)`.
    pub size: u32,
    /// A `wsw_need_kind`.
    pub kind: i32,
    /// The token: a secret. Never log it. All texts are valid until the next call with this registry.
    pub token: wsw_str,
    /// Where the keys are published.
    pub url: wsw_str,
    /// What the ticket is known by: 32 bytes, no secret.
    pub ticket_id: wsw_str,
    /// When the ticket runs out, in Unix nanoseconds.
    pub until: u64,
}

/// What can be read of a session. Texts are valid until the next call with its registry, and all but `subprotocol` are
/// the peer's words.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_session {
    /// `sizeof (wsw_session)`.
    pub size: u32,
    /// 1 while it takes messages.
    pub is_open: u8,
    /// 1 while it waits for a first message's credential.
    pub is_pending: u8,
    /// Why it is closing or closed, a `wsw_reason`; 0 while it is neither.
    pub closed_reason: u8,
    /// Zero.
    pub reserved: u8,
    /// Its number, never used twice by one guard.
    pub id: u64,
    /// How long the peer took to answer the last ping, in nanoseconds; 0 where it has not yet.
    pub latency: u64,
    /// The client's address, as the socket or a trusted proxy tells it; empty on a local socket.
    pub address: wsw_str,
    /// The page's origin, as it was sent; empty where none was.
    pub origin: wsw_str,
    /// The path that was asked for, without the query.
    pub path: wsw_str,
    /// The subprotocol that was agreed on; empty for none.
    pub subprotocol: wsw_str,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_need {
    const FIRST: usize = size_of::<Self>();
}

// SAFETY: as above.
unsafe impl Sized32 for wsw_session {
    const FIRST: usize = size_of::<Self>();
}

/// How full a session's queue of bytes to send is.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_pressure {
    /// Under the soft mark.
    WSW_PRESSURE_FREE = 1,
    /// Over the soft mark: hold back what can wait.
    WSW_PRESSURE_FULL = 2,
    /// Over the hard mark, the peer does not read: do what `wsw_registry_outcome` says.
    WSW_PRESSURE_CLOSE = 3,
}

/// What a candidate, or a live session whose credential is being judged, needs: until it is answered, closed or removed.
/// `WSW_STATUS_OK`: `*need` is written. `WSW_STATUS_STALE_HANDLE`: it needs nothing, or is gone. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_need(
    registry: *mut wsw_registry,
    handle: u64,
    need: *mut wsw_need,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `need` may be written, `registry` is live.
        let out = unsafe { SizedOut::new(need, "need") }?;
        let read = |desk: &mut Desk| {
            let (registry, known) = (&desk.registry, number(handle)?);
            let held = registry.waiting(known).ok().map(|waiting| waiting.need());
            // One that is closing waits for nothing any more.
            let waits = registry.session(known).is_ok_and(|session| session.closed().is_none());
            let asked = desk.needs.get(&handle).filter(|_| waits);
            let Some(needed) = held.or(asked).and_then(needed) else { return Err(Fault::stale()) };
            out.set(&needed);
            Ok(wsw_status::WSW_STATUS_OK)
        };
        // SAFETY: as above.
        unsafe { kept(registry, read) }
    })
}

/// What can be read of a session. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_session(
    registry: *mut wsw_registry,
    handle: u64,
    session: *mut wsw_session,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `session` may be written, `registry` is live.
        let out = unsafe { SizedOut::new(session, "session") }?;
        let read = |desk: &mut Desk| {
            let session = desk.registry.session(number(handle)?).map_err(|_| Fault::stale())?;
            let peer = session.peer();
            desk.text.clear();
            if let Some(address) = peer.address {
                write!(desk.text, "{address}").map_err(|_| Fault::bad("no room"))?;
            }
            out.set(&wsw_session {
                size: 0,
                is_open: session.is_open().into(),
                is_pending: session.is_pending().into(),
                closed_reason: session.closed().map_or(0, |close| close.reason.number()),
                reserved: 0,
                id: session.id().number(),
                latency: session.latency().map_or(0, |wait| crate::outcome::nanos(Some(wait))),
                address: wsw_str::of(&desk.text),
                origin: wsw_str::or_empty(peer.origin.as_deref()),
                path: wsw_str::of(&*peer.path),
                subprotocol: wsw_str::or_empty(session.subprotocol()),
            });
            Ok(wsw_status::WSW_STATUS_OK)
        };
        // SAFETY: as above.
        unsafe { kept(registry, read) }
    })
}

/// Who a session belongs to. Texts and scopes are valid until the next call with this registry. `WSW_STATUS_NONE`: a first
/// message's credential is awaited. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_identity(
    registry: *mut wsw_registry,
    handle: u64,
    identity: *mut wsw_identity,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `identity` may be written, `registry` is live.
        let out = unsafe { SizedOut::new(identity, "identity") }?;
        let read = |desk: &mut Desk| {
            let session = desk.registry.session(number(handle)?).map_err(|_| Fault::stale())?;
            let Some(identity) = session.identity() else { return Ok(wsw_status::WSW_STATUS_NONE) };
            desk.scopes.set(identity);
            out.set(&shown(identity, &desk.scopes));
            Ok(wsw_status::WSW_STATUS_OK)
        };
        // SAFETY: as above.
        unsafe { kept(registry, read) }
    })
}

/// The scope at `index`, from 0, of a session's identity; empty where there is none, and after an error. Valid until the
/// next call with this registry. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_scope(registry: *mut wsw_registry, handle: u64, index: usize) -> wsw_str {
    let read = |desk: &mut Desk| {
        let session = desk.registry.session(number(handle)?).map_err(|_| Fault::stale())?;
        let scope = session.identity().and_then(|identity| identity.scopes().get(index));
        Ok(wsw_str::or_empty(scope.map(|scope| &**scope)))
    };
    // SAFETY: the contract: `registry` is live.
    entry_or(|_| wsw_str::EMPTY, || unsafe { kept(registry, read) })
}

/// The name of the type of a message that was delivered, by its verdict; empty where the policy has no names, and after
/// an error. It lives as long as the session's policy. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_type_name(registry: *mut wsw_registry, handle: u64, verdict: u32) -> wsw_str {
    let read = |desk: &mut Desk| {
        let session = desk.registry.session(number(handle)?).map_err(|_| Fault::stale())?;
        Ok(wsw_str::or_empty(type_index(verdict).and_then(|index| session.type_name(index))))
    };
    // SAFETY: the contract: `registry` is live.
    entry_or(|_| wsw_str::EMPTY, || unsafe { kept(registry, read) })
}

/// In how many nanoseconds the session's last refused message may be tried again; `WSW_NEVER` where that is not known,
/// and after an error. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_retry_after(registry: *mut wsw_registry, handle: u64, now_mono: u64) -> u64 {
    let read = |desk: &mut Desk| {
        let session = desk.registry.session(number(handle)?).map_err(|_| Fault::stale())?;
        Ok(crate::outcome::nanos(session.retry_after(Timestamp::from_nanos(now_mono))))
    };
    // SAFETY: the contract: `registry` is live.
    entry_or(|_| u64::MAX, || unsafe { kept(registry, read) })
}

/// Says that a session's connection is gone without a close handshake: the event, if there is one, records it. Then remove
/// the session. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_lost(registry: *mut wsw_registry, handle: u64, now_mono: u64) -> wsw_status {
    let lost = |desk: &mut Desk| {
        let event = desk.session(handle)?.lost(Timestamp::from_nanos(now_mono));
        desk.last = Last::Event(event);
        Ok(wsw_status::WSW_STATUS_OK)
    };
    // SAFETY: the contract: `registry` is live.
    entry(|| unsafe { at(registry, lost) })
}

/// Takes a connection out, session or candidate: every slot that it holds is given back, and its handle is gone for ever.
/// One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_remove(registry: *mut wsw_registry, handle: u64) -> wsw_status {
    let remove = |desk: &mut Desk| {
        drop(desk.registry.remove(number(handle)?).map_err(|_| Fault::stale())?);
        desk.needs.remove(&handle);
        Ok(wsw_status::WSW_STATUS_OK)
    };
    // SAFETY: the contract: `registry` is live.
    entry(|| unsafe { at(registry, remove) })
}

/// Counts `count` bytes that wait to be sent to a session's peer. `WSW_STATUS_OK`: `*pressure` is a `wsw_pressure`. One
/// thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_queued(
    registry: *mut wsw_registry,
    handle: u64,
    count: u64,
    now_mono: u64,
    pressure: *mut i32,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `pressure` may be written, `registry` is live.
        let out = unsafe { Out::new(pressure, "pressure") }?;
        let queued = |desk: &mut Desk| {
            let pressure = desk.session(handle)?.queued(count, Timestamp::from_nanos(now_mono));
            if let Pressure::Close(close, event) = pressure {
                desk.last = Last::Outcome(Outcome { verdict: Verdict::Close(close), event });
            }
            out.set(pressure.number().into());
            Ok(wsw_status::WSW_STATUS_OK)
        };
        // SAFETY: as above.
        unsafe { at(registry, queued) }
    })
}

/// Counts `count` bytes that were sent. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_drained(registry: *mut wsw_registry, handle: u64, count: u64) -> wsw_status {
    let drained = |desk: &mut Desk| {
        desk.session(handle)?.drained(count);
        Ok(wsw_status::WSW_STATUS_OK)
    };
    // SAFETY: the contract: `registry` is live.
    entry(|| unsafe { at(registry, drained) })
}

/// Enters a session into a channel. `WSW_STATUS_OK`: it is in it now. `WSW_STATUS_NONE`: it was in it already.
/// `WSW_STATUS_REFUSED`: it is in as many as it may be, or the name is too long (`WSW_REASON_TOO_MANY_CHANNELS`); no
/// response is written. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_join(registry: *mut wsw_registry, handle: u64, channel: wsw_str) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `channel` is readable, `registry` is live.
        let channel = unsafe { channel.utf8("channel") }?;
        let join = |desk: &mut Desk| {
            Ok(match desk.session(handle)?.join(channel) {
                Ok(true) => wsw_status::WSW_STATUS_OK,
                Ok(false) => wsw_status::WSW_STATUS_NONE,
                Err(Reason::TooManyChannels) => wsw_status::WSW_STATUS_REFUSED,
                Err(reason) => return Err(Fault::bad(reason.sentence())),
            })
        };
        // SAFETY: as above.
        unsafe { at(registry, join) }
    })
}

/// Takes a session out of a channel. `WSW_STATUS_NONE`: it was not in it. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_leave(registry: *mut wsw_registry, handle: u64, channel: wsw_str) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `channel` is readable, `registry` is live.
        let channel = unsafe { channel.utf8("channel") }?;
        let leave = |desk: &mut Desk| {
            let left = desk.session(handle)?.leave(channel);
            Ok(if left { wsw_status::WSW_STATUS_OK } else { wsw_status::WSW_STATUS_NONE })
        };
        // SAFETY: as above.
        unsafe { at(registry, leave) }
    })
}

/// A need as C reads it; none for one that C has no words for.
fn needed(need: &Need) -> Option<wsw_need> {
    let (token, url, ticket_id) = (wsw_str::EMPTY, wsw_str::EMPTY, wsw_str::EMPTY);
    let of = |kind: wsw_need_kind| wsw_need { size: 0, kind: kind as i32, token, url, ticket_id, until: 0 };
    Some(match need {
        Need::Identity(token) => {
            wsw_need { token: wsw_str::of(token.expose()), ..of(wsw_need_kind::WSW_NEED_IDENTITY) }
        }
        Need::Revalidate(_) => of(wsw_need_kind::WSW_NEED_REVALIDATE),
        Need::Keys(url) => wsw_need { url: wsw_str::of(&**url), ..of(wsw_need_kind::WSW_NEED_KEYS) },
        Need::Ticket { id, until } => {
            let ticket_id = wsw_str::of(id);
            wsw_need { ticket_id, until: until.as_nanos(), ..of(wsw_need_kind::WSW_NEED_TICKET) }
        }
        _ => return None,
    })
}

/// The type in bits 16 to 29 of a verdict that delivers.
fn type_index(verdict: u32) -> Option<TypeIndex> {
    TypeIndex::from_number(u16::try_from((verdict >> 16) & 0x3fff).ok()?)
}
