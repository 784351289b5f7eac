//! Every limit has a finite default that is not zero (RUSTSEC-2022-0055: one that had none).

use std::collections::BTreeSet;

use super::*;

/// Off by default for a reason: a connection may live as long as its credential, and be silent as
/// long as it answers pings.
const OFF: [&str; 3] = ["deadline.idle", "deadline.lifetime", "credential.revalidate"];

/// Walks what a value's schema says can be there, beside what is there.
struct Walk {
    definitions: Value,
    seen: BTreeSet<String>,
}

impl Walk {
    fn resolve<'a>(&'a self, schema: &'a Value) -> (Option<&'a str>, &'a Value) {
        match schema["$ref"].as_str() {
            Some(name) => {
                let name = name.strip_prefix("#/$defs/").unwrap();
                (Some(name), &self.definitions[name])
            }
            None => (None, schema),
        }
    }

    fn walk(&mut self, schema: &Value, value: Option<&Value>, place: &str) {
        let (name, schema) = self.resolve(schema);
        let (name, schema) = (name.map(str::to_owned), schema.clone());
        match name.as_deref() {
            Some("Span" | "Size" | "Quota") => return self.limit(value, place),
            Some("Route" | "Source" | "Refresh" | "JwtKey" | "Roles" | "ClaimRule") => return, // lists, empty unless written
            Some("Discriminator") => return,                                                   // a place, not a limit
            _ => {}
        }
        if schema["type"] == "integer" {
            return self.limit(value, place);
        }
        for alternative in schema["anyOf"].as_array().into_iter().flatten() {
            match value {
                Some(off) if off == "off" => assert!(OFF.contains(&place), "{place} is off"),
                // What may be left out is looked at as if it were written with nothing in it.
                None | Some(Value::Null) if alternative["type"] != "null" => {
                    let (_, table) = self.resolve(alternative);
                    let empty = table["default"].clone();
                    self.walk(&alternative.clone(), Some(&empty).filter(|empty| !empty.is_null()), place);
                }
                _ if alternative["const"] == "off" || alternative["type"] == "null" => {}
                _ => self.walk(alternative, value, place),
            }
        }
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let default = schema.get("default");
            let value = value.and_then(|value| value.get(field)).or(default);
            self.walk(schema, value, &text::member(place, field));
        }
    }

    fn limit(&mut self, value: Option<&Value>, place: &str) {
        self.seen.insert(place.to_owned());
        let value = value.unwrap_or_else(|| panic!("{place} has no default"));
        let finite = match value {
            Value::Number(number) => number.as_u64().is_some_and(|n| n > 0 && n < u64::from(u32::MAX)),
            Value::String(text) => text.starts_with(|c: char| ('1'..='9').contains(&c)),
            Value::Object(quota) => quota["limit"].as_u64() > Some(0) && quota["burst"].as_u64() > Some(0),
            _ => false,
        };
        assert!(finite, "{place} is {value}");
    }
}

#[test]
fn every_limit_is_finite() {
    let schema = Policy::json_schema();
    let default = serde_json::to_value(Document::default()).unwrap();
    let mut walk = Walk { definitions: schema["$defs"].clone(), seen: BTreeSet::new() };
    walk.walk(&schema, Some(&default), "");
    // The limits that stand in tables which are there only when written.
    let jwks = schema["$defs"]["JwkSet"].clone();
    walk.walk(&jwks, Some(&serde_json::to_value(JwkSet::default()).unwrap()), "credential.jwt.jwks");
    let (jwt, one) = (schema["$defs"]["Jwt"].clone(), schema["$defs"]["MessageType"].clone());
    walk.walk(&jwt, Some(&serde_json::to_value(Jwt::default()).unwrap()), "credential.jwt");
    walk.walk(&one, Some(&serde_json::to_value(MessageType::default()).unwrap()), "message.types.NAME");
    for known in [
        "transport.max_head",
        "transport.max_headers",
        "transport.head_timeout",
        "credential.ticket.ttl",
        "credential.ticket.outstanding",
        "credential.ticket.per_user",
        "credential.jwt.jwks.cache",
        "credential.jwt.jwks.cooldown",
        "credential.jwt.jwks.negative",
        "credential.jwt.jwks.stale",
        "credential.jwt.jwks.timeout",
        "credential.jwt.leeway",
        "credential.jwt.max_length",
        "message.max_bytes",
        "message.max_fragments",
        "message.errors.limit",
        "message.json.max_depth",
        "message.types.NAME.cost",
        "rate.connection.bytes",
        "rate.address.prefix6",
        "rate.ban.for",
        "cap.tracked_users",
        "cap.cached_tokens",
        "heartbeat.timeout",
        "deadline.expiry_grace",
        "queue.hard",
    ] {
        assert!(walk.seen.contains(known), "{known} was not looked at: {:?}", walk.seen);
    }
    assert!(walk.seen.len() >= 40, "{:?}", walk.seen);
}

#[test]
fn a_limit_of_zero_is_refused_wherever_it_stands() {
    let default = serde_json::to_value(Document::default()).unwrap();
    let mut tried = 0;
    for table in ["transport", "message", "rate", "cap", "heartbeat", "deadline", "queue"] {
        tried += zero_in(&default[table], &format!("/{table}"));
    }
    assert!(tried > 30, "{tried}");
}

fn zero_in(value: &Value, pointer: &str) -> usize {
    let zero = match value {
        Value::Number(_) => json!(0),
        Value::String(text) if text.contains("/") => json!("0/s"),
        Value::String(text) if text.starts_with(|c: char| c.is_ascii_digit()) => json!(0),
        Value::Object(fields) => {
            return fields.iter().map(|(name, value)| zero_in(value, &format!("{pointer}/{name}"))).sum();
        }
        _ => return 0,
    };
    let document = with(pointer, zero);
    if pointer == "/deadline/expiry_grace" {
        accepted(document);
        return 0;
    }
    let error = refused(document);
    assert_eq!(error.place(), pointer[1..].replace('/', "."), "{error}");
    1
}

/// The schema of the repository is the one this build writes.
#[test]
fn policy_schema_json_is_up_to_date() {
    let committed = include_str!("../../../../policy.schema.json");
    let now = format!("{:#}\n", Policy::json_schema());
    assert!(committed == now, "policy.schema.json differs: cargo run -p wswarden-cli -- schema > policy.schema.json");
}
