//! The judge of JSON alone: strict JSON and a JSON Schema in one pass over the bytes, without sessions or limits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};

use serde_json::Value;
use wswarden_core::message::schema::{Draft, Engine, Machinery, Schema, SchemaOptions};
use wswarden_core::message::{Fault as Flaw, Scratch};

use crate::border::{Out, Sized32, SizedOut, borrowed, entry, entry_or, freed, given, sized};
use crate::credentials::random;
use crate::explain::wsw_explanation;
use crate::handle::Shared;
use crate::request::array;
use crate::status::{Fault, wsw_status};
use crate::tape::wsw_tape;
use crate::text::{bytes, c_text, wsw_str};

/// A compiled JSON Schema: an immutable value, for any number of threads.
pub struct wsw_schema(Shared<Compiled>);

struct Compiled {
    schema: Schema,
    slow: Vec<(CString, CString)>,
}

/// A version of JSON Schema.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_draft {
    /// What `$schema` says; 2020-12 where it says nothing.
    WSW_DRAFT_AUTO = 0,
    /// Draft 4.
    WSW_DRAFT_4 = 4,
    /// Draft 6.
    WSW_DRAFT_6 = 6,
    /// Draft 7.
    WSW_DRAFT_7 = 7,
    /// Draft 2019-09.
    WSW_DRAFT_2019_09 = 2019,
    /// Draft 2020-12.
    WSW_DRAFT_2020_12 = 2020,
}

/// Which machinery a schema may use.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_machinery {
    /// One pass over the bytes where possible, a tree for the rest.
    WSW_MACHINERY_AUTO = 0,
    /// One pass only: a schema that needs more is an error.
    WSW_MACHINERY_FAST = 1,
    /// A tree of every value.
    WSW_MACHINERY_FULL = 2,
}

/// A schema that `$ref` may name. Nothing is ever fetched.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_remote_schema {
    /// Its URI.
    pub uri: wsw_str,
    /// The schema, as JSON.
    pub json: wsw_str,
}

/// How a schema is read. Zeroed but for the size, it is as in a policy.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_schema_options {
    /// `sizeof (wsw_schema_options)`.
    pub size: u32,
    /// A `wsw_draft`: the draft where `$schema` names none.
    pub draft: i32,
    /// A `wsw_machinery`.
    pub machinery: i32,
    /// 1 to pass over unknown keywords and formats, as the specification says, and not to refuse them.
    pub tolerate_unknown: i32,
    /// 1 to take `format` for a note, not for a rule.
    pub ignore_formats: i32,
    /// How deep arrays and objects may stand in each other, at most 128; 0 for 32.
    pub max_depth: u32,
    /// The most members of one object; 0 for 1,024.
    pub max_members: u32,
    /// The most digits of one number, at most 65,536; 0 for 64.
    pub max_digits: u32,
    /// Schemas that `$ref` may name.
    pub remotes: *const wsw_remote_schema,
    /// How many of them.
    pub remote_count: usize,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_schema_options {
    const FIRST: usize = size_of::<Self>();
}

/// Why JSON is refused, and where.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_flaw {
    /// A `wsw_reason`.
    pub reason: u32,
    /// The offset of the byte or value at fault.
    pub at: u32,
}

impl From<Flaw> for wsw_flaw {
    fn from(flaw: Flaw) -> Self {
        Self { reason: flaw.reason.number().into(), at: flaw.at }
    }
}

/// What judging takes besides, for each thread: none of it is left over for another call.
struct Bench {
    scratch: Cell<Option<Box<Scratch>>>,
    pointer: RefCell<String>,
    place: RefCell<String>,
}

thread_local! {
    static BENCH: Bench = const {
        Bench { scratch: Cell::new(None), pointer: RefCell::new(String::new()), place: RefCell::new(String::new()) }
    };
}

/// Compiles a JSON Schema; `options` may be NULL for the usual ones.
///
/// `WSW_STATUS_OK`: `*schema` is to be freed by `wsw_schema_free`. `WSW_STATUS_POLICY_ERROR`: the message says what is
/// wrong with it, and where. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_schema_compile(
    json: wsw_str,
    options: *const wsw_schema_options,
    schema: *mut *mut wsw_schema,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: the inputs are readable, `schema` may be written.
        let (text, options, out) = unsafe { (json.bytes("json")?, options_of(options)?, Out::new(schema, "schema")?) };
        let schema = Schema::compile(&parsed(text, "json")?, &options).map_err(|error| wrong(error.to_string()))?;
        let slow = schema.slow_places().iter().map(|slow| (c_text(&slow.place), c_text(&slow.reason))).collect();
        out.set(given(wsw_schema(Shared::new(Compiled { schema, slow }))));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Frees a schema. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_schema_free(schema: *mut wsw_schema) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(schema) }
}

