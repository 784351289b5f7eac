//! What messages are made of: JSON and schemas.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fields::{Wrong, bytes, decoded, flag, list, optional, optional_number, optional_text, required};
use crate::message::Scratch;
use crate::message::json::{Limits, check};
use crate::message::schema::{Draft, Machinery, Schema, SchemaOptions};
use crate::reason::Reason;

/// The depth that [`Limits`] can have at most.
const MAX_DEPTH: u64 = 128;

pub(super) fn json(question: &Value) -> Result<Value, Wrong> {
    let bytes = bytes(question, "bytes")?;
    let mut limits = Limits::default();
    let mut max_bytes = None;
    if let Some(asked) = optional(question, "limits") {
        max_bytes = optional_number(asked, "max_bytes").map_err(|wrong| wrong.within("limits"))?;
        if let Some(depth) = optional_number(asked, "max_depth").map_err(|wrong| wrong.within("limits"))? {
            if !(1..=MAX_DEPTH).contains(&depth) {
                return Err(Wrong::new(format!("limits.max_depth: expected 1 to {MAX_DEPTH}")));
            }
            limits.max_depth = usize::try_from(depth).unwrap_or(limits.max_depth);
        }
    }
    if let Some(most) = max_bytes.filter(|most| u64::try_from(bytes.len()).unwrap_or(u64::MAX) > *most) {
        return Ok(json!({ "accept": false, "reason": Reason::MessageTooBig.name(), "at": most }));
    }
    Ok(match check(&bytes, &limits, &mut Scratch::new()) {
        Ok(()) => json!({ "accept": true }),
        Err(fault) => json!({ "accept": false, "reason": fault.reason.name(), "at": fault.at }),
    })
}

pub(super) fn schema(question: &Value) -> Result<Value, Wrong> {
    let schema = question.get("schema").ok_or_else(|| Wrong::new("schema is missing"))?;
    let instances = list(question, "instances")?.iter().map(|one| decoded(one, "instances"));
    let instances = instances.collect::<Result<Vec<_>, _>>()?;
    let compiled = match Schema::compile(schema, &options(question)?) {
        Ok(compiled) => compiled,
        Err(error) => return Ok(json!({ "built": false, "error": error.to_string() })),
    };
    let mut scratch = Scratch::new();
    let results: Vec<bool> = instances.iter().map(|one| compiled.is_valid(one, &mut scratch).is_ok()).collect();
    Ok(json!({ "built": true, "engine": compiled.engine().name(), "results": results }))
}

fn options(question: &Value) -> Result<SchemaOptions, Wrong> {
    let draft = match optional_text(question, "draft")? {
        None => None,
        Some(name) => Some(Draft::named(name).ok_or_else(|| Wrong::new("draft: no such draft is known"))?),
    };
    let machinery = match optional_text(question, "engine")? {
        None | Some("auto") => Machinery::Auto,
        Some("fast") => Machinery::Fast,
        Some("full") => Machinery::Full,
        Some(_) => return Err(Wrong::new("engine: expected \"auto\", \"fast\" or \"full\"")),
    };
    let remotes = match optional(question, "remotes") {
        None => BTreeMap::new(),
        Some(_) => {
            let remotes = required(question, "remotes")?.as_object();
            let remotes = remotes.ok_or_else(|| Wrong::new("remotes: expected an object"))?;
            remotes.iter().map(|(uri, schema)| (uri.clone(), schema.clone())).collect()
        }
    };
    Ok(SchemaOptions {
        draft,
        remotes,
        assert_formats: flag(question, "formats", true)?,
        // The specification alone decides: none of the rules for messages of strangers.
        limits: Limits::dangerous_lax(),
        machinery,
        tolerate_unknown: true,
    })
}
