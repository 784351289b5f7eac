//! Validators of the `jsonschema` crate for what one pass cannot decide: offline, with linear-time patterns.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::{PatternOptions, Registry, Retrieve, Uri};
use serde_json::{Value, json};

use super::{Draft, SchemaError, SchemaOptions};
use crate::message::machine::format::Format;
use crate::message::machine::{Full, Places};

/// Where the schema stands when it has no identifier of its own.
pub(super) const HOME: &str = "urn:wswarden:schema";

/// Makes validators of parts of the schemas that a registry holds.
pub(crate) struct Validators<'a> {
    options: &'a SchemaOptions,
    registry: &'a Registry<'a>,
}

/// All schemas that may be named.
pub(crate) fn registry<'a>(
    schema: &'a Value,
    home: &str,
    options: &'a SchemaOptions,
    draft: Option<Draft>,
) -> Result<Registry<'a>, SchemaError> {
    let wrong = |error: &dyn std::fmt::Display| SchemaError::new("", error.to_string());
    let mut registry = Registry::new().retriever(Remotes(options.remotes.clone()));
    registry = match draft {
        Some(draft) => registry.draft(draft.dialect()).add(home, draft.dialect().create_resource_ref(schema)),
        None => registry.add(home, schema),
    }
    .map_err(|error| wrong(&error))?;
    registry.prepare().map_err(|error| wrong(&error))
}

/// Hands out the schemas that were given, and fetches nothing.
struct Remotes(BTreeMap<String, Value>);

impl Retrieve for Remotes {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let name = uri.as_str().trim_end_matches('#');
        let found = self.0.get(name).cloned();
        found.ok_or_else(|| "nothing is ever fetched: all schemas that are named must be given".into())
    }
}

impl<'a> Validators<'a> {
    pub(crate) fn new(options: &'a SchemaOptions, registry: &'a Registry<'a>) -> Self {
        Self { options, registry }
    }

    /// The validator of the part that `reach` names.
    pub(crate) fn at(&self, reach: &str, draft: Draft, place: &str) -> Result<Full, SchemaError> {
        self.build(&json!({ "$ref": reach }), Some(draft), place)
    }

    /// The validator of one format.
    pub(crate) fn format(&self, name: &str, draft: Draft) -> Result<Full, SchemaError> {
        self.built(jsonschema::options_for().with_draft(draft.dialect()), &json!({ "format": name }), "")
    }

    /// The validator of a schema; its draft is what it says itself where none is given.
    pub(crate) fn build(&self, schema: &Value, draft: Option<Draft>, place: &str) -> Result<Full, SchemaError> {
        let mut options = jsonschema::options_for();
        if let Some(draft) = draft {
            options = options.with_draft(draft.dialect());
        }
        // The formats judged in the pass are judged by the same code here: there is one verdict.
        for name in OURS {
            if let Some(format) = Format::named(name, draft.is_some_and(|draft| draft <= Draft::Draft6)) {
                options = options.with_format(*name, move |text: &str| format.holds(text.as_bytes(), false));
            }
        }
        self.built(options, schema, place)
    }

    fn built(
        &self,
        mut options: jsonschema::ValidationOptions<'_, Arc<dyn Retrieve>, Places>,
        schema: &Value,
        place: &str,
    ) -> Result<Full, SchemaError> {
        // A schema of its own draft says itself whether formats assert, unless all are to.
        if self.options.assert_formats
            || Draft::named(schema.get("$schema").and_then(Value::as_str).unwrap_or("7")).is_some()
        {
            options = options.should_validate_formats(self.options.assert_formats);
        }
        let validator = options
            .offline()
            .with_registry(self.registry)
            .should_ignore_unknown_formats(self.options.tolerate_unknown)
            .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
            .build(schema)
            .map_err(|error| SchemaError::new(place, error.to_string()))?;
        Ok(Full::new(Arc::new(validator)))
    }
}

/// The formats that need no tables.
const OURS: &[&str] = &[
    "date",
    "date-time",
    "duration",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uuid",
];

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
