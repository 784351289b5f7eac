//! Which of a place's own keywords judge a kind of value.

use serde_json::Value;

use super::Draft;
use super::builder::{Builder, Built};
use super::form::{Form, Kind};
use super::source::{Place, PlaceId};

const STRINGS: &[&str] = &["minLength", "maxLength", "pattern", "format"];
const NUMBERS: &[&str] = &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const ARRAYS: &[&str] = &["prefixItems", "items", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains"];
const OBJECTS: &[&str] = &[
    "properties",
    "patternProperties",
    "additionalProperties",
    "required",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "dependentRequired",
    "dependencies",
];

impl<'a> Builder<'a, '_> {
    /// The formula of a place's own keywords.
    pub(super) fn own(&mut self, id: PlaceId, place: &Place<'a>, kind: Kind) -> Built<Form> {
        if !type_allows(place, kind) {
            return Ok(Form::False);
        }
        let mut judged = match kind {
            Kind::Null | Kind::True | Kind::False => false,
            Kind::String => STRINGS.iter().any(|keyword| place.get(keyword).is_some()),
            Kind::Number => NUMBERS.iter().any(|keyword| place.get(keyword).is_some()) || needs_integer(place),
            Kind::Array => ARRAYS.iter().any(|keyword| place.get(keyword).is_some()),
            Kind::Object => OBJECTS.iter().any(|keyword| place.get(keyword).is_some()),
        };
        if kind == Kind::String && place.draft <= Draft::Draft7 && place.draft >= Draft::Draft6 {
            let asserted = ["contentEncoding", "contentMediaType"].iter().any(|keyword| place.get(keyword).is_some());
            if asserted {
                return Ok(Form::Whole(id, "contentEncoding and contentMediaType assert in draft 6 and 7"));
            }
        }
        for list in
            [place.get("enum").and_then(Value::as_array).map(Vec::as_slice), constant(place)].into_iter().flatten()
        {
            let mut same = list.iter().filter(|value| kind_of(value) == kind);
            match (kind, same.next()) {
                (_, None) => return Ok(Form::False),
                (Kind::Null | Kind::True | Kind::False, Some(_)) => {}
                (Kind::Array | Kind::Object, Some(_)) => {
                    return Ok(Form::Whole(id, "const and enum of arrays and objects compare whole values"));
                }
                (Kind::String | Kind::Number, Some(_)) => judged = true,
            }
        }
        Ok(if judged { Form::Own(id) } else { Form::True })
    }
}

/// The value of `const`, as a list of one.
pub(super) fn constant<'a>(place: &Place<'a>) -> Option<&'a [Value]> {
    if place.draft < Draft::Draft6 {
        return None;
    }
    place.get("const").map(std::slice::from_ref)
}

/// The kind of a value.
pub(super) fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Null,
        Value::Bool(true) => Kind::True,
        Value::Bool(false) => Kind::False,
        Value::Number(_) => Kind::Number,
        Value::String(_) => Kind::String,
        Value::Array(_) => Kind::Array,
        Value::Object(_) => Kind::Object,
    }
}

fn types<'a>(place: &Place<'a>) -> Option<Vec<&'a str>> {
    match place.get("type")? {
        Value::String(one) => Some(vec![one.as_str()]),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn type_allows(place: &Place<'_>, kind: Kind) -> bool {
    let Some(types) = types(place) else { return true };
    types.iter().any(|name| match kind {
        Kind::Null => *name == "null",
        Kind::True | Kind::False => *name == "boolean",
        Kind::Number => matches!(*name, "number" | "integer"),
        Kind::String => *name == "string",
        Kind::Array => *name == "array",
        Kind::Object => *name == "object",
    })
}

/// Whether, of the numbers, only integers are accepted.
pub(super) fn needs_integer(place: &Place<'_>) -> bool {
    types(place).is_some_and(|types| types.contains(&"integer") && !types.contains(&"number"))
}

/// A number of members, items or characters; one too large to count is as good as none.
pub(super) fn count(place: &Place<'_>, keyword: &str) -> Option<u32> {
    let value = place.get(keyword)?;
    if let Some(count) = value.as_u64() {
        return Some(u32::try_from(count).unwrap_or(u32::MAX));
    }
    let float = value.as_f64()?;
    let whole = float.fract() == 0.0 && float >= 0.0;
    whole.then(|| format!("{float:.0}").parse().unwrap_or(u32::MAX))
}
