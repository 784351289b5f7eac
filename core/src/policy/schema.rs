//! The document's JSON Schema, from the same types that read it.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Document;

pub(super) fn json_schema() -> Value {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Document>();
    let mut schema = schema.to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), json!("wswarden policy"));
    }
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        let about = "How editors find this schema; without any effect.";
        fields.insert("$schema".into(), json!({ "description": about, "type": "string" }));
    }
    for table in schema.get_mut("$defs").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut()) {
        for field in table.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
            bound(field.1);
        }
    }
    schema
}

/// The types say which numbers can be held; a limit of zero is refused all the same.
fn bound(field: &mut Value) {
    if let Some(field) = field.as_object_mut().filter(|field| field.get("type") == Some(&json!("integer"))) {
        field.insert("minimum".into(), json!(1));
        field.entry("maximum").or_insert(json!(u32::MAX));
        field.remove("format");
    }
}
