//! What does not depend on any peer: the version, the table of reasons, whether a policy can be.

use serde_json::{Value, json};

use super::fields::{Wrong, required};
use crate::policy::Policy;
use crate::reason::{Dialect, Reason};

/// The runner adds its `language`.
pub(super) fn version() -> Value {
    json!({ "version": env!("CARGO_PKG_VERSION"), "ops": super::OPS })
}

pub(super) fn reasons() -> Value {
    let row = |reason: &Reason| {
        json!({
            "name": reason.name(),
            "number": reason.number(),
            "http": reason.http_status(),
            "close": { "rfc": reason.close_code(Dialect::Rfc), "app": reason.close_code(Dialect::App) },
            "retry": reason.retry(),
        })
    };
    json!({ "reasons": Reason::ALL.iter().map(row).collect::<Vec<_>>() })
}

pub(super) fn policy(question: &Value) -> Result<Value, Wrong> {
    Ok(match Policy::from_value(required(question, "policy")?.clone()) {
        Ok(policy) => {
            let warnings: Vec<String> = policy.warnings().iter().map(ToString::to_string).collect();
            json!({ "ok": true, "warnings": warnings })
        }
        Err(error) => json!({ "ok": false, "error": error.to_string() }),
    })
}
