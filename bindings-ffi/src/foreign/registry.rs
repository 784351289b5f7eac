//! The connections of one event loop.

use std::sync::{Arc, Mutex, MutexGuard};

use wswarden_core as core;
use wswarden_core::message::Scratch;
use wswarden_core::{Admitted, Handle, Reason, Timestamp};

use super::guard::Guard;
use super::schema::Explanation;
use super::values::{Answer, Event, FrameKind, Identity, Need, Outcome, Request, Response, nanos};
use super::{Result, Time, WswardenError, here, local, locked};
use crate::handle::Local;

/// What became of a request.
#[derive(Clone, uniffi::Enum)]
pub enum Admission {
    /// It is a session: send the 101.
    Open {
        /// Its handle.
        handle: u64,
        /// The 101.
        response: Response,
    },
    /// Only the host can find something out; `provide` takes the answer.
    Wait {
        /// Its handle.
        handle: u64,
        /// What is needed.
        need: Need,
    },
    /// It is refused: send this and cut the connection.
    Refused {
        /// The refusal.
        response: Response,
    },
}

/// What became of a credential on a live connection.
#[derive(Clone, uniffi::Enum)]
pub enum Judgement {
    /// It is decided.
    Done {
        /// What the host must do.
        outcome: Outcome,
    },
    /// Only the host can find something out; `provide_session` takes the answer.
    Wait {
        /// What is needed.
        need: Need,
    },
}

/// What the host must do of its own accord.
#[derive(Clone, uniffi::Enum)]
pub enum Action {
    /// Send a ping frame.
    Ping {
        /// Its payload.
        payload: Vec<u8>,
    },
    /// Send a close frame.
    Close {
        /// The status code; 0 stands for a close frame without one.
        code: u16,
        /// Why, and the text in the close frame.
        reason: String,
    },
    /// Ask the identity's source again; `revalidated` takes the answer.
    Revalidate,
    /// Tell the client to renew its credential.
    Expired,
    /// Cut the connection and remove the session.
    Terminate,
    /// A candidate has run out of time: send this and cut the connection. Its handle is gone.
    Refuse {
        /// The refusal.
        response: Response,
    },
}

/// What is due on a connection.
#[derive(Clone, uniffi::Record)]
pub struct Due {
    /// Whose it is.
    pub handle: u64,
    /// What the host must do.
    pub action: Action,
    /// What happened, if it is worth a record.
    pub event: Option<Event>,
}

/// How full a session's queue of bytes to send is.
#[derive(Clone, uniffi::Enum)]
pub enum Pressure {
    /// Under the soft mark.
    Free,
    /// Over the soft mark: hold back what can wait.
    Full,
    /// Over the hard mark: the peer does not read. Send this close frame.
    Close {
        /// The close frame.
        outcome: Outcome,
    },
}

/// What can be read of a session.
#[derive(Clone, uniffi::Record)]
pub struct Session {
    /// Its number, never used twice by one guard.
    pub id: u64,
    /// Whether it takes messages.
    pub is_open: bool,
    /// Whether it waits for a first message's credential.
    pub is_pending: bool,
    /// Who it belongs to; none while a first message's credential is awaited.
    pub identity: Option<Identity>,
    /// The client's address; none on a local socket.
    pub address: Option<String>,
    /// The page's origin, as it was sent.
    pub origin: Option<String>,
    /// The path that was asked for, without the query.
    pub path: String,
    /// The subprotocol that was agreed on.
    pub subprotocol: Option<String>,
    /// How long the peer took to answer the last ping, in nanoseconds.
    pub latency: Option<u64>,
}

/// The candidates and sessions of one event loop, by handle. It locks itself: threads wait for each other.
#[derive(uniffi::Object)]
pub struct Registry(Local<Mutex<Desk>>);

struct Desk {
    guard: core::Guard,
    registry: core::Registry,
    scratch: Box<Scratch>,
}

#[uniffi::export]
impl Registry {
    /// An empty registry for connections of `guard`.
    #[uniffi::constructor]
    pub fn new(guard: Arc<Guard>, now_mono: u64) -> Result<Arc<Self>> {
        let guard = here(&guard.0)?.clone();
        let registry = core::Registry::new(guard.clone(), Timestamp::from_nanos(now_mono));
        let scratch = guard.scratch();
        Ok(Arc::new(Self(local(Mutex::new(Desk { guard, registry, scratch }))?)))
    }

    /// How many connections it holds.
    pub fn count(&self) -> Result<u64> {
        Ok(u64::try_from(self.desk()?.registry.len()).unwrap_or(u64::MAX))
    }

    /// Judges an upgrade request and, as far as that needs nobody else, its credential.
    pub fn open(&self, request: Request, now: Time) -> Result<Admission> {
        let mut desk = self.desk()?;
        match request.with(|request| desk.guard.screen(request, now.into()))? {
            Ok(candidate) => {
                let admitted = desk.registry.admit(candidate, now.into());
                desk.admitted(admitted)
            }
            Err(refusal) => Ok(Admission::Refused { response: Response::refusing(&refusal) }),
        }
    }

