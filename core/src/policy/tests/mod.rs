//! A policy's tests: what is read, what is refused, what routes share, and that all is finite.

mod contract;
mod drafts;
mod finite;
mod reading;
mod refused;
mod routes;
mod tokens;
mod warned;

use serde_json::{Value, json};

use super::*;

/// The smallest useful policy.
const SMALLEST: &str = r#"
origin.allow = ["https://app.example.com"]
[credential.jwt]
keys = [{ alg = "HS256", secret = "5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2" }]
issuer = ["https://id.example.com"]
audience = ["chat"]
"#;

/// A policy in which everything is well, to be broken in one place.
fn sound() -> Value {
    json!({
        "origin": { "allow": ["https://app.example.com"] },
        "credential": {
            "jwt": {
                "keys": [{ "alg": "HS256", "secret": "5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2" }],
                "issuer": ["https://id.example.com"],
                "audience": ["chat"]
            }
        },
        "message": { "types": { "chat": { "schema": { "type": "object" } } } }
    })
}

/// The sound policy with one field set, named by its JSON Pointer; tables on the way are made.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = sound();
    set(&mut document, pointer, value);
    document
}

fn set(document: &mut Value, pointer: &str, value: Value) {
    let mut here = document;
    for name in pointer.split('/').skip(1) {
        here = match here {
            Value::Array(array) => &mut array[name.parse::<usize>().unwrap()],
            other => &mut other[name],
        };
    }
    *here = value;
}

fn refused(document: Value) -> PolicyError {
    Policy::from_value(document).expect_err("this policy must not be")
}

#[track_caller]
fn accepted(document: Value) -> Policy {
    Policy::from_value(document).unwrap_or_else(|error| panic!("{error}"))
}
