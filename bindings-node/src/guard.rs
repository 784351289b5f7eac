//! A guard with the connections of one event loop: everything but the message path.

use std::collections::HashMap;

use napi::bindgen_prelude::{Buffer, Env, Uint8Array, Unknown};
use napi_derive::napi;
use wswarden_core::message::TypeIndex;
use wswarden_core::{
    Admitted, Gap, Guard, Handle, Host, Judgement, Message, Now, Reason, Registry, Session, StaleHandle, Timestamp,
    UnixTime,
};

use crate::calls::{self, Receive, ReceiveText, Sending};
use crate::clock::Clock;
use crate::handshake::{Admission, NativeAnswer, NativeNeed, NativeRefusal, NativeRequest};
use crate::policy::{NativePolicy, wrong};
use crate::record::{RECORD, written};
use crate::state::{Shared, State};
use crate::values::{NativeEvent, NativeExplanation, NativeOutcome, NativeSession, NativeStats, millis, nanos};
use crate::{Result, error};

/// A guard and its connections. Every method throws once it was disposed of.
#[napi]
pub struct NativeGuard {
    pub(crate) shared: Shared,
}

/// What the host of an adapter can do, by name: `pings`, `control_frames`, `repeated_headers`,
/// `fragments`, `http_refusal`.
fn host(names: &[String]) -> Result<Host> {
    names.iter().try_fold(Host::NOTHING, |host, name| match name.as_str() {
        "pings" => Ok(host.pings()),
        "control_frames" => Ok(host.control_frames()),
        "repeated_headers" => Ok(host.repeated_headers()),
        "fragments" => Ok(host.fragments()),
        "http_refusal" => Ok(host.http_refusal()),
        _ => Err(error("argument", "a host cannot do that")),
    })
}

fn gaps(names: &[String]) -> Result<Vec<Gap>> {
    let known: Vec<_> = Gap::ALL.iter().map(|gap| gap.name()).collect();
    let unknown =
        |name: &String| error("policy", format!("waive\nthere is no gap {name:?}\none of {}", known.join(", ")));
    names.iter().map(|name| Gap::from_name(name).ok_or_else(|| unknown(name))).collect()
}

