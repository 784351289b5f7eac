//! The loop: one turn for each value, and the containers that are open around it.

use super::keys::Noted;
use super::lanes::Lanes;
use super::rules::{ANY_NODE, ArrayRule, Extra, NEVER_NODE, ObjectRule, Otherwise, Patterns};
use super::text::Span;
use super::{Fault, Machine, index};
use crate::Reason;
use crate::message::fault::offset;
use crate::message::json::Duplicates;
use crate::message::tape::{Kind, Sink};

/// An open container.
#[derive(Clone, Copy, Default)]
pub(crate) struct Frame {
    /// Which of the first 64 names have come.
    seen: u64,
    rule: u32,
    /// The members or items so far.
    count: u32,
    /// Its first byte.
    start: u32,
    /// Its entry on the tape.
    tape: u32,
    /// How many unknown keys were noted when it opened.
    mark: u16,
    /// How many required names beyond the first 64 have come.
    more: u16,
    is_array: bool,
}

impl<S: Sink> Machine<'_, S> {
    /// Judges the value at `at`, and all within it.
    #[inline(always)]
    pub(crate) fn run<L: Lanes>(&mut self) -> Result<(), Fault> {
        let mut top = Frame::default();
        loop {
            let first = self.text.at(self.at);
            let mut entered = false;
            match first {
                b'"' => self.string::<L>(self.node.string)?,
                b'{' | b'[' => {
                    match self.frames.get_mut(self.depth) {
                        Some(frame) if self.depth < self.limits.max_depth => *frame = top,
                        _ => return Err(Fault::new(Reason::JsonLimit, self.at)),
                    }
                    self.depth = self.depth.wrapping_add(1);
                    top = if first == b'{' { self.open_object::<L>()? } else { self.open_array::<L>()? };
                    self.at = self.text.past_space(self.at.wrapping_add(1));
                    entered = true;
                }
                b'-' | b'0'..=b'9' => self.number(self.node.number)?,
                _ => self.literal(first)?,
            }
            loop {
                if self.depth == 0 {
                    return Ok(());
                }
                if !entered {
                    self.at = self.text.past_space(self.at);
                }
                let next = self.text.at(self.at);
                if top.is_array {
                    let Some(rule) = self.program.arrays.get(index(top.rule)) else { return Err(self.internal()) };
                    if next == b']' {
                        self.close_array::<L>(rule, &top)?;
                    } else if entered || next == b',' {
                        if !entered {
                            self.at = self.text.past_space(self.at.wrapping_add(1));
                        }
                        self.item(rule, &mut top)?;
                        break;
                    } else {
                        return Err(Fault::new(Reason::InvalidJson, self.at));
                    }
                } else {
                    let Some(rule) = self.program.objects.get(index(top.rule)) else { return Err(self.internal()) };
                    if next == b'}' {
                        self.close_object(rule, &top)?;
                    } else if entered || next == b',' {
                        if !entered {
                            self.at = self.text.past_space(self.at.wrapping_add(1));
                        }
                        self.member::<L>(rule, &mut top)?;
                        break;
                    } else {
                        return Err(Fault::new(Reason::InvalidJson, self.at));
                    }
                }
                entered = false;
                self.depth = self.depth.wrapping_sub(1);
                let Some(frame) = self.frames.get(self.depth) else { return Err(self.internal()) };
                top = *frame;
            }
        }
    }

    /// The value has ended: nothing but white space may follow.
    #[inline(always)]
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        self.at = self.text.past_space(self.at);
        if self.at == self.len { Ok(()) } else { Err(Fault::new(Reason::InvalidJson, self.at)) }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn internal(&self) -> Fault {
        Fault::new(Reason::Internal, self.at)
    }

    #[inline(always)]
    fn open_object<L: Lanes>(&mut self) -> Result<Frame, Fault> {
        let mut number = self.node.object;
        if number == super::NEVER {
            return Err(self.refused());
        }
        let program = self.program;
        let mut first = true;
        while let Some(rule) = program.objects.get(index(number)) {
            let Some(choice) = rule.rare.as_deref().and_then(|rare| rare.choice.as_ref()) else { break };
            let chosen = self.choose::<L>(choice);
            number = self.chosen(chosen, choice.otherwise, rule.place)?;
            if first && self.depth == 1 {
                self.choice = chosen.map_or(0, |(_, index)| offset(index).wrapping_add(1));
            }
            first = false;
        }
        let tape = self.sink.open(Kind::Object, self.at);
        Ok(Frame { rule: number, start: offset(self.at), tape, mark: self.keys.mark(), ..Frame::default() })
    }

    #[inline(always)]
    fn open_array<L: Lanes>(&mut self) -> Result<Frame, Fault> {
        let mut number = self.node.array;
        let Some(rule) = self.program.arrays.get(index(number)) else { return Err(self.internal()) };
        if number == super::NEVER {
            return Err(self.refused());
        }
        if let Some((place, names, otherwise)) = rule.rare.as_deref().and_then(|rare| rare.choice.as_ref()) {
            let chosen = self.choose_item::<L>(index(*place), names);
            number = self.chosen(chosen, *otherwise, rule.place)?;
            if self.depth == 1 {
                self.choice = chosen.map_or(0, |(_, index)| offset(index).wrapping_add(1));
            }
        }
        let tape = self.sink.open(Kind::Array, self.at);
        Ok(Frame {
            rule: number,
            start: offset(self.at),
            tape,
            mark: self.keys.mark(),
            is_array: true,
            ..Frame::default()
        })
    }

    /// A value of a kind that is not accepted here.
    #[cold]
    #[inline(never)]
    pub(super) fn refused(&mut self) -> Fault {
        let (place, at) = (self.node.place, self.at);
        if place == super::UNTYPED { Fault::new(Reason::UnknownType, at) } else { self.against(place, at) }
    }

    /// Reads a member's name and makes its value the next one. `at` is where the name should stand.
    #[inline(always)]
    fn member<L: Lanes>(&mut self, rule: &ObjectRule, top: &mut Frame) -> Result<(), Fault> {
        let start = self.at;
        top.count = top.count.wrapping_add(1);
        if top.count > rule.most {
            return Err(self.too_many(rule.most, rule.place));
        }
        let node = if let Some((place, name)) = rule.names.here(&self.text, start) {
            self.at = start.wrapping_add(name.length);
            self.sink.scalar(Kind::Key, start.wrapping_add(1), self.at.wrapping_sub(2), false);
            let bit = 1_u64.wrapping_shl(offset(place));
            if place > 63 {
                let span = Span { start: start.wrapping_add(1), end: self.at.wrapping_sub(2), escaped: false };
                self.far_name(rule, top, place, span)?;
            } else if top.seen & bit != 0 && self.limits.duplicates == Duplicates::Refuse {
                return Err(Fault::new(Reason::DuplicateKey, start));
            } else {
                top.seen |= bit;
            }
            name.node
        } else {
            self.spelled_member::<L>(rule, top)?
        };
        self.at = self.text.past_space(self.at);
        self.node = match self.program.nodes.get(index(node)) {
            Some(node) => *node,
            None => return Err(self.internal()),
        };
        Ok(())
    }

    /// A member whose name is not met in place: unknown, or spelled with escapes or spaces.
    #[inline(always)]
    fn spelled_member<L: Lanes>(&mut self, rule: &ObjectRule, top: &mut Frame) -> Result<u32, Fault> {
        let start = self.at;
        if self.text.at(start) != b'"' {
            return Err(Fault::new(Reason::InvalidJson, start));
        }
        let span = self.text.string::<L>(start.wrapping_add(1), usize::MAX, &mut self.high)?.span;
        let colon = self.text.past_space(span.end.wrapping_add(1));
        if self.text.at(colon) != b':' {
            return Err(Fault::new(Reason::InvalidJson, colon));
        }
        self.at = colon.wrapping_add(1);
        self.sink.scalar(Kind::Key, span.start, span.end, span.escaped);
        self.named(rule, top, span)
    }

    /// The node of the member with the name at `span`.
    #[inline(never)]
    fn named(&mut self, rule: &ObjectRule, top: &mut Frame, span: Span) -> Result<u32, Fault> {
        if let Some((place, name)) = rule.names.find(&self.text, span) {
            if place > 63 {
                self.far_name(rule, top, place, span)?;
            } else {
                let bit = 1_u64.wrapping_shl(offset(place));
                if top.seen & bit != 0 && self.limits.duplicates == Duplicates::Refuse {
                    return Err(Fault::new(Reason::DuplicateKey, span.start.wrapping_sub(1)));
                }
                top.seen |= bit;
            }
            return Ok(name.node);
        }
        let start = span.start.wrapping_sub(1);
        if rule.extra == Extra::Refused {
            return Err(self.against(rule.place, start));
        }
        let raw = self.text.slice(span.start, span.end);
        if self.limits.is_forbidden(raw, span.escaped) {
            return Err(Fault::new(Reason::ForbiddenKey, start));
        }
        if self.limits.duplicates == Duplicates::Refuse {
            match self.keys.note(&self.text, top.mark, span) {
                Noted::New => {}
                Noted::Twice => return Err(Fault::new(Reason::DuplicateKey, start)),
                Noted::Full => return Err(Fault::new(Reason::JsonLimit, start)),
            }
        }
        if let Some(name) = rule.rare.as_deref().and_then(|rare| rare.name) {
            self.check_name(name, span)?;
        }
        match rule.extra {
            Extra::Refused => Ok(NEVER_NODE),
            Extra::Node(node) => Ok(node),
            Extra::ByPattern => {
                let patterns = rule.rare.as_deref().and_then(|rare| rare.patterns.as_ref());
                let node = patterns.map_or(ANY_NODE, |patterns| patterns.node(raw, span.escaped));
                if node == NEVER_NODE { Err(self.against(rule.place, start)) } else { Ok(node) }
            }
        }
    }

    /// A name beyond the first 64: its coming is noted in the table of keys.
    #[inline(never)]
    fn far_name(&mut self, rule: &ObjectRule, top: &mut Frame, place: usize, span: Span) -> Result<(), Fault> {
        let start = span.start.wrapping_sub(1);
        match self.keys.note(&self.text, top.mark, span) {
            Noted::New => {
                let required = rule.rare.as_deref().map_or(0, |rare| rare.required_names);
                top.more = top.more.wrapping_add(u16::from(place < required));
                Ok(())
            }
            Noted::Twice if self.limits.duplicates == Duplicates::Refuse => {
                Err(Fault::new(Reason::DuplicateKey, start))
            }
            Noted::Twice => Ok(()),
            Noted::Full => Err(Fault::new(Reason::JsonLimit, start)),
        }
    }

    /// Judges a name that the schema does not know.
    fn check_name(&mut self, rule: u32, span: Span) -> Result<(), Fault> {
        let Some(rule) = self.program.strings.get(index(rule)) else { return Err(self.internal()) };
        let start = span.start.wrapping_sub(1);
        if !rule.holds(&self.text, span) {
            return Err(self.against(rule.place, start));
        }
        let (whole, logic) = rule.rest();
        self.rest(whole, logic, start, span.end.wrapping_add(1), rule.place)
    }

    /// More members or items than the rule or the limit allows.
    #[cold]
    #[inline(never)]
    fn too_many(&mut self, most: u32, place: u32) -> Fault {
        if most == self.limits.max_members {
            Fault::new(Reason::JsonLimit, self.at)
        } else {
            self.against(place, self.at)
        }
    }

    #[inline(always)]
    fn close_object(&mut self, rule: &ObjectRule, top: &Frame) -> Result<(), Fault> {
        let end = self.at.wrapping_add(1);
        if top.seen & rule.required != rule.required || top.count < rule.least {
            return Err(self.against(rule.place, self.at));
        }
        if let Some(rare) = rule.rare.as_deref() {
            if !rare.hold(top.seen, top.more) {
                return Err(self.against(rule.place, self.at));
            }
            self.rest(&rare.whole, &rare.logic, index(top.start), end, rule.place)?;
        }
        self.keys.release(top.mark);
        self.sink.close(top.tape, end);
        self.at = end;
        Ok(())
    }

    /// Makes the next item's node the next one.
    #[inline(always)]
    fn item(&mut self, rule: &ArrayRule, top: &mut Frame) -> Result<(), Fault> {
        let place = index(top.count);
        top.count = top.count.wrapping_add(1);
        if top.count > rule.most {
            return Err(self.against(rule.place, self.at));
        }
        let node = rule.first.get(place).copied().unwrap_or(rule.rest);
        self.node = match self.program.nodes.get(index(node)) {
            Some(node) => *node,
            None => return Err(self.internal()),
        };
        Ok(())
    }

    #[inline(always)]
    fn close_array<L: Lanes>(&mut self, rule: &ArrayRule, top: &Frame) -> Result<(), Fault> {
        let end = self.at.wrapping_add(1);
        if top.count < rule.least {
            return Err(self.against(rule.place, self.at));
        }
        if let Some(rare) = rule.rare.as_deref() {
            self.together::<L>(rare, index(top.start), end, rule.place)?;
        }
        self.sink.close(top.tape, end);
        self.at = end;
        Ok(())
    }

    /// The rule that a choice led to.
    #[inline(always)]
    fn chosen(&mut self, chosen: Option<(u32, usize)>, otherwise: Otherwise, place: u32) -> Result<u32, Fault> {
        match (chosen, otherwise) {
            (Some((rule, _)), _) => Ok(rule),
            (None, Otherwise::Rule(rule)) => Ok(rule),
            (None, Otherwise::UnknownType) => Err(Fault::new(Reason::UnknownType, self.at)),
            (None, Otherwise::Refused) => Err(self.against(place, self.at)),
        }
    }
}

impl Patterns {
    /// The node of a member by the patterns that its name matches.
    fn node(&self, raw: &[u8], escaped: bool) -> u32 {
        let set =
            self.patterns.iter().rev().fold(0_u32, |set, pattern| (set << 1) | u32::from(pattern.is_in(raw, escaped)));
        self.nodes.get(index(set)).copied().unwrap_or(NEVER_NODE)
    }
}
