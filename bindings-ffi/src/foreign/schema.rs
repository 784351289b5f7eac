//! The judge of JSON alone.

use std::sync::{Arc, Mutex};

use wswarden_core::message::schema::{self, SchemaOptions};
use wswarden_core::message::{self, Scratch};

use super::{Result, WswardenError, locked};
use crate::credentials::random;

/// Where JSON went wrong, in words. It never shows what the sender chose.
#[derive(Clone, uniffi::Record)]
pub struct Explanation {
    /// The name of the reason.
    pub reason: String,
    /// The offset of the byte or value at fault.
    pub at: u32,
    /// The JSON Pointer of the value at fault.
    pub pointer: String,
    /// The JSON Pointer of the schema that was not met; none where no schema is at fault.
    pub schema: Option<String>,
}

impl From<message::Explanation> for Explanation {
    fn from(found: message::Explanation) -> Self {
        let (reason, at) = (found.fault.reason.name().into(), found.fault.at);
        Self { reason, at, pointer: found.pointer, schema: found.schema }
    }
}

/// A compiled JSON Schema: strict JSON and the schema in one pass over the bytes, without sessions or limits. It locks
/// itself: for many threads make one for each.
#[derive(uniffi::Object)]
pub struct Schema {
    schema: schema::Schema,
    scratch: Mutex<Box<Scratch>>,
}

#[uniffi::export]
impl Schema {
    /// Compiles a JSON Schema, as a policy would.
    #[uniffi::constructor]
    pub fn compile(json: String) -> Result<Arc<Self>> {
        let wrong = |error: &dyn std::fmt::Display| WswardenError::Policy(error.to_string());
        let value = serde_json::from_str(&json).map_err(|error| wrong(&error))?;
        let schema = schema::Schema::compile(&value, &SchemaOptions::default()).map_err(|error| wrong(&error))?;
        let seed = random().map_err(|fault| WswardenError::Argument(fault.message().into()))?;
        Ok(Arc::new(Self { schema, scratch: Mutex::new(Box::new(Scratch::with_seed(seed))) }))
    }

    /// Whether the bytes are a JSON text that the schema accepts.
    pub fn is_valid(&self, json: Vec<u8>) -> Result<bool> {
        Ok(self.schema.is_valid(&json, &mut *locked(&self.scratch)?).is_ok())
    }

    /// Where they go wrong, in words; none where they do not.
    pub fn explain(&self, json: Vec<u8>) -> Result<Option<Explanation>> {
        Ok(self.schema.explain(&json, &mut *locked(&self.scratch)?).map(Into::into))
    }

    /// "fast" for one pass over the bytes, "mixed" where some of the values need a tree, "full" for a tree of all.
    pub fn engine(&self) -> String {
        self.schema.engine().name().into()
    }
}