#[napi]
impl NativeGuard {
    /// A guard that keeps `policy` on a host that can do what `host` says. `seed` is 32 random bytes;
    /// `clock` is both times for tests, see `setClock`.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        policy: &NativePolicy,
        can: Vec<String>,
        waived: Vec<String>,
        seed: Uint8Array,
        clock: Option<Vec<f64>>,
    ) -> Result<Self> {
        let seed = seed.as_ref().first_chunk::<32>().ok_or_else(|| error("argument", "a seed has 32 bytes"))?;
        let guard = Guard::new(policy.built()?, host(&can)?, &gaps(&waived)?, *seed).map_err(wrong)?;
        let set = clock;
        let mut clock = Clock::default();
        if let Some([mono, unix]) = set.as_deref() {
            clock.set(instant(*mono, *unix)?);
        }
        let registry = Registry::new(guard.clone(), clock.mono());
        let scratch = guard.scratch();
        Ok(Self {
            shared: Shared::new(State {
                guard,
                registry,
                scratch,
                clock,
                wide: Vec::new(),
                pressed: None,
                knocks: HashMap::new(),
                knocked: 0,
            }),
        })
    }

    /// The call of every message; see `calls`.
    #[napi(ts_return_type = "(handle: number, opcode: number, payload: Uint8Array | string) => number")]
    pub fn receiver(&self, env: Env) -> Result<Unknown<'static>> {
        calls::function::<Receive>(&env, &self.shared)
    }

    /// The same for those who want the text of what is delivered.
    #[napi(ts_return_type = "(handle: number, opcode: number, payload: Uint8Array | string) => number | string")]
    pub fn text_receiver(&self, env: Env) -> Result<Unknown<'static>> {
        calls::function::<ReceiveText>(&env, &self.shared)
    }

    /// What the last verdict's number does not hold.
    #[napi]
    pub fn last(&self) -> Result<Option<NativeOutcome>> {
        self.shared.call(|state| Ok(state.registry.last().map(NativeOutcome::new)))
    }

    /// From here on the time is what is said, in milliseconds.
    #[napi]
    pub fn set_clock(&self, mono: f64, unix: f64) -> Result<()> {
        let now = instant(mono, unix)?;
        self.shared.call(|state| {
            state.clock.set(now);
            Ok(())
        })
    }

    /// Judges an upgrade request, as far as that needs nobody else.
    #[napi]
    pub fn admit(&self, request: NativeRequest) -> Result<Admission> {
        self.shared.call(|state| {
            let now = state.clock.now();
            match request.with(|request| state.guard.screen(request, now))? {
                Ok(candidate) => {
                    let admitted = state.registry.admit(candidate, now);
                    state.answered(admitted)
                }
                Err(refusal) => Ok(Admission::refused(&refusal)),
            }
        })
    }

    /// Hands a waiting request its host's answer. Null: it has run out of time, and was refused.
    #[napi]
    pub fn provide(&self, handle: f64, answer: NativeAnswer) -> Result<Option<Admission>> {
        let answer = answer.into_core()?;
        self.shared.call(|state| {
            let now = state.clock.now();
            match state.registry.provide(number(handle)?, answer, now) {
                Ok(admitted) => state.answered(admitted).map(Some),
                Err(StaleHandle) => Ok(None),
            }
        })
    }

    /// What can be read of a session; null when it is gone.
    #[napi]
    pub fn session(&self, handle: f64) -> Result<Option<NativeSession>> {
        self.shared.call(|state| Ok(state.registry.session(number(handle)?).ok().map(NativeSession::new)))
    }

    /// The header fields of the 101 that opens a session, names and values in turn.
    #[napi]
    pub fn answer(&self, handle: f64) -> Result<Vec<String>> {
        self.shared.call(|state| {
            let session = state.registry.session(number(handle)?).map_err(stale)?;
            Ok(session.response().headers().flat_map(|(name, value)| [name.into(), value.into()]).collect())
        })
    }

    /// The name of a type that was delivered, by the verdict's number.
    #[napi]
    pub fn type_name(&self, handle: f64, verdict: u32) -> Result<Option<String>> {
        self.shared.call(|state| {
            let index = u16::try_from((verdict >> 16) & 0x3fff).ok().and_then(TypeIndex::from_number);
            let session = state.registry.session(number(handle)?).ok();
            Ok(session.zip(index).and_then(|(session, index)| session.type_name(index)).map(Into::into))
        })
    }

    /// Judges the credential of a message that was answered with `authenticate`.
    #[napi]
    pub fn authenticate(&self, handle: f64, message: Uint8Array) -> Result<Option<NativeOutcome>> {
        self.act(handle, |session, now| session.authenticate(&message, now))
    }

    /// Hands a session the answer to what `authenticate` needed.
    #[napi]
    pub fn authenticated(&self, handle: f64, answer: NativeAnswer) -> Result<Option<NativeOutcome>> {
        let answer = answer.into_core()?;
        self.act(handle, |session, now| session.provide(answer, now))
    }

    /// Hands a session the answer to the action `revalidate`.
    #[napi]
    pub fn revalidated(&self, handle: f64, answer: NativeAnswer) -> Result<Option<NativeOutcome>> {
        let answer = answer.into_core()?;
        self.act(handle, |session, now| Judgement::Done(session.revalidated(answer, now)))
    }

    /// Closes for a reason, by name.
    #[napi]
    pub fn close(&self, handle: f64, reason: String) -> Result<Option<NativeOutcome>> {
        let reason = Reason::from_name(&reason).ok_or_else(|| error("argument", "there is no such reason"))?;
        self.act(handle, |session, now| Judgement::Done(session.close(reason, now.mono)))
    }

    /// The event of a session's opening.
    #[napi]
    pub fn opened(&self, handle: f64) -> Result<Option<NativeEvent>> {
        self.shared
            .call(|state| Ok(state.registry.session(number(handle)?).ok().map(|it| NativeEvent::new(it.opened()))))
    }

    /// Takes a session or a waiting request out whose connection is gone, and gives back all that it
    /// held. The event records it, if no close did before.
    #[napi]
    pub fn remove(&self, handle: f64) -> Result<Option<NativeEvent>> {
        self.shared.call(|state| {
            let now = state.clock.mono();
            let removed = state.registry.remove(number(handle)?).unwrap_or_default();
            Ok(removed.and_then(|mut session| session.lost(now)).map(NativeEvent::new))
        })
    }

    /// `sending(handle, sent, more)`: counts bytes that were sent, and more that will wait: 1, or 2 over the policy's soft
    /// mark; 0 means close.
    #[napi(ts_return_type = "(handle: number, sent: number, more: number) => number")]
    pub fn sender(&self, env: Env) -> Result<Unknown<'static>> {
        calls::function::<Sending>(&env, &self.shared)
    }

    /// The close that the last call of `sending` led to.
    #[napi]
    pub fn pressed(&self) -> Result<Option<NativeOutcome>> {
        self.shared.call(|state| Ok(state.pressed.take().map(NativeOutcome::new)))
    }

    /// Enters a channel; false when it was in it already.
    #[napi]
    pub fn join(&self, handle: f64, channel: String) -> Result<bool> {
        self.shared.call(|state| {
            let mut session = state.registry.entry(number(handle)?).map_err(stale)?;
            session.join(&channel).map_err(|reason| error("refused", reason.name()))
        })
    }

    /// Leaves a channel; false when it was not in it.
    #[napi]
    pub fn leave(&self, handle: f64, channel: String) -> Result<bool> {
        self.shared.call(|state| Ok(state.registry.entry(number(handle)?).is_ok_and(|mut it| it.leave(&channel))))
    }

    /// The channels a session is in.
    #[napi]
    pub fn channels(&self, handle: f64) -> Result<Vec<String>> {
        self.shared.call(|state| {
            let session = state.registry.session(number(handle)?).map_err(stale)?;
            Ok(session.channels().map(Into::into).collect())
        })
    }

    /// How long the last refused message has to wait, in milliseconds.
    #[napi]
    pub fn retry_after_ms(&self, handle: f64) -> Result<Option<f64>> {
        self.shared.call(|state| {
            let now = state.clock.mono();
            Ok(state.registry.session(number(handle)?).ok().and_then(|it| it.retry_after(now)).map(millis))
        })
    }

    /// Says in words why a message is refused, and charges nothing for it.
    #[napi]
    pub fn explain(&self, handle: f64, opcode: u32, payload: Uint8Array) -> Result<Option<NativeExplanation>> {
        self.shared.call(|state| {
            let session = state.registry.session(number(handle)?).map_err(stale)?;
            let message = u8::try_from(opcode).ok().and_then(|opcode| Message::from_opcode(opcode, &payload));
            let explanation = message.and_then(|message| session.explain(message, &mut state.scratch));
            Ok(explanation.map(|explanation| NativeExplanation {
                reason: explanation.fault.reason.name().into(),
                offset: explanation.fault.at.into(),
                text: explanation.to_string(),
            }))
        })
    }

    /// Milliseconds until `tick` has something to do; null for never.
    #[napi]
    pub fn next_timeout(&self) -> Result<Option<f64>> {
        self.shared.call(|state| {
            let now = state.clock.mono();
            Ok(state.registry.next_timeout().map(|at| millis(at.since(now))))
        })
    }

    /// Writes what is due into `records`, 32 bytes each, and gives their number. A few hundred
    /// connections are looked at in one call; a time of 0 to the next means that there is more.
    ///
    /// A record: the handle (a double, little-endian), at 8 the action's number (9 for a request
    /// that was refused), its reason, its close code (two bytes); at 12 the event's kind and reason,
    /// at 16 the ping's payload, at 24 the event's suppressed ones (four bytes).
    #[napi]
    pub fn tick(&self, mut records: Buffer) -> Result<u32> {
        self.shared.call(|state| {
            let now = state.clock.mono();
            let (records, _) = records.as_chunks_mut::<RECORD>();
            let mut count = 0;
            for record in records {
                let Some(tick) = state.registry.tick(now) else { break };
                *record = written(&tick);
                count += 1;
            }
            Ok(count)
        })
    }

    /// The answer to a request whose handle ran out of time.
    #[napi]
    pub fn refusal(&self, reason: String) -> Result<NativeRefusal> {
        let reason = Reason::from_name(&reason).unwrap_or(Reason::Internal);
        Ok(NativeRefusal::new(&reason.into()))
    }

    /// Puts another policy in force; the sessions that concerns.
    #[napi]
    pub fn reload(&self, policy: &NativePolicy) -> Result<Vec<f64>> {
        let policy = policy.built()?;
        self.shared.call(|state| Ok(ids(&state.guard.reload(policy).map_err(wrong)?)))
    }

    /// Refuses new connections and closes the open ones, spread over the policy's `deadline.drain`.
    #[napi]
    pub fn drain(&self) -> Result<Vec<f64>> {
        self.shared.call(|state| Ok(ids(&state.guard.drain(state.clock.mono()))))
    }

    /// The guard's state in numbers.
    #[napi]
    pub fn stats(&self) -> Result<NativeStats> {
        self.shared.call(|state| Ok(NativeStats::new(&state.guard.stats())))
    }

    /// Ends it; every call after this refuses.
    #[napi]
    pub fn dispose(&self) {
        self.shared.end();
    }
}

