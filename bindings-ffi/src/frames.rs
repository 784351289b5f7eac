//! Counting frames below a WebSocket library that does not.

use wswarden_core::FrameMeter;

use crate::border::{Out, borrowed, entry, freed, given};
use crate::handle::Exclusive;
use crate::status::wsw_status;
use crate::text::bytes;

/// Reads the frame headers of one peer's byte stream and counts how many frames make up a message: for hosts that see
/// the bytes, below a library that does not bound them.
pub struct wsw_frame_meter(Exclusive<FrameMeter>);

/// Makes a meter that lets messages of up to `limit` frames pass. `*meter` is to be freed by `wsw_frame_meter_free`.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_frame_meter_new(limit: u32, meter: *mut *mut wsw_frame_meter) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `meter` may be written.
        unsafe { Out::new(meter, "meter") }?.set(given(wsw_frame_meter(Exclusive::new(FrameMeter::new(limit)))));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Frees a meter. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_frame_meter_free(meter: *mut wsw_frame_meter) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(meter) }
}

/// Counts the frames in the next bytes of the stream. `WSW_STATUS_REFUSED`: `*reason`, a `wsw_reason`, is written; close
/// for it. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_frame_meter_feed(
    meter: *mut wsw_frame_meter,
    ptr: *const u8,
    len: usize,
    reason: *mut u8,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `meter` is live, `len` bytes are readable, `reason` may be written.
        let (meter, fed, out) =
            unsafe { (borrowed(meter, "meter")?, bytes(ptr, len, "the bytes")?, Out::new(reason, "reason")?) };
        meter.0.with(|meter| match meter.feed(fed) {
            Ok(()) => Ok(wsw_status::WSW_STATUS_OK),
            Err(reason) => {
                out.set(reason.number());
                Ok(wsw_status::WSW_STATUS_REFUSED)
            }
        })
    })
}
