//! Unions whose branches are told apart by the value of one member.

use std::collections::BTreeMap;

use serde_json::Value;

use super::builder::{Builder, Built};
use super::form::{Form, Kind};
use super::own::constant;
use super::source::PlaceId;
use crate::message::machine::{Choice, Names, Otherwise};

/// The values that one choice may have.
const MOST_VALUES: usize = 1024;

impl Builder<'_, '_> {
    /// A choice of rules that is the same as the formula, if one is found.
    pub(super) fn choice(&mut self, form: &Form, place: u32) -> Built<Option<Choice>> {
        let parts = form.parts();
        for (at, part) in parts.iter().enumerate() {
            let (branches, one) = match part {
                Form::Any(branches) => (branches, false),
                Form::One(branches) => (branches, true),
                _ => continue,
            };
            let rest: Vec<Form> =
                parts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, form)| form.clone()).collect();
            for tag in self.member_names(branches.first())? {
                let Some(by_value) = self.by_value(&rest, branches, &tag)? else { continue };
                let mut values = Vec::new();
                for (value, branches) in by_value {
                    let branch = if one { Form::one(branches) } else { Form::any(branches) };
                    let mut all = rest.clone();
                    all.push(branch);
                    let rule = self.rule(Kind::Object, &Form::all(all), place)?;
                    values.push((value, rule));
                }
                let values: Vec<(&str, u32)> = values.iter().map(|(value, rule)| (value.as_str(), *rule)).collect();
                return Ok(Some(Choice {
                    tag: Names::members(&[(&tag, 0)]),
                    values: Names::values(&values),
                    otherwise: Otherwise::Refused,
                }));
            }
        }
        Ok(None)
    }

    /// The branches by the value of `tag`; none if it does not tell them all apart.
    fn by_value(&mut self, rest: &[Form], branches: &[Form], tag: &str) -> Built<Option<BTreeMap<String, Vec<Form>>>> {
        let mut by_value: BTreeMap<String, Vec<Form>> = BTreeMap::new();
        let always = self.any_requires(rest, tag)?;
        for branch in branches {
            if !always && !self.requires(branch, tag)? {
                return Ok(None);
            }
            let Some(values) = self.values(branch, tag)? else { return Ok(None) };
            for value in values {
                by_value.entry(value).or_default().push(branch.clone());
            }
        }
        // Where one value leaves as many branches as there were, nothing is gained.
        let gained = by_value.values().all(|left| left.len() < branches.len());
        Ok(Some(by_value).filter(|by_value| gained && by_value.len() <= MOST_VALUES))
    }

    /// The names that the places of a formula give to members.
    fn member_names(&mut self, form: Option<&Form>) -> Built<Vec<String>> {
        Ok(match form {
            Some(Form::Own(id)) => {
                let properties = self.source.get(*id)?.get("properties").and_then(Value::as_object);
                properties.map(|map| map.keys().cloned().collect()).unwrap_or_default()
            }
            Some(Form::All(parts)) => {
                let mut names = Vec::new();
                for part in parts {
                    names.extend(self.member_names(Some(part))?);
                }
                names
            }
            Some(Form::Any(parts) | Form::One(parts)) => self.member_names(parts.first())?,
            _ => Vec::new(),
        })
    }

    fn any_requires(&mut self, forms: &[Form], tag: &str) -> Built<bool> {
        for form in forms {
            if self.requires(form, tag)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether no object without the member passes.
    fn requires(&mut self, form: &Form, tag: &str) -> Built<bool> {
        Ok(match form {
            Form::False => true,
            Form::Own(id) => {
                let required = self.source.get(*id)?.get("required").and_then(Value::as_array);
                required.is_some_and(|names| names.iter().any(|name| name == tag))
            }
            Form::Has(name) => name == tag,
            Form::All(parts) => self.any_requires(parts, tag)?,
            Form::Any(parts) | Form::One(parts) => {
                for part in parts {
                    if !self.requires(part, tag)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// All values of the member with which an object may pass; none if they cannot be listed.
    fn values(&mut self, form: &Form, tag: &str) -> Built<Option<Vec<String>>> {
        match form {
            Form::Own(id) => {
                let has = self.source.get(*id)?.get("properties").and_then(|map| map.get(tag)).is_some();
                if !has {
                    return Ok(None);
                }
                let child = self.source.child(*id, &["properties", tag])?;
                for kind in [Kind::Null, Kind::True, Kind::False, Kind::Number, Kind::Array, Kind::Object] {
                    if self.form_of(&[child], kind)? != Form::False {
                        return Ok(None);
                    }
                }
                let form = self.form_of(&[child], Kind::String)?;
                self.strings(&form)
            }
            Form::All(parts) => {
                for part in parts {
                    if let Some(values) = self.values(part, tag)? {
                        return Ok(Some(values));
                    }
                }
                Ok(None)
            }
            Form::Any(parts) | Form::One(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    let Some(values) = self.values(part, tag)? else { return Ok(None) };
                    all.extend(values);
                }
                all.sort();
                all.dedup();
                Ok(Some(all))
            }
            _ => Ok(None),
        }
    }

    /// All strings that pass a formula, if they are listed.
    fn strings(&mut self, form: &Form) -> Built<Option<Vec<String>>> {
        for part in form.parts() {
            let Form::Own(id) = part else { continue };
            let id: PlaceId = *id;
            let place = self.source.get(id)?;
            let list = place.get("enum").and_then(Value::as_array).map(Vec::as_slice).or(constant(place));
            if let Some(list) = list {
                return Ok(Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()));
            }
        }
        Ok(None)
    }
}
