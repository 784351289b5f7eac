//! From a request to a session.

use std::sync::Mutex;

use pyo3::prelude::*;
use wswarden_core as core;

use crate::answer::{self, Need};
use crate::clock::Now;
use crate::errors;
use crate::guard::Guard;
use crate::lock::locked;
use crate::session::Session;

/// Where a connection comes from.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Peer(core::Peer);

impl Peer {
    pub(crate) fn new(peer: core::Peer) -> Self {
        Self(peer)
    }
}

#[pymethods]
impl Peer {
    /// The client's address, as the socket or a trusted proxy tells it; None on a local socket.
    #[getter]
    fn address(&self) -> Option<String> {
        self.0.address.map(|address| address.to_string())
    }

    /// The page's origin, as it was sent; None where none was.
    #[getter]
    fn origin(&self) -> Option<&str> {
        self.0.origin.as_deref()
    }

    /// The path that was asked for, before any decoding and without the query.
    #[getter]
    fn path(&self) -> &str {
        &self.0.path
    }

    /// Only the address: origin and path are the peer's words.
    fn __repr__(&self) -> String {
        format!("Peer(address={:?})", self.address().unwrap_or_default())
    }
}

/// An upgrade request that passed every check that needs no credential judged.
///
/// It holds an unauthenticated slot of its address until it is admitted, refused, abandoned or
/// collected.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Candidate {
    guard: Py<Guard>,
    /// Taken out when it is used: a candidate is admitted once.
    inner: Mutex<Option<core::Candidate>>,
}

impl Candidate {
    pub(crate) fn new(guard: Py<Guard>, candidate: core::Candidate) -> Self {
        Self { guard, inner: Mutex::new(Some(candidate)) }
    }
}

#[pymethods]
impl Candidate {
    /// Judges the credential, as far as that needs nobody else.
    ///
    /// Args:
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     A `Session` to go on with, or a `Waiting` when something only the host can find out is needed.
    ///
    /// Raises:
    ///     Refused: with the HTTP answer to send.
    ///     Ended: when it was used before.
    #[pyo3(signature = (*, now = None) -> "Session | Waiting")]
    fn admit(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<Py<PyAny>> {
        let guard = self.guard.get();
        let now = guard.enter(py, now)?;
        let candidate = locked(py, &self.inner, Option::take)?.ok_or_else(used)?;
        let dialect = guard.dialect(&candidate.peer().path);
        // Public-key signatures take long: other threads may run meanwhile.
        let admission = py.detach(|| candidate.admit(now)).map_err(|refusal| errors::refused(py, &refusal, dialect))?;
        admitted(py, &self.guard, admission)
    }

    /// Where it comes from.
    ///
    /// Raises:
    ///     Ended: when it was used before.
    #[getter]
    fn peer(&self, py: Python<'_>) -> PyResult<Peer> {
        locked(py, &self.inner, |inner| inner.as_ref().map(|inner| Peer::new(inner.peer().clone())))?.ok_or_else(used)
    }

    /// When it must have been admitted, in nanoseconds on the monotonic clock.
    ///
    /// Raises:
    ///     Ended: when it was used before.
    #[getter]
    fn deadline(&self, py: Python<'_>) -> PyResult<u64> {
        locked(py, &self.inner, |inner| inner.as_ref().map(|inner| inner.deadline().as_nanos()))?.ok_or_else(used)
    }

    /// Gives its slot back: the client has gone. May be called at any time, and again.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        locked(py, &self.inner, Option::take).map(drop)
    }

    fn __repr__(&self) -> &'static str {
        "Candidate(..)"
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.guard)
    }
}

/// A candidate whose credential the host has to look up.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Waiting {
    guard: Py<Guard>,
    inner: Mutex<Option<core::Waiting>>,
}

#[pymethods]
impl Waiting {
    /// What the host has to find out.
    ///
    /// Raises:
    ///     Ended: when it was answered before.
    #[getter]
    fn need(&self, py: Python<'_>) -> PyResult<Need> {
        locked(py, &self.inner, |inner| inner.as_ref().map(|inner| Need::new(inner.need().clone())))?.ok_or_else(used)
    }

    /// Where the candidate comes from.
    ///
    /// Raises:
    ///     Ended: when it was answered before.
    #[getter]
    fn peer(&self, py: Python<'_>) -> PyResult<Peer> {
        locked(py, &self.inner, |inner| inner.as_ref().map(|inner| Peer::new(inner.peer().clone())))?.ok_or_else(used)
    }

    /// When the answer must have come, in nanoseconds on the monotonic clock.
    ///
    /// Raises:
    ///     Ended: when it was answered before.
    #[getter]
    fn deadline(&self, py: Python<'_>) -> PyResult<u64> {
        locked(py, &self.inner, |inner| inner.as_ref().map(|inner| inner.deadline().as_nanos()))?.ok_or_else(used)
    }

    /// Takes the host's answer.
    ///
    /// Args:
    ///     answer: an `Identity`; None when the credential is nobody's, or the ticket was used before;
    ///         `Unavailable()` when that cannot be told just now; `KeysFetched()`; `TicketUnused()`.
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     A `Session`, or a `Waiting` when something else is needed, too.
    ///
    /// Raises:
    ///     Refused: with the HTTP answer to send.
    ///     Ended: when it was answered before.
    #[pyo3(signature = (answer: "Answer", *, now = None) -> "Session | Waiting")]
    fn provide(&self, py: Python<'_>, answer: &Bound<'_, PyAny>, now: Option<&Bound<'_, Now>>) -> PyResult<Py<PyAny>> {
        let guard = self.guard.get();
        let now = guard.enter(py, now)?;
        let answer = answer::answer(answer)?;
        let waiting = locked(py, &self.inner, Option::take)?.ok_or_else(used)?;
        let dialect = guard.dialect(&waiting.peer().path);
        let admission = waiting.provide(answer, now).map_err(|refusal| errors::refused(py, &refusal, dialect))?;
        admitted(py, &self.guard, admission)
    }

    /// Gives its slot back: the client has gone. May be called at any time, and again.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        locked(py, &self.inner, Option::take).map(drop)
    }

    fn __repr__(&self) -> &'static str {
        "Waiting(..)"
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.guard)
    }
}

fn admitted(py: Python<'_>, guard: &Py<Guard>, admission: core::Admission) -> PyResult<Py<PyAny>> {
    let guard = guard.clone_ref(py);
    Ok(match admission {
        core::Admission::Open(session) => Py::new(py, Session::alone(guard, session))?.into_any(),
        core::Admission::Wait(waiting) => Py::new(py, Waiting { guard, inner: Mutex::new(Some(waiting)) })?.into_any(),
    })
}

fn used() -> PyErr {
    errors::ended("the candidate was admitted, refused or abandoned before")
}
