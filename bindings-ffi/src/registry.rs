//! The connections of one event loop: admission, messages, and what a verdict says in full.

use std::collections::BTreeMap;

use wswarden_core::message::Scratch;
use wswarden_core::{Admitted, Event, Handle, Judgement, Need, Outcome, Registry, Reply, Session, Timestamp};

use crate::border::{Out, SizedOut, borrowed, entry, entry_or, freed, given};
use crate::clock::wsw_time;
use crate::guard::{wsw_candidate, wsw_guard};
use crate::handle::Exclusive;
use crate::identity::{Scopes, answer as answer_of, wsw_identity};
use crate::outcome::{Room, shown, wsw_event, wsw_outcome};
use crate::response::wsw_response;
use crate::status::{Fault, wsw_status};
use crate::text::{bytes, wsw_str};

/// The candidates and sessions of one event loop, each by a handle: a number that is never 0 and never used again. One
/// thread at a time; a second one is answered with `WSW_STATUS_BUSY`, not with a race.
pub struct wsw_registry(Exclusive<Desk>);

/// A registry, and what its last call has to tell besides.
pub(crate) struct Desk {
    pub(crate) registry: Registry,
    pub(crate) scratch: Box<Scratch>,
    pub(crate) last: Last,
    /// What the credentials of live sessions need, by handle: a session has no more than one question at a time, and keeps
    /// no token itself.
    pub(crate) needs: BTreeMap<u64, Need>,
    pub(crate) room: Room,
    /// Texts that are made for C to read.
    pub(crate) text: String,
    pub(crate) more_text: String,
    pub(crate) scopes: Scopes,
}

/// What the last call has to tell.
pub(crate) enum Last {
    /// What the registry keeps: it was a message's verdict.
    Receive,
    Outcome(Outcome),
    Event(Option<Event>),
}

/// Makes a registry for connections of `guard`, which may be freed then. `*registry` is to be freed by
/// `wsw_registry_free`. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_new(
    guard: *const wsw_guard,
    now_mono: u64,
    registry: *mut *mut wsw_registry,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, `registry` may be written.
        let (guard, out) = unsafe { (borrowed(guard, "guard")?, Out::new(registry, "registry")?) };
        let desk = guard.with(|guard| {
            Ok(Desk {
                registry: Registry::new(guard.clone(), Timestamp::from_nanos(now_mono)),
                scratch: guard.scratch(),
                last: Last::Event(None),
                needs: BTreeMap::new(),
                room: [0; Reply::MAX],
                text: String::new(),
                more_text: String::new(),
                scopes: Scopes::default(),
            })
        })?;
        out.set(given(wsw_registry(Exclusive::new(desk))));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Frees a registry and gives back every slot that its connections hold. NULL is nothing to free. Thread-safe, once no
/// other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_free(registry: *mut wsw_registry) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(registry) }
}

/// How many connections it holds; 0 after an error. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_count(registry: *mut wsw_registry) -> usize {
    // SAFETY: the contract: `registry` is live.
    entry_or(|_| 0, || unsafe { at(registry, |desk| Ok(desk.registry.len())) })
}

/// Judges the candidate's credential as far as that needs nobody else, and takes the connection in. The candidate is
/// used up, whatever comes of it.
///
/// `WSW_STATUS_OK`: `*handle` is a session's; send `*response`, the 101. `WSW_STATUS_WAIT`: `*handle` is a candidate's;
/// `wsw_registry_need` says what is needed, `wsw_registry_provide` takes the answer. `WSW_STATUS_REFUSED`: send
/// `*response` and cut the connection. The response is to be freed. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_admit(
    registry: *mut wsw_registry,
    candidate: *mut wsw_candidate,
    now: wsw_time,
    handle: *mut u64,
    response: *mut *mut wsw_response,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: it came from `wsw_guard_screen` and is used up here.
        let candidate = unsafe { wsw_candidate::take(candidate) }?;
        // SAFETY: the contract: the others may be written.
        let (handle, response) = unsafe { (Out::new(handle, "handle")?, Out::new(response, "response")?) };
        let admit = |desk: &mut Desk| {
            let admitted = desk.registry.admit(candidate, now.into());
            desk.admitted(admitted, Some(handle), response)
        };
        // SAFETY: the contract: `registry` is live.
        unsafe { at(registry, admit) }
    })
}

