//! The machine: a flat program run over the bytes of a message, once, from front to back.
//!
//! It keeps no tree and allocates nothing: a frame for each open container, the places of unknown keys, and
//! the position. The first fault ends it. There is one loop and no recursion, so no nesting can exhaust a stack.

mod choice;
mod containers;
mod decimal;
pub(crate) mod format;
mod full;
mod keys;
mod lanes;
mod logic;
mod names;
mod number;
mod numbers;
mod rules;
mod simd;
mod string;
mod strings;
mod text;

pub(crate) use containers::Frame;
pub(crate) use decimal::{Divisor, Num};
pub(crate) use full::Full;
pub(crate) use keys::OpenKeys;
pub(crate) use lanes::Level;
pub(crate) use logic::Logic;
pub(crate) use names::Names;
pub(crate) use numbers::{Bound, Integer, NumberChecks, NumberRule};
pub(crate) use rules::*;
pub(crate) use strings::{FormatCheck, Pattern, StringChecks, StringKind, StringRule, unescaped};
pub(crate) use text::{Span, Text, Unescaped};

use lanes::Lanes;
use strings::StringKind as Kind;

use super::fault::Fault;
use super::json::Limits;
use super::scratch::{PAD, SHORT, Scratch};
use super::tape::Sink;
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
    let Scratch { pad, frames, keys, place } = scratch;
    let text = if bytes.len() < SHORT {
        let (used, zeros) = pad.split_at_mut(bytes.len().min(PAD));
        used.copy_from_slice(bytes);
        zeros.fill(0);
        Text::new(pad)
    } else {
        Text::new(bytes)
    };
    keys.release(0);
    let node = program.nodes.get(index(root)).copied().unwrap_or(Node::NEVER);
    let mut machine = Machine {
        at: text.past_space(0),
        text,
        len: bytes.len(),
        program,
        node,
        limits: *limits,
        level,
        frames,
        keys,
        sink,
        depth: 0,
        high: false,
        choice: 0,
        place: 0,
        nested: 0,
        budget: logic::budget(bytes.len()),
    };
    let done = simd::run(level, &mut machine).and_then(|()| machine.finish());
    let (high, choice) = (machine.high, machine.choice);
    match done {
        Ok(()) if high && simdutf8::basic::from_utf8(bytes).is_err() => Err(invalid_utf8(bytes)),
        Ok(()) => Ok(choice),
        Err(fault) => {
            *place = machine.place;
            Err(first_of(fault, bytes))
        }
    }
}

#[cold]
fn invalid_utf8(bytes: &[u8]) -> Fault {
    let at = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
    Fault::new(Reason::InvalidUtf8, at)
}

/// Invalid UTF-8 before a fault is the earlier fault.
#[cold]
fn first_of(fault: Fault, bytes: &[u8]) -> Fault {
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
    node: Node,
    limits: Limits,
    level: Level,
    frames: &'a mut [Frame],
    keys: &'a mut OpenKeys,
    sink: &'a mut S,
    at: usize,
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
    /// How many bytes may still be read again.
    budget: u64,
}

impl<S: Sink> Machine<'_, S> {
    /// A fault of the schema, at `at`.
    #[cold]
    #[inline(never)]
    fn against(&mut self, place: u32, at: usize) -> Fault {
        self.place = place;
        Fault::new(Reason::SchemaViolation, at)
    }

    /// Judges a string from its opening quote.
    #[inline(always)]
    fn string<L: Lanes>(&mut self, rule: u32) -> Result<(), Fault> {
        let start = self.at;
        let inside = start.wrapping_add(1);
        let program = self.program;
        let Some(rule) = program.strings.get(index(rule)) else { return Err(Fault::new(Reason::Internal, start)) };
        let mut most = usize::MAX;
        match &rule.kind {
            Kind::OneOf(names) => {
                if let Some((_, name)) = names.here(&self.text, start) {
                    self.at = start.wrapping_add(name.length);
                    self.sink.scalar(super::tape::Kind::String, inside, self.at.wrapping_sub(1), false);
                    return Ok(());
                }
            }
            Kind::Uuid => {
                if let Some(end) = format::uuid_at(&self.text, inside) {
                    self.sink.scalar(super::tape::Kind::String, inside, end, false);
                    self.at = end.wrapping_add(1);
                    return Ok(());
                }
            }
            Kind::Length(_, longest) => most = *longest,
            Kind::Checks(checks) => most = checks.most.unwrap_or(usize::MAX),
            Kind::Never => return Err(self.refused()),
            Kind::Any => {}
        }
        let read = match self.text.string::<L>(inside, most, &mut self.high) {
            Ok(read) => read,
            Err(fault) => {
                self.place = rule.place;
                return Err(fault);
            }
        };
        self.at = read.span.end.wrapping_add(1);
        let holds = match &rule.kind {
            Kind::Any => true,
            Kind::Length(least, _) => read.points >= *least,
            Kind::OneOf(names) => names.find(&self.text, read.span).is_some(),
            Kind::Uuid => read.span.escaped && format::Format::Uuid.holds(self.text.slice(inside, read.span.end), true),
            Kind::Checks(checks) => {
                let holds = read.points >= checks.least && checks.hold(&self.text, read.span);
                if holds && !(checks.whole.is_empty() && checks.logic.is_empty()) {
                    self.rest(&checks.whole, &checks.logic, start, self.at, rule.place)?;
                }
                holds
            }
            Kind::Never => false,
        };
        if !holds {
            return Err(self.against(rule.place, start));
        }
        self.sink.scalar(super::tape::Kind::String, inside, read.span.end, read.span.escaped);
        Ok(())
    }

    #[inline(always)]
    fn number(&mut self, rule: u32) -> Result<(), Fault> {
        let start = self.at;
        let number = self.text.number(start, self.limits.max_digits)?;
        if rule != ANY {
            let Some(rule) = self.program.numbers.get(index(rule)) else {
                return Err(Fault::new(Reason::Internal, start));
            };
            if !rule.holds(&self.text, start, number) {
                return Err(if rule.place == NOWHERE { self.refused() } else { self.against(rule.place, start) });
            }
            if let Some(checks) = rule.checks.as_deref().filter(|checks| checks.needs_more()) {
                self.rest(&checks.whole, &checks.logic, start, number.end, rule.place)?;
            }
        }
        self.at = number.end;
        self.sink.scalar(super::tape::Kind::Number, start, number.end, false);
        Ok(())
    }

    /// Judges null, true or false; `first` is the byte that stands there.
    #[inline(always)]
    fn literal(&mut self, first: u8) -> Result<(), Fault> {
        let start = self.at;
        let word = self.text.wide(start);
        let allowed = self.node.literals;
        let (kind, ok, length) = match first {
            b't' if word & 0xffff_ffff == 0x6575_7274 => (super::tape::Kind::True, allowed.yes, 4),
            b'f' if word & 0xff_ffff_ffff == 0x65_736c_6166 => (super::tape::Kind::False, allowed.no, 5),
            b'n' if word & 0xffff_ffff == 0x6c6c_756e => (super::tape::Kind::Null, allowed.null, 4),
            _ => return Err(Fault::new(Reason::InvalidJson, start)),
        };
        if !ok {
            return Err(self.refused());
        }
        self.at = start.wrapping_add(length);
        self.sink.scalar(kind, start, self.at, false);
        Ok(())
    }
}

/// An index into a table of the program: 32 bits always fit.
#[inline(always)]
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
