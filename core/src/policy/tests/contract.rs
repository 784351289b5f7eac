//! The whole contract as an operator would write it, against the schema and the policy.

use proptest::prelude::*;

use super::*;

const WHOLE: &str = include_str!("whole.toml");

fn schema() -> jsonschema::Validator {
    jsonschema::draft202012::new(&Policy::json_schema()).unwrap()
}

fn whole() -> Value {
    text::parse_toml(WHOLE).unwrap().value
}

#[test]
fn every_field_of_the_contract_is_in_the_schema_and_the_build() {
    let faults: Vec<_> = schema().iter_errors(&whole()).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new());
    let mut draft = PolicyDraft::from_toml(WHOLE).unwrap();
    for source in draft.sources() {
        let bytes = if source.place.ends_with("schema") { &b"{}"[..] } else { b"5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2" };
        draft.provide(&source, bytes).unwrap();
    }
    let policy = draft.build().unwrap_or_else(|error| panic!("{error}"));
    let told: Vec<_> = policy.warnings().iter().map(PolicyWarning::place).collect();
    assert_eq!(told, ["credential.sources[4]"]);
}

#[test]
fn the_schema_refuses_what_the_policy_refuses() {
    let schema = schema();
    assert!(schema.is_valid(&whole()));
    for (pointer, value) in [
        ("/orign", json!({})),
        ("/message/max_byte", json!(1)),
        ("/message/types/chat/shema", json!({})),
        ("/credential/sources/0/nme", json!("x")),
        ("/message/max_bytes", json!("64 kilobytes")),
        ("/message/max_fragments", json!(0)),
        ("/deadline/idle", json!("never")),
        ("/rate/ban", json!({ "after": 0 })),
        ("/rate/connection/messages", json!("10 per second")),
        ("/rate/user/messages", json!({ "limit": 1, "per": 1, "brust": 1 })),
        ("/transport/trusted_proxies", json!(["proxy.local"])),
        ("/route/0/pth", json!("/x")),
        ("/route/0", json!({ "cap": {} })),
        ("/route/0/route", json!([])),
        ("/shared", json!({})),
    ] {
        let mut document = whole();
        set(&mut document, pointer, value);
        assert!(!schema.is_valid(&document), "{pointer}");
    }
}

/// What a policy prints is a policy.
#[test]
fn what_is_written_out_matches_the_schema() {
    let policy = accepted(with("/route", json!([{ "path": "/a", "deadline": { "idle": "1h" } }])));
    let faults: Vec<_> = schema().iter_errors(&policy.to_value()).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new());
}

/// Characters that mean something in one of the languages or units, and some that are long.
const BREAKS: &str = "[a-z0-9\"'{}\\[\\]=:,.#/\\\\ \n\u{e4}\u{1f600}\u{0}-]{0,6}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever an operator mistypes, the answer is an error with a place that can be shown.
    #[test]
    fn no_text_panics_and_every_span_can_be_shown(at in 0..2_000_usize, cut in 0..40_usize, put in BREAKS, json: bool) {
        let text = if json { format!("{:#}", whole()) } else { WHOLE.to_owned() };
        let bytes = text.as_bytes();
        let (start, end) = (at.min(bytes.len()), (at + cut).min(bytes.len()));
        let broken = [&bytes[..start], put.as_bytes(), &bytes[end..]].concat();
        let text = String::from_utf8_lossy(&broken);
        let policy = if json { Policy::from_json(&text) } else { Policy::from_toml(&text) };
        let Err(error) = policy else { return Ok(()) };
        prop_assert!(!error.problem().is_empty());
        if let Some(span) = error.span() {
            prop_assert!(text.get(span.clone()).is_some(), "{span:?} of {}: {error}", text.len());
        }
    }
}
