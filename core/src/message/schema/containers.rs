//! Rules for arrays and objects.

use serde_json::{Value, json};

use super::builder::{Builder, Built, Failure};
use super::form::{Form, Kind};
use super::own::count;
use super::source::PlaceId;
use super::{Draft, SlowPlace};
use crate::message::machine::{
    ANY_NODE, ArrayRule, Extra, Level, NEVER_NODE, Names, ObjectRule, Pattern, Patterns, RareArray, RareObject, add,
    index, judge,
};
use crate::message::scratch::Scratch;
use crate::message::tape::Nobody;

/// So many patterns for names, of all places together, are told apart at once: 64 nodes.
const MOST_PATTERNS: usize = 6;

/// The keywords of one place that speak of members.
struct Members {
    place: PlaceId,
    names: Vec<String>,
    patterns: Vec<usize>,
    additional: bool,
}

impl Builder<'_, '_> {
    pub(super) fn object_rule(&mut self, form: &Form, place: u32) -> Built<u32> {
        let mut own = Vec::new();
        let mut required: Vec<String> = Vec::new();
        let mut rare = RareObject::default();
        let choice = self.choice(form, place)?;
        if let Some(choice) = choice {
            rare.choice = Some(choice);
            let rule = ObjectRule {
                names: Names::default(),
                required: 0,
                extra: Extra::Refused,
                least: 0,
                most: u32::MAX,
                is_limit: false,
                rare: Some(Box::new(rare)),
                place,
            };
            return Ok(add(&mut self.program.objects, rule));
        }
        for part in form.parts() {
            match part {
                Form::Own(id) => own.push(*id),
                Form::Has(name) => required.push(name.clone()),
                Form::Whole(id, reason) => rare.whole.push(self.whole(*id, reason)?),
                part => {
                    let logic = self.logic(Kind::Object, part, place)?;
                    rare.logic.push(logic);
                }
            }
        }
        let mut rule = ObjectRule {
            names: Names::default(),
            required: 0,
            extra: Extra::Refused,
            least: 0,
            most: u32::MAX,
            is_limit: false,
            rare: None,
            place,
        };
        let (mut patterns, mut spelled): (Vec<Pattern>, Vec<String>) = (Vec::new(), Vec::new());
        let mut members = Vec::new();
        let mut dependent: Vec<(String, Vec<String>)> = Vec::new();
        let mut names_of = Vec::new();
        for id in own {
            let at = self.source.get(id)?.clone();
            rule.least = rule.least.max(count(&at, "minProperties").unwrap_or(0));
            rule.most = rule.most.min(count(&at, "maxProperties").unwrap_or(u32::MAX));
            let strings = |value: &Value| {
                value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
            };
            if let Some(names) = at.get("required") {
                required.extend(strings(names));
            }
            for keyword in ["dependentRequired", "dependencies"] {
                for (name, others) in at.get(keyword).and_then(Value::as_object).into_iter().flatten() {
                    if others.is_array() {
                        dependent.push((name.clone(), strings(others)));
                    }
                }
            }
            let mut mine = Vec::new();
            for pattern in at.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys())
            {
                let known = spelled.iter().position(|one| one == pattern);
                mine.push(match known {
                    Some(known) => known,
                    None => {
                        let compiled = Pattern::compile(pattern);
                        let wrong = |problem| at.wrong("patternProperties", format!("{pattern:?} {problem}"));
                        patterns.push(compiled.map_err(wrong)?);
                        spelled.push(pattern.clone());
                        spelled.len().saturating_sub(1)
                    }
                });
            }
            if at.get("propertyNames").is_some() {
                names_of.push(self.source.child(id, &["propertyNames"])?);
            }
            let names = at
                .get("properties")
                .and_then(Value::as_object)
                .map(|map| map.keys().cloned().collect())
                .unwrap_or_default();
            members.push(Members {
                place: id,
                names,
                patterns: mine,
                additional: at.get("additionalProperties").is_some(),
            });
        }
        required.sort();
        required.dedup();
        let mut names = required.clone();
        names.extend(dependent.iter().flat_map(|(name, others)| std::iter::once(name).chain(others)).cloned());
        let near = names.len();
        names.extend(members.iter().flat_map(|one| one.names.iter().cloned()));
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if (near > 64 && !dependent.is_empty()) || names.len() > usize::from(u16::MAX) || spelled.len() > MOST_PATTERNS
        {
            return Err(Failure::Whole("too many names or patterns in one object"));
        }
        if !self.options.limits.proto_keys {
            names.retain(|name| name != "__proto__"); // so that it is met as unknown, and refused
        }
        let mut nodes = Vec::new();
        for name in &names {
            let set = spelled
                .iter()
                .zip(&patterns)
                .map(|(_, pattern)| pattern.is_in(name.as_bytes(), false))
                .collect::<Vec<_>>();
            nodes.push(self.member_node(&members, &spelled, Some(name), &set)?);
        }
        let pairs: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(nodes).collect();
        rule.names = Names::members(&pairs);
        let bit = |name: &String| {
            names
                .iter()
                .take(64)
                .position(|one| one == name)
                .map_or(0, |at| 1_u64.wrapping_shl(u32::try_from(at).unwrap_or(0)))
        };
        rule.required = required.iter().fold(0, |bits, name| bits | bit(name));
        rare.required_names = if required.len() > 64 { required.len() } else { 0 };
        for (name, others) in &dependent {
            rare.dependent.push((bit(name), others.iter().fold(0, |bits, name| bits | bit(name))));
        }
        if patterns.is_empty() {
            let node = self.member_node(&members, &spelled, None, &[])?;
            rule.extra = if node == NEVER_NODE { Extra::Refused } else { Extra::Node(node) };
        } else {
            let sets = 1_usize.wrapping_shl(u32::try_from(patterns.len()).unwrap_or(0));
            let mut nodes = Vec::new();
            for set in 0..sets {
                let set: Vec<bool> =
                    (0..patterns.len()).map(|bit| set.wrapping_shr(u32::try_from(bit).unwrap_or(0)) & 1 == 1).collect();
                nodes.push(self.member_node(&members, &spelled, None, &set)?);
            }
            rule.extra = Extra::ByPattern;
            rare.patterns = Some(Patterns { patterns, nodes });
        }
        let count = names.len();
        if !names_of.is_empty() {
            let form = self.form_of(&names_of, Kind::String)?;
            rare.name = Some(self.rule(Kind::String, &form, place)?);
        }
        let name_rule = rare.name;
        if !rare.is_empty() {
            rule.rare = Some(Box::new(rare));
        }
        let number = add(&mut self.program.objects, rule);
        if let Some(name_rule) = name_rule {
            self.names_to_judge.extend((0..count).map(|at| (number, at, name_rule)));
        }
        Ok(number)
    }

    /// The node of a member, by its name and the patterns it matches.
    fn member_node(&mut self, members: &[Members], spelled: &[String], name: Option<&str>, set: &[bool]) -> Built<u32> {
        let mut places = Vec::new();
        for one in members {
            let mut met = false;
            if let Some(name) = name.filter(|name| one.names.iter().any(|known| known == name)) {
                places.push(self.source.child(one.place, &["properties", name])?);
                met = true;
            }
            for pattern in one.patterns.iter().filter(|pattern| set.get(**pattern) == Some(&true)) {
                let Some(pattern) = spelled.get(*pattern) else { continue };
                places.push(self.source.child(one.place, &["patternProperties", pattern])?);
                met = true;
            }
            if !met && one.additional {
                places.push(self.source.child(one.place, &["additionalProperties"])?);
            }
        }
        self.node(places)
    }

    /// Makes members never valid whose names `propertyNames` refuses.
    pub(super) fn judge_names(&mut self) {
        let mut scratch = Box::new(Scratch::new());
        for (rule, at, string) in std::mem::take(&mut self.names_to_judge) {
            let node = crate::message::machine::Node { string, ..crate::message::machine::Node::NEVER };
            let node = add(&mut self.program.nodes, node);
            let name =
                self.program.objects.get(index(rule)).and_then(|rule| rule.names.texts().nth(at)).unwrap_or_default();
            let name = Value::String(String::from_utf8_lossy(name).into_owned()).to_string();
            let judged = judge(
                self.program,
                node,
                &self.options.limits,
                Level::widest(),
                name.as_bytes(),
                &mut scratch,
                &mut Nobody,
            );
            if let (Err(_), Some(rule)) = (judged, self.program.objects.get_mut(index(rule))) {
                rule.names.set_node(at, NEVER_NODE);
            }
        }
    }

    pub(super) fn array_rule(&mut self, form: &Form, place: u32) -> Built<u32> {
        let mut rare = RareArray::default();
        let mut rule = ArrayRule { first: Box::default(), rest: ANY_NODE, least: 0, most: u32::MAX, rare: None, place };
        let mut items: Vec<(PlaceId, &'static str, usize, Option<&'static str>)> = Vec::new();
        for part in form.parts() {
            let id = match part {
                Form::Own(id) => *id,
                Form::Whole(id, reason) => {
                    rare.whole.push(self.whole(*id, reason)?);
                    continue;
                }
                part => {
                    let logic = self.logic(Kind::Array, part, place)?;
                    rare.logic.push(logic);
                    continue;
                }
            };
            let at = self.source.get(id)?.clone();
            rule.least = rule.least.max(count(&at, "minItems").unwrap_or(0));
            rule.most = rule.most.min(count(&at, "maxItems").unwrap_or(u32::MAX));
            let late = at.draft >= Draft::Draft202012;
            let given = |keyword: &'static str| at.get(keyword).map(|_| keyword);
            items.push(match (late, at.get("items"), at.get("prefixItems").and_then(Value::as_array)) {
                (true, _, first) => (id, "prefixItems", first.map_or(0, Vec::len), given("items")),
                (false, Some(Value::Array(first)), _) => (id, "items", first.len(), given("additionalItems")),
                (false, _, _) => (id, "items", 0, given("items")),
            });
            if at.get("uniqueItems") == Some(&Value::Bool(true)) {
                let full = self.validators.build(&json!({ "uniqueItems": true }), Some(at.draft), &at.pointer)?;
                self.slow.push(SlowPlace {
                    place: format!("{}/uniqueItems", at.pointer),
                    reason: "items are compared with each other".into(),
                });
                rare.unique.get_or_insert(full);
            }
            if at.draft >= Draft::Draft6 && at.get("contains").is_some() {
                let child = self.source.child(id, &["contains"])?;
                let node = self.node(vec![child])?;
                let counted = at.draft >= Draft::Draft201909;
                let least = if counted { count(&at, "minContains").unwrap_or(1) } else { 1 };
                let most = if counted { count(&at, "maxContains").unwrap_or(u32::MAX) } else { u32::MAX };
                rare.contains.push((node, least, most));
            }
        }
        let longest = items.iter().map(|(_, _, first, _)| *first).max().unwrap_or(0);
        let mut first = Vec::new();
        for at in 0..=longest {
            let mut places = Vec::new();
            for (id, keyword, length, rest) in &items {
                if at < *length {
                    places.push(self.source.child(*id, &[keyword, &at.to_string()])?);
                } else if let Some(rest) = rest {
                    places.push(self.source.child(*id, &[rest])?);
                }
            }
            first.push(self.node(places)?);
        }
        rule.rest = first.pop().unwrap_or(ANY_NODE);
        rule.first = first.into();
        if rare.unique.is_some() {
            self.unique_strings(&items, &mut rare)?;
        }
        if !rare.is_empty() {
            rule.rare = Some(Box::new(rare));
        }
        Ok(add(&mut self.program.arrays, rule))
    }

    /// Where all items are strings, their spans are enough to find two that are equal.
    fn unique_strings(
        &mut self,
        items: &[(PlaceId, &'static str, usize, Option<&'static str>)],
        rare: &mut RareArray,
    ) -> Built<()> {
        for (id, _, length, rest) in items {
            let Some(rest) = rest.filter(|_| *length == 0) else { continue };
            let child = self.source.child(*id, &[rest])?;
            let mut others = [Kind::Null, Kind::True, Kind::False, Kind::Number, Kind::Array, Kind::Object].into_iter();
            if others
                .try_fold(true, |none, kind| Ok::<_, Failure>(none && self.form_of(&[child], kind)? == Form::False))?
            {
                rare.unique_strings = true;
                self.slow.pop();
                return Ok(());
            }
        }
        Ok(())
    }
}
