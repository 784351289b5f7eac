//! For tests alone, never in what ships: panics on demand, and the conformance protocol's answers.

use std::cell::Cell;

use crate::border::entry_or;
use crate::text::wsw_str;

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
