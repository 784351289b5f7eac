//! What a message may be: strict JSON and JSON Schema, judged over the bytes in one pass.
//!
//! [`Messages`] is a policy's rules compiled; [`Messages::judge`] tells a message's type or its first [`Fault`].
//! Nothing is built of the message and, for schemas that one pass can decide, nothing is allocated.
//! Lengths of strings count code points, as JSON Schema says: neither bytes nor UTF-16 units.

mod explain;
mod fault;
pub mod json;
mod machine;
mod messages;
pub mod schema;
mod scratch;
mod tape;

pub use fault::{Explanation, Fault};
pub use messages::{Messages, TypeIndex};
pub use scratch::Scratch;
pub use tape::{Entry, Kind, Tape};
