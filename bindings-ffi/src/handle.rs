//! What C holds by pointer: a lock that never waits, and the mark that a panic leaves.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::border::checkpoint;
use crate::status::{Fault, wsw_status};

const FREE: u8 = 0;
const BUSY: u8 = 1;
const POISONED: u8 = 2;

/// A value for one thread at a time. Two threads at once is a mistake of the caller; the second one is told, instead of
/// both being in a race.
pub(crate) struct Exclusive<T> {
    state: AtomicU8,
    value: UnsafeCell<T>,
}

impl<T: Send> Exclusive<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { state: AtomicU8::new(FREE), value: UnsafeCell::new(value) }
    }

    /// Works on the value. After a panic it is never worked on again: nobody knows what state it is in.
    #[inline]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> Result<R, Fault>) -> Result<R, Fault> {
        match self.state.compare_exchange(FREE, BUSY, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => {}
            Err(POISONED) => return Err(poisoned()),
            Err(_) => return Err(Fault::new(wsw_status::WSW_STATUS_BUSY, "another thread is in a call with it")),
        }
        let mut lease = Lease { state: &self.state, after: POISONED };
        checkpoint();
        // SAFETY: the lease is ours alone until it is dropped.
        let result = work(unsafe { &mut *self.value.get() });
        lease.after = FREE;
        result
    }
}

/// Gives the lock back; after a panic, for ever closed.
struct Lease<'a> {
    state: &'a AtomicU8,
    after: u8,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.state.store(self.after, Ordering::Release);
    }
}

/// A value for any number of threads.
pub(crate) struct Shared<T> {
    poisoned: AtomicBool,
    value: T,
}

impl<T: Send + Sync> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { poisoned: AtomicBool::new(false), value }
    }

    /// Works with the value; not after a panic.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&T) -> Result<R, Fault>) -> Result<R, Fault> {
        if self.poisoned.load(Ordering::Acquire) {
            return Err(poisoned());
        }
        let mut mark = Mark(Some(&self.poisoned));
        checkpoint();
        let result = work(&self.value);
        mark.0 = None;
        result
    }
}

/// Marks the value when a panic drops it before it was taken away.
struct Mark<'a>(Option<&'a AtomicBool>);

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        if let Some(poisoned) = self.0 {
            poisoned.store(true, Ordering::Release);
        }
    }
}

fn poisoned() -> Fault {
    Fault::new(wsw_status::WSW_STATUS_POISONED, "an earlier call was given up: free it")
}
