//! One open connection's state machine.

mod judging;

use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use wswarden_core as core;

use crate::answer;
use crate::bench::Bench;
use crate::clock::Now;
use crate::event::{self, Event};
use crate::guard::Guard;
use crate::handshake::Peer;
use crate::identity::Identity;
use crate::lock::locked;
use crate::payload::{self, Payload};
use crate::response::Response;
use crate::verdict::Close;
use crate::{action, decode, errors, reason, verdict};

/// One open connection.
///
/// What came from outside: `receive`, `decode`, `receive_ping`, `receive_pong`, `receive_close`,
/// `authenticate`, `provide`, `revalidated`. What time brings: `next_timeout`, `handle_timeout`. What the
/// application does: `queued`, `drained`, `join`, `leave`, `close`. How it ends: `lost`, or the end of a
/// `with` block, or nobody holding it any more; each gives every slot back, once.
///
/// Every method takes `now`, by default the guard's clock is read; it may be called from any thread, and
/// raises `Ended` after the end and `Forked` in a child of the process that made the guard.
#[pyclass(frozen, weakref, module = "wswarden")]
pub(crate) struct Session {
    pub(crate) guard: Py<Guard>,
    /// Its number, which is known beyond its end.
    id: u64,
    pub(crate) place: Mutex<Place>,
}

/// Where the core's session is.
pub(crate) enum Place {
    Alone(Box<core::Session>),
    Registered(Arc<Mutex<core::Registry>>, core::Handle),
    Gone,
}

#[pymethods]
impl Session {
    /// Judges a message.
    ///
    /// Args:
    ///     data: the message: bytes, str, or a buffer of bytes.
    ///     binary: whether it came in a binary frame.
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     `Deliver`, `Reply`, `Drop`, `Close` or `Authenticate`: refusals are values here.
    #[pyo3(signature = (data: "str | Buffer", *, binary = false, now = None) -> "Verdict")]
    fn receive(&self, data: &Bound<'_, PyAny>, binary: bool, now: Option<&Bound<'_, Now>>) -> PyResult<Py<PyAny>> {
        let py = data.py();
        self.judge(
            data,
            now,
            |judging, bytes, bench| judging.receive(payload::message(bytes, binary), bench),
            |_, bench, judged| match judged {
                Ok(accept) => Ok(bench.deliver(py, accept)?.into_any()),
                Err(told) => verdict::object(py, &told),
            },
        )
    }

    /// Judges a message, and builds its value in the same pass: no byte is parsed twice.
    ///
    /// Args:
    ///     data: the message: bytes, str, or a buffer of bytes.
    ///     binary: whether it came in a binary frame.
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     The verdict as `receive` gives it, and the message's value: what `json.loads` would give. None for
    ///     a message that is not delivered.
    #[pyo3(signature = (data: "str | Buffer", *, binary = false, now = None) -> "tuple[Verdict, Any]")]
    fn decode(
        &self,
        data: &Bound<'_, PyAny>,
        binary: bool,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        let py = data.py();
        self.judge(
            data,
            now,
            |judging, bytes, bench| judging.receive_tape(payload::message(bytes, binary), bench),
            |data, bench, judged| match judged {
                Ok(accept) => {
                    let value = decode::build(py, &mut bench.keys, bench.tape.entries(), data.bytes())?;
                    Ok((bench.deliver(py, accept)?.into_any(), value.unbind()))
                }
                Err(told) => Ok((verdict::object(py, &told)?, py.None())),
            },
        )
    }

