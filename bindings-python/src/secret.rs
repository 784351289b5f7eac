//! A credential that cannot be printed.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wswarden_core as core;

/// A credential: its `repr` says nothing, and it is wiped from memory when it goes.
///
/// What `expose` gives is the caller's to keep out of logs.
#[pyclass(frozen, eq, module = "wswarden")]
#[derive(Clone, PartialEq)]
pub(crate) struct Secret(pub(crate) core::Secret);

#[pymethods]
impl Secret {
    /// The bytes themselves. Named so that a search finds every place that looks.
    fn expose<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.expose())
    }

    /// The bytes as text.
    ///
    /// Raises:
    ///     ValueError: when they are not UTF-8.
    fn expose_str(&self) -> PyResult<&str> {
        self.0.expose_str().ok_or_else(|| pyo3::exceptions::PyValueError::new_err("the credential is not UTF-8"))
    }

    fn __repr__(&self) -> &'static str {
        "Secret(..)"
    }
}