    /// Hands a candidate the host's answer.
    pub fn provide(&self, handle: u64, answer: Answer, now: Time) -> Result<Admission> {
        let mut desk = self.desk()?;
        let admitted = desk.registry.provide(number(handle)?, answer.into(), now.into()).map_err(stale)?;
        desk.admitted(admitted)
    }

    /// Judges a frame or whole message.
    pub fn receive(&self, handle: u64, kind: FrameKind, payload: Vec<u8>, now_mono: u64) -> Result<Outcome> {
        let desk = &mut *self.desk()?;
        let (handle, now) = (number(handle)?, Timestamp::from_nanos(now_mono));
        let outcome = match kind.message(&payload) {
            Some(message) => desk.registry.receive(handle, message, &mut desk.scratch, now).map_err(stale)?,
            None => desk.registry.entry(handle).map_err(stale)?.close(Reason::ProtocolError, now),
        };
        Outcome::shown(outcome, desk.registry.session(handle).map_err(stale)?, now)
    }

    /// Where a message goes wrong, in words; none where its content is not at fault. It charges nothing, and is for
    /// debugging: it takes as long as judging the message again.
    pub fn explain(&self, handle: u64, kind: FrameKind, payload: Vec<u8>) -> Result<Option<Explanation>> {
        let desk = &mut *self.desk()?;
        let session = desk.registry.session(number(handle)?).map_err(stale)?;
        let Some(message) = kind.message(&payload) else { return Ok(None) };
        Ok(session.explain(message, &mut desk.scratch).map(Into::into))
    }

    /// Judges the credential in a message that was answered with `Authenticate`.
    pub fn authenticate(&self, handle: u64, message: Vec<u8>, now: Time) -> Result<Judgement> {
        self.judged(handle, now, |session, now| session.authenticate(&message, now))
    }

    /// Hands a live session the host's answer to the need that `authenticate` had.
    pub fn provide_session(&self, handle: u64, answer: Answer, now: Time) -> Result<Judgement> {
        self.judged(handle, now, |session, now| session.provide(answer.into(), now))
    }

    /// Hands a session the host's answer to `Revalidate`.
    pub fn revalidated(&self, handle: u64, answer: Answer, now: Time) -> Result<Outcome> {
        self.outcome(handle, now.mono, |session, _| session.revalidated(answer.into(), now.into()))
    }

    /// Closes a session for a reason, by its name; the outcome holds the close frame to send.
    pub fn close(&self, handle: u64, reason: String, now_mono: u64) -> Result<Outcome> {
        let reason =
            Reason::from_name(&reason).ok_or_else(|| WswardenError::Argument("there is no such reason".into()))?;
        self.outcome(handle, now_mono, |session, now| session.close(reason, now))
    }

    /// Takes back a message that was delivered, for a fault that a validator of your own has found.
    pub fn refuse_delivered(&self, handle: u64, now_mono: u64) -> Result<Outcome> {
        self.outcome(handle, now_mono, |session, now| session.refuse_delivered(now))
    }

    /// Says that a session's connection is gone without a close handshake; the event, if there is one, records it.
    pub fn lost(&self, handle: u64, now_mono: u64) -> Result<Option<Event>> {
        let mut desk = self.desk()?;
        let mut session = desk.registry.entry(number(handle)?).map_err(stale)?;
        Ok(session.lost(Timestamp::from_nanos(now_mono)).map(Into::into))
    }

    /// Takes a connection out, session or candidate: every slot that it holds is given back.
    pub fn remove(&self, handle: u64) -> Result<()> {
        drop(self.desk()?.registry.remove(number(handle)?).map_err(stale)?);
        Ok(())
    }

    /// When to call `tick`, on the monotonic clock; none when nothing will be due.
    pub fn next_timeout(&self) -> Result<Option<u64>> {
        Ok(self.desk()?.registry.next_timeout().map(Timestamp::as_nanos))
    }

    /// The next thing that is due: call until it gives none.
    pub fn tick(&self, now_mono: u64) -> Result<Option<Due>> {
        let tick = self.desk()?.registry.tick(Timestamp::from_nanos(now_mono));
        tick.map(due).transpose()
    }

    /// Counts bytes that wait to be sent to a session's peer.
    pub fn queued(&self, handle: u64, bytes: u64, now_mono: u64) -> Result<Pressure> {
        let desk = &mut *self.desk()?;
        let (handle, now) = (number(handle)?, Timestamp::from_nanos(now_mono));
        let pressure = desk.registry.entry(handle).map_err(stale)?.queued(bytes, now);
        Ok(match pressure {
            core::Pressure::Free => Pressure::Free,
            core::Pressure::Full => Pressure::Full,
            core::Pressure::Close(close, event) => {
                let outcome = core::Outcome { verdict: core::Verdict::Close(close), event };
                let session = desk.registry.session(handle).map_err(stale)?;
                Pressure::Close { outcome: Outcome::shown(outcome, session, now)? }
            }
        })
    }

