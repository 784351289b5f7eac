//! Every op answers, and nothing that is no question goes unanswered.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{OPS, answer, answer_line};

#[test]
fn an_unknown_op_and_a_question_that_is_none_are_told_so_with_their_id() {
    assert_eq!(answer(&json!({ "id": 7, "op": "sing" }))["id"], 7);
    for question in [json!({ "op": "sing" }), json!({}), json!([]), json!(null), json!("version"), json!({ "op": 1 })] {
        assert!(answer(&question)["error"].is_string(), "{question}");
    }
    assert_eq!(answer_line(b"{")["id"], Value::Null);
}

#[test]
fn a_question_without_its_fields_names_the_first_that_is_missing() {
    let needs_nothing = ["version", "reasons", "origin", "client_ip"];
    for op in OPS {
        let error = &answer(&json!({ "op": op }))["error"];
        let named = error.as_str().is_some_and(|error| error.ends_with(" is missing"));
        assert_eq!(named, !needs_nothing.contains(op), "{op}: {error}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,9}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_fields_hold_there_is_an_answer(
        op in prop::sample::select(OPS),
        fields in prop::collection::vec((prop::sample::select(FIELDS), values()), 0..8),
    ) {
        let mut question = json!({ "id": "q", "op": op });
        for (name, value) in fields {
            question[name] = value;
        }
        prop_assert_eq!(&answer(&question)["id"], "q");
    }
}

const FIELDS: &[&str] = &[
    "policy",
    "bytes",
    "limits",
    "schema",
    "draft",
    "remotes",
    "formats",
    "instances",
    "engine",
    "allow",
    "origin",
    "ambient",
    "missing",
    "peer",
    "headers",
    "trusted",
    "header",
    "name",
    "values",
    "token",
    "key",
    "jwk",
    "jwt",
    "unix",
    "request",
    "mono",
    "identity",
    "quota",
    "events",
    "seed",
    "steps",
    "tls",
];
