//! The table of reasons: the same in every language, log, metric and document.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use wswarden_core::{Dialect, Reason};

use crate::border::entry_or;
use crate::text::c_text;

/// Which codes a peer gets for the same decision.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_dialect {
    /// The codes of RFC 6455 section 7.4 and the IANA registry only.
    WSW_DIALECT_RFC = 1,
    /// 4400 + the last two digits of the HTTP status where an application should tell causes apart.
    WSW_DIALECT_APP = 2,
    /// The codes of `WSW_DIALECT_RFC`, and the guide's own two error replies.
    WSW_DIALECT_GUIDE = 3,
}

struct Words {
    name: CString,
    sentence: CString,
    retry: CString,
}

fn words(number: u8) -> Option<&'static Words> {
    static TABLE: OnceLock<Vec<Option<Words>>> = OnceLock::new();
    let row = |number| {
        let reason = Reason::from_number(number)?;
        let (name, sentence) = (c_text(reason.name()), c_text(reason.sentence()));
        Some(Words { name, sentence, retry: c_text(reason.retry().name()) })
    };
    TABLE.get_or_init(|| (0..=u8::MAX).map(row).collect()).get(usize::from(number))?.as_ref()
}

fn word(number: u8, which: impl FnOnce(&Words) -> &CString) -> *const c_char {
    entry_or(|_| std::ptr::null(), || Ok(words(number).map_or(std::ptr::null(), |words| which(words).as_ptr())))
}

/// A reason's name in logs, metrics, problem documents and error replies; NULL for a number that is none. Static.
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_reason_name(reason: u8) -> *const c_char {
    word(reason, |words| &words.name)
}

/// One sentence for people; NULL for a number that is none. Static. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_reason_sentence(reason: u8) -> *const c_char {
    word(reason, |words| &words.sentence)
}

/// What a peer should do next: "never", "now", "backoff", "after_delay" or "with_new_credential"; NULL for a number that
/// is none. Static. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_reason_retry(reason: u8) -> *const c_char {
    word(reason, |words| &words.retry)
}

/// The status of the HTTP answer, when it is given before the 101; 500 for a number that is no reason. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_reason_http_status(reason: u8) -> u16 {
    entry_or(|_| 500, || Ok(Reason::from_number(reason).unwrap_or(Reason::Internal).http_status()))
}

/// The code of the close frame, when it is given after the 101, in a `wsw_dialect`; 1011 for numbers that are none.
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_reason_close_code(reason: u8, dialect: i32) -> u16 {
    let dialect = match dialect {
        1 => Some(Dialect::Rfc),
        2 => Some(Dialect::App),
        3 => Some(Dialect::Guide),
        _ => None,
    };
    let code = || Some(Reason::from_number(reason)?.close_code(dialect?));
    entry_or(|_| 1011, || Ok(code().unwrap_or(1011)))
}
