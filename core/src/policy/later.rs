//! Names that the contract has and this build has not: refused by name, never silently ignored.

use serde_json::Value;

use super::PolicyError;

pub(super) fn refuse(tables: &Value) -> Result<(), PolicyError> {
    let fields = [
        ("/shared", "shared", "limits and revocations shared between nodes"),
        ("/shadow", "shadow", "rules that only report"),
    ];
    for (pointer, place, what) in fields {
        if tables.pointer(pointer).is_some() {
            return Err(PolicyError::new(place, format!("not in this build: {what}")).at_name());
        }
    }
    if let Some(name @ ("centrifugo" | "pusher" | "discord")) = tables.get("dialect").and_then(Value::as_str) {
        let found = format!("the dialect {name:?} is not in this build");
        return Err(PolicyError::new("dialect", found).help("there are \"rfc\", \"app\" and \"guide\""));
    }
    Ok(())
}
