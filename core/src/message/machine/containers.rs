//! The loop: one turn for each value, and the containers that are open around it.

use super::frame::Frame;
use super::keys::Noted;
use super::lanes::Lanes;
use super::rules::{ANY_NODE, ArrayRule, Extra, NEVER_NODE, Node, ObjectRule, Otherwise};
use super::text::{Span, Text};
use super::{Fault, Machine, index};
use crate::Reason;
use crate::message::fault::offset;
use crate::message::json::Duplicates;
use crate::message::tape::{Kind, Sink};

/// Which known names have come.
#[derive(Clone, Copy)]
struct Known {
    seen: u64,
    /// Required names beyond the first 64.
    more: u16,
}

impl<'a, S: Sink> Machine<'a, S> {
    /// Judges the value at `start` by `node`, and all within it; the answer is the place past it.
    ///
    /// The place is handed from step to step, not kept in memory: most of the time goes into finding it.
    #[inline(always)]
    pub(crate) fn run<L: Lanes>(&mut self, mut node: &'a Node, start: usize) -> Result<usize, Fault> {
        let (text, program) = (self.text, self.program);
        let (base, mut depth) = (self.depth, self.depth);
        let mut at = start;
        let mut top = Frame::default();
        let (mut object, mut array) =
            (program.objects.first().ok_or(internal(at))?, program.arrays.first().ok_or(internal(at))?);
        loop {
            let first = text.at(at);
            let mut entered = false;
            // A chain, the common first: a table of jumps costs more than the two or three comparisons.
            if first == b'"' {
                at = self.string::<L>(text, node, at)?;
            } else if first == b'{' || first == b'[' {
                match self.frames.get_mut(depth) {
                    Some(_) if depth >= self.limits.max_depth => return Err(Fault::new(Reason::JsonLimit, at)),
                    Some(_) if depth == base => {} // nothing is open around it
                    Some(frame) => frame.keep(&top),
                    None => return Err(Fault::new(Reason::JsonLimit, at)),
                }
                depth = depth.wrapping_add(1);
                self.depth = depth;
                let is_array = first == b'[';
                let (kind, rule) = if is_array {
                    (Kind::Array, self.array_rule::<L>(node, at)?)
                } else {
                    (Kind::Object, self.object_rule::<L>(node, at)?)
                };
                if is_array {
                    array = program.arrays.get(index(rule)).ok_or(internal(at))?;
                } else {
                    object = program.objects.get(index(rule)).ok_or(internal(at))?;
                }
                let (tape, mark) = (self.sink.open(kind, at), self.keys.mark());
                top = Frame { rule, start: offset(at), tape, mark, is_array, ..Frame::default() };
                at = at.wrapping_add(1);
                entered = true;
            } else if first.is_ascii_digit() || first == b'-' {
                at = self.number(text, node, at)?;
            } else if matches!(first, b' ' | b'\n' | b'\t' | b'\r') {
                at = text.past_space(at);
                continue;
            } else {
                at = self.literal(text, node, at, first)?;
            }
            if depth == base {
                return Ok(at);
            }
            loop {
                let mut next = text.at(at);
                if next <= b' ' {
                    at = text.past_space(at);
                    next = text.at(at);
                }
                if !top.is_array {
                    if next == b'}' {
                        self.close_object(object, &top, at)?;
                    } else if entered || next == b',' {
                        (node, at) =
                            self.member::<L>(text, object, &mut top, at.wrapping_add(usize::from(!entered)))?;
                        break;
                    } else {
                        return Err(Fault::new(Reason::InvalidJson, at));
                    }
                } else if next == b']' {
                    self.close_array::<L>(array, &top, at)?;
                } else if entered || next == b',' {
                    if !entered {
                        at = text.past_space(at.wrapping_add(1));
                    }
                    node = self.item(array, &mut top, at)?;
                    break;
                } else {
                    return Err(Fault::new(Reason::InvalidJson, at));
                }
                at = at.wrapping_add(1);
                entered = false;
                depth = depth.wrapping_sub(1);
                self.depth = depth;
                if depth == base {
                    return Ok(at);
                }
                top = *self.frames.get(depth).ok_or(internal(at))?;
                if top.is_array {
                    array = program.arrays.get(index(top.rule)).ok_or(internal(at))?;
                } else {
                    object = program.objects.get(index(top.rule)).ok_or(internal(at))?;
                }
            }
        }
    }

