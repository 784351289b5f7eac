//! Who is connected and has not asked for anything yet.

use std::sync::Mutex;

use pyo3::prelude::*;
use wswarden_core as core;

use crate::lock::locked;

/// The place of a connection whose request has not come whole.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Knock(Mutex<Option<core::Knock>>);

impl Knock {
    pub(crate) fn new(knock: core::Knock) -> Self {
        Self(Mutex::new(Some(knock)))
    }
}

#[pymethods]
impl Knock {
    /// Gives the place back: right before `Guard.screen`, or when the connection ends. May be called again.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        locked(py, &self.0, Option::take).map(drop)
    }

    fn __repr__(&self) -> &'static str {
        "Knock(..)"
    }
}
