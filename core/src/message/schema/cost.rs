//! How many schemas may judge one value on a tree. What a message makes of them is counted while it is judged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::SchemaError;
use super::source::{Place, PlaceId, Source};

/// References into references multiply: a schema beyond this is refused when it is compiled, not when a peer finds out.
const MOST: u64 = 1 << 16;
/// Schemas within schemas, over all references.
const DEEPEST: usize = 512;
/// The same, times the levels of a message that a schema within itself goes down: each takes a part of the caller's stack.
const DEEPEST_IN_ALL: usize = 1 << 13;

/// Steps, a step being one schema that judges one value.
#[derive(Clone, Copy, Default)]
struct Steps {
    /// For the value itself.
    here: u64,
    /// The most for any one value in it.
    below: u64,
    /// The same again for `unevaluatedProperties` and `unevaluatedItems`, which ask which branches held.
    asked_here: u64,
    asked_below: u64,
}

impl Steps {
    fn most(self) -> u64 {
        self.here.max(self.below)
    }

    /// What judges the same value besides.
    fn with(self, other: Self) -> Self {
        Self {
            here: self.here.saturating_add(other.here),
            below: self.below.saturating_add(other.below),
            asked_here: self.asked_here.saturating_add(other.asked_here),
            asked_below: self.asked_below.saturating_add(other.asked_below),
        }
    }

    /// A branch whose outcome is asked for again.
    fn asked(self) -> Self {
        Self {
            asked_here: self.asked_here.saturating_add(self.here),
            asked_below: self.asked_below.saturating_add(self.below),
            ..self
        }
    }
}

/// Goes through a schema and all that it refers to.
struct Count<'s, 'a> {
    source: &'s mut Source<'a>,
    known: BTreeMap<PlaceId, Steps>,
    open: Vec<PlaceId>,
    /// How many of those open judge a value that this one is in.
    outer: usize,
    /// Places that contain themselves.
    cyclic: BTreeSet<PlaceId>,
    dynamic: bool,
    deepest: usize,
}

/// Refuses the place `root` if too many of its schemas may judge any one value, or if they may be too deep in each other
/// in a message of `max_depth` levels.
pub(super) fn check(source: &mut Source<'_>, root: PlaceId, max_depth: usize) -> Result<(), SchemaError> {
    let known = BTreeMap::new();
    let mut count =
        Count { source, known, open: Vec::new(), outer: 0, cyclic: BTreeSet::new(), dynamic: false, deepest: 0 };
    let mut most = count.steps(root)?.most();
    for place in count.cyclic.clone() {
        most = most.saturating_add(count.steps(place)?.most());
    }
    if count.dynamic {
        // It leads to a place on the way there, which is counted already.
        most = most.saturating_mul(2);
    }
    let recurs = count.dynamic || !count.cyclic.is_empty();
    let depth = count.deepest.saturating_mul(max_depth);
    let wrong = if most > MOST {
        format!(
            "one value may have to be judged by more than {MOST} schemas: what refers to what multiplies; give the alternatives a common property that tells them apart"
        )
    } else if recurs && depth > DEEPEST_IN_ALL {
        format!(
            "{} schemas in each other, times max_depth = {max_depth}, are more than {DEEPEST_IN_ALL} where a schema is within itself; lower max_depth",
            count.deepest
        )
    } else {
        return Ok(());
    };
    Err(SchemaError::new(count.source.get(root)?.pointer.clone(), wrong))
}

impl Count<'_, '_> {
    fn steps(&mut self, id: PlaceId) -> Result<Steps, SchemaError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(*known);
        }
        let place = self.source.get(id)?.clone();
        if self.open.get(self.outer..).unwrap_or_default().contains(&id) {
            return Err(SchemaError::new(place.pointer, "refers to itself without a step into the message"));
        }
        if self.open.contains(&id) {
            self.cyclic.insert(id);
            return Ok(Steps { here: 1, ..Steps::default() });
        }
        if self.open.len() >= DEEPEST {
            return Err(SchemaError::new(place.pointer, format!("more than {DEEPEST} schemas in each other")));
        }
        self.open.push(id);
        self.deepest = self.deepest.max(self.open.len());
        let steps = self.of(id, &place);
        self.open.pop();
        let steps = steps?;
        self.known.insert(id, steps);
        Ok(steps)
    }

    fn of(&mut self, id: PlaceId, place: &Place<'_>) -> Result<Steps, SchemaError> {
        let len = |keyword| match place.get(keyword) {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(members)) => members.len(),
            _ => 0,
        };
        let own = len("enum").saturating_add(len("required")).saturating_add(len("properties")).saturating_add(1);
        let mut steps = Steps { here: u64::try_from(own).unwrap_or(u64::MAX), ..Steps::default() };

        for keyword in ["allOf", "anyOf", "oneOf", "if"] {
            for branch in self.each(id, place, keyword)? {
                steps = steps.with(branch.asked());
            }
        }
        for keyword in ["not", "then", "else", "dependentSchemas", "dependencies"] {
            for branch in self.each(id, place, keyword)? {
                steps = steps.with(branch);
            }
        }
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(Value::String(reference)) = place.get(keyword) {
                self.dynamic |= keyword != "$ref";
                let target = self.source.target(id, reference)?;
                steps = steps.with(self.steps(target)?);
            }
        }

        let outer = std::mem::replace(&mut self.outer, self.open.len());
        let mut most = |keyword: &str, add: bool| -> Result<u64, SchemaError> {
            let all = self.each(id, place, keyword)?;
            let all = all.into_iter().map(Steps::most);
            Ok(if add { all.fold(0, u64::saturating_add) } else { all.max().unwrap_or(0) })
        };
        // A member has one name, an item one index: these exclude each other. The others come on top.
        let member = most("properties", false)?
            .max(most("additionalProperties", false)?)
            .max(most("propertyNames", false)?)
            .saturating_add(most("patternProperties", true)?)
            .saturating_add(most("unevaluatedProperties", false)?);
        let item = most("prefixItems", false)?
            .max(most("items", false)?)
            .max(most("additionalItems", false)?)
            .saturating_add(most("contains", false)?)
            .saturating_add(most("unevaluatedItems", false)?);
        self.outer = outer;
        steps.below = steps.below.saturating_add(member.max(item));

        for keyword in ["unevaluatedProperties", "unevaluatedItems"] {
            if place.get(keyword).is_some() {
                steps.here = steps.here.saturating_add(steps.asked_here);
                steps.below = steps.below.saturating_add(steps.asked_below);
            }
        }
        Ok(steps)
    }

    /// The schemas of a keyword, be it one, a list or a map.
    fn each(&mut self, id: PlaceId, place: &Place<'_>, keyword: &str) -> Result<Vec<Steps>, SchemaError> {
        let is_map = matches!(keyword, "properties" | "patternProperties" | "dependentSchemas" | "dependencies");
        let steps: Vec<String> = match place.get(keyword) {
            Some(Value::Object(members)) if is_map => {
                members.iter().filter(|(_, schema)| !schema.is_array()).map(|(name, _)| name.clone()).collect()
            }
            Some(Value::Array(items)) => (0..items.len()).map(|index| index.to_string()).collect(),
            Some(Value::Object(_)) => {
                let child = self.source.child(id, &[keyword])?;
                return Ok(vec![self.steps(child)?]);
            }
            _ => return Ok(Vec::new()),
        };
        steps
            .iter()
            .map(|step| {
                let child = self.source.child(id, &[keyword, step])?;
                self.steps(child)
            })
            .collect()
    }
}