    /// Counts bytes that were sent.
    pub fn drained(&self, handle: u64, bytes: u64) -> Result<()> {
        self.desk()?.registry.entry(number(handle)?).map_err(stale)?.drained(bytes);
        Ok(())
    }

    /// Enters a session into a channel: whether it was not in it before. None: it is in as many as it may be.
    pub fn join(&self, handle: u64, channel: String) -> Result<Option<bool>> {
        let mut desk = self.desk()?;
        Ok(desk.registry.entry(number(handle)?).map_err(stale)?.join(&channel).ok())
    }

    /// Takes a session out of a channel: whether it was in it.
    pub fn leave(&self, handle: u64, channel: String) -> Result<bool> {
        Ok(self.desk()?.registry.entry(number(handle)?).map_err(stale)?.leave(&channel))
    }

    /// What can be read of a session.
    pub fn session(&self, handle: u64) -> Result<Session> {
        let desk = self.desk()?;
        let session = desk.registry.session(number(handle)?).map_err(stale)?;
        let peer = session.peer();
        Ok(Session {
            id: session.id().number(),
            is_open: session.is_open(),
            is_pending: session.is_pending(),
            identity: session.identity().map(Identity::shown),
            address: peer.address.map(|address| address.to_string()),
            origin: peer.origin.as_deref().map(Into::into),
            path: peer.path.to_string(),
            subprotocol: session.subprotocol().map(Into::into),
            latency: session.latency().map(nanos),
        })
    }
}

impl Registry {
    fn desk(&self) -> Result<MutexGuard<'_, Desk>> {
        locked(here(&self.0)?)
    }

    fn outcome(
        &self,
        handle: u64,
        now_mono: u64,
        work: impl FnOnce(&mut core::Session, Timestamp) -> core::Outcome,
    ) -> Result<Outcome> {
        let mut desk = self.desk()?;
        let mut session = desk.registry.entry(number(handle)?).map_err(stale)?;
        let now = Timestamp::from_nanos(now_mono);
        Outcome::shown(work(&mut session, now), &session, now)
    }

    fn judged(
        &self,
        handle: u64,
        now: Time,
        work: impl FnOnce(&mut core::Session, core::Now) -> core::Judgement,
    ) -> Result<Judgement> {
        let mut desk = self.desk()?;
        let mut session = desk.registry.entry(number(handle)?).map_err(stale)?;
        match work(&mut session, now.into()) {
            core::Judgement::Done(outcome) => {
                let outcome = Outcome::shown(outcome, &session, Timestamp::from_nanos(now.mono))?;
                Ok(Judgement::Done { outcome })
            }
            core::Judgement::Wait(need) => Ok(Judgement::Wait { need: Need::shown(&need)? }),
        }
    }
}

impl Desk {
    fn admitted(&mut self, admitted: Admitted) -> Result<Admission> {
        Ok(match admitted {
            Admitted::Open(handle) => {
                let session = self.registry.session(handle).map_err(stale)?;
                Admission::Open { handle: handle.number(), response: Response::opening(session.response()) }
            }
            Admitted::Wait(handle) => {
                let need = Need::shown(self.registry.waiting(handle).map_err(stale)?.need())?;
                Admission::Wait { handle: handle.number(), need }
            }
            Admitted::Refused(refusal) => Admission::Refused { response: Response::refusing(&refusal) },
        })
    }
}

fn due(tick: core::Tick) -> Result<Due> {
    let (handle, due) = match tick {
        core::Tick::Due(handle, due) => (handle, due),
        core::Tick::Refused(handle, refusal) => {
            let action = Action::Refuse { response: Response::refusing(&refusal) };
            return Ok(Due { handle: handle.number(), action, event: None });
        }
    };
    let action = match due.action {
        core::Action::Ping(payload) => Action::Ping { payload: payload.to_vec() },
        core::Action::Close(close) => Action::Close { code: close.code, reason: close.text().into() },
        core::Action::Revalidate => Action::Revalidate,
        core::Action::Expired => Action::Expired,
        core::Action::Terminate => Action::Terminate,
        _ => return Err(WswardenError::Argument("this version has no words for what is due".into())),
    };
    Ok(Due { handle: handle.number(), action, event: due.event.map(Into::into) })
}

fn number(handle: u64) -> Result<Handle> {
    Handle::from_number(handle).ok_or(WswardenError::StaleHandle)
}

fn stale(_: core::StaleHandle) -> WswardenError {
    WswardenError::StaleHandle
}
