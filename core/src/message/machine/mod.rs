//! The machine: a flat program run over the bytes of a message, once, from front to back.
//!
//! It keeps no tree and allocates nothing: a frame for each open container, the places of unknown keys, and
//! the position. The first fault ends it. There is one loop and no recursion, so no nesting can exhaust a stack.

mod choice;
mod containers;
mod decimal;
pub(crate) mod format;
mod frame;
mod full;
mod keys;
mod lanes;
mod logic;
mod names;
mod number;
mod numbers;
mod rules;
mod simd;
mod sip;
mod string;
mod strings;
mod text;
mod tree;

pub(crate) use decimal::{Divisor, Num};
pub(crate) use frame::Frame;
pub(crate) use full::Full;
pub(crate) use keys::OpenKeys;
pub(crate) use lanes::Level;
pub(crate) use logic::Logic;
pub(crate) use names::Names;
pub(crate) use numbers::{Bound, Integer, NumberChecks, NumberRule};
pub(crate) use rules::*;
pub(crate) use strings::{FormatCheck, Pattern, StringChecks, StringKind, StringRule, unescaped};
pub(crate) use text::{Tail, Text, Unescaped};
pub(crate) use tree::Places;

use lanes::Lanes;
use string::Scanned;
use strings::StringKind as Kind;

use super::fault::Fault;
use super::json::Limits;
use super::scratch::Scratch;
use super::tape::{self, Sink};
use crate::Reason;

/// A message longer than this is refused before it is read: places are 31-bit numbers.
const MOST_BYTES: usize = 1 << 31;

/// Judges a text by a node of a program.
///
/// What comes back is the number that the outermost choice led to, if it has one.
#[inline(always)]
pub(crate) fn judge<S: Sink>(
    program: &Program,
    root: u32,
    limits: &Limits,
    level: Level,
    bytes: &[u8],
    scratch: &mut Scratch,
    sink: &mut S,
) -> Result<u32, Fault> {
    if bytes.len() >= MOST_BYTES {
        return Err(Fault::new(Reason::MessageTooBig, 0));
    }
    let Scratch { frames, keys, place } = scratch;
    let mut tail = Tail::EMPTY;
    tail.fill(bytes);
    let text = Text::new(bytes, &tail);
    keys.release(0);
    let Some(node) = program.nodes.get(index(root)) else { return Err(containers::internal(0)) };
    let mut machine = Machine {
        text,
        len: bytes.len(),
        program,
        limits,
        level,
        frames,
        keys,
        sink,
        depth: 0,
        high: false,
        choice: 0,
        place: 0,
        nested: 0,
        again: 0,
        steps: 0,
        reached: 0,
    };
    let done = simd::run(level, &mut machine, node, text.past_space(0));
    let (high, choice, at_fault) = (machine.high, machine.choice, machine.place);
    let end = match done {
        Ok(end) => text.past_space(end),
        Err(fault) => {
            *place = at_fault;
            return Err(first_of(fault, bytes, high));
        }
    };
    if end != bytes.len() {
        return Err(first_of(Fault::new(Reason::InvalidJson, end), bytes, high));
    }
    if high && simdutf8::basic::from_utf8(bytes).is_err() {
        return Err(invalid_utf8(bytes));
    }
    Ok(choice)
}

#[cold]
fn invalid_utf8(bytes: &[u8]) -> Fault {
    let at = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
    Fault::new(Reason::InvalidUtf8, at)
}

/// Invalid UTF-8 before a fault is the earlier fault.
#[inline(always)]
fn first_of(fault: Fault, bytes: &[u8], high: bool) -> Fault {
    let ascii = !high && bytes.get(index(fault.at)).is_none_or(u8::is_ascii);
    if ascii { fault } else { first_of_two(fault, bytes) }
}

#[cold]
#[inline(never)]
fn first_of_two(fault: Fault, bytes: &[u8]) -> Fault {
    let at = index(fault.at);
    let before = bytes.get(..at.saturating_add(1)).unwrap_or(bytes);
    match simdutf8::compat::from_utf8(before) {
        // A sequence that is only cut short by the fault is looked at whole.
        Err(error) if error.error_len().is_none() && before.len() < bytes.len() => {
            let whole = bytes.get(..at.saturating_add(4)).unwrap_or(bytes);
            match std::str::from_utf8(whole) {
                Err(error) if error.valid_up_to() <= at && error.error_len().is_some() => {
                    Fault::new(Reason::InvalidUtf8, error.valid_up_to())
                }
                _ => fault,
            }
        }
        Err(error) => Fault::new(Reason::InvalidUtf8, error.valid_up_to()),
        Ok(_) => fault,
    }
}

/// One run over one message.
pub(crate) struct Machine<'a, S> {
    text: Text<'a>,
    len: usize,
    program: &'a Program,
    limits: &'a Limits,
    level: Level,
    frames: &'a mut [Frame; super::scratch::MAX_DEPTH],
    keys: &'a mut OpenKeys,
    sink: &'a mut S,
    /// How many containers are open.
    depth: usize,
    /// There may be bytes outside ASCII.
    high: bool,
    /// What the outermost choice led to.
    choice: u32,
    /// The schema's place of the fault.
    place: u32,
    /// How many readings this one is within.
    nested: u8,
    /// How many bytes were read again.
    again: u64,
    /// How many looks at values on trees it took.
    steps: u64,
    /// How far it was read, if that is beyond the place of a fault.
    reached: usize,
}

