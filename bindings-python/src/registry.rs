//! The sessions of one event loop, with one timer for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};
use wswarden_core as core;

use crate::clock::Now;
use crate::guard::Guard;
use crate::lock::locked;
use crate::session::{Place, Session};
use crate::{action, errors};

/// The sessions of one event loop. One timer serves them all: wake at `next_timeout` and call `tick`.
///
/// Args:
///     guard: whose sessions it takes.
///     now: the moment; by default the guard's clock is read.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Registry {
    guard: Py<Guard>,
    inner: Arc<Mutex<core::Registry>>,
    /// The Python objects by handle. They own their sessions: one that is collected leaves the registry.
    sessions: Mutex<HashMap<u64, Py<PyWeakrefReference>>>,
}

#[pymethods]
impl Registry {
    #[new]
    #[pyo3(signature = (guard, *, now = None))]
    fn new(guard: &Bound<'_, Guard>, now: Option<&Bound<'_, Now>>) -> PyResult<Self> {
        let now = guard.get().enter(guard.py(), now)?;
        let inner = core::Registry::new(guard.get().inner.clone(), now.mono);
        Ok(Self { guard: guard.clone().unbind(), inner: Arc::new(Mutex::new(inner)), sessions: Mutex::default() })
    }

    /// Takes a session in: from now on its deadlines are the registry's to watch. It is used as before.
    ///
    /// Raises:
    ///     ValueError: when it is another guard's, or in a registry already.
    ///     Ended: when it has ended.
    ///     Refused: when 16,777,216 sessions are in the registry; the session has then ended.
    fn add(&self, session: &Bound<'_, Session>) -> PyResult<()> {
        let py = session.py();
        self.guard.get().maker.check_process()?;
        if !session.get().guard.is(&self.guard) {
            return Err(pyo3::exceptions::PyValueError::new_err("the session is another guard's"));
        }
        let weak = PyWeakrefReference::new(session.as_any())?.unbind();
        let handle = locked(py, &session.get().place, |place| {
            let alone = match std::mem::replace(place, Place::Gone) {
                Place::Alone(alone) => alone,
                Place::Gone => return Err(errors::ended("the session has ended")),
                registered => {
                    *place = registered;
                    return Err(pyo3::exceptions::PyValueError::new_err("the session is in a registry already"));
                }
            };
            let dialect = self.guard.get().dialect(&alone.peer().path);
            let handle = locked(py, &self.inner, |registry| registry.insert(*alone))?;
            let handle = handle.map_err(|refusal| errors::refused(py, &refusal, dialect))?;
            *place = Place::Registered(Arc::clone(&self.inner), handle);
            Ok(handle)
        })??;
        locked(py, &self.sessions, |sessions| {
            // Those that left are forgotten when there are as many of them as others.
            if sessions.len() >= 64 && sessions.len() == sessions.capacity() {
                sessions.retain(|_, weak| weak.bind(py).upgrade().is_some());
            }
            drop(sessions.insert(handle.number(), weak));
        })
    }

    /// When to call `tick`, in nanoseconds on the monotonic clock; None when nothing is due, ever. A time that is past
    /// means that there is more to do at once.
    fn next_timeout(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        self.guard.get().maker.check()?;
        locked(py, &self.inner, |registry| registry.next_timeout().map(core::Timestamp::as_nanos))
    }

    /// The next thing that is due; call until it answers None, then again at `next_timeout`.
    ///
    /// One call looks at a bounded number of sessions, so that messages can be served in between.
    #[pyo3(signature = (*, now = None) -> "tuple[Session, Action] | None")]
    fn tick(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<Option<(Py<Session>, Py<PyAny>)>> {
        let now = self.guard.get().enter(py, now)?;
        loop {
            let tick = locked(py, &self.inner, |registry| match registry.tick(now.mono) {
                Some(core::Tick::Due(handle, due)) => {
                    let identity = registry.session(handle).ok().and_then(|session| session.identity().cloned());
                    Some((handle, due, identity))
                }
                // No candidates are in it.
                _ => None,
            })?;
            let Some((handle, due, identity)) = tick else { return Ok(None) };
            // One that is being collected has nobody left to tell.
            if let Some(session) = self.session(py, handle)? {
                return Ok(Some((session, action::object(py, due, identity)?)));
            }
        }
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        locked(py, &self.inner, |registry| registry.len())
    }

    fn __repr__(&self) -> &'static str {
        "Registry(..)"
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.guard)
    }
}

impl Registry {
    fn session(&self, py: Python<'_>, handle: core::Handle) -> PyResult<Option<Py<Session>>> {
        let weak =
            locked(py, &self.sessions, |sessions| sessions.get(&handle.number()).map(|weak| weak.clone_ref(py)))?;
        let session = weak.and_then(|weak| weak.bind(py).upgrade());
        session.map(|session| Ok(session.cast_into::<Session>()?.unbind())).transpose()
    }
}
