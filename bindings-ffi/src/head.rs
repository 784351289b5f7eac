//! Request heads as they come from a socket, for hosts that read it themselves.

use wswarden_core::Refusal;
use wswarden_core::http::{Head, HeadParser};

use crate::border::{Out, borrowed, entry, freed, given};
use crate::clock::wsw_time;
use crate::guard::{screening, wsw_candidate, wsw_guard};
use crate::handle::Exclusive;
use crate::request::{From, wsw_connection};
use crate::response::wsw_response;
use crate::status::wsw_status;
use crate::text::wsw_str;

/// A parser that finds and reads one request head in bytes that arrive bit by bit. Each byte is looked at once.
pub struct wsw_head(Exclusive<HeadParser>);

/// Makes a parser for one connection, within the limits of the guard's policy. `*head` is to be freed by
/// `wsw_head_free`. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_head_new(guard: *const wsw_guard, head: *mut *mut wsw_head) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, `head` may be written.
        let (guard, out) = unsafe { (borrowed(guard, "guard")?, Out::new(head, "head")?) };
        let parser = guard.with(|guard| Ok(HeadParser::new(&guard.policy().document().transport)))?;
        out.set(given(wsw_head(Exclusive::new(parser))));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Frees a parser. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_head_free(head: *mut wsw_head) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(head) }
}

/// Reads the head in `bytes`, all that came so far, what was given before included; once it is whole, judges it as
/// `wsw_guard_screen` does.
///
/// `WSW_STATUS_NONE`: it is not whole yet; read more. `WSW_STATUS_OK`: `*candidate` is written, and in `*consumed` how
/// many bytes the head took; what follows is the peer's first frames. `WSW_STATUS_REFUSED`: send `*response`, free it,
/// and cut the connection. One thread at a time for each parser.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_screen_head(
    guard: *const wsw_guard,
    head: *mut wsw_head,
    bytes: wsw_str,
    connection: *const wsw_connection,
    now: wsw_time,
    consumed: *mut usize,
    candidate: *mut *mut wsw_candidate,
    response: *mut *mut wsw_response,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: the handles are live, the inputs readable, the others may be written.
        let (guard, head, bytes, from) = unsafe {
            (borrowed(guard, "guard")?, borrowed(head, "head")?, bytes.bytes("bytes")?, From::read(connection)?)
        };
        // SAFETY: as above.
        let (took, candidate, response) = unsafe {
            (Out::new(consumed, "consumed")?, Out::new(candidate, "candidate")?, Out::new(response, "response")?)
        };
        head.0.with(|parser| match parser.parse(bytes) {
            Ok(Head::Incomplete) => Ok(wsw_status::WSW_STATUS_NONE),
            Ok(Head::Complete { head, consumed }) => {
                let request = head.request(from.peer, from.tls);
                let screened = guard.with(|guard| Ok(guard.screen(&request, now.into())))?;
                let status = screening(screened, candidate, response)?;
                if status == wsw_status::WSW_STATUS_OK {
                    took.set(consumed);
                }
                Ok(status)
            }
            Err(reason) => {
                response.set(wsw_response::refusing(Refusal::new(reason)));
                Ok(wsw_status::WSW_STATUS_REFUSED)
            }
        })
    })
}
