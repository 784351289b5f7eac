//! The exceptions, which are Python classes of `wswarden._errors`: with the stable ABI before 3.12
//! a Rust class cannot extend `Exception`.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wswarden_core as core;

use crate::{reason, response};

mod python {
    pyo3::import_exception!(wswarden._errors, PolicyError);
    pyo3::import_exception!(wswarden._errors, Refused);
    pyo3::import_exception!(wswarden._errors, Ended);
    pyo3::import_exception!(wswarden._errors, Forked);
    pyo3::import_exception!(wswarden._errors, Internal);
    pyo3::import_exception!(wswarden._errors, LimitReached);
}

/// A policy that cannot be.
pub(crate) fn policy(error: &core::PolicyError) -> PyErr {
    let remedy = error.remedy().map(str::to_owned);
    python::PolicyError::new_err((error.to_string(), error.place().to_owned(), error.problem().to_owned(), remedy))
}

/// A refused upgrade, with its HTTP answer.
pub(crate) fn refused(py: Python<'_>, refusal: &core::Refusal, dialect: core::Dialect) -> PyErr {
    refused_because(py, refusal, dialect, refusal.detail())
}

/// The same, with what the audit is told besides.
pub(crate) fn refused_because(
    py: Python<'_>,
    refusal: &core::Refusal,
    dialect: core::Dialect,
    detail: Option<&'static str>,
) -> PyErr {
    let refused = || {
        let reason = reason::member(py, refusal.reason())?;
        let close_code = refusal.reason().close_code(dialect);
        let retry_after = refusal.retry_after().map(|wait| wait.as_secs_f64());
        let answer = Py::new(py, response::Response::from(refusal.response()))?;
        let sentence = refusal.reason().sentence();
        Ok::<_, PyErr>(python::Refused::new_err((sentence, reason, close_code, retry_after, answer, detail)))
    };
    refused().unwrap_or_else(|error| error)
}

/// What was used up or given back is used again.
pub(crate) fn ended(what: &'static str) -> PyErr {
    python::Ended::new_err(what)
}

/// A guard in a process that did not make it.
pub(crate) fn forked(maker: u32) -> PyErr {
    let text = format!(
        "this guard was made by process {maker} and reached process {} by a fork: its limits, slots and keys would \
         be counted twice. Make the guard in the process that serves: in the worker's start-up (gunicorn: post_fork or \
         without preload_app; multiprocessing: start method \"spawn\")",
        std::process::id()
    );
    python::Forked::new_err(text)
}

/// A mistake in wswarden itself; never a reason to let anything pass.
pub(crate) fn internal() -> PyErr {
    python::Internal::new_err("wswarden made a mistake; nothing was let pass, and this object refuses from now on")
}

/// No room for another entry.
pub(crate) fn limit(text: String, why: Option<Py<PyAny>>, affected: Vec<u64>) -> PyErr {
    python::LimitReached::new_err((text, why, affected))
}

/// Seconds as a duration.
pub(crate) fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| PyValueError::new_err("seconds must be finite, and not negative"))
}
