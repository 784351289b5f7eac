//! The document's JSON Schema, from the same types that read it.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Document;

pub(super) fn json_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Document>();
    schema.insert("title".into(), json!("wswarden policy"));
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        let about = "How editors find this schema; without any effect.";
        fields.insert("$schema".into(), json!({ "description": about, "type": "string" }));
    }
    schema.to_value()
}
