//! What Python hands over as a message.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// The bytes of a message, borrowed from a Python object that cannot change, or copied from one that can.
pub(crate) enum Payload<'a> {
    Borrowed(&'a [u8]),
    Copied(Vec<u8>),
}

impl<'a> Payload<'a> {
    /// Bytes and str are looked at in place. Whatever else has a buffer is copied: another thread could
    /// change it between the check and the use.
    #[inline]
    pub(crate) fn of(data: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        // Nearly all are exactly these two types, which one comparison tells.
        if let Ok(bytes) = data.cast_exact::<PyBytes>() {
            return Ok(Self::Borrowed(bytes.as_bytes()));
        }
        if let Ok(text) = data.cast_exact::<PyString>() {
            return Ok(Self::Borrowed(text.to_str()?.as_bytes()));
        }
        Self::other(data)
    }

    #[cold]
    fn other(data: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = data.cast::<PyBytes>() {
            return Ok(Self::Borrowed(bytes.as_bytes()));
        }
        if let Ok(text) = data.cast::<PyString>() {
            return Ok(Self::Borrowed(text.to_str()?.as_bytes()));
        }
        let Ok(buffer) = PyBuffer::<u8>::get(data) else {
            let kind = data.get_type();
            return Err(PyTypeError::new_err(format!(
                "a message is bytes, str or a buffer of bytes, not {}",
                kind.name()?
            )));
        };
        buffer.to_vec(data.py()).map(Self::Copied)
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

/// Whether judging so many bytes takes longer than letting the global lock go and taking it again.
#[inline]
pub(crate) fn is_long(bytes: &[u8]) -> bool {
    bytes.len() >= 4096
}

/// The message that a frame carried.
#[inline]
pub(crate) fn message(bytes: &[u8], binary: bool) -> wswarden_core::Message<'_> {
    if binary { wswarden_core::Message::Binary(bytes) } else { wswarden_core::Message::Text(bytes) }
}