impl<'a, S: Sink> Machine<'a, S> {
    /// A fault of the schema, at `at`.
    #[cold]
    #[inline(never)]
    fn against(&mut self, place: u32, at: usize) -> Fault {
        self.place = place;
        Fault::new(Reason::SchemaViolation, at)
    }

    /// Judges the string whose opening quote is at `start`; the answer is the place past its closing one.
    #[inline(always)]
    fn string<L: Lanes>(&mut self, text: Text<'a>, node: &Node, start: usize) -> Result<usize, Fault> {
        let inside = start.wrapping_add(1);
        let program = self.program;
        let rule = program.strings.get(index(node.string)).ok_or(containers::internal(start))?;
        let most = match &rule.kind {
            Kind::OneOf(names) => match names.here(text, start) {
                Some((_, name)) => return Ok(self.read_string(inside, start.wrapping_add(name.length).wrapping_sub(1))),
                None => usize::MAX,
            },
            Kind::Uuid => match format::uuid_at::<L>(text, inside) {
                Some(end) => return Ok(self.read_string(inside, end)),
                None => usize::MAX,
            },
            Kind::Length(_, longest) => *longest,
            Kind::Checks(checks) => checks.most.unwrap_or(usize::MAX),
            Kind::Never => return Err(self.refused(node, start)),
        };
        let read = match text.string::<L>(inside, most, &mut self.high) {
            Ok(read) => read,
            Err(fault) => {
                // A code point takes four bytes, or six where it is escaped.
                (self.place, self.reached) = (rule.place, inside.saturating_add(most.saturating_mul(4)).min(self.len));
                return Err(fault);
            }
        };
        let holds = match &rule.kind {
            Kind::Length(least, _) => read.points >= *least,
            _ => self.checked(rule, &read, start)?,
        };
        if !holds {
            self.reached = read.span.end;
            return Err(self.against(rule.place, start));
        }
        self.sink.scalar(tape::Kind::String, inside, read.span.end, read.span.escaped);
        Ok(read.span.end.wrapping_add(1))
    }

    /// Tells of a string met in place; the answer is the place past it.
    #[inline(always)]
    fn read_string(&mut self, inside: usize, end: usize) -> usize {
        self.sink.scalar(tape::Kind::String, inside, end, false);
        end.wrapping_add(1)
    }

    /// What few strings are checked for, and strings that were not met in place.
    #[inline(never)]
    fn checked(&mut self, rule: &StringRule, read: &Scanned, start: usize) -> Result<bool, Fault> {
        match &rule.kind {
            Kind::Checks(checks) => {
                if read.points < checks.least || !checks.hold(&self.text, read.span) {
                    return Ok(false);
                }
                self.rest(&checks.whole, &checks.logic, start, read.span.end.wrapping_add(1), rule.place)?;
                Ok(true)
            }
            Kind::OneOf(names) => Ok(names.may_hide(read.span) && names.find(&self.text, read.span).is_some()),
            Kind::Uuid => {
                let raw = self.text.slice(read.span.start, read.span.end);
                Ok(read.span.escaped && format::Format::Uuid.holds(raw, true))
            }
            Kind::Length(..) | Kind::Never => Ok(false),
        }
    }

    #[inline(always)]
    fn number(&mut self, text: Text<'a>, node: &Node, start: usize) -> Result<usize, Fault> {
        let number = text.number(start, self.limits.max_digits)?;
        if node.number != ANY {
            let rule = self.program.numbers.get(index(node.number)).ok_or(containers::internal(start))?;
            if !rule.holds(&text, start, number) {
                return Err(if rule.place == NOWHERE {
                    self.refused(node, start)
                } else {
                    self.against(rule.place, start)
                });
            }
            if let Some(checks) = rule.checks.as_deref().filter(|checks| checks.needs_more()) {
                self.rest(&checks.whole, &checks.logic, start, number.end, rule.place)?;
            }
        }
        self.sink.scalar(tape::Kind::Number, start, number.end, false);
        Ok(number.end)
    }

    /// Judges null, true or false; `first` is the byte that stands there.
    #[inline(always)]
    fn literal(&mut self, text: Text<'a>, node: &Node, start: usize, first: u8) -> Result<usize, Fault> {
        let word = text.wide(start);
        let (kind, ok, length) = match first {
            b't' if word & 0xffff_ffff == 0x6575_7274 => (tape::Kind::True, node.literals.yes, 4),
            b'f' if word & 0xff_ffff_ffff == 0x65_736c_6166 => (tape::Kind::False, node.literals.no, 5),
            b'n' if word & 0xffff_ffff == 0x6c6c_756e => (tape::Kind::Null, node.literals.null, 4),
            _ => return Err(Fault::new(Reason::InvalidJson, start)),
        };
        if !ok {
            return Err(self.refused(node, start));
        }
        let end = start.wrapping_add(length);
        self.sink.scalar(kind, start, end, false);
        Ok(end)
    }
}

/// An index into a table of the program: 32 bits always fit.
#[inline(always)]
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
