//! Which rule holds, when it depends on a value further on: looked up first, read again in its turn.

use super::Machine;
use super::lanes::Lanes;
use super::names::Names;
use super::rules::Choice;
use super::text::Span;
use crate::message::tape::Sink;

impl<S: Sink> Machine<'_, S> {
    /// The rule and number that the value of the deciding member leads to; none if there is no such value.
    ///
    /// What is passed over is only measured: it is judged when its turn comes.
    #[inline(always)]
    pub(super) fn choose<L: Lanes>(&mut self, choice: &Choice, start: usize) -> Option<(u32, usize)> {
        let mut at = self.text.past_space(start.wrapping_add(1));
        if let Some((_, name)) = choice.tag.here(self.text, at) {
            let value = self.text.past_space(at.wrapping_add(name.length));
            return self.value::<L>(&choice.values, value);
        }
        loop {
            if self.text.at(at) != b'"' {
                return None;
            }
            let span = self.text.string::<L>(at.wrapping_add(1), usize::MAX, &mut self.high).ok()?.span;
            let colon = self.text.past_space(span.end.wrapping_add(1));
            if self.text.at(colon) != b':' {
                return None;
            }
            at = self.text.past_space(colon.wrapping_add(1));
            if choice.tag.find(&self.text, span).is_some() {
                return self.value::<L>(&choice.values, at);
            }
            let end = self.past_value::<L>(at)?;
            at = self.text.past_space(end);
            if self.text.at(at) != b',' {
                return None;
            }
            at = self.text.past_space(at.wrapping_add(1));
        }
    }

    /// As [`Self::choose`], by the item at `place` of an array.
    #[inline(never)]
    pub(super) fn choose_item<L: Lanes>(&mut self, place: usize, names: &Names, start: usize) -> Option<(u32, usize)> {
        let mut at = self.text.past_space(start.wrapping_add(1));
        for _ in 0..place {
            let end = self.past_value::<L>(at)?;
            at = self.text.past_space(end);
            if self.text.at(at) != b',' {
                return None;
            }
            at = self.text.past_space(at.wrapping_add(1));
        }
        self.value::<L>(names, at)
    }

    #[inline(always)]
    fn value<L: Lanes>(&mut self, values: &Names, at: usize) -> Option<(u32, usize)> {
        let found = match values.here(self.text, at) {
            Some(found) => Some(found),
            None if self.text.at(at) == b'"' => {
                let span: Span = self.text.string::<L>(at.wrapping_add(1), usize::MAX, &mut self.high).ok()?.span;
                values.find(&self.text, span)
            }
            None => None,
        };
        found.map(|(index, name)| (name.node, index))
    }

    /// Past the value that starts at `at`, by its strings and brackets alone.
    #[inline(never)]
    pub(super) fn past_value<L: Lanes>(&mut self, mut at: usize) -> Option<usize> {
        let mut depth = 0_usize;
        loop {
            match self.text.at(at) {
                b'"' => {
                    at = self.text.string::<L>(at.wrapping_add(1), usize::MAX, &mut self.high).ok()?.span.end;
                }
                b'{' | b'[' => depth = depth.wrapping_add(1),
                b'}' | b']' => depth = depth.checked_sub(1)?,
                b',' if depth == 0 => return Some(at),
                0 if at >= self.len => return None,
                _ => {}
            }
            at = at.wrapping_add(1);
            if depth == 0 && matches!(self.text.at(at), b',' | b'}' | b']') {
                return Some(at);
            }
        }
    }
}
