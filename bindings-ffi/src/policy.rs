//! Policies: what is allowed.

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::sync::OnceLock;

use wswarden_core::message::TypeIndex;
use wswarden_core::{Policy, PolicyError};

use crate::border::{Out, Sized32, SizedOut, borrowed, entry, entry_or, freed, given};
use crate::handle::Shared;
use crate::outcome::nanos;
use crate::source::policy_from_file;
use crate::status::{Fault, wsw_status};
use crate::text::{c_text, wsw_str};

/// What is allowed: an immutable value, read from TOML or JSON. Any number of guards can be made of one.
pub struct wsw_policy(pub(crate) Shared<Compiled>);

pub(crate) struct Compiled {
    pub(crate) policy: Policy,
    warnings: Vec<CString>,
    json: CString,
}

/// Reads a policy from TOML. What it writes as `env:NAME` or `file:PATH` cannot be read from text alone: that is an
/// error here, and what `wsw_policy_from_file` is for.
///
/// `WSW_STATUS_OK`: `*policy` is to be freed by `wsw_policy_free`. `WSW_STATUS_POLICY_ERROR`: the message says what is
/// wrong, and where. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_policy_from_toml(toml: wsw_str, policy: *mut *mut wsw_policy) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `toml` is readable, `policy` may be written.
        let (text, out) = unsafe { (toml.utf8("toml")?, Out::new(policy, "policy")?) };
        compiled(Policy::from_toml(text), out)
    })
}

/// Reads a policy from JSON; otherwise as `wsw_policy_from_toml`. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_policy_from_json(json: wsw_str, policy: *mut *mut wsw_policy) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `json` is readable, `policy` may be written.
        let (text, out) = unsafe { (json.utf8("json")?, Out::new(policy, "policy")?) };
        compiled(Policy::from_json(text), out)
    })
}

/// Reads a policy from a file: JSON if its name ends in ".json", else TOML. Values written as `env:NAME` come from the
/// environment, those written as `file:PATH` from files next to it. `path` ends with a NUL.
///
/// Otherwise as `wsw_policy_from_toml`. Thread-safe, as long as no thread changes the environment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_policy_from_file(path: *const c_char, policy: *mut *mut wsw_policy) -> wsw_status {
    entry(|| {
        if path.is_null() {
            return Err(Fault::null("path"));
        }
        // SAFETY: the contract: `path` ends with a NUL, `policy` may be written.
        let (path, out) = unsafe { (CStr::from_ptr(path), Out::new(policy, "policy")?) };
        let path = path.to_str().map_err(|_| Fault::bad("path is not UTF-8"))?;
        compiled(policy_from_file(Path::new(path)), out)
    })
}

/// Frees a policy; guards made of it stay as they are. NULL is nothing to free. Thread-safe, once no other call with it
/// is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_policy_free(policy: *mut wsw_policy) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(policy) }
}

/// How many warnings a policy has: what is allowed but seldom meant. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_policy_warning_count(policy: *const wsw_policy) -> usize {
    // SAFETY: the contract: `policy` is live.
    entry_or(|_| 0, || unsafe { borrowed(policy, "policy") }?.0.with(|compiled| Ok(compiled.warnings.len())))
}

/// The warning at `index`, from 0: a sentence that names the field. NULL when there is none. It lives as long as the
/// policy. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_policy_warning(policy: *const wsw_policy, index: usize) -> *const c_char {
    let warning = || {
        // SAFETY: the contract: `policy` is live.
        unsafe { borrowed(policy, "policy") }?
            .0
            .with(|compiled| Ok(compiled.warnings.get(index).map_or(std::ptr::null(), |text| text.as_ptr())))
    };
    entry_or(|_| std::ptr::null(), warning)
}

/// The whole document as JSON, defaults written out and secrets left out. NULL after an error. It lives as long as the
/// policy. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_policy_json(policy: *const wsw_policy) -> *const c_char {
    // SAFETY: the contract: `policy` is live.
    entry_or(|_| std::ptr::null(), || unsafe { borrowed(policy, "policy") }?.0.with(|it| Ok(it.json.as_ptr())))
}

/// The name of a type of messages on `path`, by its number `WSW_VERDICT_TYPE`: 1 for the first, and empty behind the
/// last. Number 0 is that of messages without a type, and has none. It lives as long as the policy. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_policy_type_name(policy: *const wsw_policy, path: wsw_str, index: u32) -> wsw_str {
    let name = || {
        // SAFETY: the contract: `policy` is live, `path` is readable.
        let (policy, path) = unsafe { (borrowed(policy, "policy")?, path.utf8("path")?) };
        let index = u16::try_from(index).ok().and_then(TypeIndex::from_number);
        policy.0.with(|it| Ok(wsw_str::or_empty(index.and_then(|index| it.policy.type_name(path, index)))))
    };
    entry_or(|_| wsw_str::EMPTY, name)
}

/// The JSON Schema (draft 2020-12) of policies, for editors and tools. NULL after an error. Static. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn wsw_policy_schema() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    entry_or(|_| std::ptr::null(), || Ok(TEXT.get_or_init(|| c_text(&Policy::json_schema().to_string())).as_ptr()))
}

/// What a host tells its WebSocket library, which must not buffer more than the policy will take: of all routes the
/// loosest, because a library is set up before the route is known.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_limits {
    /// `sizeof (wsw_limits)`.
    pub size: u32,
    /// The most fragments of a message.
    pub max_fragments: u32,
    /// The largest message, in bytes, all fragments together.
    pub max_message: u64,
    /// The most bytes that wait to be sent.
    pub max_queue: u64,
    /// The largest request head, in bytes.
    pub max_head: u64,
    /// For the whole request head, in nanoseconds.
    pub head_timeout: u64,
    /// From our close frame to the cut, in nanoseconds.
    pub close_timeout: u64,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_limits {
    const FIRST: usize = size_of::<Self>();
}

/// What to tell the WebSocket library. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_policy_limits(policy: *const wsw_policy, limits: *mut wsw_limits) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `policy` is live, `limits` may be written.
        let (policy, out) = unsafe { (borrowed(policy, "policy")?, SizedOut::new(limits, "limits")?) };
        let limits = policy.0.with(|compiled| Ok(compiled.policy.host_limits()))?;
        out.set(&wsw_limits {
            size: 0,
            max_fragments: limits.max_fragments,
            max_message: limits.max_message,
            max_queue: limits.max_queue,
            max_head: limits.max_head,
            head_timeout: nanos(Some(limits.head_timeout)),
            close_timeout: nanos(Some(limits.close_timeout)),
        });
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

fn compiled(policy: Result<Policy, PolicyError>, out: Out<*mut wsw_policy>) -> Result<wsw_status, Fault> {
    let policy = policy.map_err(refused)?;
    let warnings = policy.warnings().iter().map(|warning| c_text(&warning.to_string())).collect();
    let json = c_text(&policy.to_value().to_string());
    out.set(given(wsw_policy(Shared::new(Compiled { policy, warnings, json }))));
    Ok(wsw_status::WSW_STATUS_OK)
}

pub(crate) fn refused(error: PolicyError) -> Fault {
    Fault::new(wsw_status::WSW_STATUS_POLICY_ERROR, error.to_string())
}
