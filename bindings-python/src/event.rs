//! What happened, for the audit.

use pyo3::prelude::*;
use wswarden_core as core;

use crate::reason::Member;

/// Something worth a record: numbers and names only, so that no token or message can be in it.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Event(pub(crate) core::Event);

#[pymethods]
impl Event {
    /// What happened: "opened", "authenticated", "refreshed", "limited", "violation", "expired" or
    /// "closed".
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.name()
    }

    /// Why; None where the kind says it all.
    #[getter]
    fn reason(&self) -> Option<Member> {
        self.0.reason.map(Member)
    }

    /// The number of the session it happened on.
    #[getter]
    fn session(&self) -> u64 {
        self.0.session.number()
    }

    /// When, in nanoseconds on the monotonic clock.
    #[getter]
    fn at(&self) -> u64 {
        self.0.at.as_nanos()
    }

    /// How many events of the session were left out since its last one: an attacker cannot write the
    /// log full.
    #[getter]
    fn suppressed(&self) -> u32 {
        self.0.suppressed
    }

    fn __repr__(&self) -> String {
        let reason = self.0.reason.map(|reason| format!(", reason={reason}")).unwrap_or_default();
        format!("Event(kind={}, session={}{reason})", self.0.kind.name(), self.0.session.number())
    }
}

/// The event of an answer, if it has one.
pub(crate) fn of(py: Python<'_>, event: Option<core::Event>) -> PyResult<Option<Py<Event>>> {
    event.map(|event| Py::new(py, Event(event))).transpose()
}
