//! The candidates and sessions of one event loop, by handle, with one timer wheel.

mod handle;
mod numbers;
mod slots;
#[cfg(test)]
mod tests;
mod tick;

use std::ops::{Deref, DerefMut};

pub use handle::{Handle, StaleHandle};

use self::handle::GENERATIONS;
#[cfg(test)]
use self::handle::SLOTS;
use self::slots::{Held, Slots};
use self::tick::Looks;
pub use self::tick::Tick;

use crate::guard::Guard;
use crate::handshake::{Admission, Answer, Candidate, Waiting};
use crate::http::Refusal;
use crate::limit::Wheel;
use crate::message::{Scratch, Tape, TypeIndex};
use crate::policy::MessageKind;
use crate::reason::Reason;
use crate::session::{Message, Session};
use crate::time::{Now, Timestamp};
use crate::verdict::{Outcome, Verdict};

/// What became of a candidate.
#[derive(Debug)]
#[must_use]
pub enum Admitted {
    /// It is a session now: send [`Session::response`].
    Open(Handle),
    /// Only the host can find something out, see [`Waiting::need`]; [`Registry::provide`] is next.
    Wait(Handle),
    /// It is refused: send this. It has no handle, or none any more.
    Refused(Refusal),
}

/// The candidates and sessions of one event loop.
///
/// One timer serves them all: wake at [`next_timeout`](Self::next_timeout) and call
/// [`tick`](Self::tick) until it answers none. A message or pong stores a number and leaves the
/// wheel alone; the wheel looks at a connection once in a while and moves the live ones on.
#[derive(Debug)]
pub struct Registry {
    guard: Guard,
    slots: Slots,
    wheel: Wheel,
    /// The guard's epoch that is being shown to the sessions, or was shown to all.
    epoch: u32,
    /// The slot that is shown it next.
    hand: u32,
    /// How many slots it is still to be shown to.
    unseen: u32,
    /// What is left of this round of [`Registry::tick`].
    left: Looks,
    /// What [`Registry::receive_number`] answered last, where the number does not say it all.
    last: Option<Outcome>,
}

impl Registry {
    /// An empty registry for connections of `guard`.
    pub fn new(guard: Guard, now: Timestamp) -> Self {
        Self::with_generations(guard, GENERATIONS, now)
    }

    fn with_generations(guard: Guard, generations: u32, now: Timestamp) -> Self {
        let epoch = guard.epoch();
        let (slots, wheel) = (Slots::new(generations), Wheel::new(now));
        Self { guard, slots, wheel, epoch, hand: 0, unseen: 0, left: Looks::ROUND, last: None }
    }

    /// How many connections it holds.
    pub fn len(&self) -> usize {
        self.slots.length()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// [`Candidate::admit`], and takes in what comes of it.
    pub fn admit(&mut self, candidate: Candidate, now: Now) -> Admitted {
        match candidate.admit(now) {
            Ok(Admission::Open(session)) => self.enter(Held::Session(session)).map_or_else(refused, Admitted::Open),
            Ok(Admission::Wait(waiting)) => {
                self.enter(Held::Waiting(Box::new(waiting))).map_or_else(refused, Admitted::Wait)
            }
            Err(refusal) => Admitted::Refused(refusal),
        }
    }

    /// Takes in a session that was admitted elsewhere.
    ///
    /// # Errors
    /// When there is no room, 16,777,216 connections at once; the session is given up.
    pub fn insert(&mut self, session: Session) -> Result<Handle, Refusal> {
        self.enter(Held::Session(session)).map_err(Refusal::from)
    }

    fn enter(&mut self, new: Held) -> Result<Handle, Reason> {
        let Some((handle, held)) = self.slots.claim() else {
            self.guard.count_refusal(Reason::Overloaded);
            return Err(Reason::Overloaded);
        };
        schedule(&mut self.wheel, handle.slot(), new.next_timeout());
        *held = new;
        Ok(handle)
    }

    /// The candidate with this handle.
    ///
    /// # Errors
    /// When no candidate has it.
    pub fn waiting(&self, handle: Handle) -> Result<&Waiting, StaleHandle> {
        match self.slots.find(handle) {
            Some(Held::Waiting(waiting)) => Ok(waiting),
            _ => Err(StaleHandle),
        }
    }

    /// Hands a candidate its host's answer.
    ///
    /// # Errors
    /// When no candidate has this handle: it may have run out of time.
    pub fn provide(&mut self, handle: Handle, answer: Answer, now: Now) -> Result<Admitted, StaleHandle> {
        let held = self.slots.find_mut(handle).ok_or(StaleHandle)?;
        let waiting = match std::mem::take(held) {
            Held::Waiting(waiting) => waiting,
            other => {
                *held = other;
                return Err(StaleHandle);
            }
        };
        match waiting.provide(answer, now) {
            Ok(Admission::Open(session)) => {
                schedule(&mut self.wheel, handle.slot(), session.next_timeout());
                *held = Held::Session(session);
                Ok(Admitted::Open(handle))
            }
            Ok(Admission::Wait(waiting)) => {
                *held = Held::Waiting(Box::new(waiting));
                Ok(Admitted::Wait(handle))
            }
            Err(refusal) => {
                drop(self.vacate(handle));
                Ok(Admitted::Refused(refusal))
            }
        }
    }

    /// The session with this handle, to read.
    ///
    /// # Errors
    /// When no session has it.
    pub fn session(&self, handle: Handle) -> Result<&Session, StaleHandle> {
        match self.slots.find(handle) {
            Some(Held::Session(session)) => Ok(session),
            _ => Err(StaleHandle),
        }
    }

    /// The session with this handle, to act on. When the entry is dropped, the session's timer is
    /// set anew.
    ///
    /// # Errors
    /// When no session has it.
    pub fn entry(&mut self, handle: Handle) -> Result<Entry<'_>, StaleHandle> {
        match self.slots.find_mut(handle) {
            Some(Held::Session(session)) => Ok(Entry { session, wheel: &mut self.wheel, slot: handle.slot() }),
            _ => Err(StaleHandle),
        }
    }

