//! The values of a message as a flat list, for hosts that build objects of their own from it.

use std::borrow::Cow;

use wswarden_core::Timestamp;
use wswarden_core::message::{Entry, Kind, Tape};

use crate::border::{Out, borrowed, entry, entry_or, freed, given};
use crate::handle::Exclusive;
use crate::outcome::wsw_verdict;
use crate::registry::{Last, wsw_registry};
use crate::status::{Fault, wsw_status};
use crate::text::{bytes, wsw_str};

/// The values of the last message that was accepted with it, in the order in which they stand. It grows to the largest
/// message and then allocates no more. One thread at a time.
pub struct wsw_tape(Exclusive<Filled>);

pub(crate) struct Filled {
    tape: Tape,
    values: Vec<wsw_value>,
    /// Where the containers that are open stand in `values`.
    open: Vec<usize>,
    /// How long the message was.
    length: usize,
    text: Vec<u8>,
}

/// What kind a value is of.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_value_kind {
    /// `null`
    WSW_VALUE_NULL = 1,
    /// `true`
    WSW_VALUE_TRUE = 2,
    /// `false`
    WSW_VALUE_FALSE = 3,
    /// A number, from its first to past its last character.
    WSW_VALUE_NUMBER = 4,
    /// A string, without its quotes.
    WSW_VALUE_STRING = 5,
    /// The name of a member, without its quotes; its value follows.
    WSW_VALUE_KEY = 6,
    /// An array, from bracket to past the closing one; its items follow.
    WSW_VALUE_ARRAY = 7,
    /// An object, from brace to past the closing one; its keys and values follow, in turn.
    WSW_VALUE_OBJECT = 8,
}

/// One value or key of a message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_value {
    /// Its first byte in the message.
    pub start: u32,
    /// Past its last byte in the message.
    pub end: u32,
    /// Of an array or object, how many of the entries that follow are in it, at any depth: the entry behind them is the
    /// next one beside it. 0 of all others.
    pub children: u32,
    /// A `wsw_value_kind`.
    pub kind: u8,
    /// 1 where a string or key holds escapes: see `wsw_tape_text`.
    pub escaped: u8,
    /// Zero.
    pub reserved: u16,
}

/// Makes a tape, to be used again and again. `*tape` is to be freed by `wsw_tape_free`. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_tape_new(tape: *mut *mut wsw_tape) -> wsw_status {
    entry(|| {
        let (values, open, text) = (Vec::new(), Vec::new(), Vec::new());
        let filled = Filled { tape: Tape::new(), values, open, length: 0, text };
        // SAFETY: the contract: `tape` may be written.
        unsafe { Out::new(tape, "tape") }?.set(given(wsw_tape(Exclusive::new(filled))));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Frees a tape. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_tape_free(tape: *mut wsw_tape) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(tape) }
}

/// `wsw_registry_receive`, and lists the values of a message that is delivered on `tape`, in the same pass: nobody has to
/// read the JSON again. The tape of a message that is not delivered is empty. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_receive_tape(
    registry: *mut wsw_registry,
    handle: u64,
    kind: i32,
    ptr: *const u8,
    len: usize,
    tape: *mut wsw_tape,
    now_mono: u64,
) -> u32 {
    let receive = || {
        // SAFETY: the contract: `len` bytes are readable, `registry` and `tape` are live.
        let (payload, desk, tape) =
            unsafe { (bytes(ptr, len, "the message")?, borrowed(registry, "registry")?, borrowed(tape, "tape")?) };
        // An opcode that does not fit is as unknown as 0, which the core closes for.
        let opcode = u8::try_from(kind).unwrap_or(0);
        let now = Timestamp::from_nanos(now_mono);
        tape.fill(payload.len(), |tape| {
            desk.with(|desk| {
                let (registry, scratch) = (&mut desk.registry, &mut desk.scratch);
                let number = registry.receive_tape_number(handle, opcode, payload, tape, scratch, now);
                desk.last = Last::Receive;
                if number == 0 { Err(Fault::stale()) } else { Ok((number, wsw_verdict::delivers(number))) }
            })
        })
    };
    entry_or(|_| wsw_verdict::WSW_INVALID as u32, receive)
}

