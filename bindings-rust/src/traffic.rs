//! What comes in, what goes out, and why it could not.

use std::fmt;
use std::io;

use wswarden_core::Close;
use wswarden_core::message::TypeIndex;

/// A message that was within policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message.
    Text {
        /// Its type; the policy's [`Messages`](wswarden_core::message::Messages) knows its name.
        kind: TypeIndex,
        /// Its text.
        text: String,
    },
    /// A binary message.
    Binary {
        /// Its type.
        kind: TypeIndex,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

impl Incoming {
    /// The message's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text { text, .. } => text.as_bytes(),
            Self::Binary { bytes, .. } => bytes,
        }
    }

    /// The message's type.
    pub fn kind(&self) -> TypeIndex {
        match self {
            Self::Text { kind, .. } | Self::Binary { kind, .. } => *kind,
        }
    }
}

/// Why a message was not sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed.
    Closed(Close),
    /// The stream failed.
    Io(io::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(close) => write!(f, "the connection is closed: {}", close.reason),
            Self::Io(error) => write!(f, "the stream failed: {error}"),
        }
    }
}

impl std::error::Error for SendError {}

/// What can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl From<String> for Outgoing {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Outgoing {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Outgoing {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}
