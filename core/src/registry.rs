//! The candidates and sessions of one event loop, by handle, with one timer wheel.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Deref, DerefMut};

use crate::guard::Guard;
use crate::handshake::{Admission, Answer, Waiting};
use crate::http::Refusal;
use crate::limit::Wheel;
use crate::message::Scratch;
use crate::reason::Reason;
use crate::session::{Message, Session};
use crate::time::{Now, Timestamp};
use crate::verdict::{Due, Outcome, Verdict};

/// The number of a connection in one registry: 52 bits, so that it is exact in every language, and
/// never 0. No two connections of a registry's life have the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(NonZeroU64);

const SLOT_BITS: u32 = 24;
const SLOTS: u32 = 1 << SLOT_BITS;
const GENERATIONS: u32 = 1 << 28;

impl Handle {
    fn new(slot: u32, generation: u32) -> Option<Self> {
        NonZeroU64::new((u64::from(generation) << SLOT_BITS) | u64::from(slot)).map(Self)
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0.get()
    }

    /// The handle with this number. Whether it stands for a connection is found out when it is used.
    pub fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    fn slot(self) -> u32 {
        u32::try_from(self.0.get() & u64::from(SLOTS.wrapping_sub(1))).unwrap_or(u32::MAX)
    }

    fn generation(self) -> Option<u32> {
        u32::try_from(self.0.get() >> SLOT_BITS).ok()
    }
}

/// The handle stands for nothing: its connection was removed, or it is another registry's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleHandle;

impl fmt::Display for StaleHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handle's connection was removed, or the handle is another registry's")
    }
}

impl std::error::Error for StaleHandle {}

/// The registry has no room: 16,777,216 connections at once, or all its handles were used up.
/// It gives back what it could not take.
#[derive(Debug)]
pub struct Full<T>(pub T);

/// What time brought to one connection.
#[derive(Debug)]
#[must_use]
pub enum Tick {
    /// Something is due on a session.
    Due(Handle, Due),
    /// A candidate's host did not answer in time: send the refusal. The handle is gone.
    Refused(Handle, Refusal),
}

/// What became of a candidate that was held.
#[derive(Debug)]
#[must_use]
pub enum Provided {
    /// It is a session now, under the same handle: send [`Session::response`].
    Open,
    /// Something else is needed, too; see [`Registry::waiting`].
    Wait,
    /// It is refused: send this. The handle is gone.
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
    /// Chunks, so that growing never copies what is there.
    chunks: Vec<Vec<Slot>>,
    free: VecDeque<u32>,
    wheel: Wheel,
    len: usize,
    /// The guard's epoch that the slots before `rescan` have seen.
    epoch: u32,
    rescan: u32,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    held: Held,
}

#[derive(Debug, Default)]
#[expect(clippy::large_enum_variant, reason = "sessions are what a slot is for; a box would cost a second cache miss")]
enum Held {
    #[default]
    Nothing,
    Session(Session),
    Waiting(Box<Waiting>),
}

const CHUNK: usize = 1024;

/// So many slots are looked at in one call of [`Registry::tick`] after the guard has changed.
const RESCAN_STEP: u32 = 256;

impl Registry {
    /// An empty registry for connections of `guard`.
    pub fn new(guard: Guard, now: Timestamp) -> Self {
        let epoch = guard.epoch();
        Self { guard, chunks: Vec::new(), free: VecDeque::new(), wheel: Wheel::new(now), len: 0, epoch, rescan: SLOTS }
    }

    /// How many connections it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes a session in.
    ///
    /// # Errors
    /// Gives it back when there is no room.
    #[expect(clippy::result_large_err, reason = "the session must not be lost")]
    pub fn insert(&mut self, session: Session) -> Result<Handle, Full<Session>> {
        let at = session.next_timeout();
        match self.place(at) {
            Some((handle, slot)) => {
                slot.held = Held::Session(session);
                Ok(handle)
            }
            None => Err(Full(session)),
        }
    }

    /// Holds a candidate while its host looks something up.
    ///
    /// # Errors
    /// Gives it back when there is no room.
    pub fn hold(&mut self, waiting: Box<Waiting>) -> Result<Handle, Full<Box<Waiting>>> {
        let at = waiting.deadline();
        match self.place(Some(at)) {
            Some((handle, slot)) => {
                slot.held = Held::Waiting(waiting);
                Ok(handle)
            }
            None => Err(Full(waiting)),
        }
    }

