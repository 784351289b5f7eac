//! For tests alone, never in what ships: panics on demand, and the conformance protocol's answers.

use std::cell::Cell;
use std::time::Instant;

use wswarden_core::Timestamp;

use crate::border::entry_or;
use crate::registry::{kept, wsw_registry};
use crate::text::{bytes, wsw_str};

thread_local! {
    static CHECKPOINTS: Cell<u32> = const { Cell::new(0) };
}

/// The next call on this thread panics at its first checkpoint, the entry, for 1; at its second, within the object's
/// lock, for 2. 0 calls it off.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_testing_panic_at(checkpoint: u32) {
    CHECKPOINTS.set(checkpoint);
}

pub(crate) fn panic_if_asked() {
    let left = CHECKPOINTS.get();
    if left > 0 {
        CHECKPOINTS.set(left - 1);
        if left == 1 {
            // Without the hook, which would print it.
            std::panic::resume_unwind(Box::new("a test asked for it"));
        }
    }
}

/// How many nanoseconds the core alone takes to judge a message `times` times, 100 us apart: what the border adds
/// is the difference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_testing_core_nanos(
    registry: *mut wsw_registry,
    handle: u64,
    ptr: *const u8,
    len: usize,
    now_mono: u64,
    times: u32,
) -> u64 {
    let measure = || {
        // SAFETY: a test hands in what is live and readable.
        let message = unsafe { bytes(ptr, len, "the message") }?;
        // SAFETY: as above.
        unsafe {
            kept(registry, |desk| {
                let began = Instant::now();
                for time in 1..=u64::from(times) {
                    let now = Timestamp::from_nanos(now_mono + 100_000 * time);
                    std::hint::black_box(desk.registry.receive_number(handle, 1, message, &mut desk.scratch, now));
                }
                Ok(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX))
            })
        }
    };
    entry_or(|_| u64::MAX, measure)
}

/// Answers one line of the conformance protocol; the answer is to be freed by `wsw_testing_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_testing_answer(line: wsw_str) -> wsw_str {
    let answer = || {
        // SAFETY: a test hands in what is readable.
        let answer = wswarden_core::conform::answer_line(unsafe { line.bytes("line") }?).to_string();
        let bytes = Box::leak(answer.into_bytes().into_boxed_slice());
        Ok(wsw_str::of(&*bytes))
    };
    entry_or(|_| wsw_str::EMPTY, answer)
}

/// Frees an answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_testing_free(answer: wsw_str) {
    if !answer.ptr.is_null() {
        let bytes = std::ptr::slice_from_raw_parts_mut(answer.ptr.cast_mut().cast::<u8>(), answer.len);
        // SAFETY: it came from `wsw_testing_answer`, and is freed once.
        drop(unsafe { Box::from_raw(bytes) });
    }
}
