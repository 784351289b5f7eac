//! What only the host can find out, and its answers.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wswarden_core as core;

use crate::identity::{Identity, seconds};
use crate::secret::Secret;

/// What only the host can find out.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Need(core::Need);

impl Need {
    pub(crate) fn new(need: core::Need) -> Self {
        Self(need)
    }
}

#[pymethods]
impl Need {
    /// "identity": whose session token `credential` is. "revalidate": whether `identity` still holds,
    /// and what it may do now. "keys": the key set at `url`; the answer is `KeysFetched()` when the guard was
    /// told of it. "ticket": whether the ticket `ticket_id` was used before; mark it as used until `until`, in one
    /// step, in the store that the servers share, and answer `TicketUnused()` if it was not there.
    #[getter]
    fn kind(&self) -> &'static str {
        match &self.0 {
            core::Need::Identity(_) => "identity",
            core::Need::Revalidate(_) => "revalidate",
            core::Need::Keys(_) => "keys",
            core::Need::Ticket { .. } => "ticket",
            _ => "unknown",
        }
    }

    /// The session token, where its owner is asked for.
    #[getter]
    fn credential(&self) -> Option<Secret> {
        match &self.0 {
            core::Need::Identity(secret) => Some(Secret(secret.clone())),
            _ => None,
        }
    }

    /// The identity that is to be looked at again.
    #[getter]
    fn identity(&self) -> Option<Identity> {
        match &self.0 {
            core::Need::Revalidate(identity) => Some(Identity(identity.clone())),
            _ => None,
        }
    }

    /// Where the keys are published.
    #[getter]
    fn url(&self) -> Option<&str> {
        match &self.0 {
            core::Need::Keys(url) => Some(url),
            _ => None,
        }
    }

    /// What the ticket is known by. It is no secret, and opens nothing.
    #[getter]
    fn ticket_id<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        match &self.0 {
            core::Need::Ticket { id, .. } => Some(PyBytes::new(py, id)),
            _ => None,
        }
    }

    /// When the ticket runs out, in seconds since 1970.
    #[getter]
    fn until(&self) -> Option<f64> {
        match &self.0 {
            core::Need::Ticket { until, .. } => Some(seconds(*until)),
            _ => None,
        }
    }

    fn __repr__(&self) -> String {
        format!("Need(kind={})", self.kind())
    }
}

/// The keys were fetched, or could not be, and the guard was told: look again.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct KeysFetched;

#[pymethods]
impl KeysFetched {
    #[new]
    fn new() -> Self {
        Self
    }

    fn __repr__(&self) -> &'static str {
        "KeysFetched()"
    }
}

/// The ticket was not used before, and is marked as used now.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct TicketUnused;

#[pymethods]
impl TicketUnused {
    #[new]
    fn new() -> Self {
        Self
    }

    fn __repr__(&self) -> &'static str {
        "TicketUnused()"
    }
}

/// The host cannot tell just now: the connection is refused.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Unavailable;

#[pymethods]
impl Unavailable {
    #[new]
    fn new() -> Self {
        Self
    }

    fn __repr__(&self) -> &'static str {
        "Unavailable()"
    }
}

/// The host's answer: an identity, None for "nobody's", `Unavailable()`, `KeysFetched()` or `TicketUnused()`.
pub(crate) fn answer(given: &Bound<'_, PyAny>) -> PyResult<core::Answer> {
    if given.is_none() {
        Ok(core::Answer::Refused)
    } else if let Ok(identity) = given.cast::<Identity>() {
        Ok(core::Answer::Identity(identity.get().0.clone()))
    } else if given.is_instance_of::<Unavailable>() {
        Ok(core::Answer::Unavailable)
    } else if given.is_instance_of::<KeysFetched>() {
        Ok(core::Answer::Keys)
    } else if given.is_instance_of::<TicketUnused>() {
        Ok(core::Answer::Unused)
    } else {
        Err(PyTypeError::new_err(
            "an answer is an Identity, None (it is nobody's), Unavailable(), KeysFetched() or TicketUnused()",
        ))
    }
}
