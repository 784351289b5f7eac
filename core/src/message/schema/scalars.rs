//! Rules for strings and numbers.

use serde_json::{Number, Value};

use super::builder::{Builder, Built};
use super::form::{Form, Kind};
use super::own::{constant, count, needs_integer};
use super::source::{Place, PlaceId};
use super::vocabulary::unknown_format;
use super::{Draft, SlowPlace};
use crate::message::machine::format::Format;
use crate::message::machine::{
    Bound, Divisor, FormatCheck, Integer, Names, Num, NumberChecks, NumberRule, Pattern, StringChecks, StringKind,
    StringRule, add, index,
};

impl<'a> Builder<'a, '_> {
    pub(super) fn string_rule(&mut self, form: &Form, place: u32) -> Built<u32> {
        let mut checks = StringChecks::default();
        let mut list: Option<Vec<String>> = None;
        for part in form.parts() {
            match part {
                Form::Own(id) => self.string_checks(*id, &mut checks, &mut list)?,
                Form::Whole(id, reason) => checks.whole.push(self.whole(*id, reason)?),
                part => {
                    let logic = self.logic(Kind::String, part, place)?;
                    checks.logic.push(logic);
                }
            }
        }
        if let Some(list) = &list {
            let names: Vec<(&str, u32)> = list.iter().map(|text| (text.as_str(), 0)).collect();
            checks.one_of = Some(Names::values(&names));
        }
        let rule = StringRule { kind: simplest(checks), place };
        Ok(add(&mut self.program.strings, rule))
    }

    fn string_checks(&mut self, id: PlaceId, checks: &mut StringChecks, list: &mut Option<Vec<String>>) -> Built<()> {
        let place = self.source.get(id)?.clone();
        checks.least = checks.least.max(count(&place, "minLength").map_or(0, index));
        if let Some(most) = count(&place, "maxLength").map(index) {
            checks.most = Some(checks.most.map_or(most, |other| other.min(most)));
        }
        if let Some(Value::String(pattern)) = place.get("pattern") {
            let compiled = Pattern::compile(pattern);
            checks.patterns.push(compiled.map_err(|problem| place.wrong("pattern", format!("{pattern:?} {problem}")))?);
        }
        if let (true, Some(Value::String(name))) = (self.options.assert_formats, place.get("format")) {
            self.format(&place, name, checks)?;
        }
        for values in
            [place.get("enum").and_then(Value::as_array).map(Vec::as_slice), constant(&place)].into_iter().flatten()
        {
            let mut strings: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            strings.sort();
            strings.dedup();
            match list {
                Some(list) => list.retain(|text| strings.contains(text)),
                None => *list = Some(strings),
            }
        }
        Ok(())
    }

    fn format(&mut self, place: &Place<'a>, name: &str, checks: &mut StringChecks) -> Built<()> {
        if let Some(format) = Format::named(name, place.draft <= Draft::Draft6) {
            let tables = if format.may_need_tables() { Some(self.validators.format(name, place.draft)?) } else { None };
            checks.formats.push(FormatCheck { format, tables });
        } else if matches!(name, "regex" | "uri-template" | "idn-hostname" | "idn-email") {
            checks.whole.push(self.validators.format(name, place.draft)?);
            let place = format!("{}/format", place.pointer);
            self.slow.push(SlowPlace { place, reason: format!("format {name:?} is judged by the jsonschema crate") });
        } else if !self.options.tolerate_unknown {
            return Err(place.wrong("format", unknown_format(name)).into());
        }
        Ok(())
    }

    pub(super) fn number_rule(&mut self, form: &Form, place: u32) -> Built<u32> {
        let mut checks = NumberChecks::default();
        for part in form.parts() {
            match part {
                Form::Own(id) => self.number_checks(*id, &mut checks)?,
                Form::Whole(id, reason) => checks.whole.push(self.whole(*id, reason)?),
                part => {
                    let logic = self.logic(Kind::Number, part, place)?;
                    checks.logic.push(logic);
                }
            }
        }
        let mut rule = NumberRule { place, ..NumberRule::ANY };
        rule.plain = checks.multiple_of.is_empty() && checks.one_of.is_none();
        for (bound, limit) in &checks.bounds {
            match (bound, limit.exactly()) {
                (Bound::AtLeast, Some(limit)) => rule.least = rule.least.max(limit),
                (Bound::MoreThan, Some(limit)) => rule.least = rule.least.max(limit.saturating_add(1)),
                (Bound::AtMost, Some(limit)) => rule.most = rule.most.min(limit),
                (Bound::LessThan, Some(limit)) => rule.most = rule.most.min(limit.saturating_sub(1)),
                (_, None) => rule.plain = false,
            }
        }
        rule.checks = Some(Box::new(checks));
        Ok(add(&mut self.program.numbers, rule))
    }

    fn number_checks(&mut self, id: PlaceId, checks: &mut NumberChecks) -> Built<()> {
        let place = self.source.get(id)?.clone();
        if needs_integer(&place) {
            checks.integer =
                if place.draft == Draft::Draft4 { Integer::AsWritten } else { checks.integer.max(Integer::ByValue) };
        }
        let early = place.draft == Draft::Draft4;
        for (keyword, exclusive, bound, strict) in [
            ("minimum", "exclusiveMinimum", Bound::AtLeast, Bound::MoreThan),
            ("maximum", "exclusiveMaximum", Bound::AtMost, Bound::LessThan),
        ] {
            let flagged = early && place.get(exclusive) == Some(&Value::Bool(true));
            if let Some(Value::Number(limit)) = place.get(keyword) {
                checks.bounds.push((if flagged { strict } else { bound }, value_of(limit)));
            }
            if let (false, Some(Value::Number(limit))) = (early, place.get(exclusive)) {
                checks.bounds.push((strict, value_of(limit)));
            }
        }
        if let Some(Value::Number(divisor)) = place.get("multipleOf") {
            let read = Divisor::read(&divisor.to_string());
            checks
                .multiple_of
                .push(read.ok_or_else(|| place.wrong("multipleOf", "must be above 0, of at most 18 digits"))?);
        }
        for values in
            [place.get("enum").and_then(Value::as_array).map(Vec::as_slice), constant(&place)].into_iter().flatten()
        {
            let numbers: Vec<Num> = values.iter().filter_map(|value| value.as_number().map(value_of)).collect();
            match &mut checks.one_of {
                Some(list) => list
                    .retain(|one| numbers.iter().any(|other| one.compare(*other) == Some(std::cmp::Ordering::Equal))),
                None => checks.one_of = Some(numbers),
            }
        }
        Ok(())
    }
}

/// The kind of rule that says no more than is asked.
fn simplest(checks: StringChecks) -> StringKind {
    let plain = checks.whole.is_empty() && checks.logic.is_empty() && checks.patterns.is_empty();
    let sized = checks.least > 0 || checks.most.is_some();
    match (plain, sized, &checks.one_of, checks.formats.as_slice()) {
        (true, true, None, []) => StringKind::Length(checks.least, checks.most.unwrap_or(usize::MAX)),
        (true, false, None, []) => StringKind::ANY,
        (true, false, None, [one]) if one.format == Format::Uuid => StringKind::Uuid,
        (true, false, Some(_), []) => match checks.one_of {
            Some(names) => StringKind::OneOf(names),
            None => StringKind::ANY,
        },
        _ => StringKind::Checks(Box::new(checks)),
    }
}

fn value_of(number: &Number) -> Num {
    Num::read(number.to_string().as_bytes())
}
