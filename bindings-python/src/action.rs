//! What the host must do of its own accord.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wswarden_core as core;

use crate::answer::Need;
use crate::event::{self, Event};
use crate::{errors, verdict};

/// Send a ping frame with this payload.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Ping {
    /// The payload; a pong must carry it back.
    #[pyo3(get)]
    payload: Py<PyBytes>,
}

/// Ask the identity's source again and hand the answer to `session.revalidated`.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Revalidate {
    /// What is asked.
    #[pyo3(get)]
    need: Py<Need>,
}

/// Tell the client to renew its credential, if there is a way: it has expired, and only a refresh
/// message is taken until the grace is over.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Expired {
    /// What to record.
    #[pyo3(get)]
    event: Option<Py<Event>>,
}

/// Cut the connection and end the session: the close handshake is over, or was not finished in time.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Terminate;

#[pymethods]
impl Ping {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("payload",)
    }

    fn __repr__(&self) -> &'static str {
        "Ping(..)"
    }
}

#[pymethods]
impl Revalidate {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("need",)
    }

    fn __repr__(&self) -> &'static str {
        "Revalidate()"
    }
}

#[pymethods]
impl Expired {
    fn __repr__(&self) -> &'static str {
        "Expired()"
    }
}

#[pymethods]
impl Terminate {
    fn __repr__(&self) -> &'static str {
        "Terminate()"
    }
}

/// What is due, as a Python object; `identity` is the session's.
pub(crate) fn object(py: Python<'_>, due: core::Due, identity: Option<core::Identity>) -> PyResult<Py<PyAny>> {
    Ok(match due.action {
        core::Action::Ping(payload) => Py::new(py, Ping { payload: PyBytes::new(py, &payload).unbind() })?.into_any(),
        core::Action::Close(close) => verdict::close(py, close, due.event)?.into_any(),
        core::Action::Revalidate => {
            let identity = identity.ok_or_else(errors::internal)?;
            let need = Py::new(py, Need::new(core::Need::Revalidate(identity)))?;
            Py::new(py, Revalidate { need })?.into_any()
        }
        core::Action::Expired => Py::new(py, Expired { event: event::of(py, due.event)? })?.into_any(),
        core::Action::Terminate => Py::new(py, Terminate)?.into_any(),
        _ => return Err(errors::internal()),
    })
}
