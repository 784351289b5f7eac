//! From places to nodes: each set of places that judge the same value becomes one node.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cost;
use super::form::{Form, Kind};
use super::source::{Place, PlaceId, Source};
use super::validators::Validators;
use super::{Draft, SchemaError, SchemaOptions, SlowPlace};
use crate::message::machine::{ANY_NODE, Full, Literals, Logic, NEVER_NODE, Node, Program, add};

/// The nodes and rules of one schema: beyond this it is run on a tree.
const MOST_RULES: usize = 1 << 14;

/// Builds the program of one schema.
pub(super) struct Builder<'a, 'p> {
    pub(super) program: &'p mut Program,
    pub(super) source: Source<'a>,
    pub(super) validators: &'a Validators<'a>,
    pub(super) options: &'a SchemaOptions,
    pub(super) slow: Vec<SlowPlace>,
    nodes: BTreeMap<Vec<PlaceId>, u32>,
    work: Vec<(u32, Vec<PlaceId>)>,
    whole: BTreeMap<PlaceId, Full>,
    /// Names of members to be judged by `propertyNames` once all rules stand: rule, index, string rule.
    pub(super) names_to_judge: Vec<(u32, usize, u32)>,
}

/// Why no program comes of a schema.
pub(super) enum Failure {
    /// It is wrong.
    Wrong(SchemaError),
    /// It needs a tree from the root on.
    Whole(&'static str),
}

impl From<SchemaError> for Failure {
    fn from(error: SchemaError) -> Self {
        Self::Wrong(error)
    }
}

pub(super) type Built<T> = Result<T, Failure>;

impl<'a, 'p> Builder<'a, 'p> {
    pub(super) fn new(
        program: &'p mut Program,
        source: Source<'a>,
        validators: &'a Validators<'a>,
        options: &'a SchemaOptions,
    ) -> Self {
        Self {
            program,
            source,
            validators,
            options,
            slow: Vec::new(),
            nodes: BTreeMap::new(),
            work: Vec::new(),
            whole: BTreeMap::new(),
            names_to_judge: Vec::new(),
        }
    }

    /// Builds the node of a place and all that it needs.
    pub(super) fn root(&mut self, root: PlaceId) -> Built<u32> {
        let node = self.node(vec![root])?;
        while let Some((node, places)) = self.work.pop() {
            let built = self.build(&places)?;
            if let Some(place) = self.program.nodes.get_mut(usize::try_from(node).unwrap_or(usize::MAX)) {
                *place = built;
            }
        }
        self.judge_names();
        Ok(node)
    }

    /// The node of the values that all these places judge; it is built later.
    pub(super) fn node(&mut self, mut places: Vec<PlaceId>) -> Built<u32> {
        places.sort_unstable();
        places.dedup();
        let mut kept = Vec::new();
        for place in places {
            match self.source.get(place)?.value {
                Value::Bool(true) => {}
                Value::Bool(false) => return Ok(NEVER_NODE),
                Value::Object(keywords) if keywords.is_empty() => {}
                _ => kept.push(place),
            }
        }
        if kept.is_empty() {
            return Ok(ANY_NODE);
        }
        if let Some(known) = self.nodes.get(&kept) {
            return Ok(*known);
        }
        if self.program.nodes.len().max(self.program.objects.len()).max(self.program.strings.len()) > MOST_RULES {
            return Err(Failure::Whole("too many rules"));
        }
        let node = add(&mut self.program.nodes, Node::NEVER);
        self.nodes.insert(kept.clone(), node);
        self.work.push((node, kept));
        Ok(node)
    }

    fn build(&mut self, places: &[PlaceId]) -> Built<Node> {
        let pointer = self.source.get(places.first().copied().unwrap_or(0))?.pointer.clone();
        let place = self.program.place(&pointer);
        let string = self.form_of(places, Kind::String)?;
        let number = self.form_of(places, Kind::Number)?;
        let array = self.form_of(places, Kind::Array)?;
        let object = self.form_of(places, Kind::Object)?;
        let literals = Literals {
            null: self.form_of(places, Kind::Null)? == Form::True,
            yes: self.form_of(places, Kind::True)? == Form::True,
            no: self.form_of(places, Kind::False)? == Form::True,
        };
        Ok(Node {
            string: self.rule(Kind::String, &string, place)?,
            number: self.rule(Kind::Number, &number, place)?,
            array: self.rule(Kind::Array, &array, place)?,
            object: self.rule(Kind::Object, &object, place)?,
            literals,
            place,
        })
    }

    /// The number of the rule for a kind of value.
    pub(super) fn rule(&mut self, kind: Kind, form: &Form, place: u32) -> Built<u32> {
        match (form, kind) {
            (Form::True, _) => Ok(crate::message::machine::ANY),
            (Form::False, _) | (_, Kind::Null | Kind::True | Kind::False) => Ok(crate::message::machine::NEVER),
            (form, Kind::String) => self.string_rule(form, place),
            (form, Kind::Number) => self.number_rule(form, place),
            (form, Kind::Array) => self.array_rule(form, place),
            (form, Kind::Object) => self.object_rule(form, place),
        }
    }

    /// What is judged on the value when it has been read: a formula over nodes.
    pub(super) fn logic(&mut self, kind: Kind, form: &Form, place: u32) -> Built<Logic> {
        Ok(match form {
            Form::Any(forms) => Logic::Any(self.logics(kind, forms, place)?),
            Form::One(forms) => Logic::One(self.logics(kind, forms, place)?),
            Form::Not(form) => Logic::Not(Box::new(self.logic(kind, form, place)?)),
            form => {
                let rule = self.rule(kind, form, place)?;
                let mut node = Node { place, ..Node::NEVER };
                match kind {
                    Kind::String => node.string = rule,
                    Kind::Number => node.number = rule,
                    Kind::Array => node.array = rule,
                    _ => node.object = rule,
                }
                Logic::Node(add(&mut self.program.nodes, node))
            }
        })
    }

