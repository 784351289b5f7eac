//! What the host must do with a message: small values, for `match` or `isinstance`.
//!
//! Those without details are made once and handed out again: nothing is built for a message that is
//! accepted.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use wswarden_core as core;

use crate::event::{self, Event};
use crate::reason::Member;

/// Hand the message to the application.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Deliver {
    /// The name of the message's type; None when the policy has no names for its messages.
    #[pyo3(get)]
    r#type: Option<Py<PyString>>,
}

/// Send `text` as a text message, and drop the message that came.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Reply {
    reason: core::Reason,
    /// The error reply, as JSON.
    #[pyo3(get)]
    text: Py<PyString>,
    /// Seconds until another try can succeed; None when no wait helps.
    #[pyo3(get)]
    retry_after: Option<f64>,
    /// What to record, if anything.
    #[pyo3(get)]
    event: Option<Py<Event>>,
}

/// Drop the message, or take no notice of the frame.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Drop {
    reason: core::Reason,
    /// Seconds until another try can succeed; None when no wait helps.
    #[pyo3(get)]
    retry_after: Option<f64>,
    /// What to record, if anything.
    #[pyo3(get)]
    event: Option<Py<Event>>,
}

/// Send a close frame with this code and text, and hand over no more messages.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Close {
    pub(crate) close: core::Close,
    /// Seconds until another try can succeed; None when no wait helps.
    #[pyo3(get)]
    retry_after: Option<f64>,
    /// What to record, if anything.
    #[pyo3(get)]
    event: Option<Py<Event>>,
}

/// The message carries a credential: call `session.authenticate` with it.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Authenticate;

/// Answer the ping with its own payload.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Pong;

/// Nothing to do: a pong, a renewed credential, the peer's answer to our close frame.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Ignore {
    /// What to record, if anything.
    #[pyo3(get)]
    event: Option<Py<Event>>,
}

#[pymethods]
impl Deliver {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("type",)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match &self.r#type {
            Some(name) => format!("Deliver(type={:?})", name.bind(py).to_string()),
            None => "Deliver(type=None)".into(),
        }
    }
}

#[pymethods]
impl Reply {
    /// Why the message is not delivered.
    #[getter]
    fn reason(&self) -> Member {
        Member(self.reason)
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("reason", "text")
    }

    fn __repr__(&self) -> String {
        format!("Reply(reason={})", self.reason)
    }
}

#[pymethods]
impl Drop {
    /// Why the message is not delivered.
    #[getter]
    fn reason(&self) -> Member {
        Member(self.reason)
    }

    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("reason",)
    }

    fn __repr__(&self) -> String {
        format!("Drop(reason={})", self.reason)
    }
}

#[pymethods]
impl Close {
    /// The status code (RFC 6455 section 7.4); 0 stands for a close frame without one.
    #[getter]
    fn code(&self) -> u16 {
        self.close.code
    }

    /// Why.
    #[getter]
    fn reason(&self) -> Member {
        Member(self.close.reason)
    }

    /// The text to send with the code: the reason's name.
    #[getter]
    fn text(&self) -> &'static str {
        self.close.text()
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("code", "reason")
    }

    fn __repr__(&self) -> String {
        format!("Close(code={}, reason={})", self.close.code, self.close.reason)
    }
}

#[pymethods]
impl Authenticate {
    fn __repr__(&self) -> &'static str {
        "Authenticate()"
    }
}

#[pymethods]
impl Pong {
    fn __repr__(&self) -> &'static str {
        "Pong()"
    }
}

#[pymethods]
impl Ignore {
    fn __repr__(&self) -> &'static str {
        "Ignore()"
    }
}

static AUTHENTICATE: PyOnceLock<Py<Authenticate>> = PyOnceLock::new();
static PONG: PyOnceLock<Py<Pong>> = PyOnceLock::new();
static IGNORE: PyOnceLock<Py<Ignore>> = PyOnceLock::new();

impl Deliver {
    pub(crate) fn named(py: Python<'_>, name: Option<&str>) -> PyResult<Py<Self>> {
        Py::new(py, Self { r#type: name.map(|name| PyString::intern(py, name).unbind()) })
    }
}

/// What could not wait until the lock was given back: a session's own word about its last refusal.
pub(crate) struct Told {
    pub(crate) outcome: core::Outcome,
    pub(crate) retry_after: Option<f64>,
}

impl Told {
    pub(crate) fn new(outcome: core::Outcome, session: &core::Session, now: core::Timestamp) -> Self {
        Self { outcome, retry_after: session.retry_after(now).map(|wait| wait.as_secs_f64()) }
    }

    /// The seconds to wait, for reasons where waiting helps.
    fn wait_for(&self, reason: core::Reason) -> Option<f64> {
        self.retry_after.filter(|_| reason.retry() == core::Retry::AfterDelay)
    }
}

/// Every verdict but `Deliver`, as a Python object.
pub(crate) fn object(py: Python<'_>, told: &Told) -> PyResult<Py<PyAny>> {
    let event = event::of(py, told.outcome.event)?;
    Ok(match told.outcome.verdict {
        core::Verdict::Reply(reply) => {
            let mut buffer = [0; core::Reply::MAX];
            let text = PyString::from_bytes(py, reply.write(&mut buffer))?.unbind();
            let (reason, retry_after) = (reply.reason, told.wait_for(reply.reason));
            Py::new(py, Reply { reason, text, retry_after, event })?.into_any()
        }
        core::Verdict::Drop(reason) => {
            Py::new(py, Drop { reason, retry_after: told.wait_for(reason), event })?.into_any()
        }
        core::Verdict::Close(close) => {
            Py::new(py, Close { close, retry_after: told.wait_for(close.reason), event })?.into_any()
        }
        core::Verdict::Authenticate => {
            AUTHENTICATE.get_or_try_init(py, || Py::new(py, Authenticate))?.clone_ref(py).into_any()
        }
        core::Verdict::Pong => PONG.get_or_try_init(py, || Py::new(py, Pong))?.clone_ref(py).into_any(),
        core::Verdict::Ignore if event.is_none() => {
            IGNORE.get_or_try_init(py, || Py::new(py, Ignore { event: None }))?.clone_ref(py).into_any()
        }
        core::Verdict::Ignore => Py::new(py, Ignore { event })?.into_any(),
        // A verdict that this binding does not know, and one that is answered elsewhere, never deliver.
        _ => return Err(crate::errors::internal()),
    })
}

/// A close frame to send, as a Python object.
pub(crate) fn close(py: Python<'_>, close: core::Close, event: Option<core::Event>) -> PyResult<Py<Close>> {
    Py::new(py, Close { close, retry_after: None, event: event::of(py, event)? })
}
