//! How a call went, and the last error's message.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

use crate::text::c_text;

/// How a call went. 0 is never returned, so that zeroed memory does not read as success.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_status {
    /// Nothing was decided. No function returns it.
    WSW_STATUS_INVALID = 0,
    /// It is done.
    WSW_STATUS_OK = 1,
    /// The peer is refused: send the response that was written.
    WSW_STATUS_REFUSED = 2,
    /// Something only the host can find out is needed first; see `wsw_registry_need`.
    WSW_STATUS_WAIT = 3,
    /// There is nothing: nothing is due, no event, not enough bytes yet.
    WSW_STATUS_NONE = 4,
    /// A pointer that must not be NULL is, or a text has a length but no bytes.
    WSW_STATUS_NULL_POINTER = 16,
    /// An argument is not what the function takes: an unknown number, a wrong size, text that is not UTF-8.
    WSW_STATUS_BAD_ARGUMENT = 17,
    /// The handle's connection is gone, or is at another point of its life, or the handle is another registry's.
    WSW_STATUS_STALE_HANDLE = 18,
    /// The policy cannot be; the message says where and why.
    WSW_STATUS_POLICY_ERROR = 19,
    /// There is no room for another.
    WSW_STATUS_FULL = 20,
    /// Another thread is in a call with this object. Nothing was done.
    WSW_STATUS_BUSY = 21,
    /// A bug: the call was given up. The object that it worked on refuses every further call.
    WSW_STATUS_PANIC = 22,
    /// An earlier call ended with `WSW_STATUS_PANIC`: the object can only be freed.
    WSW_STATUS_POISONED = 23,
    /// The object was made in the process that this one was forked from. Make a guard of your own after the fork.
    WSW_STATUS_FORKED = 24,
}

/// Why an entry gave up, with what `wsw_last_error_message` will say. One pointer, so that a call that goes well carries
/// nothing for it.
#[derive(Debug)]
pub(crate) struct Fault(Box<Told>);

#[derive(Debug)]
struct Told {
    status: wsw_status,
    message: Cow<'static, str>,
}

impl Fault {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(status: wsw_status, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Told { status, message: message.into() }))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn bad(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(wsw_status::WSW_STATUS_BAD_ARGUMENT, message)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn null(what: &'static str) -> Self {
        Self::new(wsw_status::WSW_STATUS_NULL_POINTER, format!("{what} is NULL"))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn misaligned(what: &'static str) -> Self {
        Self::bad(format!("{what} is not aligned"))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn stale() -> Self {
        Self::new(wsw_status::WSW_STATUS_STALE_HANDLE, wswarden_core::StaleHandle.to_string())
    }

    /// What to say, for languages that have exceptions.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Keeps the message for `wsw_last_error_message`.
    #[cold]
    #[inline(never)]
    pub(crate) fn recorded(self) -> wsw_status {
        let message = c_text(&self.0.message);
        // While a thread ends there is nobody to read it.
        let _gone = LAST.try_with(|last| last.replace(message));
        self.0.status
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// What went wrong in the last call on this thread that gave an error: a sentence for people, empty if there was none.
/// It holds nothing that a peer sent, and no secret. It is this thread's alone: valid until the next call on it that gives
/// an error, and no longer than the thread lives. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_last_error_message() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// The library's version, such as "0.1.0". Static. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// A status's name, such as "stale_handle"; "invalid" for a number that is none. Static. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_status_name(status: i32) -> *const c_char {
    let name: &CStr = match status {
        1 => c"ok",
        2 => c"refused",
        3 => c"wait",
        4 => c"none",
        16 => c"null_pointer",
        17 => c"bad_argument",
        18 => c"stale_handle",
        19 => c"policy_error",
        20 => c"full",
        21 => c"busy",
        22 => c"panic",
        23 => c"poisoned",
        24 => c"forked",
        _ => c"invalid",
    };
    name.as_ptr()
}
