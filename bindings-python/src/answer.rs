//! What only the host can find out, and its answers.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use wswarden_core as core;

use crate::identity::Identity;
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
    /// and what it may do now.
    #[getter]
    fn kind(&self) -> &'static str {
        match &self.0 {
            core::Need::Identity(_) => "identity",
            core::Need::Revalidate(_) => "revalidate",
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

    fn __repr__(&self) -> String {
        format!("Need(kind={})", self.kind())
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

/// The host's answer: an identity, None for "nobody's", or `Unavailable()`.
pub(crate) fn answer(given: &Bound<'_, PyAny>) -> PyResult<core::Answer> {
    if given.is_none() {
        Ok(core::Answer::Refused)
    } else if let Ok(identity) = given.cast::<Identity>() {
        Ok(core::Answer::Identity(identity.get().0.clone()))
    } else if given.is_instance_of::<Unavailable>() {
        Ok(core::Answer::Unavailable)
    } else {
        Err(PyTypeError::new_err("an answer is an Identity, None (it is nobody's) or Unavailable()"))
    }
}