/// Judges the bytes of one JSON text: UTF-8, strict JSON and the schema, in one pass. It takes no lock, and for a schema
/// of the engine "fast" it allocates nothing but once for each thread.
///
/// `WSW_STATUS_OK`, and no other status: it is valid. `WSW_STATUS_REFUSED`: `*flaw` says why. Compare with
/// `WSW_STATUS_OK`: a refusal is no zero. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_schema_judge(
    schema: *const wsw_schema,
    ptr: *const u8,
    len: usize,
    flaw: *mut wsw_flaw,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `schema` is live, `len` bytes are readable, `flaw` may be written.
        let (schema, json, out) =
            unsafe { (borrowed(schema, "schema")?, bytes(ptr, len, "the JSON")?, Out::new(flaw, "flaw")?) };
        schema.0.with(|compiled| {
            let judged = with_scratch(|scratch| compiled.schema.is_valid(json, scratch))?;
            Ok(told(judged, out))
        })
    })
}

/// `wsw_schema_judge`, and lists the values on `tape` in the same pass; the tape is empty where the JSON is refused.
///
/// One thread at a time for each tape.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_schema_read(
    schema: *const wsw_schema,
    ptr: *const u8,
    len: usize,
    tape: *mut wsw_tape,
    flaw: *mut wsw_flaw,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `schema` and `tape` are live, `len` bytes are readable, `flaw` may be written.
        let (schema, json, tape, out) = unsafe {
            (
                borrowed(schema, "schema")?,
                bytes(ptr, len, "the JSON")?,
                borrowed(tape, "tape")?,
                Out::new(flaw, "flaw")?,
            )
        };
        tape.fill(json.len(), |tape| {
            schema.0.with(|compiled| {
                let judged = with_scratch(|scratch| compiled.schema.read(json, tape, scratch))?;
                let status = told(judged, out);
                Ok((status, status == wsw_status::WSW_STATUS_OK))
            })
        })
    })
}

/// Where a JSON text goes wrong, in words; for debugging: it takes as long as judging it again. The texts are valid until
/// this thread's next call of this function. `WSW_STATUS_NONE`: nothing is wrong with it. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_schema_explain(
    schema: *const wsw_schema,
    ptr: *const u8,
    len: usize,
    explanation: *mut wsw_explanation,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `schema` is live, `len` bytes are readable, `explanation` may be written.
        let (schema, json, out) = unsafe {
            (borrowed(schema, "schema")?, bytes(ptr, len, "the JSON")?, SizedOut::new(explanation, "explanation")?)
        };
        schema.0.with(|compiled| {
            let found = with_scratch(|scratch| compiled.schema.explain(json, scratch))?;
            let Some(found) = found else { return Ok(wsw_status::WSW_STATUS_NONE) };
            let shown = |bench: &Bench| {
                let (mut pointer, mut place) = (bench.pointer.borrow_mut(), bench.place.borrow_mut());
                *pointer = found.pointer;
                *place = found.schema.unwrap_or_default();
                wsw_explanation::new(found.fault, &pointer, &place)
            };
            out.set(&BENCH.try_with(shown).map_err(|_| thread_ends())?);
            Ok(wsw_status::WSW_STATUS_OK)
        })
    })
}

/// What it takes to judge by this schema: "fast" for one pass over the bytes, "mixed" where some of the values need a
/// tree, "full" for a tree of all; NULL after an error. Static. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_schema_engine(schema: *const wsw_schema) -> *const c_char {
    let name = |compiled: &Compiled| {
        let name: &CStr = match compiled.schema.engine() {
            Engine::Fast => c"fast",
            Engine::Mixed => c"mixed",
            _ => c"full",
        };
        Ok(name.as_ptr())
    };
    // SAFETY: the contract: `schema` is live.
    entry_or(|_| std::ptr::null(), || unsafe { borrowed(schema, "schema") }?.0.with(name))
}