impl NativeGuard {
    fn act(&self, handle: f64, work: impl FnOnce(&mut Session, Now) -> Judgement) -> Result<Option<NativeOutcome>> {
        self.shared.call(|state| {
            let now = state.clock.now();
            let Ok(mut session) = state.registry.entry(number(handle)?) else { return Ok(None) };
            match work(&mut session, now) {
                Judgement::Done(outcome) => Ok(Some(NativeOutcome::new(outcome))),
                Judgement::Wait(need) => {
                    let need = NativeNeed::new(&need).ok_or_else(unknown_need)?;
                    Ok(Some(NativeOutcome { need: Some(need), ..NativeOutcome::default() }))
                }
            }
        })
    }
}

impl State {
    /// What became of a request. One whose need is not known here is let go.
    fn answered(&mut self, admitted: Admitted) -> Result<Admission> {
        let (handle, waits) = match admitted {
            Admitted::Open(handle) => (handle, false),
            Admitted::Wait(handle) => (handle, true),
            Admitted::Refused(refusal) => return Ok(Admission::refused(&refusal)),
        };
        let need = self.registry.waiting(handle).ok().and_then(|waiting| NativeNeed::new(waiting.need()));
        if waits && need.is_none() {
            drop(self.registry.remove(handle));
            return Err(unknown_need());
        }
        Ok(Admission { handle: handle.number() as f64, need, refusal: None })
    }
}

/// Both times, from milliseconds.
fn instant(mono: f64, unix: f64) -> Result<Now> {
    Ok(Now { mono: Timestamp::from_nanos(nanos(mono)?), unix: UnixTime::from_nanos(nanos(unix)?) })
}

fn number(handle: f64) -> Result<Handle> {
    Handle::from_number(handle as u64).ok_or_else(|| stale(StaleHandle))
}

fn stale(stale: StaleHandle) -> napi::Error {
    error("stale", stale.to_string())
}

fn unknown_need() -> napi::Error {
    error("internal", "the credential needs what this binding cannot find out")
}

pub(crate) fn ids(affected: &wswarden_core::Affected) -> Vec<f64> {
    affected.ids.iter().map(|id| id.number() as f64).collect()
}
