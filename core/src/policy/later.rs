//! Names that the contract has and this build has not: refused by name, never silently ignored.

use serde_json::Value;

use super::PolicyError;
use super::text::element;

pub(super) fn refuse(tables: &Value) -> Result<(), PolicyError> {
    let fields = [
        ("/shared", "shared", "limits, tickets and revocations shared between nodes"),
        ("/shadow", "shadow", "rules that only report"),
        ("/credential/ticket", "credential.ticket", "tickets"),
        ("/credential/jwt/jwks", "credential.jwt.jwks", "key sets that are fetched; list the keys in `keys`"),
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
    let sources = tables.pointer("/credential/sources").and_then(Value::as_array);
    for (index, source) in sources.into_iter().flatten().enumerate() {
        if source.get("kind").and_then(Value::as_str) == Some("ticket") {
            let place = format!("{}.kind", element("credential.sources", index));
            return Err(
                PolicyError::new(place, "tickets are not in this build").help("there are \"jwt\" and \"session\"")
            );
        }
    }
    Ok(())
}
