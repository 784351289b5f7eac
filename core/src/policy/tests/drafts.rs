//! Keys and schemas that lie elsewhere.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const TEXT: &str = r#"
origin.allow = ["https://app.example.com"]
[credential.jwt]
keys = [{ alg = "HS256", secret = "env:JWT_KEY" }]
issuer = ["https://id.example.com"]
audience = ["chat"]
[message.types."chat.v1/a~b"]
schema = "file:chat.schema.json"
"#;

fn provided(key: &[u8]) -> Result<PolicyDraft, PolicyError> {
    let mut draft = PolicyDraft::from_toml(TEXT)?;
    for source in draft.sources() {
        let bytes = if source.kind == ExternalKind::Env { key } else { b"{\"type\": \"object\"}\n" };
        draft.provide(&source, bytes)?;
    }
    Ok(draft)
}

fn key(draft: &PolicyDraft) -> JwtKey {
    draft.document().unwrap().credential.jwt.unwrap().keys.remove(0)
}

#[test]
fn sources_are_named_and_provided() {
    let mut draft = PolicyDraft::from_toml(TEXT).unwrap();
    let sources: Vec<_> = draft.sources().iter().map(|source| (source.place.clone(), source.to_string())).collect();
    let expected = [
        ("credential.jwt.keys[0].secret".into(), "env:JWT_KEY".into()),
        ("message.types.\"chat.v1/a~b\".schema".into(), "file:chat.schema.json".into()),
    ];
    assert_eq!(sources, expected);
    assert!(format!("{draft:?}").contains("JWT_KEY"));
    let policy = provided(b"5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2").unwrap().build().unwrap();
    assert_eq!(policy.document().message.types["chat.v1/a~b"].schema, json!({ "type": "object" }));
    let first = &draft.sources()[0];
    draft.provide(first, b"5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2").unwrap();
    assert!(draft.provide(first, b"again").unwrap_err().problem().contains("not asked for"));
}

#[test]
fn a_policy_with_something_missing_is_none() {
    let error = Policy::from_toml(TEXT).unwrap_err();
    assert_eq!(error.place(), "credential.jwt.keys[0].secret");
    assert!(error.problem().contains("env:JWT_KEY, file:chat.schema.json"), "{error}");
    assert_eq!(&TEXT[error.span().unwrap()], "\"env:JWT_KEY\"");
}

#[test]
fn one_line_end_is_left_out_and_nothing_else() {
    let text = b"5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2";
    for end in [&b""[..], b"\n", b"\r\n"] {
        let draft = provided(&[text, end].concat()).unwrap();
        assert_eq!(key(&draft).secret.unwrap().as_bytes(), text);
    }
    let draft = provided(&[text, &b" \n\n"[..]].concat()).unwrap();
    assert_eq!(key(&draft).secret.unwrap().as_bytes(), [text, &b" \n"[..]].concat());
}

#[test]
fn a_secret_of_any_bytes_is_kept_byte_for_byte() {
    let bytes: Vec<u8> = (128..=255).collect();
    let key = key(&provided(&bytes).unwrap());
    assert!(key.secret_base64);
    assert_eq!(URL_SAFE_NO_PAD.decode(&*key.secret.unwrap()).unwrap(), bytes);
}

#[test]
fn what_is_provided_is_not_looked_into_again() {
    let draft = provided(b"env:OTHER_5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2").unwrap();
    draft.build().unwrap();
}

#[test]
fn a_wrong_value_is_told_by_its_source() {
    let empty = provided(b"\n").unwrap_err();
    assert!(empty.problem().contains("env:JWT_KEY is empty"), "{empty}");
    let mut draft = PolicyDraft::from_toml(TEXT).unwrap();
    let schema = draft.sources().remove(1);
    let error = draft.provide(&schema, b"{ \"type\": }").unwrap_err();
    assert!(error.problem().starts_with("file:chat.schema.json: this is not JSON"), "{error}");
    let short = provided(b"short-needle").unwrap().build().unwrap_err();
    assert_eq!(short.place(), "credential.jwt.keys[0].secret");
    assert!(!short.to_string().contains("needle") && short.problem().contains("12 bytes"), "{short}");
}