    /// The rule of the object that opens at `at`.
    #[inline(always)]
    fn object_rule<L: Lanes>(&mut self, node: &Node, at: usize) -> Result<u32, Fault> {
        let mut number = node.object;
        if number == super::NEVER {
            return Err(self.refused(node, at));
        }
        let program = self.program;
        let mut first = true;
        while let Some(rule) = program.objects.get(index(number)) {
            let Some(choice) = rule.rare.as_deref().and_then(|rare| rare.choice.as_ref()) else { break };
            let chosen = self.choose::<L>(choice, at);
            number = self.chosen(chosen, choice.otherwise, rule.place, at)?;
            if first && self.depth == 1 && self.nested == 0 {
                self.choice = chosen.map_or(0, |(_, index)| offset(index).wrapping_add(1));
            }
            first = false;
        }
        Ok(number)
    }

    /// The rule of the array that opens at `at`.
    #[inline(always)]
    fn array_rule<L: Lanes>(&mut self, node: &Node, at: usize) -> Result<u32, Fault> {
        let mut number = node.array;
        let Some(rule) = self.program.arrays.get(index(number)) else { return Err(internal(at)) };
        if number == super::NEVER {
            return Err(self.refused(node, at));
        }
        if let Some((place, names, otherwise)) = rule.rare.as_deref().and_then(|rare| rare.choice.as_ref()) {
            let chosen = self.choose_item::<L>(index(*place), names, at);
            number = self.chosen(chosen, *otherwise, rule.place, at)?;
            if self.depth == 1 && self.nested == 0 {
                self.choice = chosen.map_or(0, |(_, index)| offset(index).wrapping_add(1));
            }
        }
        Ok(number)
    }

    /// A value of a kind that is not accepted here.
    #[cold]
    #[inline(never)]
    pub(super) fn refused(&mut self, node: &Node, at: usize) -> Fault {
        if node.place == super::UNTYPED { Fault::new(Reason::UnknownType, at) } else { self.against(node.place, at) }
    }

    /// Reads the name of the member at `start`, white space aside: its node, and the place past the colon.
    #[inline(always)]
    fn member<L: Lanes>(
        &mut self,
        text: Text<'a>,
        rule: &ObjectRule,
        top: &mut Frame,
        mut start: usize,
    ) -> Result<(&'a Node, usize), Fault> {
        let mut found = rule.names.here(text, start);
        if found.is_none() && text.at(start) <= b' ' {
            start = text.past_space(start);
            found = rule.names.here(text, start);
        }
        top.count = top.count.wrapping_add(1);
        if top.count > rule.most {
            return Err(self.too_many(rule, start));
        }
        let (node, at) = match found {
            Some((place, name)) => {
                let at = start.wrapping_add(name.length);
                self.sink.scalar(Kind::Key, start.wrapping_add(1), at.wrapping_sub(2), false);
                let bit = 1_u64.wrapping_shl(offset(place));
                if place > 63 {
                    let span = Span { start: start.wrapping_add(1), end: at.wrapping_sub(2), escaped: false };
                    top.more = top.more.wrapping_add(self.far_name(rule, top.mark, place, span)?);
                } else if top.seen & bit != 0 && self.limits.duplicates == Duplicates::Refuse {
                    return Err(Fault::new(Reason::DuplicateKey, start));
                } else {
                    top.seen |= bit;
                }
                (name.node, at)
            }
            None => self.spelled_member::<L>(text, rule, top, start)?,
        };
        let node = self.program.nodes.get(index(node)).ok_or(internal(at))?;
        Ok((node, at))
    }

    /// A member whose name is not met in place: unknown, or spelled with escapes or spaces.
    #[inline(always)]
    fn spelled_member<L: Lanes>(
        &mut self,
        text: Text<'a>,
        rule: &ObjectRule,
        top: &mut Frame,
        start: usize,
    ) -> Result<(u32, usize), Fault> {
        if text.at(start) != b'"' {
            return Err(Fault::new(Reason::InvalidJson, start));
        }
        let span = text.string::<L>(start.wrapping_add(1), usize::MAX, &mut self.high)?.span;
        let colon = text.past_space(span.end.wrapping_add(1));
        if text.at(colon) != b':' {
            return Err(Fault::new(Reason::InvalidJson, colon));
        }
        self.sink.scalar(Kind::Key, span.start, span.end, span.escaped);
        // A copy: what is lent to a call has its place in memory, and the frame is to stay in registers.
        let mut known = Known { seen: top.seen, more: top.more };
        let node = self.named(rule, top.mark, &mut known, span)?;
        (top.seen, top.more) = (known.seen, known.more);
        Ok((node, colon.wrapping_add(1)))
    }

