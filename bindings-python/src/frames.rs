//! Counting frames below a WebSocket library that does not bound them.

use std::sync::Mutex;

use pyo3::prelude::*;
use wswarden_core as core;

use crate::lock::locked;
use crate::payload::Payload;
use crate::reason::Member;

/// Reads the frame headers of a client's byte stream and counts how many frames make up a message: for server libraries
/// that bound only a message's bytes.
///
/// Args:
///     limit: the most frames of a message.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct FrameMeter(Mutex<core::FrameMeter>);

#[pymethods]
impl FrameMeter {
    #[new]
    fn new(limit: u32) -> Self {
        Self(Mutex::new(core::FrameMeter::new(limit)))
    }

    /// Counts the frames in `data`, the next bytes of the stream.
    ///
    /// Returns:
    ///     None, or the reason to close for as soon as a message has one frame too many.
    #[pyo3(signature = (data: "Buffer"))]
    fn feed(&self, data: &Bound<'_, PyAny>) -> PyResult<Option<Member>> {
        let payload = Payload::of(data)?;
        locked(data.py(), &self.0, |meter| meter.feed(payload.bytes()).err().map(Member))
    }

    fn __repr__(&self) -> &'static str {
        "FrameMeter(..)"
    }
}
