//! The border: what every entry does before and after its work.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::status::{Fault, wsw_status};

/// Runs an entry's work. An error is kept for `wsw_last_error_message`; a panic ends here, as a status: it must not
/// unwind into C. Whatever the work had locked is poisoned by then (see `handle.rs`).
pub(crate) fn entry(work: impl FnOnce() -> Result<wsw_status, Fault>) -> wsw_status {
    entry_or(|status| status, work)
}

/// [`entry`] for functions that return something else than a status; `failed` makes it of a status.
#[inline(always)]
pub(crate) fn entry_or<T>(failed: impl FnOnce(wsw_status) -> T, work: impl FnOnce() -> Result<T, Fault>) -> T {
    let work = || {
        checkpoint();
        work()
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => value,
        Ok(Err(fault)) => failed(fault.recorded()),
        Err(payload) => failed(given_up(payload).recorded()),
    }
}

#[cold]
#[inline(never)]
fn given_up(payload: Box<dyn Any + Send>) -> Fault {
    // A payload of another type may panic when it is dropped; a few lost bytes are the lesser evil.
    if !payload.is::<&str>() && !payload.is::<String>() {
        std::mem::forget(payload);
    }
    Fault::new(wsw_status::WSW_STATUS_PANIC, "a bug in wswarden: the call was given up")
}

/// Panics where a test has asked for it; see `testing.rs`.
#[inline(always)]
pub(crate) fn checkpoint() {
    #[cfg(feature = "testing")]
    crate::testing::panic_if_asked();
}

/// A reference to what a pointer from C points to.
///
/// # Safety
/// Unless it is NULL or misaligned, it points to a live `T` that nobody changes meanwhile.
#[inline(always)]
pub(crate) unsafe fn borrowed<'a, T>(pointer: *const T, name: &'static str) -> Result<&'a T, Fault> {
    if pointer.is_null() {
        return Err(Fault::null(name));
    }
    if !pointer.is_aligned() {
        return Err(Fault::misaligned(name));
    }
    // SAFETY: by this function's contract.
    Ok(unsafe { &*pointer })
}

/// Takes back what was given to C as a pointer.
///
/// # Safety
/// Unless it is NULL, it came from [`given`] and was not taken back before.
pub(crate) unsafe fn taken<T>(pointer: *mut T, name: &'static str) -> Result<Box<T>, Fault> {
    if pointer.is_null() {
        return Err(Fault::null(name));
    }
    // SAFETY: by this function's contract.
    Ok(unsafe { Box::from_raw(pointer) })
}

/// Gives a value to C, which has to hand it back to be freed.
pub(crate) fn given<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Frees what was [`given`]; NULL is nothing to free.
///
/// # Safety
/// As for [`taken`].
pub(crate) unsafe fn freed<T>(pointer: *mut T) {
    let free = || {
        // SAFETY: by this function's contract.
        drop(unsafe { taken(pointer, "") });
        Ok(())
    };
    entry_or(|_| (), free);
}

/// A place that C has for one value, which is written at most once.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// Unless it is NULL or misaligned, `pointer` may be written for as long as this value lives.
    pub(crate) unsafe fn new(pointer: *mut T, name: &'static str) -> Result<Self, Fault> {
        if pointer.is_null() {
            return Err(Fault::null(name));
        }
        if !pointer.is_aligned() {
            return Err(Fault::misaligned(name));
        }
        Ok(Self(pointer))
    }

    pub(crate) fn set(self, value: T) {
        // SAFETY: by the contract of `new`.
        unsafe { self.0.write(value) }
    }
}

/// A struct that begins with its size, so that it can grow: an older program's is shorter than ours, a newer one's
/// longer.
///
/// # Safety
/// Implementors are `repr(C)`, begin with `size: u32`, and are valid with every byte after it zero.
pub(crate) unsafe trait Sized32: Copy {
    /// The size of the first version there was: once a field is added, where that field begins.
    const FIRST: usize;
}

/// Reads a struct that begins with its size. What it is too short for is zero. What we do not know must be zero: it
/// would be asked for in vain.
///
/// # Safety
/// Unless it is NULL or misaligned, `pointer` points to as many readable bytes as its first four say.
pub(crate) unsafe fn sized<T: Sized32>(pointer: *const T, name: &'static str) -> Result<T, Fault> {
    let size = size_of_struct(pointer, name)?;
    let known = size.min(size_of::<T>());
    let mut value = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: `size` bytes are readable by this function's contract, and `known` is no more than either.
    let value = unsafe {
        std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), known);
        value.assume_init()
    };
    // SAFETY: the same bytes; `known` is within them.
    let rest = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>().add(known), size - known) };
    if rest.iter().any(|byte| *byte != 0) {
        return Err(Fault::bad(format!("{name}: a field is set that this version does not have")));
    }
    Ok(value)
}

/// A place for a struct that begins with its size. Only as much of it is written as there is room for.
pub(crate) struct SizedOut<T> {
    pointer: *mut T,
    size: usize,
}

impl<T: Sized32> SizedOut<T> {
    /// # Safety
    /// Unless it is NULL or misaligned, `pointer` points to as many writable bytes as its first four say.
    pub(crate) unsafe fn new(pointer: *mut T, name: &'static str) -> Result<Self, Fault> {
        let size = size_of_struct(pointer, name)?;
        Ok(Self { pointer, size })
    }

    /// Writes `value`; of its own size field, nothing.
    pub(crate) fn set(self, value: &T) {
        let known = self.size.min(size_of::<T>());
        let from = std::ptr::from_ref(value).cast::<u8>();
        // SAFETY: by the contract of `new`, and both have `known` bytes, more than the size's four.
        unsafe {
            std::ptr::copy_nonoverlapping(from.add(4), self.pointer.cast::<u8>().add(4), known - 4);
            self.pointer.cast::<u8>().add(known).write_bytes(0, self.size - known);
        }
    }
}

/// No struct will ever be as large; a larger size is memory that was never set.
const LARGEST: usize = 4096;

fn size_of_struct<T: Sized32>(pointer: *const T, name: &'static str) -> Result<usize, Fault> {
    // SAFETY: every such struct begins with its size (`Sized32`); NULL and misalignment are caught.
    let size = *unsafe { borrowed(pointer.cast::<u32>(), name) }?;
    if !pointer.is_aligned() {
        return Err(Fault::misaligned(name));
    }
    match usize::try_from(size) {
        Ok(size) if (T::FIRST..=LARGEST).contains(&size) => Ok(size),
        _ => Err(Fault::bad(format!("{name}: size is {size}, expected at least {}", T::FIRST))),
    }
}
