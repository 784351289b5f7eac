//! How a session is called: under its lock, wherever it is, with objects made outside of it.

use std::sync::Mutex;

use pyo3::prelude::*;
use wswarden_core as core;

use super::{Place, Session};
use crate::answer::Need;
use crate::bench::{Accept, Bench};
use crate::clock::Now;
use crate::guard::Guard;
use crate::lock::locked;
use crate::payload::{self, Payload};
use crate::verdict::Told;
use crate::{errors, verdict};

impl Session {
    pub(crate) fn alone(guard: Py<Guard>, session: core::Session) -> Self {
        Self { guard, id: session.id().number(), place: Mutex::new(Place::Alone(Box::new(session))) }
    }

    /// Calls the core's session, wherever it is. A registered one has its timer set anew afterwards.
    pub(super) fn act<R>(&self, py: Python<'_>, call: impl FnOnce(&mut core::Session) -> R) -> PyResult<R> {
        self.act_unless_over(py, call)?.ok_or_else(ended)
    }

    /// The same; None when the session is no more.
    pub(super) fn act_unless_over<R>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&mut core::Session) -> R,
    ) -> PyResult<Option<R>> {
        self.guard.get().maker.check()?;
        locked(py, &self.place, |place| match place {
            Place::Alone(session) => Ok(Some(call(session))),
            Place::Registered(registry, handle) => {
                let handle = *handle;
                locked(py, registry, |registry| registry.entry(handle).ok().map(|mut session| call(&mut session)))
            }
            Place::Gone => Ok(None),
        })?
    }

    /// The message path: one call of the core under the lock; objects are made after it.
    #[inline]
    pub(super) fn judge<'py, R>(
        &self,
        data: &Bound<'py, PyAny>,
        now: Option<&Bound<'py, Now>>,
        judge: impl FnOnce(&mut Judging<'_>, &[u8], &mut Bench) -> core::Outcome + Send,
        finish: impl FnOnce(&Payload<'_>, &mut Bench, Result<Accept, Box<Told>>) -> PyResult<R>,
    ) -> PyResult<R> {
        let py = data.py();
        let guard = self.guard.get();
        guard.maker.check()?;
        let now = guard.clock.mono(py, now)?;
        let data = Payload::of(data)?;
        // A long message takes longer than letting the global lock go and taking it again.
        let judge = |on: On<'_>, bench: &mut Bench| {
            let (mut judging, bytes) = (Judging { on, now }, data.bytes());
            if payload::is_long(bytes) {
                py.detach(|| judge(&mut judging, bytes, bench))
            } else {
                judge(&mut judging, bytes, bench)
            }
        };
        Bench::lend(|bench| {
            // Written in place: on its way through two locks' results it would be copied at each.
            let mut judged = None;
            locked(py, &self.place, |place| match place {
                Place::Alone(session) => {
                    let outcome = judge(On::Alone(session), bench);
                    judged = Some(told(py, outcome, session, bench, now));
                    Ok(())
                }
                Place::Registered(registry, handle) => {
                    let handle = *handle;
                    locked(py, registry, |registry| {
                        registry.session(handle).ok()?;
                        let outcome = judge(On::Held(registry, handle), bench);
                        judged = Some(told(py, outcome, registry.session(handle).ok()?, bench, now));
                        Some(())
                    })
                    .map(drop)
                }
                Place::Gone => Ok(()),
            })??;
            finish(&data, bench, judged.ok_or_else(ended)?)
        })
    }

    pub(super) fn answered(&self, py: Python<'_>, told: &Told) -> PyResult<Py<PyAny>> {
        verdict::object(py, told)
    }

    /// A frame or answer that is not on the message path.
    pub(super) fn outcome(
        &self,
        py: Python<'_>,
        now: core::Timestamp,
        call: impl FnOnce(&mut core::Session) -> core::Outcome,
    ) -> PyResult<Py<PyAny>> {
        let told = self.act(py, |session| {
            let outcome = call(session);
            Told::new(outcome, session, now)
        })?;
        self.answered(py, &told)
    }

    pub(super) fn judgement(
        &self,
        py: Python<'_>,
        now: core::Now,
        call: impl FnOnce(&mut core::Session) -> core::Judgement,
    ) -> PyResult<Py<PyAny>> {
        let judged = self.act(py, |session| match call(session) {
            core::Judgement::Done(outcome) => Ok(Told::new(outcome, session, now.mono)),
            core::Judgement::Wait(need) => Err(Box::new(need)),
        })?;
        match judged {
            Ok(told) => self.answered(py, &told),
            Err(need) => Ok(Py::new(py, Need::new(*need))?.into_any()),
        }
    }

    pub(super) fn mono(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<core::Timestamp> {
        self.guard.get().clock.mono(py, now)
    }
}

/// A session about to judge a message.
pub(super) struct Judging<'a> {
    on: On<'a>,
    now: core::Timestamp,
}

enum On<'a> {
    Alone(&'a mut core::Session),
    Held(&'a mut core::Registry, core::Handle),
}

impl Judging<'_> {
    #[inline]
    pub(super) fn receive(&mut self, message: core::Message<'_>, bench: &mut Bench) -> core::Outcome {
        let (scratch, now) = (&mut bench.scratch, self.now);
        match &mut self.on {
            On::Alone(session) => session.receive(message, scratch, now),
            On::Held(registry, handle) => registry.receive(*handle, message, scratch, now).unwrap_or(NEVER),
        }
    }

    #[inline]
    pub(super) fn receive_tape(&mut self, message: core::Message<'_>, bench: &mut Bench) -> core::Outcome {
        let (scratch, tape, now) = (&mut bench.scratch, &mut bench.tape, self.now);
        match &mut self.on {
            On::Alone(session) => session.receive_tape(message, tape, scratch, now),
            On::Held(registry, handle) => registry.receive_tape(*handle, message, tape, scratch, now).unwrap_or(NEVER),
        }
    }
}

/// The answer for a handle that was just found to be good: it cannot be, and delivers nothing.
const NEVER: core::Outcome = core::Outcome { verdict: core::Verdict::Drop(core::Reason::Internal), event: None };

/// What is refused goes on the heap, so that what is accepted stays small.
#[inline(always)]
fn told(
    py: Python<'_>,
    outcome: core::Outcome,
    session: &core::Session,
    bench: &Bench,
    now: core::Timestamp,
) -> Result<Accept, Box<Told>> {
    match outcome.verdict {
        core::Verdict::Deliver(index) => Ok(bench.accepted(py, session, index)),
        _ => Err(Box::new(Told::new(outcome, session, now))),
    }
}

impl Session {
    pub(super) fn control(
        &self,
        py: Python<'_>,
        payload: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, Now>>,
        frame: for<'a> fn(&'a [u8]) -> core::Message<'a>,
    ) -> PyResult<Py<PyAny>> {
        let now = self.mono(py, now)?;
        let payload = payload.map(Payload::of).transpose()?;
        let bytes = payload.as_ref().map(Payload::bytes).unwrap_or_default();
        Bench::lend(|bench| {
            let scratch = &mut bench.scratch;
            self.outcome(py, now, |session| session.receive(frame(bytes), scratch, now))
        })
    }
}

fn ended() -> PyErr {
    errors::ended("the session has ended")
}