    /// [`Session::receive`] for the session with this handle: the message path.
    ///
    /// # Errors
    /// When no session has it.
    pub fn receive(
        &mut self,
        handle: Handle,
        message: Message<'_>,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Result<Outcome, StaleHandle> {
        self.receive_with(handle, message, None, scratch, now)
    }

    /// [`Session::receive_tape`] for the session with this handle.
    ///
    /// # Errors
    /// When no session has it.
    pub fn receive_tape(
        &mut self,
        handle: Handle,
        message: Message<'_>,
        tape: &mut Tape,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Result<Outcome, StaleHandle> {
        tape.clear();
        self.receive_with(handle, message, Some(tape), scratch, now)
    }

    #[inline(always)]
    fn receive_with(
        &mut self,
        handle: Handle,
        message: Message<'_>,
        tape: Option<&mut Tape>,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Result<Outcome, StaleHandle> {
        let delivered = match message {
            Message::Text(bytes) => self.deliver(handle, MessageKind::Text, bytes, tape, scratch, now)?,
            Message::Binary(bytes) => self.deliver(handle, MessageKind::Binary, bytes, tape, scratch, now)?,
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return self.control(handle, message, now),
        };
        Ok(delivered.map_or_else(|outcome| outcome, |index| Outcome::quiet(Verdict::Deliver(index))))
    }

    /// The type of a message to deliver, or all there is to say: see [`Session::deliver`].
    #[inline(always)]
    fn deliver(
        &mut self,
        handle: Handle,
        kind: MessageKind,
        bytes: &[u8],
        tape: Option<&mut Tape>,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Result<Result<TypeIndex, Outcome>, StaleHandle> {
        let Some(Held::Session(session)) = self.slots.find_mut(handle) else { return Err(StaleHandle) };
        Ok(match session.deliver(kind, bytes, tape, scratch, now) {
            Ok(index) => Ok(index),
            Err(outcome) => {
                if may_hasten(outcome.verdict) {
                    schedule(&mut self.wheel, handle.slot(), session.next_timeout());
                }
                Err(outcome)
            }
        })
    }

    #[inline(never)]
    fn control(&mut self, handle: Handle, frame: Message<'_>, now: Timestamp) -> Result<Outcome, StaleHandle> {
        let Some(Held::Session(session)) = self.slots.find_mut(handle) else { return Err(StaleHandle) };
        let outcome = session.control(frame, now);
        if may_hasten(outcome.verdict) {
            schedule(&mut self.wheel, handle.slot(), session.next_timeout());
        }
        Ok(outcome)
    }

    /// Takes a connection out: the session, or none for a candidate, whose client has gone while
    /// its host looked something up. Dropping what it answers gives every slot back.
    ///
    /// # Errors
    /// When nothing has this handle.
    pub fn remove(&mut self, handle: Handle) -> Result<Option<Session>, StaleHandle> {
        match self.vacate(handle) {
            Some(Held::Session(session)) => Ok(Some(session)),
            Some(Held::Waiting(_)) => Ok(None),
            Some(Held::Nothing) | None => Err(StaleHandle),
        }
    }

    /// Frees the slot of a handle, if it stands for something.
    fn vacate(&mut self, handle: Handle) -> Option<Held> {
        self.slots.find(handle)?;
        self.wheel.remove(handle.slot());
        self.slots.release(handle)
    }
}

/// Whether a verdict may bring a deadline nearer: nothing but a close does, or what was awaited.
fn may_hasten(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Close(_) | Verdict::Ignore)
}

fn refused(reason: Reason) -> Admitted {
    Admitted::Refused(reason.into())
}

fn schedule(wheel: &mut Wheel, slot: u32, at: Option<Timestamp>) {
    match at {
        Some(at) => wheel.insert(slot, at),
        None => wheel.remove(slot),
    }
}

/// A session in a registry, borrowed to act on it.
#[derive(Debug)]
pub struct Entry<'a> {
    session: &'a mut Session,
    wheel: &'a mut Wheel,
    slot: u32,
}

impl Deref for Entry<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session
    }
}

impl DerefMut for Entry<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.session
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        schedule(self.wheel, self.slot, self.session.next_timeout());
    }
}
