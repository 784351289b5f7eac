//! The message path in numbers, as bindings want it.

use super::{Handle, Registry, StaleHandle};
use crate::message::{Scratch, Tape};
use crate::{Message, Outcome, Reason, Timestamp, Verdict};

impl Registry {
    /// [`receive`](Self::receive) in numbers, as bindings want it: in come a handle's number, a
    /// frame's opcode (RFC 6455 section 5.2) and its payload, out comes [`Outcome::number`]. A stale
    /// handle gives 0, which means close. What a number cannot hold is in [`last`](Self::last).
    pub fn receive_number(
        &mut self,
        handle: u64,
        opcode: u8,
        payload: &[u8],
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> u32 {
        self.last = None;
        let Some(handle) = Handle::from_number(handle) else { return 0 };
        let outcome = match Message::from_opcode(opcode, payload) {
            Some(message) => self.receive(handle, message, scratch, now),
            None => self.unknown_opcode(handle, now),
        };
        self.numbered(outcome)
    }

    /// [`receive_tape`](Self::receive_tape) in numbers, as [`receive_number`](Self::receive_number).
    pub fn receive_tape_number(
        &mut self,
        handle: u64,
        opcode: u8,
        payload: &[u8],
        tape: &mut Tape,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> u32 {
        self.last = None;
        let Some(handle) = Handle::from_number(handle) else { return 0 };
        let outcome = match Message::from_opcode(opcode, payload) {
            Some(message) => self.receive_tape(handle, message, tape, scratch, now),
            None => self.unknown_opcode(handle, now),
        };
        self.numbered(outcome)
    }

    #[cold]
    fn unknown_opcode(&mut self, handle: Handle, now: Timestamp) -> Result<Outcome, StaleHandle> {
        self.entry(handle).map(|mut session| session.close(Reason::ProtocolError, now))
    }

    #[inline(always)]
    fn numbered(&mut self, outcome: Result<Outcome, StaleHandle>) -> u32 {
        self.last =
            outcome.ok().filter(|outcome| outcome.event.is_some() || !matches!(outcome.verdict, Verdict::Deliver(_)));
        outcome.map_or(0, Outcome::number)
    }

    /// What the last call of [`receive_number`](Self::receive_number) answered: the reply or close to
    /// send, and the event to record. None when it delivered and nothing else, or the handle was stale.
    pub fn last(&self) -> Option<Outcome> {
        self.last
    }
}
