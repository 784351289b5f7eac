//! A guard works only in the process that made it.
//!
//! After a fork both processes would count the same limits apart, draw the same keys and ping payloads, and a lock that
//! another thread held would never be given back in the child.

use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::status::{Fault, wsw_status};

/// How far apart the numbers of processes are: the two lowest bits are for what `handle.rs` keeps there.
const STEP: u32 = 4;
/// The last number that was given to this process or to one it was forked from, so that none has two owners.
static LAST: AtomicU32 = AtomicU32::new(STEP);
/// The first process's number, until there is a page for it; for good where there cannot be one.
static PLAIN: AtomicU32 = AtomicU32::new(STEP);
/// Where this process's number stands. A fork makes it 0, which is nobody's.
static MARK: AtomicPtr<AtomicU32> = AtomicPtr::new((&raw const PLAIN).cast_mut());

#[inline(always)]
fn mark() -> &'static AtomicU32 {
    // SAFETY: it points to `PLAIN` or to a page that is never given back, both of which are only ever used as an atomic.
    unsafe { &*MARK.load(Ordering::Acquire) }
}

/// This process's number, or 0 in a child that has made nothing yet: what the message path compares.
#[inline(always)]
pub(crate) fn process() -> u32 {
    mark().load(Ordering::Relaxed)
}

/// This process's number, for something that is being made: a child takes one of its own.
pub(crate) fn number() -> u32 {
    let known = process();
    if known != 0 {
        return known;
    }
    let fresh = LAST.fetch_add(STEP, Ordering::Relaxed) + STEP;
    // Another thread may have been faster.
    mark().compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|theirs| theirs, |_| fresh)
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
        Ok(Self { process: number(), id: std::process::id() })
    }

    /// Whether this is that process. It asks the operating system, too: for forks that libc does not know of, where there
    /// is no page.
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
        mark().store(0, Ordering::Relaxed);
    }
    static WATCHING: OnceLock<bool> = OnceLock::new();
    let begin = || {
        if let Some(page) = wiped_by_the_kernel() {
            page.store(number(), Ordering::Relaxed);
            MARK.store(std::ptr::from_ref(page).cast_mut(), Ordering::Release);
        }
        // Also where there is a page: two watchers are no dearer than one.
        // SAFETY: the handler only writes a number, which a child may do whatever the parent's threads were doing.
        unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) == 0 }
    };
    let none = || Fault::new(wsw_status::WSW_STATUS_FULL, "the operating system has no room to tell of forks");
    WATCHING.get_or_init(begin).then_some(()).ok_or_else(none)
}

/// There is no fork.
#[cfg(not(unix))]
fn watch() -> Result<(), Fault> {
    Ok(())
}

/// A number in a page that is zero in every child, however that came to be: `_Fork` and a bare `clone` run no handlers.
/// None where the kernel cannot, before Linux 4.14. AWS-LC and BoringSSL watch over their random numbers in this way.
#[cfg(target_os = "linux")]
fn wiped_by_the_kernel() -> Option<&'static AtomicU32> {
    const SIZE: usize = 4096; // The kernel rounds up to a page.
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a mapping where nothing is yet. The advice is about it alone, and it is never unmapped once it is lent.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), SIZE, access, kind, -1, 0);
        if page == libc::MAP_FAILED {
            return None;
        }
        // Some emulators say yes to any advice, and follow none: a number that is no advice finds them out.
        let is_heard = libc::madvise(page, SIZE, -1) != 0 && libc::madvise(page, SIZE, libc::MADV_WIPEONFORK) == 0;
        if !is_heard {
            libc::munmap(page, SIZE);
            return None;
        }
        page.cast::<AtomicU32>().as_ref()
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
fn wiped_by_the_kernel() -> Option<&'static AtomicU32> {
    None
}
