//! Credentials on a live connection, and its close by the host.

use wswarden_core::{Reason, Timestamp};

use crate::border::{Out, entry};
use crate::clock::wsw_time;
use crate::identity::{answer as answer_of, wsw_identity};
use crate::registry::{at, wsw_registry};
use crate::status::{Fault, wsw_status};
use crate::text::bytes;

/// Judges the credential in a message that was answered with `WSW_AUTHENTICATE`; the bytes are that message.
///
/// `WSW_STATUS_OK`: `*verdict` is written, as `wsw_registry_receive` returns it. `WSW_STATUS_WAIT`: something only the
/// host can find out is needed first; see `wsw_registry_need` and `wsw_registry_provide_session`. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_authenticate(
    registry: *mut wsw_registry,
    handle: u64,
    ptr: *const u8,
    len: usize,
    now: wsw_time,
    verdict: *mut u32,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `len` bytes are readable, `verdict` may be written, `registry` is live.
        let (message, out) = unsafe { (bytes(ptr, len, "the message")?, Out::new(verdict, "verdict")?) };
        // SAFETY: as above.
        unsafe { at(registry, |desk| desk.judge(handle, out, |session| session.authenticate(message, now.into()))) }
    })
}

/// Hands a live session the host's answer to the need that `wsw_registry_authenticate` had. Otherwise as that function.
/// One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_provide_session(
    registry: *mut wsw_registry,
    handle: u64,
    answer: i32,
    identity: *const wsw_identity,
    now: wsw_time,
    verdict: *mut u32,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `identity` is readable, `verdict` may be written, `registry` is live.
        let (answer, out) = unsafe { (answer_of(answer, identity)?, Out::new(verdict, "verdict")?) };
        // SAFETY: as above.
        unsafe { at(registry, |desk| desk.judge(handle, out, |session| session.provide(answer, now.into()))) }
    })
}

/// Hands a session the host's answer to `WSW_ACTION_REVALIDATE`. `WSW_STATUS_OK`: `*verdict` is written. One thread at a
/// time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_revalidated(
    registry: *mut wsw_registry,
    handle: u64,
    answer: i32,
    identity: *const wsw_identity,
    now: wsw_time,
    verdict: *mut u32,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `identity` is readable, `verdict` may be written, `registry` is live.
        let (answer, out) = unsafe { (answer_of(answer, identity)?, Out::new(verdict, "verdict")?) };
        // SAFETY: as above.
        unsafe { at(registry, |desk| desk.tell(handle, out, |session| session.revalidated(answer, now.into()))) }
    })
}

/// Closes a session for `reason`, a `wsw_reason`; the outcome holds the close frame to send. `WSW_STATUS_OK`: `*verdict`
/// is written. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_close(
    registry: *mut wsw_registry,
    handle: u64,
    reason: u8,
    now_mono: u64,
    verdict: *mut u32,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `verdict` may be written, `registry` is live.
        let out = unsafe { Out::new(verdict, "verdict") }?;
        let reason = Reason::from_number(reason).ok_or_else(|| Fault::bad("reason is no wsw_reason"))?;
        let now = Timestamp::from_nanos(now_mono);
        // SAFETY: as above.
        unsafe { at(registry, |desk| desk.tell(handle, out, |session| session.close(reason, now))) }
    })
}

/// Takes back a message that was delivered, as a validator of the application's own has found fault with it: it is
/// answered, counted and recorded like one that the schema refuses. `WSW_STATUS_OK`: `*verdict` is written. One thread
/// at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_refuse_delivered(
    registry: *mut wsw_registry,
    handle: u64,
    now_mono: u64,
    verdict: *mut u32,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `verdict` may be written, `registry` is live.
        let out = unsafe { Out::new(verdict, "verdict") }?;
        let now = Timestamp::from_nanos(now_mono);
        // SAFETY: as above.
        unsafe { at(registry, |desk| desk.tell(handle, out, |session| session.refuse_delivered(now))) }
    })
}
