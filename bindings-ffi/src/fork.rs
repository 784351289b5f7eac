//! A guard works only in the process that made it.
//!
//! After a fork both processes would count the same limits apart, draw the same keys and ping payloads, and a lock that
//! another thread held would never be given back in the child.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::status::{Fault, wsw_status};

/// How many forks lie between this process and the one that loaded the library, in steps that leave the two lowest bits
/// for what `handle.rs` keeps there.
static PROCESS: AtomicU32 = AtomicU32::new(0);
const STEP: u32 = 4;

/// This process's number: what the message path compares, at no cost beside what it compares anyway.
#[inline(always)]
pub(crate) fn process() -> u32 {
    PROCESS.load(Ordering::Relaxed)
}

/// The process that made something.
#[derive(Clone, Copy)]
pub(crate) struct Maker {
    process: u32,
    id: u32,
}

impl Maker {
    /// This process. From now on forks are noticed.
    pub(crate) fn this() -> Result<Self, Fault> {
        watch()?;
        Ok(Self { process: process(), id: std::process::id() })
    }

    /// Whether this is that process. It asks the operating system, too: for forks that libc does not know of.
    pub(crate) fn is_this(self) -> bool {
        self.process == process() && self.id == std::process::id()
    }

    pub(crate) fn check(self) -> Result<(), Fault> {
        if self.is_this() { Ok(()) } else { Err(forked()) }
    }
}

#[cold]
#[inline(never)]
pub(crate) fn forked() -> Fault {
    let what = "it was made in the process that this one was forked from: make a guard of your own after the fork";
    Fault::new(wsw_status::WSW_STATUS_FORKED, what)
}

#[cfg(unix)]
fn watch() -> Result<(), Fault> {
    use std::sync::OnceLock;

    extern "C" fn in_the_child() {
        PROCESS.fetch_add(STEP, Ordering::Relaxed);
    }
    static WATCHING: OnceLock<bool> = OnceLock::new();
    // SAFETY: the handler only adds to a number, which a child may do whatever the parent's threads were doing.
    let watching = WATCHING.get_or_init(|| unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) } == 0);
    let none = || Fault::new(wsw_status::WSW_STATUS_FULL, "the operating system has no room to tell of forks");
    watching.then_some(()).ok_or_else(none)
}

/// There is no fork.
#[cfg(not(unix))]
fn watch() -> Result<(), Fault> {
    let _ = (STEP, &PROCESS);
    Ok(())
}
