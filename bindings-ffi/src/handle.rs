//! What C holds by pointer: a lock that never waits, and the marks that a panic and a fork leave.

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::border::checkpoint;
use crate::fork::{self, Maker};
use crate::status::{Fault, wsw_status};

/// A state is the process that made the value, as [`fork`] numbers it, and one of these. A value that is free in another
/// process is in a state that no call expects: the comparison that takes the lock finds it out, too.
const FREE: u32 = 0;
const BUSY: u32 = 1;
const POISONED: u32 = 2;
/// What of a state is not the process.
const CONDITION: u32 = 3;

/// A value for one thread at a time. Two threads at once is a mistake of the caller; the second one is told, instead of
/// both being in a race.
pub(crate) struct Exclusive<T> {
    state: AtomicU32,
    value: UnsafeCell<ManuallyDrop<T>>,
}

impl<T: Send> Exclusive<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { state: AtomicU32::new(fork::number() | FREE), value: UnsafeCell::new(ManuallyDrop::new(value)) }
    }

    /// Works on the value. After a panic it is never worked on again: nobody knows what state it is in.
    #[inline(always)]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> Result<R, Fault>) -> Result<R, Fault> {
        let free = fork::process() | FREE;
        if let Err(state) = self.state.compare_exchange(free, free | BUSY, Ordering::Acquire, Ordering::Relaxed) {
            return Err(denied(state));
        }
        let mut lease = Lease { state: &self.state, after: free | POISONED };
        checkpoint();
        // SAFETY: the lease is ours alone until it is dropped.
        let result = work(unsafe { &mut *self.value.get() });
        lease.after = free;
        result
    }
}

/// In a forked child it is left as it is: taking it apart would want locks that nobody there can give back.
impl<T> Drop for Exclusive<T> {
    fn drop(&mut self) {
        if *self.state.get_mut() & !CONDITION == fork::process() {
            // SAFETY: it is dropped here alone, and once.
            unsafe { ManuallyDrop::drop(self.value.get_mut()) }
        }
    }
}

#[cold]
#[inline(never)]
fn denied(state: u32) -> Fault {
    match state & CONDITION {
        _ if state & !CONDITION != fork::process() => fork::forked(),
        POISONED => poisoned(),
        _ => Fault::new(wsw_status::WSW_STATUS_BUSY, "another thread is in a call with it"),
    }
}

/// Gives the lock back; after a panic, for ever closed.
struct Lease<'a> {
    state: &'a AtomicU32,
    after: u32,
}

impl Drop for Lease<'_> {
    #[inline(always)]
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
    #[inline]
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

/// A value that works in the process alone that made it. In a forked child it is left as it is, too.
pub(crate) struct Local<T> {
    maker: Maker,
    /// None once it was taken.
    value: Option<T>,
}

impl<T> Local<T> {
    pub(crate) fn new(value: T) -> Result<Self, Fault> {
        Ok(Self { maker: Maker::this()?, value: Some(value) })
    }

    pub(crate) fn here(&self) -> Result<&T, Fault> {
        self.maker.check()?;
        self.value.as_ref().ok_or_else(Fault::stale)
    }

    pub(crate) fn take(mut self) -> Result<T, Fault> {
        self.maker.check()?;
        self.value.take().ok_or_else(Fault::stale)
    }
}

impl<T> Drop for Local<T> {
    fn drop(&mut self) {
        if !self.maker.is_this() {
            std::mem::forget(self.value.take());
        }
    }
}

#[cold]
#[inline(never)]
fn poisoned() -> Fault {
    Fault::new(wsw_status::WSW_STATUS_POISONED, "an earlier call was given up: free it")
}
