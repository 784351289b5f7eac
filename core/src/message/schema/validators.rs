//! Validators of the `jsonschema` crate for what one pass cannot decide: offline, with linear-time patterns.

use std::sync::Arc;

use jsonschema::{PatternOptions, Registry};
use serde_json::{Map, Value, json};

use super::{Draft, SchemaError, SchemaOptions};
use crate::message::machine::Full;

/// Where the schema stands for the crate when it has no identifier of its own.
const HOME: &str = "urn:wswarden:schema";

/// All schemas that may be named, ready for validators of their parts.
pub(crate) struct Validators<'a> {
    options: &'a SchemaOptions,
    draft: Draft,
    registry: Registry<'a>,
    home: String,
}

impl<'a> Validators<'a> {
    pub(crate) fn new(schema: &'a Value, options: &'a SchemaOptions, draft: Draft) -> Result<Self, SchemaError> {
        let wrong = |error: &dyn std::fmt::Display| SchemaError::new("", error.to_string());
        let keyword = if draft == Draft::Draft4 { "id" } else { "$id" };
        let home = match schema.get(keyword).and_then(Value::as_str) {
            Some(id) if id.contains(':') => id.trim_end_matches('#').to_owned(),
            _ => HOME.to_owned(),
        };
        let mut registry = Registry::new().draft(known(draft));
        for (uri, remote) in &options.remotes {
            registry = registry.add(uri, remote).map_err(|error| wrong(&error))?;
        }
        let registry = registry.add(&home, schema).and_then(jsonschema::RegistryBuilder::prepare);
        Ok(Self { options, draft, registry: registry.map_err(|error| wrong(&error))?, home })
    }

    /// The validator of the whole schema.
    pub(crate) fn root(&self, schema: &Value, factor: u32) -> Result<Full, SchemaError> {
        self.build(schema, "", factor)
    }

    /// The validator of the part at `pointer`; `factor` bounds what one value may cost.
    pub(crate) fn at(&self, pointer: &str, factor: u32) -> Result<Full, SchemaError> {
        let mut schema = Map::new();
        schema.insert("$ref".to_owned(), json!(format!("{}#{pointer}", self.home)));
        self.build(&Value::Object(schema), pointer, factor)
    }

    fn build(&self, schema: &Value, place: &str, factor: u32) -> Result<Full, SchemaError> {
        let validator = jsonschema::options()
            .offline()
            .with_draft(known(self.draft))
            .with_registry(&self.registry)
            .should_validate_formats(self.options.assert_formats)
            .should_ignore_unknown_formats(self.options.tolerate_unknown)
            .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
            .build(schema)
            .map_err(|error| SchemaError::new(place, error.to_string()))?;
        Ok(Full::new(Arc::new(validator), factor))
    }
}

/// The draft as the crate calls it.
fn known(draft: Draft) -> jsonschema::Draft {
    match draft {
        Draft::Draft4 => jsonschema::Draft::Draft4,
        Draft::Draft6 => jsonschema::Draft::Draft6,
        Draft::Draft7 => jsonschema::Draft::Draft7,
        Draft::Draft201909 => jsonschema::Draft::Draft201909,
        Draft::Draft202012 => jsonschema::Draft::Draft202012,
    }
}

/// Whether the schema is one, by the schema of its draft.
pub(crate) fn check_form(schema: &Value, draft: Draft) -> Result<(), SchemaError> {
    let checked = match draft {
        Draft::Draft4 => jsonschema::draft4::meta::validate(schema),
        Draft::Draft6 => jsonschema::draft6::meta::validate(schema),
        Draft::Draft7 => jsonschema::draft7::meta::validate(schema),
        Draft::Draft201909 => jsonschema::draft201909::meta::validate(schema),
        Draft::Draft202012 => jsonschema::draft202012::meta::validate(schema),
    };
    checked.map_err(|error| SchemaError::new(error.instance_path().to_string(), error.to_string()))
}