/// The entries of the tape: `*entries` is written and points to as many as are returned, valid until the tape is filled
/// again or freed. 0 for an empty tape, and after an error; then nothing is behind `*entries`. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_tape_entries(tape: *mut wsw_tape, entries: *mut *const wsw_value) -> usize {
    let list = || {
        // SAFETY: the contract: `tape` is live, `entries` may be written.
        let (tape, out) = unsafe { (borrowed(tape, "tape")?, Out::new(entries, "entries")?) };
        tape.0.with(|filled| {
            out.set(filled.values.first().map_or(std::ptr::null(), |_| filled.values.as_ptr()));
            Ok(filled.values.len())
        })
    };
    entry_or(|_| 0, list)
}

/// The text of the string or key at `index`, its escapes resolved: UTF-8, and it may hold NUL. `ptr` and `len` are the
/// message that the tape was filled from.
///
/// `WSW_STATUS_OK`: `*text` is written. It is in the message itself where nothing is escaped, else valid until the next
/// text is asked for, or the tape is filled again or freed. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_tape_text(
    tape: *mut wsw_tape,
    index: usize,
    ptr: *const u8,
    len: usize,
    text: *mut wsw_str,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `tape` is live, `len` bytes are readable, `text` may be written.
        let (tape, message, out) =
            unsafe { (borrowed(tape, "tape")?, bytes(ptr, len, "the message")?, Out::new(text, "text")?) };
        tape.0.with(|filled| {
            let entry = filled.tape.entries().get(index).filter(|_| index < filled.values.len());
            let entry = entry.filter(|entry| matches!(entry.kind, Kind::String | Kind::Key));
            let entry = entry.ok_or_else(|| Fault::bad("index is no string and no key"))?;
            if message.len() != filled.length {
                return Err(Fault::bad("this is not the message that the tape was filled from"));
            }
            let text = match entry.text(message) {
                Cow::Borrowed(text) => text,
                Cow::Owned(text) => {
                    filled.text = text;
                    &filled.text
                }
            };
            out.set(wsw_str::of(text));
            Ok(wsw_status::WSW_STATUS_OK)
        })
    })
}

impl wsw_tape {
    /// Has the tape filled by `judge`, which also says whether the message was accepted.
    pub(crate) fn fill<R>(
        &self,
        length: usize,
        judge: impl FnOnce(&mut Tape) -> Result<(R, bool), Fault>,
    ) -> Result<R, Fault> {
        self.0.with(|filled| {
            filled.values.clear();
            let (judged, is_accepted) = judge(&mut filled.tape)?;
            if is_accepted {
                filled.length = length;
                filled.list();
            }
            Ok(judged)
        })
    }
}

impl Filled {
    /// Lists what the core found, as C reads it.
    fn list(&mut self) {
        for entry in self.tape.entries() {
            close(&mut self.values, &mut self.open, entry.start);
            if matches!(entry.kind, Kind::Array | Kind::Object) {
                self.open.push(self.values.len());
            }
            self.values.push(entry.into());
        }
        close(&mut self.values, &mut self.open, u32::MAX);
    }
}

/// Closes the containers that end at `start` or before, and counts what is in them.
fn close(values: &mut [wsw_value], open: &mut Vec<usize>, start: u32) {
    let behind = values.len();
    while let Some(at) = open.last().copied() {
        let Some(container) = values.get_mut(at).filter(|container| container.end <= start) else { return };
        container.children = u32::try_from(behind - at - 1).unwrap_or(u32::MAX);
        open.pop();
    }
}

impl From<&Entry> for wsw_value {
    fn from(entry: &Entry) -> Self {
        let kind = match entry.kind {
            Kind::Null => wsw_value_kind::WSW_VALUE_NULL,
            Kind::True => wsw_value_kind::WSW_VALUE_TRUE,
            Kind::False => wsw_value_kind::WSW_VALUE_FALSE,
            Kind::Number => wsw_value_kind::WSW_VALUE_NUMBER,
            Kind::String => wsw_value_kind::WSW_VALUE_STRING,
            Kind::Key => wsw_value_kind::WSW_VALUE_KEY,
            Kind::Array => wsw_value_kind::WSW_VALUE_ARRAY,
            Kind::Object => wsw_value_kind::WSW_VALUE_OBJECT,
        };
        let escaped = entry.escaped.into();
        Self { start: entry.start, end: entry.end, children: 0, kind: kind as u8, escaped, reserved: 0 }
    }
}
