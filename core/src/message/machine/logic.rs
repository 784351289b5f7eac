//! What is judged when a value has been read: by reading it again, within a budget, or on a tree.

use super::containers::internal;
use super::keys::Noted;
use super::lanes::Lanes;
use super::rules::RareArray;
use super::{Fault, Full, Machine, full, index, simd};
use crate::Reason;
use crate::message::json::{Duplicates, Limits};
use crate::message::tape::{Nobody, Sink};

/// A formula over nodes, all judging the same value.
#[derive(Debug)]
pub(crate) enum Logic {
    Node(u32),
    Any(Vec<Logic>),
    One(Vec<Logic>),
    Not(Box<Logic>),
}

/// How many readings within readings there may be: each takes a part of the caller's stack.
const MOST_NESTED: u8 = 24;
/// How many bytes may be read again for each byte of a message, and for none: what unions within unions may cost.
const AGAIN: u64 = 32;
const AGAIN_AT_LEAST: u64 = 1 << 14;

/// The bytes that may be read again while a message of `len` bytes is judged.
fn budget(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX).saturating_mul(AGAIN).saturating_add(AGAIN_AT_LEAST)
}

impl<S: Sink> Machine<'_, S> {
    /// Judges the value from `start` to `end` by all that needs it whole.
    #[inline(never)]
    pub(super) fn rest(
        &mut self,
        whole: &[Full],
        logic: &[Logic],
        start: usize,
        end: usize,
        place: u32,
    ) -> Result<(), Fault> {
        self.reached = self.reached.max(end);
        for formula in logic {
            if !self.holds(formula, start)? {
                return Err(self.against(place, start));
            }
        }
        for validator in whole {
            // Nested places would each have all below them read again.
            self.again = self.again.saturating_add(u64::try_from(end.saturating_sub(start)).unwrap_or(u64::MAX));
            if self.again > budget(self.len) {
                return Err(Fault::new(Reason::TooCostly, start));
            }
            let left = full::steps(self.len).saturating_sub(self.steps);
            let (outcome, steps) = validator.judge(self.text.slice(start, end), self.keys.seed(), left);
            self.steps = self.steps.saturating_add(steps);
            match outcome {
                full::Outcome::Valid => {}
                full::Outcome::Invalid => return Err(self.against(place, start)),
                full::Outcome::TooCostly => return Err(Fault::new(Reason::TooCostly, start)),
                full::Outcome::InvalidUtf8 => return Err(Fault::new(Reason::InvalidUtf8, start)),
            }
        }
        Ok(())
    }

    fn holds(&mut self, formula: &Logic, start: usize) -> Result<bool, Fault> {
        match formula {
            Logic::Node(node) => self.test(*node, start),
            Logic::Not(formula) => self.holds(formula, start).map(|holds| !holds),
            Logic::Any(formulas) => {
                for formula in formulas {
                    if self.holds(formula, start)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Logic::One(formulas) => {
                let mut held = false;
                for formula in formulas {
                    if self.holds(formula, start)? {
                        if held {
                            return Ok(false);
                        }
                        held = true;
                    }
                }
                Ok(held)
            }
        }
    }

    /// Reads the value at `start` again, by another node.
    fn test(&mut self, node: u32, start: usize) -> Result<bool, Fault> {
        if self.nested >= MOST_NESTED {
            return Err(Fault::new(Reason::TooCostly, start));
        }
        let mark = self.keys.mark();
        let node = self.program.nodes.get(index(node)).ok_or(internal(start))?;
        let limits = Limits { duplicates: Duplicates::Allow, ..*self.limits }; // looked for the first time
        let mut again = Machine {
            text: self.text,
            len: self.len,
            program: self.program,
            limits: &limits,
            level: self.level,
            frames: self.frames,
            keys: self.keys,
            sink: &mut Nobody,
            depth: self.depth,
            high: false,
            choice: 0,
            place: 0,
            nested: self.nested.saturating_add(1),
            again: self.again,
            steps: self.steps,
            reached: 0,
        };
        let judged = simd::run(self.level, &mut again, node, start);
        // A fault may be told of where a value starts when all of it has been read.
        let end = judged.unwrap_or_else(|fault| index(fault.at).max(again.reached));
        let steps = again.steps;
        let read = end.saturating_sub(start).saturating_add(16);
        let read = again.again.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        self.keys.release(mark);
        (self.again, self.steps) = (read, steps);
        match judged {
            _ if read > budget(self.len) => Err(Fault::new(Reason::TooCostly, start)),
            Err(fault) if matches!(fault.reason, Reason::TooCostly | Reason::Internal) => Err(fault),
            judged => Ok(judged.is_ok()),
        }
    }

    /// Judges an array that has been read by what concerns its items together.
    #[inline(never)]
    pub(super) fn together<L: Lanes>(
        &mut self,
        rare: &RareArray,
        start: usize,
        end: usize,
        place: u32,
    ) -> Result<(), Fault> {
        self.reached = self.reached.max(end);
        let mut compare_whole = !rare.unique_strings;
        if rare.unique_strings {
            let mark = self.keys.mark();
            let mut at = self.text.past_space(start.wrapping_add(1));
            while self.text.at(at) == b'"' {
                let span = self.text.string::<L>(at.wrapping_add(1), usize::MAX, &mut self.high)?.span;
                match self.keys.note(&self.text, mark, span) {
                    Noted::New => {}
                    Noted::Twice => return Err(self.against(place, at)),
                    Noted::Full => {
                        compare_whole = true; // more strings than the table holds
                        break;
                    }
                }
                at = self.past_comma(span.end.wrapping_add(1));
            }
            self.keys.release(mark);
        }
        for (node, least, most) in &rare.contains {
            let mut count = 0_u32;
            let mut at = self.text.past_space(start.wrapping_add(1));
            while self.text.at(at) != b']' {
                count = count.saturating_add(u32::from(self.test(*node, at)?));
                let Some(past) = self.past_value::<L>(at) else { return Err(internal(at)) };
                at = self.past_comma(past);
            }
            if count < *least || count > *most {
                return Err(self.against(place, start));
            }
        }
        if let Some(unique) = rare.unique.as_ref().filter(|_| compare_whole) {
            self.rest(std::slice::from_ref(unique), &[], start, end, place)?;
        }
        self.rest(&rare.whole, &rare.logic, start, end, place)
    }

    /// The next item's place, or the closing bracket's.
    fn past_comma(&self, at: usize) -> usize {
        let at = self.text.past_space(at);
        if self.text.at(at) == b',' { self.text.past_space(at.wrapping_add(1)) } else { at }
    }
}
