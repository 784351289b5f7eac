//! TOML, by the `toml` crate's spanned parser.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::{Parsed, Places, element, member};
use crate::policy::PolicyError;

pub(in crate::policy) fn parse(text: &str) -> Result<Parsed, PolicyError> {
    let table = DeTable::parse(text).map_err(|error| {
        PolicyError::new("", format!("this is not TOML: {}", error.message())).with_span(error.span())
    })?;
    let mut places = Places::default();
    let value = convert_table(table.get_ref(), "", &mut places)?;
    Ok(Parsed { value, places })
}

fn convert_table(table: &DeTable<'_>, place: &str, places: &mut Places) -> Result<Value, PolicyError> {
    let mut fields = Map::new();
    for (name, value) in table {
        let place = member(place, name.get_ref());
        places.insert(&place, name.span(), value.span());
        fields.insert(name.get_ref().to_string(), convert(value, &place, places)?);
    }
    Ok(Value::Object(fields))
}

fn convert(value: &Spanned<DeValue<'_>>, place: &str, places: &mut Places) -> Result<Value, PolicyError> {
    let wrong = |problem: String| PolicyError::new(place, problem).with_span(Some(value.span()));
    Ok(match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        // A date stands for its own text: `until = 2026-12-01T00:00:00Z`.
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Integer(number) => {
            Value::Number(integer(number).ok_or_else(|| wrong(format!("{number} is too large a number")))?)
        }
        DeValue::Float(number) => {
            let float = number.as_str().parse().ok().and_then(Number::from_f64);
            Value::Number(float.ok_or_else(|| wrong(format!("{number} is not a finite number")))?)
        }
        DeValue::Array(array) => {
            let mut elements = Vec::with_capacity(array.len());
            for (index, value) in array.iter().enumerate() {
                let place = element(place, index);
                places.insert(&place, value.span(), value.span());
                elements.push(convert(value, &place, places)?);
            }
            Value::Array(elements)
        }
        DeValue::Table(table) => convert_table(table, place, places)?,
    })
}

fn integer(number: &DeInteger<'_>) -> Option<Number> {
    let (digits, radix) = (number.as_str(), number.radix());
    let unsigned = u64::from_str_radix(digits, radix).ok().map(Number::from);
    unsigned.or_else(|| i64::from_str_radix(digits, radix).ok().map(Number::from))
}
