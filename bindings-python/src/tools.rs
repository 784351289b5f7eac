//! The command line, and the conformance protocol.

use std::ffi::OsString;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wswarden_core as core;

/// Runs the command line of wswarden.
///
/// Args:
///     arguments: the name of the program, and what follows it.
///
/// Returns:
///     The exit code.
#[pyfunction]
#[pyo3(signature = (arguments: "Sequence[str]"))]
pub(crate) fn run(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| wswarden_cli::run(arguments))
}

/// Answers one line of the conformance protocol: for test programs, never for servers.
///
/// Args:
///     line: a question as JSON.
///
/// Returns:
///     The answer as JSON.
#[pyfunction]
pub(crate) fn conform_line<'py>(py: Python<'py>, line: &[u8]) -> Bound<'py, PyBytes> {
    let answer = py.detach(|| core::conform::answer_line(line).to_string());
    PyBytes::new(py, answer.as_bytes())
}
