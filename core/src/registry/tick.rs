//! What time brings, a bounded number of connections at a time.

use super::handle::Handle;
use super::slots::Held;
use super::{Registry, schedule};
use crate::http::Refusal;
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::verdict::Due;

/// What time brought to one connection.
#[derive(Debug)]
#[must_use]
pub enum Tick {
    /// Something is due on a session.
    Due(Handle, Due),
    /// A candidate's host did not answer in time: send the refusal. The handle is gone.
    Refused(Handle, Refusal),
}

/// At how many connections a round of [`Registry::tick`] may still look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    /// Because the guard has changed.
    changed: u32,
    /// Because the wheel says so.
    due: u32,
}

impl Looks {
    /// So few that a host with an interpreter, at some microseconds each, does not stand still either.
    pub(super) const ROUND: Self = Self { changed: 64, due: 64 };
}

impl Registry {
    /// When to call [`tick`](Self::tick); none when nothing is due, ever. A time that is past means
    /// that there is more to do at once.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        if self.unseen > 0 || self.epoch != self.guard.epoch() {
            return Some(Timestamp::ZERO);
        }
        self.wheel.next()
    }

    /// The next thing that is due at `now`; call until it answers none, then again at
    /// [`next_timeout`](Self::next_timeout).
    ///
    /// Until it answers none, the calls together look at 128 connections at most, whatever comes of
    /// them: a host that serves its sockets whenever none comes, and only then sets its timer, never
    /// stands still for long, even when a million timers run out together. What is left then is due
    /// at once. A host may stop sooner.
    pub fn tick(&mut self, now: Timestamp) -> Option<Tick> {
        let tick = self.rescan(now).or_else(|| self.look_at_due(now));
        if tick.is_none() {
            self.left = Looks::ROUND;
        }
        tick
    }

    /// After the guard has changed, shows the change to every session, a few at a time. It goes
    /// round: changes that follow each other faster than one round takes put nobody off for ever.
    fn rescan(&mut self, now: Timestamp) -> Option<Tick> {
        let epoch = self.guard.epoch();
        if epoch != self.epoch {
            self.epoch = epoch;
            self.unseen = self.slots.count();
        }
        while let (Some(left), Some(unseen)) = (self.left.changed.checked_sub(1), self.unseen.checked_sub(1)) {
            (self.left.changed, self.unseen) = (left, unseen);
            let slot = if self.hand < self.slots.count() { self.hand } else { 0 };
            self.hand = slot.saturating_add(1);
            if let Some(tick) = self.look(slot, now) {
                return Some(tick);
            }
        }
        None
    }

    fn look_at_due(&mut self, now: Timestamp) -> Option<Tick> {
        while let Some(left) = self.left.due.checked_sub(1) {
            let slot = self.wheel.advance(now)?;
            self.left.due = left;
            if let Some(tick) = self.look(slot, now) {
                return Some(tick);
            }
        }
        None
    }

    /// Does what is due on one connection and sets its timer.
    fn look(&mut self, slot: u32, now: Timestamp) -> Option<Tick> {
        let (handle, held) = self.slots.at_mut(slot)?;
        match held {
            Held::Nothing => None,
            Held::Session(session) => {
                let due = session.handle_timeout(now);
                schedule(&mut self.wheel, slot, session.next_timeout());
                due.map(|due| Tick::Due(handle, due))
            }
            Held::Waiting(waiting) if now < waiting.deadline() => {
                schedule(&mut self.wheel, slot, Some(waiting.deadline()));
                None
            }
            Held::Waiting(_) => {
                self.guard.count_refusal(Reason::HandshakeTimeout);
                drop(self.vacate(handle));
                Some(Tick::Refused(handle, Refusal::from(Reason::HandshakeTimeout)))
            }
        }
    }
}