    /// The node of the member with the name at `span`.
    #[inline(never)]
    fn named(&mut self, rule: &ObjectRule, mark: u16, known: &mut Known, span: Span) -> Result<u32, Fault> {
        let hidden = rule.names.may_hide(span) || self.text.at(span.end.wrapping_add(1)) != b':';
        if let Some((place, name)) = if hidden { rule.names.find(&self.text, span) } else { None } {
            if place > 63 {
                known.more = known.more.wrapping_add(self.far_name(rule, mark, place, span)?);
                return Ok(name.node);
            }
            let bit = 1_u64.wrapping_shl(offset(place));
            if known.seen & bit != 0 && self.limits.duplicates == Duplicates::Refuse {
                return Err(Fault::new(Reason::DuplicateKey, span.start.wrapping_sub(1)));
            }
            known.seen |= bit;
            return Ok(name.node);
        }
        let start = span.start.wrapping_sub(1);
        self.reached = span.end;
        if rule.extra == Extra::Refused {
            return Err(self.against(rule.place, start));
        }
        let raw = self.text.slice(span.start, span.end);
        if self.limits.is_forbidden(raw, span.escaped) {
            return Err(Fault::new(Reason::ForbiddenKey, start));
        }
        if self.limits.duplicates == Duplicates::Refuse {
            match self.keys.note(&self.text, mark, span) {
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

    /// A name beyond the first 64: its coming is noted in the table of keys. The answer is 1 if it is required.
    #[inline(never)]
    fn far_name(&mut self, rule: &ObjectRule, mark: u16, place: usize, span: Span) -> Result<u16, Fault> {
        let start = span.start.wrapping_sub(1);
        match self.keys.note(&self.text, mark, span) {
            Noted::New => Ok(u16::from(place < rule.rare.as_deref().map_or(0, |rare| rare.required_names))),
            Noted::Twice if self.limits.duplicates == Duplicates::Refuse => {
                Err(Fault::new(Reason::DuplicateKey, start))
            }
            Noted::Twice => Ok(0),
            Noted::Full => Err(Fault::new(Reason::JsonLimit, start)),
        }
    }

    /// Judges a name that the schema does not know.
    fn check_name(&mut self, rule: u32, span: Span) -> Result<(), Fault> {
        let Some(rule) = self.program.strings.get(index(rule)) else { return Err(internal(span.start)) };
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
    fn too_many(&mut self, rule: &ObjectRule, at: usize) -> Fault {
        if rule.is_limit { Fault::new(Reason::JsonLimit, at) } else { self.against(rule.place, at) }
    }

    #[inline(always)]
    fn close_object(&mut self, rule: &ObjectRule, top: &Frame, at: usize) -> Result<(), Fault> {
        let end = at.wrapping_add(1);
        if top.seen & rule.required != rule.required || top.count < rule.least {
            return Err(self.against(rule.place, at));
        }
        if let Some(rare) = rule.rare.as_deref() {
            if !rare.hold(top.seen, top.more) {
                return Err(self.against(rule.place, at));
            }
            self.rest(&rare.whole, &rare.logic, index(top.start), end, rule.place)?;
        }
        self.keys.release(top.mark);
        self.sink.close(top.tape, end);
        Ok(())
    }

    /// The node of the next item.
    #[inline(always)]
    fn item(&mut self, rule: &ArrayRule, top: &mut Frame, at: usize) -> Result<&'a Node, Fault> {
        let place = index(top.count);
        top.count = top.count.wrapping_add(1);
        if top.count > rule.most {
            return Err(self.against(rule.place, at));
        }
        let node = rule.first.get(place).copied().unwrap_or(rule.rest);
        self.program.nodes.get(index(node)).ok_or(internal(at))
    }

    #[inline(always)]
    fn close_array<L: Lanes>(&mut self, rule: &ArrayRule, top: &Frame, at: usize) -> Result<(), Fault> {
        let end = at.wrapping_add(1);
        if top.count < rule.least {
            return Err(self.against(rule.place, at));
        }
        if let Some(rare) = rule.rare.as_deref() {
            self.together::<L>(rare, index(top.start), end, rule.place)?;
        }
        self.sink.close(top.tape, end);
        Ok(())
    }

    /// The rule that a choice led to.
    #[inline(always)]
    fn chosen(
        &mut self,
        chosen: Option<(u32, usize)>,
        otherwise: Otherwise,
        place: u32,
        at: usize,
    ) -> Result<u32, Fault> {
        match (chosen, otherwise) {
            (Some((rule, _)), _) => Ok(rule),
            (None, Otherwise::Rule(rule)) => Ok(rule),
            (None, Otherwise::UnknownType) => Err(Fault::new(Reason::UnknownType, at)),
            (None, Otherwise::Refused) => Err(self.against(place, at)),
        }
    }
}

/// The program is not whole: a bug, and never a pass.
#[inline(always)]
pub(super) fn internal(at: usize) -> Fault {
    Fault::new(Reason::Internal, at)
}