    fn logics(&mut self, kind: Kind, forms: &[Form], place: u32) -> Built<Vec<Logic>> {
        forms.iter().map(|form| self.logic(kind, form, place)).collect()
    }

    /// The validator of a place that one pass cannot decide.
    pub(super) fn whole(&mut self, id: PlaceId, reason: &str) -> Built<Full> {
        if let Some(known) = self.whole.get(&id) {
            return Ok(known.clone());
        }
        let place = self.source.get(id)?.clone();
        let Some(reach) = place.reach() else { return Err(Failure::Whole("a part that no reference can name")) };
        cost::check(&mut self.source, id, self.options.limits.max_depth)?;
        let full = self.validators.at(reach, place.draft, &place.pointer)?;
        self.slow.push(SlowPlace { place: place.pointer, reason: reason.to_owned() });
        self.whole.insert(id, full.clone());
        Ok(full)
    }

    /// Which keywords of a place judge a kind of value, as a formula.
    pub(super) fn form_of(&mut self, places: &[PlaceId], kind: Kind) -> Built<Form> {
        let mut all = Vec::new();
        for place in places {
            all.push(self.form(*place, kind, &mut Vec::new())?);
        }
        Ok(Form::all(all))
    }

    pub(super) fn form(&mut self, id: PlaceId, kind: Kind, trail: &mut Vec<PlaceId>) -> Built<Form> {
        let place = self.source.get(id)?.clone();
        match place.value {
            Value::Bool(true) => return Ok(Form::True),
            Value::Bool(false) => return Ok(Form::False),
            Value::Object(_) => {}
            _ => return Err(SchemaError::new(place.pointer, "a schema is an object or a boolean").into()),
        }
        if trail.contains(&id) {
            return Err(SchemaError::new(place.pointer, "refers to itself without a step into the message").into());
        }
        if trail.len() > 256 {
            return Err(Failure::Whole("more than 256 schemas in each other"));
        }
        trail.push(id);
        let form = self.applied(id, &place, kind, trail);
        trail.pop();
        form
    }

    fn applied(&mut self, id: PlaceId, place: &Place<'a>, kind: Kind, trail: &mut Vec<PlaceId>) -> Built<Form> {
        if place.get("$dynamicRef").is_some() || place.get("$recursiveRef").is_some() {
            return Err(Failure::Whole("$dynamicRef or $recursiveRef depends on the way taken"));
        }
        let unevaluated = match kind {
            Kind::Object => place.get("unevaluatedProperties").is_some(),
            Kind::Array => place.get("unevaluatedItems").is_some(),
            _ => false,
        };
        if unevaluated {
            return Ok(Form::Whole(
                id,
                "unevaluatedProperties and unevaluatedItems depend on all that was judged before",
            ));
        }
        let mut all = Vec::new();
        if let Some(Value::String(reference)) = place.get("$ref") {
            let target = self.source.target(id, reference)?;
            all.push(self.form(target, kind, trail)?);
        }
        all.push(self.own(id, place, kind)?);
        if let Some(forms) = self.list(id, place, "allOf", kind, trail)? {
            all.extend(forms);
        }
        if let Some(forms) = self.list(id, place, "anyOf", kind, trail)? {
            all.push(Form::any(forms));
        }
        if let Some(forms) = self.list(id, place, "oneOf", kind, trail)? {
            all.push(Form::one(forms));
        }
        if place.get("not").is_some() {
            all.push(Form::negated(self.below(id, &["not"], kind, trail)?));
        }
        if place.draft >= Draft::Draft7 && place.get("if").is_some() {
            let condition = self.below(id, &["if"], kind, trail)?;
            let then = if place.get("then").is_some() { self.below(id, &["then"], kind, trail)? } else { Form::True };
            let otherwise =
                if place.get("else").is_some() { self.below(id, &["else"], kind, trail)? } else { Form::True };
            all.push(Form::any(vec![Form::negated(condition.clone()), then]));
            all.push(Form::any(vec![condition, otherwise]));
        }
        if kind == Kind::Object {
            for keyword in ["dependentSchemas", "dependencies"] {
                let Some(named) = place.get(keyword).and_then(Value::as_object) else { continue };
                for (name, one) in named.iter().filter(|(_, one)| !one.is_array()) {
                    let form = match one {
                        Value::Bool(true) => Form::True,
                        _ => self.below(id, &[keyword, name], kind, trail)?,
                    };
                    all.push(Form::any(vec![Form::negated(Form::Has(name.clone())), form]));
                }
            }
        }
        Ok(Form::all(all))
    }

    fn below(&mut self, id: PlaceId, path: &[&str], kind: Kind, trail: &mut Vec<PlaceId>) -> Built<Form> {
        let child = self.source.child(id, path)?;
        self.form(child, kind, trail)
    }

    fn list(
        &mut self,
        id: PlaceId,
        place: &Place<'a>,
        keyword: &str,
        kind: Kind,
        trail: &mut Vec<PlaceId>,
    ) -> Built<Option<Vec<Form>>> {
        let Some(Value::Array(list)) = place.get(keyword) else { return Ok(None) };
        let mut forms = Vec::new();
        for index in 0..list.len() {
            forms.push(self.below(id, &[keyword, &index.to_string()], kind, trail)?);
        }
        Ok(Some(forms))
    }
}
