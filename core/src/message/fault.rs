//! Why a message is refused, and where: numbers first, words only when asked for.

use std::fmt;

use crate::Reason;

/// Why a message is refused.
///
/// It holds no text and nothing of the message: words come from [`super::Messages::explain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// What is wrong.
    pub reason: Reason,
    /// Where, counted in bytes from 0: the byte that cannot be, or the value that is not as the schema says.
    pub at: u32,
}

impl Fault {
    #[inline(always)]
    pub(crate) fn new(reason: Reason, at: usize) -> Self {
        Self { reason, at: offset(at) }
    }
}

/// A place in a message as 32 bits.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "messages of 2 GiB and more are refused before"
)]
pub(crate) fn offset(at: usize) -> u32 {
    at as u32
}

/// Where a message went wrong, in words, for its sender or a log: at most 1 KiB.
///
/// It never shows what the sender chose: a key that the schemas do not name is written `(key)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The reason and the byte offset.
    pub fault: Fault,
    /// The JSON pointer (RFC 6901) of the value at fault.
    pub pointer: String,
    /// The JSON pointer of the schema that was not met; none where no schema is at fault.
    pub schema: Option<String>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.fault.reason.name(), self.fault.at)?;
        if !self.pointer.is_empty() {
            write!(f, ", at {}", self.pointer)?;
        }
        match &self.schema {
            Some(place) => write!(f, ", by the schema's {}", if place.is_empty() { "root" } else { place }),
            None => Ok(()),
        }
    }
}