    /// The candidate with this handle.
    ///
    /// # Errors
    /// When no candidate has it.
    pub fn waiting(&self, handle: Handle) -> Result<&Waiting, StaleHandle> {
        match self.slot(handle).map(|slot| &slot.held) {
            Some(Held::Waiting(waiting)) => Ok(waiting),
            _ => Err(StaleHandle),
        }
    }

    /// Hands a candidate its host's answer.
    ///
    /// # Errors
    /// When no candidate has this handle: it may have run out of time.
    pub fn provide(&mut self, handle: Handle, answer: Answer, now: Now) -> Result<Provided, StaleHandle> {
        let slot = self.slot_mut(handle).ok_or(StaleHandle)?;
        let waiting = match std::mem::take(&mut slot.held) {
            Held::Waiting(waiting) => waiting,
            other => {
                slot.held = other;
                return Err(StaleHandle);
            }
        };
        match waiting.provide(answer, now) {
            Ok(Admission::Open(session)) => {
                let at = session.next_timeout();
                slot.held = Held::Session(session);
                self.schedule(handle.slot(), at);
                Ok(Provided::Open)
            }
            Ok(Admission::Wait(waiting)) => {
                slot.held = Held::Waiting(Box::new(waiting));
                Ok(Provided::Wait)
            }
            Err(refusal) => {
                self.vacate(handle);
                Ok(Provided::Refused(refusal))
            }
        }
    }

    /// The session with this handle, to read.
    ///
    /// # Errors
    /// When no session has it.
    pub fn session(&self, handle: Handle) -> Result<&Session, StaleHandle> {
        match self.slot(handle).map(|slot| &slot.held) {
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
        let slot = handle.slot();
        match held(&mut self.chunks, handle) {
            Some(Held::Session(session)) => Ok(Entry { session, wheel: &mut self.wheel, slot }),
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
        let Some(Held::Session(session)) = held(&mut self.chunks, handle) else { return Err(StaleHandle) };
        let outcome = session.receive(message, scratch, now);
        if matches!(outcome.verdict, Verdict::Close(_)) {
            let at = session.next_timeout();
            self.schedule(handle.slot(), at);
        }
        Ok(outcome)
    }

    /// Takes a connection out. Dropping what it answers gives every slot back.
    ///
    /// # Errors
    /// When no session has this handle.
    pub fn remove(&mut self, handle: Handle) -> Result<Session, StaleHandle> {
        let slot = self.slot_mut(handle).ok_or(StaleHandle)?;
        match std::mem::take(&mut slot.held) {
            Held::Session(session) => {
                self.vacate(handle);
                Ok(session)
            }
            other => {
                slot.held = other;
                Err(StaleHandle)
            }
        }
    }

    /// Lets a candidate go whose client has gone.
    ///
    /// # Errors
    /// When no candidate has this handle.
    pub fn abandon(&mut self, handle: Handle) -> Result<(), StaleHandle> {
        self.waiting(handle)?;
        self.vacate(handle);
        Ok(())
    }

    /// When to call [`tick`](Self::tick); none when nothing is due, ever.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        if self.rescan < self.slots() || self.epoch != self.guard.epoch() {
            return Some(Timestamp::ZERO);
        }
        self.wheel.next()
    }

    /// The next thing that is due at `now`; call until it answers none. One call looks at a bounded
    /// number of connections, so a host may stop in between to serve messages.
    pub fn tick(&mut self, now: Timestamp) -> Option<Tick> {
        if let Some(tick) = self.rescan(now) {
            return Some(tick);
        }
        while let Some(slot) = self.wheel.advance(now) {
            if let Some(tick) = self.look(slot, now) {
                return Some(tick);
            }
        }
        None
    }

    /// After the guard has changed, shows the change to every session, a few at a time.
    fn rescan(&mut self, now: Timestamp) -> Option<Tick> {
        let epoch = self.guard.epoch();
        if epoch != self.epoch {
            self.epoch = epoch;
            self.rescan = 0;
        }
        let end = self.slots();
        let stop = self.rescan.saturating_add(RESCAN_STEP).min(end);
        while self.rescan < stop {
            let slot = self.rescan;
            self.rescan = slot.saturating_add(1);
            if let Some(tick) = self.look(slot, now) {
                return Some(tick);
            }
        }
        None
    }

