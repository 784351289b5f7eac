//! The calls of the message path, as plain functions of Node-API: the only unsafe code of the addon.
//!
//! A function's state is its `data` pointer, so that no `this` has to be unwrapped.

#![expect(unsafe_code, reason = "Node-API is a C interface")]

use std::ffi::c_void;
use std::ptr;
use std::slice;

use napi::bindgen_prelude::{Env, FromNapiValue, Result, Unknown};
use napi::{check_status, sys};

use crate::state::{Shared, State};

/// `receive(handle, opcode, payload)` gives the verdict's number; 0 means close.
pub(crate) struct Receive;
/// The same, but a text that is delivered is given back as a string, ready for `JSON.parse`.
pub(crate) struct ReceiveText;
/// `sending(handle, sent, more)` counts bytes that were sent, and more that will wait: 1, or 2 when what can wait
/// should; 0 means close.
pub(crate) struct Sending;

/// What a function does.
pub(crate) trait Call {
    /// The name of the function, for stack traces.
    const NAME: &'static str;

    /// Does it. `None` is an answer that could not be made.
    fn call(state: &mut State, arguments: &Arguments) -> Option<sys::napi_value>;
}

/// A frame as it came in.
pub(crate) struct Frame<'a> {
    handle: u64,
    opcode: u8,
    payload: &'a [u8],
}

impl Frame<'_> {
    #[inline]
    fn judge(&self, state: &mut State) -> u32 {
        let now = state.clock.coarse();
        state.registry.receive_number(self.handle, self.opcode, self.payload, &mut state.scratch, now)
    }
}

impl Call for Receive {
    const NAME: &'static str = "receive";

    #[inline]
    fn call(state: &mut State, arguments: &Arguments) -> Option<sys::napi_value> {
        let mut text = Vec::new();
        arguments.give().number(arguments.frame(&mut text).judge(state))
    }
}

impl Call for ReceiveText {
    const NAME: &'static str = "receiveText";

    #[inline]
    fn call(state: &mut State, arguments: &Arguments) -> Option<sys::napi_value> {
        let (mut text, give) = (Vec::new(), arguments.give());
        let frame = arguments.frame(&mut text);
        let number = frame.judge(state);
        if number & 0xff != DELIVER || frame.opcode != TEXT {
            return give.number(number);
        }
        if frame.payload.is_ascii() {
            return give.latin1(frame.payload);
        }
        // What is delivered is valid UTF-8: as many UTF-16 units as bytes are enough, and one more
        // is what the converter asks for.
        state.wide.resize(frame.payload.len().saturating_add(1), 0);
        let units = encoding_rs::mem::convert_utf8_to_utf16(frame.payload, &mut state.wide);
        let text = give.utf16(state.wide.get(..units)?);
        // One large message must not hold its room for ever.
        state.wide.truncate(KEPT);
        state.wide.shrink_to(KEPT);
        text
    }
}

impl Call for Sending {
    const NAME: &'static str = "sending";

    #[inline]
    fn call(state: &mut State, arguments: &Arguments) -> Option<sys::napi_value> {
        let [handle, sent, more] = [0, 1, 2].map(|at| arguments.number(at).unwrap_or_default());
        arguments.give().number(state.sending(handle as u64, sent as u64, more as u64))
    }
}

/// The outcome of a verdict that delivers, in its number.
const DELIVER: u32 = 1;
/// The opcode of a text message.
const TEXT: u8 = 1;
/// So many UTF-16 units of room are kept between calls.
const KEPT: usize = 32 * 1024;

/// Makes the answer.
#[derive(Clone, Copy)]
pub(crate) struct Give {
    env: sys::napi_env,
}

impl Give {
    #[inline]
    fn number(self, number: u32) -> Option<sys::napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: `env` is that of the running call, and `value` is written before it is read.
        let status = unsafe { sys::napi_create_uint32(self.env, number, &mut value) };
        (status == sys::Status::napi_ok).then_some(value)
    }

    fn latin1(self, text: &[u8]) -> Option<sys::napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: as above; pointer and length are those of one live slice, which is copied.
        let status = unsafe {
            sys::napi_create_string_latin1(self.env, text.as_ptr().cast(), text.len().cast_signed(), &mut value)
        };
        (status == sys::Status::napi_ok).then_some(value)
    }

    fn utf16(self, text: &[u16]) -> Option<sys::napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: as above.
        let status =
            unsafe { sys::napi_create_string_utf16(self.env, text.as_ptr(), text.len().cast_signed(), &mut value) };
        (status == sys::Status::napi_ok).then_some(value)
    }
}

/// The function of a call, bound to a guard.
pub(crate) fn function<C: Call>(env: &Env, shared: &Shared) -> Result<Unknown<'static>> {
    let data = Box::into_raw(Box::new(shared.clone())).cast::<c_void>();
    let mut function = ptr::null_mut();
    // SAFETY: the name is a live slice; `data` is given back by `release` alone, which Node-API
    // calls once, when the function is collected or the environment ends: after every call of it.
    unsafe {
        let name = (C::NAME.as_ptr().cast(), C::NAME.len().cast_signed());
        check_status!(sys::napi_create_function(env.raw(), name.0, name.1, Some(enter::<C>), data, &mut function))?;
        check_status!(sys::napi_add_finalizer(
            env.raw(),
            function,
            data,
            Some(release),
            ptr::null_mut(),
            ptr::null_mut()
        ))?;
        Unknown::from_napi_value(env.raw(), function)
    }
}

unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `data` is the box that `function` made, and this is called once.
    drop(unsafe { Box::from_raw(data.cast::<Shared>()) });
}

/// What Node-API calls. An answer of `undefined` is no verdict, and JavaScript closes then.
unsafe extern "C" fn enter<C: Call>(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); 3];
    let mut count = arguments.len();
    let mut data = ptr::null_mut();
    // SAFETY: `env` and `info` are those of this call; `arguments` has room for `count` values, and
    // those that were not passed are set to `undefined`.
    let status =
        unsafe { sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), ptr::null_mut(), &mut data) };
    if status != sys::Status::napi_ok || data.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: `data` is the box that `function` made; it lives as long as the function does.
    let shared = unsafe { &*data.cast::<Shared>() };
    let arguments = Arguments { env, values: arguments };
    match shared.run(|state| C::call(state, &arguments)) {
        Some(value) => value.unwrap_or(ptr::null_mut()),
        None => arguments.give().number(0).unwrap_or(ptr::null_mut()),
    }
}

/// What a running call was given. It never leaves the call.
pub(crate) struct Arguments {
    env: sys::napi_env,
    values: [sys::napi_value; 3],
}

impl Arguments {
    #[inline]
    fn give(&self) -> Give {
        Give { env: self.env }
    }

    /// A number; None for anything else.
    #[inline]
    fn number(&self, at: usize) -> Option<f64> {
        let mut number = 0.0;
        // SAFETY: the value is this call's; a value of another type leaves what is there.
        let status = unsafe { sys::napi_get_value_double(self.env, *self.values.get(at)?, &mut number) };
        (status == sys::Status::napi_ok).then_some(number)
    }

    /// A handle, an opcode and a payload.
    #[inline]
    fn frame<'a>(&self, text: &'a mut Vec<u8>) -> Frame<'a> {
        let [_, opcode, payload] = self.values;
        let mut code = 0;
        // SAFETY: as above.
        let read = unsafe { sys::napi_get_value_uint32(self.env, opcode, &mut code) } == sys::Status::napi_ok;
        // SAFETY: nothing runs in JavaScript while the slice lives.
        let payload = unsafe { bytes(self.env, payload, text) };
        // 0 is no handle and 0xff no opcode: both mean close.
        Frame {
            handle: self.number(0).filter(|_| read).unwrap_or_default() as u64,
            opcode: u8::try_from(code).ok().filter(|_| payload.is_some()).unwrap_or(0xff),
            payload: payload.unwrap_or_default(),
        }
    }
}

/// The bytes of a `Uint8Array` (a `Buffer` is one), or a string's as UTF-8, which go to `text`.
/// None for anything else, and for shared memory: another thread could change it after it was judged.
///
/// # Safety
/// The slice is good until JavaScript runs again.
unsafe fn bytes(env: sys::napi_env, value: sys::napi_value, text: &mut Vec<u8>) -> Option<&[u8]> {
    let mut kind = 0;
    let mut length = 0;
    let mut data = ptr::null_mut();
    let mut buffer = ptr::null_mut();
    // SAFETY: every out pointer is to a live variable. A value that is no typed array is an error
    // of the call, not a crash (`napi_get_buffer_info` would end the process).
    let status = unsafe {
        sys::napi_get_typedarray_info(env, value, &mut kind, &mut length, &mut data, &mut buffer, ptr::null_mut())
    };
    if status != sys::Status::napi_ok {
        // SAFETY: the caller's promise.
        return unsafe { utf8(env, value, text) };
    }
    if kind != sys::TypedarrayType::uint8_array {
        return None;
    }
    let mut private = false;
    // SAFETY: `buffer` was just written.
    if unsafe { sys::napi_is_arraybuffer(env, buffer, &mut private) } != sys::Status::napi_ok || !private {
        return None;
    }
    // The view of a detached buffer has no length, and a pointer that means nothing.
    if length == 0 {
        return Some(&[]);
    }
    if data.is_null() {
        return None;
    }
    // SAFETY: V8 gave pointer and length of the view as they are now, also when its buffer is
    // resizable; nobody else can write to it, and nothing runs in JavaScript before the call ends.
    Some(unsafe { slice::from_raw_parts(data.cast::<u8>(), length) })
}

/// A string's UTF-8, for hosts that give texts as strings.
///
/// # Safety
/// `value` is one of the running call's.
unsafe fn utf8(env: sys::napi_env, value: sys::napi_value, text: &mut Vec<u8>) -> Option<&[u8]> {
    let mut length = 0;
    // SAFETY: without a buffer only the length is written.
    if unsafe { sys::napi_get_value_string_utf8(env, value, ptr::null_mut(), 0, &mut length) } != sys::Status::napi_ok {
        return None;
    }
    // One more, for the zero that Node-API writes.
    let room = length.checked_add(1)?;
    text.resize(room, 0);
    // SAFETY: `text` has `room` bytes.
    let status = unsafe { sys::napi_get_value_string_utf8(env, value, text.as_mut_ptr().cast(), room, &mut length) };
    (status == sys::Status::napi_ok).then_some(())?;
    text.get(..length)
}
