//! An allocator that counts, for benches that say what something weighs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, and how much of it is in use. Name it `#[global_allocator]` in a bench.
#[derive(Debug)]
pub struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// The bytes that are allocated just now.
pub fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// How often memory was asked for so far.
pub fn asked() -> usize {
    ASKED.load(Ordering::Relaxed)
}

#[expect(unsafe_code, reason = "the trait is unsafe; every call is handed to the system's allocator as it came")]
// SAFETY: see the reason above; the counters have no part in what is allocated.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        ASKED.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's own.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}
