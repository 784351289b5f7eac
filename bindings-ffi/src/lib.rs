//! wswarden for C, and by UniFFI for Kotlin, Swift, Ruby and Python.
//!
//! Everything here converts and calls the core: no decision about security is taken in this crate.
//! `README.md` is the contract of the C API; `include/wswarden.h` is made from this source.

#![expect(unsafe_code, reason = "what comes from C is raw pointers; border.rs and text.rs turn them into references")]
#![expect(non_camel_case_types, reason = "types have the names they have in C")]
#![expect(clippy::missing_safety_doc, reason = "one contract holds for every entry: README.md, \"The contract\"")]

mod border;
mod clock;
mod frames;
mod guard;
mod handle;
mod head;
mod identity;
mod outcome;
mod policy;
mod reason;
mod registry;
mod request;
mod response;
mod session;
mod source;
mod status;
#[cfg(feature = "testing")]
mod testing;
mod text;
mod tick;