    /// Takes back a message that was delivered, as a validator of the application's own has found fault with it: it is
    /// answered, counted and recorded like one that the schema refuses.
    #[pyo3(signature = (*, now = None) -> "Verdict")]
    fn refuse_delivered(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<Py<PyAny>> {
        let now = self.mono(py, now)?;
        self.outcome(py, now, |session| session.refuse_delivered(now))
    }

    /// Judges a ping frame. Returns `Pong`, `Drop` or `Close`.
    #[pyo3(signature = (payload: "Buffer | None" = None, *, now = None) -> "Verdict")]
    fn receive_ping(
        &self,
        py: Python<'_>,
        payload: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<Py<PyAny>> {
        self.control(py, payload, now, |payload| core::Message::Ping(payload))
    }

    /// Judges a pong frame: only the last ping's payload shows that the peer lives. Returns `Ignore`, `Drop` or `Close`.
    #[pyo3(signature = (payload: "Buffer | None" = None, *, now = None) -> "Verdict")]
    fn receive_pong(
        &self,
        py: Python<'_>,
        payload: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<Py<PyAny>> {
        self.control(py, payload, now, |payload| core::Message::Pong(payload))
    }

    /// Judges a close frame; `code` is None when it has no body. Returns the `Close` to answer with, or `Ignore`
    /// when it is the answer to ours.
    #[pyo3(signature = (code: "int | None" = None, *, now = None) -> "Verdict")]
    fn receive_close(&self, py: Python<'_>, code: Option<u16>, now: Option<&Bound<'_, Now>>) -> PyResult<Py<PyAny>> {
        let now = self.mono(py, now)?;
        Bench::lend(|bench| {
            let scratch = &mut bench.scratch;
            self.outcome(py, now, |session| session.receive(core::Message::Close(code), scratch, now))
        })
    }

    /// Judges the credential in a message that was answered with `Authenticate`.
    ///
    /// Args:
    ///     message: that message.
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     What to do, or a `Need` when only the host knows whose credential it is: hand the answer to `provide`.
    #[pyo3(signature = (message: "str | Buffer", *, now = None) -> "Verdict | Need")]
    fn authenticate(&self, message: &Bound<'_, PyAny>, now: Option<&Bound<'_, Now>>) -> PyResult<Py<PyAny>> {
        let py = message.py();
        let now = self.guard.get().enter(py, now)?;
        let message = Payload::of(message)?;
        self.judgement(py, now, |session| session.authenticate(message.bytes(), now))
    }

    /// Takes the host's answer to the need that `authenticate` gave.
    ///
    /// Args:
    ///     answer: as for `Waiting.provide`.
    ///     now: the moment; by default the guard's clock is read.
    #[pyo3(signature = (answer: "Answer", *, now = None) -> "Verdict | Need")]
    fn provide(&self, py: Python<'_>, answer: &Bound<'_, PyAny>, now: Option<&Bound<'_, Now>>) -> PyResult<Py<PyAny>> {
        let now = self.guard.get().enter(py, now)?;
        let answer = answer::answer(answer)?;
        self.judgement(py, now, |session| session.provide(answer, now))
    }

    /// Takes the host's answer to the action `Revalidate`.
    ///
    /// Args:
    ///     answer: an `Identity`; None when it no longer holds; `Unavailable()` when that cannot be told.
    ///     now: the moment; by default the guard's clock is read.
    #[pyo3(signature = (answer: "Answer", *, now = None) -> "Verdict")]
    fn revalidated(
        &self,
        py: Python<'_>,
        answer: &Bound<'_, PyAny>,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<Py<PyAny>> {
        let now = self.guard.get().enter(py, now)?;
        let answer = answer::answer(answer)?;
        self.outcome(py, now.mono, |session| session.revalidated(answer, now))
    }

    /// Says in words why a message is refused; None if its content is not why. Nothing is charged, and nothing of
    /// the content is in the answer.
    #[pyo3(signature = (data: "str | Buffer", *, binary = false))]
    fn explain(&self, data: &Bound<'_, PyAny>, binary: bool) -> PyResult<Option<String>> {
        let py = data.py();
        let data = Payload::of(data)?;
        Bench::lend(|bench| {
            let scratch = &mut bench.scratch;
            let message = payload::message(data.bytes(), binary);
            self.act(py, |session| session.explain(message, scratch).map(|why| why.to_string()))
        })
    }

    /// When to call `handle_timeout`, in nanoseconds on the monotonic clock; None when nothing is due, ever.
    fn next_timeout(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        self.act(py, |session| session.next_timeout().map(core::Timestamp::as_nanos))
    }

    /// Does what is due; call until it answers None. Calling too early costs nothing.
    #[pyo3(signature = (*, now = None) -> "Action | None")]
    fn handle_timeout(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<Option<Py<PyAny>>> {
        let now = self.mono(py, now)?;
        let due = self.act(py, |session| session.handle_timeout(now).map(|due| (due, session.identity().cloned())))?;
        due.map(|(due, identity)| action::object(py, due, identity)).transpose()
    }

    /// Closes the connection. A session that is closing or closed already stays as it is.
    ///
    /// Args:
    ///     reason: why; by default `Reason.CLOSED_BY_HOST`.
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     The `Close` to send, or `Drop` when it is closing already.
    #[pyo3(signature = (reason: "str" = "closed_by_host", *, now = None) -> "Verdict")]
    fn close(&self, py: Python<'_>, reason: &str, now: Option<&Bound<'_, Now>>) -> PyResult<Py<PyAny>> {
        let now = self.mono(py, now)?;
        let reason = reason::named(reason)?;
        self.outcome(py, now, |session| session.close(reason, now))
    }

    /// Says that the connection is gone, and gives every slot back. May be called again.
    ///
    /// Returns:
    ///     The event to record, if no close was recorded before.
    #[pyo3(signature = (*, now = None))]
    fn lost(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<Option<Py<Event>>> {
        let now = self.mono(py, now)?;
        let session = locked(py, &self.place, |place| match std::mem::replace(place, Place::Gone) {
            Place::Alone(session) => Ok(Some(*session)),
            Place::Registered(registry, handle) => {
                locked(py, &registry, |registry| registry.remove(handle).ok().flatten())
            }
            Place::Gone => Ok(None),
        })??;
        let lost = session.and_then(|mut session| session.lost(now));
        event::of(py, lost)
    }

    /// Counts bytes that wait to be sent.
    ///
    /// Returns:
    ///     "free", "full" above the soft mark (hold back what can wait), or the `Close` to send above the hard one.
    #[pyo3(signature = (size, *, now = None) -> "Literal['free', 'full'] | Close")]
    fn queued(&self, py: Python<'_>, size: u64, now: Option<&Bound<'_, Now>>) -> PyResult<Py<PyAny>> {
        let now = self.mono(py, now)?;
        Ok(match self.act(py, |session| session.queued(size, now))? {
            core::Pressure::Free => pyo3::intern!(py, "free").clone().unbind().into_any(),
            core::Pressure::Full => pyo3::intern!(py, "full").clone().unbind().into_any(),
            core::Pressure::Close(close, event) => verdict::close(py, close, event)?.into_any(),
        })
    }

    /// Counts bytes that were sent. After the end there is nothing to count, and no error.
    fn drained(&self, py: Python<'_>, size: u64) -> PyResult<()> {
        self.act_unless_over(py, |session| session.drained(size)).map(|_| ())
    }

    /// Enters a channel; False when it was in it already.
    ///
    /// Raises:
    ///     LimitReached: when `cap.channels_per_connection` is reached, or the name is longer than 256 bytes.
    fn join(&self, py: Python<'_>, channel: &str) -> PyResult<bool> {
        let joined = self.act(py, |session| session.join(channel))?;
        joined.map_err(|why| match reason::member(py, why) {
            Ok(member) => errors::limit(why.sentence().to_owned(), Some(member), Vec::new()),
            Err(error) => error,
        })
    }

    /// Leaves a channel; False when it was not in it.
    fn leave(&self, py: Python<'_>, channel: &str) -> PyResult<bool> {
        self.act(py, |session| session.leave(channel))
    }

    /// The channels it is in, in the order of their names.
    #[getter]
    fn channels(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.act(py, |session| session.channels().map(str::to_owned).collect())
    }

    /// The session's number, never used twice by one guard. It is known after the end, too.
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// The guard.
    #[getter]
    fn guard(&self, py: Python<'_>) -> Py<Guard> {
        self.guard.clone_ref(py)
    }

    /// The number of its place in a registry; None where it is in none.
    #[getter]
    fn handle(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        locked(py, &self.place, |place| match place {
            Place::Registered(_, handle) => Some(handle.number()),
            _ => None,
        })
    }

    /// Who it belongs to; None while a first message's credential is awaited.
    #[getter]
    fn identity(&self, py: Python<'_>) -> PyResult<Option<Identity>> {
        self.act(py, |session| session.identity().cloned().map(Identity))
    }

    /// Where it comes from.
    #[getter]
    fn peer(&self, py: Python<'_>) -> PyResult<Peer> {
        self.act(py, |session| Peer::new(session.peer().clone()))
    }

    /// The 101 answer to send.
    #[getter]
    fn response(&self, py: Python<'_>) -> PyResult<Response> {
        self.act(py, |session| session.response().clone().into())
    }

    /// The subprotocol that was chosen; None where there is none.
    #[getter]
    fn subprotocol(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.act(py, |session| session.subprotocol().map(str::to_owned))
    }

    /// The event of its opening, for the audit.
    #[getter]
    fn opened(&self, py: Python<'_>) -> PyResult<Event> {
        self.act(py, |session| Event(session.opened()))
    }

    /// Why it is closing or closed; None while it is neither.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<Option<Py<Close>>> {
        let closed = self.act(py, |session| session.closed())?;
        closed.map(|close| verdict::close(py, close, None)).transpose()
    }

    /// Whether it still takes messages.
    #[getter]
    fn is_open(&self, py: Python<'_>) -> PyResult<bool> {
        self.act(py, |session| session.is_open())
    }

    /// Whether it waits for a first message's credential.
    #[getter]
    fn is_pending(&self, py: Python<'_>) -> PyResult<bool> {
        self.act(py, |session| session.is_pending())
    }

    /// How long the peer took to answer the last ping, in seconds; None before that.
    #[getter]
    fn latency(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        self.act(py, |session| session.latency().map(|latency| latency.as_secs_f64()))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Gives every slot back.
    #[pyo3(signature = (*_error: "object") -> "None")]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<()> {
        self.lost(py, None).map(drop)
    }

    fn __repr__(&self) -> String {
        format!("Session(id={})", self.id)
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.guard)
    }
}

/// A session that nobody holds any more gives its place in the registry back.
impl Drop for Session {
    fn drop(&mut self) {
        let place =
            std::mem::replace(self.place.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner), Place::Gone);
        if let Place::Registered(registry, handle) = place {
            // Whoever holds the registry's lock may be waiting for Python: wait as Python wants it.
            let _finalizing = Python::try_attach(|py| {
                let mut registry = registry.lock_py_attached(py).unwrap_or_else(std::sync::PoisonError::into_inner);
                drop(registry.remove(handle));
            });
        }
    }
}