/// Hands a candidate the host's answer, a `wsw_answer`; `identity` is read only where the answer is one. Statuses are
/// those of `wsw_registry_admit`; after `WSW_STATUS_REFUSED` the handle is gone. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_provide(
    registry: *mut wsw_registry,
    handle: u64,
    answer: i32,
    identity: *const wsw_identity,
    now: wsw_time,
    response: *mut *mut wsw_response,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `identity` is readable, `response` may be written.
        let (answer, response) = unsafe { (answer_of(answer, identity)?, Out::new(response, "response")?) };
        let provide = |desk: &mut Desk| {
            let admitted = desk.registry.provide(number(handle)?, answer, now.into()).map_err(|_| Fault::stale())?;
            desk.admitted(admitted, None, response)
        };
        // SAFETY: the contract: `registry` is live.
        unsafe { at(registry, provide) }
    })
}

/// The message path: judges one frame or whole message, whose opcode is `kind` (RFC 6455 section 5.2): 1 text, 2 binary,
/// 8 close, 9 ping, 10 pong.
///
/// Returns the verdict's number: see `WSW_VERDICT` and `wsw_verdict`. 0 is an error and means: close the connection; a
/// stale handle gives it. What a number cannot hold is in `wsw_registry_outcome` and, where `WSW_VERDICT_HAS_EVENT`, in
/// `wsw_registry_event`, until the next call with this registry. Nothing is copied or allocated for a message that is
/// delivered. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_receive(
    registry: *mut wsw_registry,
    handle: u64,
    kind: i32,
    ptr: *const u8,
    len: usize,
    now_mono: u64,
) -> u32 {
    let receive = || {
        // SAFETY: the contract: `len` bytes are readable, `registry` is live.
        let payload = unsafe { bytes(ptr, len, "the message") }?;
        // An opcode that does not fit is as unknown as 0, which the core closes for.
        let opcode = u8::try_from(kind).unwrap_or(0);
        // SAFETY: as above.
        let desk = unsafe { borrowed(registry, "registry") }?;
        desk.with(|desk| {
            let now = Timestamp::from_nanos(now_mono);
            let number = desk.registry.receive_number(handle, opcode, payload, &mut desk.scratch, now);
            desk.last = Last::Receive;
            if number == 0 { Err(Fault::stale()) } else { Ok(number) }
        })
    };
    entry_or(|_| wsw_verdict_invalid(), receive)
}

/// The last verdict that this registry gave, in full: what to send, and why. Texts are valid until the next call with
/// this registry.
///
/// `WSW_STATUS_NONE`: the last message was delivered and there is nothing to send, or there was no verdict. One thread
/// at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_outcome(registry: *mut wsw_registry, outcome: *mut wsw_outcome) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `outcome` may be written, `registry` is live.
        let out = unsafe { SizedOut::new(outcome, "outcome") }?;
        let read = |desk: &mut Desk| {
            let Some(last) = desk.outcome() else { return Ok(wsw_status::WSW_STATUS_NONE) };
            out.set(&shown(last, &mut desk.room));
            Ok(wsw_status::WSW_STATUS_OK)
        };
        // SAFETY: as above.
        unsafe { kept(registry, read) }
    })
}

/// The event of the last call with this registry, for the audit.
///
/// `WSW_STATUS_NONE`: there is nothing to record. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_event(registry: *mut wsw_registry, event: *mut wsw_event) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `event` may be written, `registry` is live.
        let out = unsafe { SizedOut::new(event, "event") }?;
        let read = |desk: &mut Desk| {
            let recorded = match desk.last {
                Last::Event(event) => event,
                _ => desk.outcome().and_then(|outcome| outcome.event),
            };
            let Some(event) = recorded else { return Ok(wsw_status::WSW_STATUS_NONE) };
            out.set(&event.into());
            Ok(wsw_status::WSW_STATUS_OK)
        };
        // SAFETY: as above.
        unsafe { kept(registry, read) }
    })
}

impl wsw_registry {
    /// Works with it, in the process that made it; not after a panic.
    #[inline(always)]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Desk) -> Result<R, Fault>) -> Result<R, Fault> {
        self.0.with(work)
    }
}