    /// Does what is due on one connection and sets its timer.
    fn look(&mut self, slot: u32, now: Timestamp) -> Option<Tick> {
        let (chunk, index) = split(slot);
        let entry = self.chunks.get_mut(chunk)?.get_mut(index)?;
        let handle = Handle::new(slot, entry.generation)?;
        match &mut entry.held {
            Held::Nothing => None,
            Held::Session(session) => {
                let due = session.handle_timeout(now);
                let at = session.next_timeout();
                self.schedule(slot, at);
                due.map(|due| Tick::Due(handle, due))
            }
            Held::Waiting(waiting) if now < waiting.deadline() => {
                let at = waiting.deadline();
                self.schedule(slot, Some(at));
                None
            }
            Held::Waiting(_) => {
                self.guard.count_refusal(Reason::HandshakeTimeout);
                self.vacate(handle);
                Some(Tick::Refused(handle, Refusal::from(Reason::HandshakeTimeout)))
            }
        }
    }

    /// A free slot, its timer set. First in, first out: a handle's number comes back as late as it
    /// can, and a slot whose generations are used up is not used again.
    fn place(&mut self, at: Option<Timestamp>) -> Option<(Handle, &mut Slot)> {
        let slot = match self.free.pop_front() {
            Some(slot) => slot,
            None => self.grow()?,
        };
        self.schedule(slot, at);
        self.len = self.len.saturating_add(1);
        let (chunk, index) = split(slot);
        let entry = self.chunks.get_mut(chunk)?.get_mut(index)?;
        Some((Handle::new(slot, entry.generation)?, entry))
    }

    fn grow(&mut self) -> Option<u32> {
        let slot = self.slots();
        if slot >= SLOTS {
            return None;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks.last_mut()?.push(Slot { generation: 1, held: Held::Nothing });
        Some(slot)
    }

    fn vacate(&mut self, handle: Handle) {
        let Some(slot) = self.slot_mut(handle) else { return };
        slot.held = Held::Nothing;
        slot.generation = slot.generation.saturating_add(1);
        let retired = slot.generation >= GENERATIONS;
        self.wheel.remove(handle.slot());
        self.len = self.len.saturating_sub(1);
        if !retired {
            self.free.push_back(handle.slot());
        }
    }

    fn schedule(&mut self, slot: u32, at: Option<Timestamp>) {
        match at {
            Some(at) => self.wheel.insert(slot, at),
            None => self.wheel.remove(slot),
        }
    }

    /// How many slots there are, in use or not.
    fn slots(&self) -> u32 {
        let full = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK);
        let last = self.chunks.last().map_or(0, Vec::len);
        u32::try_from(full.saturating_add(last)).unwrap_or(SLOTS)
    }

    fn slot(&self, handle: Handle) -> Option<&Slot> {
        let (chunk, index) = split(handle.slot());
        let slot = self.chunks.get(chunk)?.get(index)?;
        (Some(slot.generation) == handle.generation()).then_some(slot)
    }

    fn slot_mut(&mut self, handle: Handle) -> Option<&mut Slot> {
        slot_mut(&mut self.chunks, handle)
    }
}

fn slot_mut(chunks: &mut [Vec<Slot>], handle: Handle) -> Option<&mut Slot> {
    let (chunk, index) = split(handle.slot());
    let slot = chunks.get_mut(chunk)?.get_mut(index)?;
    (Some(slot.generation) == handle.generation()).then_some(slot)
}

fn held(chunks: &mut [Vec<Slot>], handle: Handle) -> Option<&mut Held> {
    slot_mut(chunks, handle).map(|slot| &mut slot.held)
}

fn split(slot: u32) -> (usize, usize) {
    let slot = usize::try_from(slot).unwrap_or(usize::MAX);
    (slot / CHUNK, slot % CHUNK)
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
        match self.session.next_timeout() {
            Some(at) => self.wheel.insert(self.slot, at),
            None => self.wheel.remove(self.slot),
        }
    }
}