/// The place of the schema at `index`, from 0, that one pass cannot decide, as a JSON Pointer, and why.
///
/// `WSW_STATUS_OK`: both are written and live as long as the schema. `WSW_STATUS_NONE`: there is none. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_schema_slow_place(
    schema: *const wsw_schema,
    index: usize,
    place: *mut wsw_str,
    reason: *mut wsw_str,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `schema` is live, the others may be written.
        let (schema, place, reason) =
            unsafe { (borrowed(schema, "schema")?, Out::new(place, "place")?, Out::new(reason, "reason")?) };
        schema.0.with(|compiled| {
            let Some((at, why)) = compiled.slow.get(index) else { return Ok(wsw_status::WSW_STATUS_NONE) };
            place.set(wsw_str::of(at.as_bytes()));
            reason.set(wsw_str::of(why.as_bytes()));
            Ok(wsw_status::WSW_STATUS_OK)
        })
    })
}

fn told(judged: Result<(), Flaw>, out: Out<wsw_flaw>) -> wsw_status {
    match judged {
        Ok(()) => wsw_status::WSW_STATUS_OK,
        Err(flaw) => {
            out.set(flaw.into());
            wsw_status::WSW_STATUS_REFUSED
        }
    }
}

/// Judges with this thread's scratch. A panic loses it, and the next call makes another.
#[inline(always)]
fn with_scratch<R>(judge: impl FnOnce(&mut Scratch) -> R) -> Result<R, Fault> {
    let taken = BENCH.try_with(|bench| bench.scratch.take()).map_err(|_| thread_ends())?;
    let mut scratch = match taken {
        Some(scratch) => scratch,
        None => fresh_scratch()?,
    };
    let judged = judge(&mut scratch);
    BENCH.try_with(|bench| bench.scratch.set(Some(scratch))).map_err(|_| thread_ends())?;
    Ok(judged)
}

#[cold]
#[inline(never)]
fn fresh_scratch() -> Result<Box<Scratch>, Fault> {
    Ok(Box::new(Scratch::with_seed(random()?)))
}

#[cold]
#[inline(never)]
fn thread_ends() -> Fault {
    Fault::bad("this thread is ending: nothing can be judged on it")
}

/// # Safety
/// Unless it is NULL, `options` and what it points to are readable.
unsafe fn options_of(options: *const wsw_schema_options) -> Result<SchemaOptions, Fault> {
    let mut made = SchemaOptions::default();
    if options.is_null() {
        return Ok(made);
    }
    // SAFETY: by this function's contract, here and below.
    let from = unsafe { sized(options, "options") }?;
    made.draft = match from.draft {
        0 => None,
        4 => Some(Draft::Draft4),
        6 => Some(Draft::Draft6),
        7 => Some(Draft::Draft7),
        2019 => Some(Draft::Draft201909),
        2020 => Some(Draft::Draft202012),
        _ => return Err(Fault::bad("options.draft is no wsw_draft")),
    };
    made.machinery = match from.machinery {
        0 => Machinery::Auto,
        1 => Machinery::Fast,
        2 => Machinery::Full,
        _ => return Err(Fault::bad("options.machinery is no wsw_machinery")),
    };
    let flag = |value: i32, name: &str| match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Fault::bad(format!("options.{name} is neither 0 nor 1"))),
    };
    made.tolerate_unknown = flag(from.tolerate_unknown, "tolerate_unknown")?;
    made.assert_formats = !flag(from.ignore_formats, "ignore_formats")?;
    if from.max_depth > 128 || from.max_digits > 65_536 {
        return Err(Fault::bad("options: max_depth is over 128, or max_digits over 65,536"));
    }
    if from.max_depth != 0 {
        made.limits.max_depth = usize::try_from(from.max_depth).unwrap_or(0);
    }
    if from.max_members != 0 {
        made.limits.max_members = from.max_members;
    }
    if from.max_digits != 0 {
        made.limits.max_digits = from.max_digits;
    }
    // SAFETY: as above.
    let remotes = unsafe { array(from.remotes, from.remote_count, "remotes") }?;
    let read = |remote: &wsw_remote_schema| {
        // SAFETY: as above.
        let (uri, json) = unsafe { (remote.uri.utf8("a remote's uri")?, remote.json.bytes("a remote's json")?) };
        Ok((uri.to_owned(), parsed(json, "a remote's json")?))
    };
    made.remotes = remotes.iter().map(read).collect::<Result<BTreeMap<_, _>, Fault>>()?;
    Ok(made)
}

fn parsed(json: &[u8], name: &str) -> Result<Value, Fault> {
    serde_json::from_slice(json).map_err(|error| wrong(format!("{name}: {error}")))
}

fn wrong(what: String) -> Fault {
    Fault::new(wsw_status::WSW_STATUS_POLICY_ERROR, what)
}