impl Desk {
    /// The session with this handle, to act on.
    pub(crate) fn session(&mut self, handle: u64) -> Result<wswarden_core::Entry<'_>, Fault> {
        self.registry.entry(number(handle)?).map_err(|_| Fault::stale())
    }

    /// Keeps an outcome for `wsw_registry_outcome`; its number.
    pub(crate) fn said(&mut self, outcome: Outcome) -> u32 {
        self.last = Last::Outcome(outcome);
        outcome.number()
    }

    fn admitted(
        &mut self,
        admitted: Admitted,
        handle: Option<Out<u64>>,
        response: Out<*mut wsw_response>,
    ) -> Result<wsw_status, Fault> {
        let (admitted, status) = match admitted {
            Admitted::Open(admitted) => {
                let session = self.registry.session(admitted).map_err(|_| Fault::stale())?;
                self.last = Last::Event(Some(session.opened()));
                response.set(wsw_response::opening(session.response()));
                (admitted, wsw_status::WSW_STATUS_OK)
            }
            Admitted::Wait(admitted) => (admitted, wsw_status::WSW_STATUS_WAIT),
            Admitted::Refused(refusal) => {
                response.set(wsw_response::refusing(refusal));
                return Ok(wsw_status::WSW_STATUS_REFUSED);
            }
        };
        if let Some(handle) = handle {
            handle.set(admitted.number());
        }
        Ok(status)
    }

    /// Has a session decide, and C told what.
    pub(crate) fn tell(
        &mut self,
        handle: u64,
        out: Out<u32>,
        decide: impl FnOnce(&mut Session) -> Outcome,
    ) -> Result<wsw_status, Fault> {
        let outcome = decide(&mut *self.session(handle)?);
        out.set(self.said(outcome));
        Ok(wsw_status::WSW_STATUS_OK)
    }

    /// Has a session judge a credential, and C told what came of it, or that it waits.
    pub(crate) fn judge(
        &mut self,
        handle: u64,
        out: Out<u32>,
        judge: impl FnOnce(&mut Session) -> Judgement,
    ) -> Result<wsw_status, Fault> {
        let judged = judge(&mut *self.session(handle)?);
        self.needs.remove(&handle);
        match judged {
            Judgement::Done(outcome) => {
                out.set(self.said(outcome));
                Ok(wsw_status::WSW_STATUS_OK)
            }
            Judgement::Wait(need) => {
                self.needs.insert(handle, need);
                Ok(wsw_status::WSW_STATUS_WAIT)
            }
        }
    }

    fn outcome(&self) -> Option<Outcome> {
        match self.last {
            Last::Receive => self.registry.last(),
            Last::Outcome(outcome) => Some(outcome),
            Last::Event(_) => None,
        }
    }
}

/// Works on a registry; what its last call had to tell is forgotten.
///
/// # Safety
/// Unless it is NULL, `registry` is live.
pub(crate) unsafe fn at<R>(
    registry: *mut wsw_registry,
    work: impl FnOnce(&mut Desk) -> Result<R, Fault>,
) -> Result<R, Fault> {
    let fresh = |desk: &mut Desk| {
        desk.last = Last::Event(None);
        work(desk)
    };
    // SAFETY: by this function's contract.
    unsafe { kept(registry, fresh) }
}

/// Works on a registry, and leaves what its last call had to tell.
///
/// # Safety
/// Unless it is NULL, `registry` is live.
pub(crate) unsafe fn kept<R>(
    registry: *mut wsw_registry,
    work: impl FnOnce(&mut Desk) -> Result<R, Fault>,
) -> Result<R, Fault> {
    // SAFETY: by this function's contract.
    unsafe { borrowed(registry, "registry") }?.with(work)
}

/// The handle with this number.
pub(crate) fn number(handle: u64) -> Result<Handle, Fault> {
    Handle::from_number(handle).ok_or_else(Fault::stale)
}

const fn wsw_verdict_invalid() -> u32 {
    crate::outcome::wsw_verdict::WSW_INVALID as u32
}

/// Both kinds of handle may move between threads, as C may do with them what it likes.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Desk>();
    let _ = wsw_str::EMPTY;
};
