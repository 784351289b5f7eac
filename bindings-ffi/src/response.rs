//! What answers an upgrade request.

use wswarden_core::http::{Refusal, Response};

use crate::border::{Out, borrowed, entry, entry_or, freed, given};
use crate::handle::Shared;
use crate::status::{Fault, wsw_status};
use crate::text::wsw_str;

/// The answer to an upgrade request: the 101, or a refusal with its status, headers and problem document (RFC 9457).
pub struct wsw_response(Shared<Answer>);

struct Answer {
    response: Response,
    refusal: Option<Refusal>,
    bytes: Vec<u8>,
}

impl wsw_response {
    pub(crate) fn opening(response: &Response) -> *mut Self {
        Self::make(response.clone(), None)
    }

    pub(crate) fn refusing(refusal: Refusal) -> *mut Self {
        Self::make(refusal.response(), Some(refusal))
    }

    fn make(response: Response, refusal: Option<Refusal>) -> *mut Self {
        let bytes = response.to_bytes();
        given(Self(Shared::new(Answer { response, refusal, bytes })))
    }
}

/// Frees a response. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_response_free(response: *mut wsw_response) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(response) }
}

/// The HTTP status; 500 after an error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_response_status(response: *const wsw_response) -> u16 {
    // SAFETY: the contract: `response` is live.
    entry_or(|_| 500, || unsafe { of(response, |answer| answer.response.status()) })
}

/// Why the request is refused, a `wsw_reason`; 0 for an answer that opens, and after an error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_response_reason(response: *const wsw_response) -> u8 {
    let reason = |answer: &Answer| answer.refusal.as_ref().map_or(0, |refusal| refusal.reason().number());
    // SAFETY: the contract: `response` is live.
    entry_or(|_| 0, || unsafe { of(response, reason) })
}

/// In how many nanoseconds the same request may succeed; `WSW_NEVER` where that is not known. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_response_retry_after(response: *const wsw_response) -> u64 {
    let wait = |answer: &Answer| crate::outcome::nanos(answer.refusal.as_ref().and_then(Refusal::retry_after));
    // SAFETY: the contract: `response` is live.
    entry_or(|_| u64::MAX, || unsafe { of(response, wait) })
}

/// What was wrong with the credential, for the audit; empty where there is nothing to tell. The peer must not be told:
/// it would help whoever guesses. Static. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_response_detail(response: *const wsw_response) -> wsw_str {
    let detail = |answer: &Answer| wsw_str::or_empty(answer.refusal.as_ref().and_then(Refusal::detail));
    // SAFETY: the contract: `response` is live.
    entry_or(|_| wsw_str::EMPTY, || unsafe { of(response, detail) })
}

/// The whole answer as HTTP/1.1 writes it. It lives as long as the response. Empty after an error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_response_bytes(response: *const wsw_response) -> wsw_str {
    // SAFETY: the contract: `response` is live.
    entry_or(|_| wsw_str::EMPTY, || unsafe { of(response, |answer| wsw_str::of(&answer.bytes)) })
}

/// The body alone, for hosts that write the head themselves. It lives as long as the response. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_response_body(response: *const wsw_response) -> wsw_str {
    // SAFETY: the contract: `response` is live.
    entry_or(|_| wsw_str::EMPTY, || unsafe { of(response, |answer| wsw_str::of(answer.response.body())) })
}

/// How many header fields it has. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_response_header_count(response: *const wsw_response) -> usize {
    // SAFETY: the contract: `response` is live.
    entry_or(|_| 0, || unsafe { of(response, |answer| answer.response.headers().count()) })
}

/// The header field at `index`, from 0; the name is in lower case.
///
/// `WSW_STATUS_OK`: both are written and live as long as the response. `WSW_STATUS_NONE`: there is none. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_response_header(
    response: *const wsw_response,
    index: usize,
    name: *mut wsw_str,
    value: *mut wsw_str,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `response` is live, the others may be written.
        let (name_out, value_out) = unsafe { (Out::new(name, "name")?, Out::new(value, "value")?) };
        let at = |answer: &Answer| {
            answer.response.headers().nth(index).map(|(name, value)| (wsw_str::of(name), wsw_str::of(value)))
        };
        // SAFETY: as above.
        let Some((name, value)) = (unsafe { of(response, at) })? else { return Ok(wsw_status::WSW_STATUS_NONE) };
        name_out.set(name);
        value_out.set(value);
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// # Safety
/// Unless it is NULL, `response` is live.
unsafe fn of<R>(response: *const wsw_response, read: impl FnOnce(&Answer) -> R) -> Result<R, Fault> {
    // SAFETY: by this function's contract.
    unsafe { borrowed(response, "response") }?.0.with(|answer| Ok(read(answer)))
}
