//! Policies of messages: types, positions, credentials, explanations.

use serde_json::json;
use wswarden_core::Reason;
use wswarden_core::message::schema::Engine;
use wswarden_core::message::{Kind, Messages, Scratch, Tape, TypeIndex};
use wswarden_core::policy::{Message, MessageKind};

fn rules(document: serde_json::Value) -> Message {
    serde_json::from_value(document).expect("a message table")
}

fn judge(messages: &Messages, text: &str) -> Result<TypeIndex, Reason> {
    let judged = messages.judge(MessageKind::Text, text.as_bytes(), &mut Scratch::new());
    judged.map_err(|fault| fault.reason)
}

fn chat() -> Message {
    rules(json!({
        "types": {
            "chat": {
                "schema": {"type": "object", "properties": {"type": true, "text": {"type": "string", "maxLength": 5}}, "required": ["text"], "additionalProperties": false},
                "cost": 2, "scopes": ["chat:write"]
            },
            "ping": {"schema": {"type": "object", "properties": {"text": false}}},
            "blob": {"schema": true, "kinds": ["binary"]}
        }
    }))
}

#[test]
fn a_message_is_judged_by_the_schema_of_its_type_wherever_the_type_stands() {
    let messages = Messages::compile(&chat()).expect("a policy");
    let index = judge(&messages, r#"{"type":"chat","text":"hello"}"#).expect("valid");
    assert_eq!(messages.type_name(index), Some("chat"));
    assert_eq!((messages.cost(index), messages.scopes(index).len()), (2, 1));
    assert_eq!(judge(&messages, r#" { "text" : "hello" , "type" : "ch\u0061t" } "#), Ok(index));
    assert_eq!(judge(&messages, r#"{"type":"chat","text":"hello!"}"#), Err(Reason::SchemaViolation));
    assert_eq!(judge(&messages, r#"{"type":"ping","text":"hello!"}"#), Err(Reason::SchemaViolation));
    assert_eq!(messages.engine(), Engine::Fast);
}

#[test]
fn unknown_types_and_kinds_are_refused() {
    let messages = Messages::compile(&chat()).expect("a policy");
    for text in [r#"{"type":"other"}"#, r#"{"text":"a"}"#, "[1]", "1", "null", "\"chat\"", r#"{"type":1}"#, "{}"] {
        assert_eq!(judge(&messages, text), Err(Reason::UnknownType), "{text}");
    }
    assert_eq!(judge(&messages, "{\"type\""), Err(Reason::UnknownType));
    assert_eq!(judge(&messages, "nonsense"), Err(Reason::InvalidJson));
    assert_eq!(judge(&messages, r#"{"type":"blob"}"#), Err(Reason::WrongFrameType));
    let binary = messages.judge(MessageKind::Binary, br#"{"type":"blob"}"#, &mut Scratch::new());
    assert_eq!(binary.map(|index| messages.type_name(index)), Ok(Some("blob")));
    let binary = messages.judge(MessageKind::Binary, br#"{"type":"ping"}"#, &mut Scratch::new());
    assert_eq!(binary.map_err(|fault| fault.reason), Err(Reason::WrongFrameType));
}

#[test]
fn a_duplicate_type_cannot_choose_another_schema() {
    let messages = Messages::compile(&chat()).expect("a policy");
    for text in [r#"{"type":"ping","type":"chat"}"#, r#"{"type":"chat","text":"a","typ\u0065":"ping"}"#] {
        assert_eq!(judge(&messages, text), Err(Reason::DuplicateKey), "{text}");
    }
}

#[test]
fn protocol_frames_that_are_arrays_are_known_by_position() {
    let messages = Messages::compile(&rules(json!({
        "discriminator": 2,
        "types": {
            "Heartbeat": {"schema": {"type": "array", "prefixItems": [{"const": 2}, {"type": "string"}, true, {"type": "object", "maxProperties": 0}], "minItems": 4, "items": false}},
            "Authorize": {"schema": {"type": "array", "prefixItems": [true, true, true, {"required": ["idTag"]}], "minItems": 4}}
        }
    })))
    .expect("a policy");
    let index = judge(&messages, r#"[2,"19223201","Heartbeat",{}]"#).expect("valid");
    assert_eq!(messages.type_name(index), Some("Heartbeat"));
    assert!(judge(&messages, r#"[2,{"a":["x,]",[1]]},"Authorize",{"idTag":"A"}]"#).is_ok());
    assert_eq!(judge(&messages, r#"[2,"1","Authorize",{}]"#), Err(Reason::SchemaViolation));
    assert_eq!(judge(&messages, r#"[3,"1","Other",{}]"#), Err(Reason::UnknownType));
    assert_eq!(judge(&messages, r#"[3,"1"]"#), Err(Reason::UnknownType));
}

#[test]
fn a_message_with_a_credential_never_looks_like_another() {
    for document in [
        json!({}),
        json!({"schema": {"type": "object", "required": ["n"]}}),
        serde_json::to_value(chat()).expect("a table"),
    ] {
        let messages = Messages::compile_with_auth(&rules(document.clone()), &[("auth", "token")]).expect("a policy");
        let text = r#"{"token":"a\u002eb","type":"auth","n":1}"#;
        assert_eq!(judge(&messages, text), Ok(TypeIndex::AUTH), "{document}");
        assert_eq!(messages.auth_token(text.as_bytes()).as_deref(), Some("a.b"));
        assert_eq!(judge(&messages, r#"{"type":"auth"}"#), Err(Reason::SchemaViolation));
        assert_eq!(judge(&messages, r#"{"type":"auth","token":""}"#), Err(Reason::SchemaViolation));
        assert_eq!(judge(&messages, r#"{"type":"auth","token":1}"#), Err(Reason::SchemaViolation));
        assert_eq!(judge(&messages, r#"{"type":"auth","token":"a","token":"b"}"#), Err(Reason::DuplicateKey));
    }
    let single = rules(json!({"schema": {"type": "object", "required": ["n"]}}));
    let messages = Messages::compile_with_auth(&single, &[("auth", "token")]).expect("a policy");
    assert_eq!(judge(&messages, r#"{"n":1}"#), Ok(TypeIndex::UNTYPED));
    assert_eq!(judge(&messages, r#"{"type":"x","n":1}"#), Ok(TypeIndex::UNTYPED));
    assert_eq!(judge(&messages, r#"{"type":"x"}"#), Err(Reason::SchemaViolation));
}

#[test]
fn without_schemas_a_message_is_strict_json() {
    let messages = Messages::compile(&Message::default()).expect("a policy");
    assert_eq!(judge(&messages, r#"[{"a":null}]"#), Ok(TypeIndex::UNTYPED));
    assert_eq!(judge(&messages, "[01]"), Err(Reason::InvalidJson));
    assert_eq!(judge(&messages, "{\"a\\u0000b\":1}"), Err(Reason::ForbiddenKey));
}

#[test]
fn errors_of_the_operator_name_their_place() {
    for (document, error) in [
        (
            json!({"types": {"chat": {"schema": {"properties": {"x": {"maxLenght": 3}}}}}}),
            "types.chat.schema: at /properties/x: unknown keyword \"maxLenght\"; did you mean \"maxLength\"?",
        ),
        (json!({"schema": {"type": "nothing"}}), "schema: at /type:"),
        (json!({"schema": true, "types": {"a": {}}}), "schema: there is one schema"),
        (json!({"json": {"max_depth": 0}}), "json.max_depth: must be from 1 to 128"),
    ] {
        let got = Messages::compile(&rules(document)).expect_err("an error").to_string();
        assert!(got.starts_with(error), "{got}");
    }
}

#[test]
fn t78_an_explanation_is_short_and_shows_nothing_the_sender_chose() {
    let schema = json!({"type": "object", "properties": {"list": {"type": "array", "items": {"type": "object", "properties": {"n": {"minimum": 3}}}}, "only": {"additionalProperties": false}}});
    let messages = Messages::compile(&rules(json!({"schema": schema}))).expect("a policy");
    let explain = |text: &str| messages.explain(MessageKind::Text, text.as_bytes(), &mut Scratch::new());
    assert_eq!(explain("{}"), None);
    let told = explain(r#"{"list":[{"n":3},{"n":2}]}"#).expect("a fault");
    assert_eq!(
        (told.pointer.as_str(), told.schema.as_deref()),
        ("/list/1/n", Some("/properties/list/items/properties/n"))
    );
    let told = explain(r#"{"x":{"y":[1,{"list":01}]}}"#).expect("a fault");
    assert_eq!((told.fault.reason, told.pointer.as_str()), (Reason::InvalidJson, "/(key)/(key)/1/list"));
    let told = explain(r#"{"only":{"secret":1}}"#).expect("a fault");
    assert_eq!(told.pointer, "/only/(key)");
    let told = explain(&format!("{}{}{}", "{\"secret\":".repeat(31), "01", "}".repeat(31))).expect("a fault");
    assert!(told.to_string().len() <= 1024 && !told.to_string().contains("secret"), "{told}");
}

#[test]
fn the_scratch_is_sixteen_kibibytes() {
    assert!(size_of::<Scratch>() <= 16 << 10, "{}", size_of::<Scratch>());
}

#[test]
fn a_tape_lists_the_values_where_they_stand() {
    let messages = Messages::compile(&chat()).expect("a policy");
    let text = r#"{"type":"chat","text":"h\u0069"}"#;
    let mut tape = Tape::new();
    messages.judge_tape(MessageKind::Text, text.as_bytes(), &mut tape, &mut Scratch::new()).expect("valid");
    let got: Vec<(Kind, &str, bool)> = tape
        .entries()
        .iter()
        .map(|entry| (entry.kind, &text[entry.start as usize..entry.end as usize], entry.escaped))
        .collect();
    let expected = [
        (Kind::Object, text, false),
        (Kind::Key, "type", false),
        (Kind::String, "chat", false),
        (Kind::Key, "text", false),
        (Kind::String, "h\\u0069", true),
    ];
    assert_eq!(got, expected);
}
