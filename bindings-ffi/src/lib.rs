//! wswarden for C, and by UniFFI for Kotlin, Swift, Ruby and Python.
//!
//! Everything here converts and calls the core: no decision about security is taken in this crate.
//! `README.md` is the contract of the C API; `include/wswarden.h` is made from this source.

#![expect(unsafe_code, reason = "what comes from C is raw pointers; border.rs and text.rs turn them into references")]
#![expect(non_camel_case_types, reason = "types have the names they have in C")]
#![expect(clippy::missing_safety_doc, reason = "one contract holds for every entry: README.md, \"The contract\"")]

pub mod authenticate;
mod border;
pub mod clock;
pub mod credentials;
pub mod explain;
pub mod foreign;
mod fork;
pub mod frames;
pub mod guard;
mod handle;
pub mod head;
pub mod identity;
pub mod ids;
pub mod outcome;
pub mod policy;
pub mod reason;
pub mod registry;
pub mod request;
pub mod response;
pub mod schema;
pub mod session;
mod source;
pub mod status;
pub mod tape;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod tick;
pub mod verified;

uniffi::setup_scaffolding!("wswarden_uniffi");
