//! The message path in numbers, as bindings want it.

use super::{Handle, Registry, StaleHandle};
use crate::message::{Scratch, Tape};
use crate::policy::MessageKind;
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
        self.number(handle, opcode, payload, None, scratch, now)
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
        tape.clear();
        self.number(handle, opcode, payload, Some(tape), scratch, now)
    }

    /// What the last call of [`receive_number`](Self::receive_number) answered: the reply or close to
    /// send, and the event to record. None when it delivered and nothing else, or the handle was stale.
    pub fn last(&self) -> Option<Outcome> {
        self.last
    }

    #[inline(always)]
    fn number(
        &mut self,
        handle: u64,
        opcode: u8,
        payload: &[u8],
        tape: Option<&mut Tape>,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> u32 {
        self.last = None;
        let Some(handle) = Handle::from_number(handle) else { return 0 };
        let kind = match opcode {
            1 => MessageKind::Text,
            2 => MessageKind::Binary,
            _ => return self.control_number(handle, opcode, payload, now),
        };
        match self.deliver(handle, kind, payload, tape, scratch, now) {
            Ok(Ok(index)) => Verdict::Deliver(index).number(),
            Ok(Err(outcome)) => self.keep(Ok(outcome)),
            Err(stale) => self.keep(Err(stale)),
        }
    }

    #[inline(never)]
    fn control_number(&mut self, handle: Handle, opcode: u8, payload: &[u8], now: Timestamp) -> u32 {
        let outcome = match Message::from_opcode(opcode, payload) {
            Some(frame) => self.control(handle, frame, now),
            None => self.entry(handle).map(|mut session| session.close(Reason::ProtocolError, now)),
        };
        self.keep(outcome)
    }

    #[cold]
    fn keep(&mut self, outcome: Result<Outcome, StaleHandle>) -> u32 {
        self.last = outcome.ok();
        outcome.map_or(0, Outcome::number)
    }
}
