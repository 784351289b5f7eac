//! Text and bytes as C has them.

use std::borrow::Cow;
use std::ffi::{CString, c_char};

use crate::status::{Fault, wsw_status};

/// Text or bytes, not ended by a NUL. `{NULL, 0}` is empty. Into the library it is read during the call alone; out of it,
/// each function says how long it is valid.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_str {
    /// The first byte.
    pub ptr: *const c_char,
    /// How many bytes.
    pub len: usize,
}

impl wsw_str {
    pub(crate) const EMPTY: Self = Self { ptr: std::ptr::null(), len: 0 };

    pub(crate) fn of(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Self {
        let bytes = bytes.as_ref();
        Self { ptr: bytes.as_ptr().cast(), len: bytes.len() }
    }

    /// An empty one for none.
    pub(crate) fn or_empty<T: AsRef<[u8]> + ?Sized>(bytes: Option<&T>) -> Self {
        bytes.map_or(Self::EMPTY, |bytes| Self::of(bytes))
    }

    /// # Safety
    /// Unless `ptr` is NULL, `len` bytes are readable there, and nobody changes them for `'a`.
    pub(crate) unsafe fn bytes<'a>(self, name: &'static str) -> Result<&'a [u8], Fault> {
        // SAFETY: by this function's contract.
        unsafe { bytes(self.ptr.cast(), self.len, name) }
    }

    /// Text that the host wrote, which must be UTF-8.
    ///
    /// # Safety
    /// As for [`bytes`](Self::bytes).
    pub(crate) unsafe fn utf8<'a>(self, name: &'static str) -> Result<&'a str, Fault> {
        // SAFETY: by this function's contract.
        let bytes = unsafe { self.bytes(name) }?;
        std::str::from_utf8(bytes).map_err(|_| Fault::bad(format!("{name} is not UTF-8")))
    }

    /// Text that the peer wrote. What is not UTF-8 becomes U+FFFD, which no token may hold: the core refuses it.
    ///
    /// # Safety
    /// As for [`bytes`](Self::bytes).
    pub(crate) unsafe fn peers<'a>(self, name: &'static str) -> Result<Cow<'a, str>, Fault> {
        // SAFETY: by this function's contract.
        Ok(String::from_utf8_lossy(unsafe { self.bytes(name) }?))
    }
}

/// Text that ends with a NUL, for C. One within it would end it early.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

/// The bytes at `ptr`.
///
/// # Safety
/// Unless `ptr` is NULL, `len` bytes are readable there, and nobody changes them for `'a`.
#[inline(always)]
pub(crate) unsafe fn bytes<'a>(ptr: *const u8, len: usize, name: &'static str) -> Result<&'a [u8], Fault> {
    // A pointer without length is never looked at.
    if len == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() {
        return Err(nothing_there(name));
    }
    if isize::try_from(len).is_err() {
        return Err(too_long(name));
    }
    // SAFETY: by this function's contract, and no longer than a slice may be.
    Ok(unsafe { std::slice::from_raw_parts(ptr, len) })
}

#[cold]
#[inline(never)]
fn nothing_there(name: &str) -> Fault {
    Fault::new(wsw_status::WSW_STATUS_NULL_POINTER, format!("{name} has a length but no bytes"))
}

#[cold]
#[inline(never)]
fn too_long(name: &str) -> Fault {
    Fault::bad(format!("{name} is longer than memory can be"))
}
