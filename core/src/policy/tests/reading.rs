//! What an operator writes, and what the errors say about it.

use super::*;

#[track_caller]
fn error(text: &str) -> PolicyError {
    Policy::from_toml(text).expect_err("this policy must not be")
}

/// The text the error points at.
fn pointed<'a>(text: &'a str, error: &PolicyError) -> &'a str {
    &text[error.span().expect("the error knows its place")]
}

#[test]
fn the_smallest_useful_policy_has_safe_defaults() {
    let policy = Policy::from_toml(SMALLEST).unwrap();
    let document = policy.document();
    let source = &document.credential.sources[..];
    assert!(matches!(source, [Source { kind: CredentialKind::Jwt, place: Place::Header, name: Some(name), .. }]
        if &**name == "authorization"));
    assert_eq!(document.transport.secure, Secure::Required);
    assert_eq!(document.message.max_bytes, Size::from_kib(64));
    assert_eq!(policy.rules("/any").limits, 0);
}

#[test]
fn toml_json_values_and_code_are_the_same_policy() {
    let toml = Policy::from_toml(SMALLEST).unwrap();
    let mut value = sound();
    value.as_object_mut().unwrap().remove("message");
    let json = Policy::from_json(&value.to_string()).unwrap();
    let tree = Policy::from_value(value).unwrap();
    let jwt = Jwt {
        keys: vec![JwtKey {
            alg: Algorithm::HS256,
            secret: Some("5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2".into()),
            secret_base64: false,
            pem: None,
            jwk: None,
            kid: None,
            issuer: vec![],
            until: None,
        }],
        issuer: vec!["https://id.example.com".into()],
        audience: vec!["chat".into()],
        ..Jwt::default()
    };
    let allow = serde_json::from_value(json!(["https://app.example.com"])).unwrap();
    let document = Document {
        origin: Origin { allow, ..Origin::default() },
        credential: Credential { jwt: Some(jwt), ..Credential::default() },
        ..Document::default()
    };
    let code = Policy::from_document(document).unwrap();
    for other in [json, tree, code] {
        assert_eq!(other.document(), toml.document());
        assert_eq!(other.to_value(), toml.to_value());
    }
}

#[test]
fn a_policy_written_out_is_read_back_the_same() {
    let policy = accepted(sound());
    let mut value = policy.to_value();
    set(&mut value, "/credential/jwt/keys/0/secret", json!("5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2"));
    assert_eq!(accepted(value).to_value(), policy.to_value());
}

#[test]
fn an_unknown_field_is_an_error_that_knows_what_was_meant() {
    let text = format!("{SMALLEST}\n[message]\nmax_byte = \"64KiB\"\n");
    let error = error(&text);
    assert_eq!(error.place(), "message.max_byte");
    assert_eq!(pointed(&text, &error), "max_byte");
    let help = error.remedy().unwrap();
    assert!(help.starts_with("did you mean `max_bytes`?"), "{help}");
    assert!(help.contains("allowed here: `kinds`, `max_bytes`, `max_fragments`"), "{help}");
}

#[test]
fn unknown_fields_are_found_at_any_depth() {
    for (pointer, place, meant) in [
        ("/orign", "orign", "origin"),
        ("/credential/jwt/key", "credential.jwt.key", "keys"),
        ("/credential/jwt/keys/0/algo", "credential.jwt.keys[0].algo", "alg"),
        ("/message/types/chat/shema", "message.types.chat.shema", "schema"),
        ("/rate/connection/message", "rate.connection.message", "messages"),
        ("/rate/user/messages", "rate.user.messages.brust", "burst"),
    ] {
        let value = if place.ends_with("brust") { json!({ "limit": 1, "per": 1, "brust": 1 }) } else { json!(1) };
        let error = refused(with(pointer, value));
        assert_eq!(error.place(), place);
        assert!(error.remedy().unwrap().starts_with(&format!("did you mean `{meant}`?")), "{error}");
    }
    let far = refused(with("/message/quux", json!(1)));
    assert!(far.remedy().unwrap().starts_with("allowed here"), "{far}");
}

#[test]
fn a_wrong_type_says_what_was_found_and_what_would_be_right() {
    for (pointer, value, place, says) in [
        ("/cap/total", json!("many"), "cap.total", "found \"many\"; expected a whole number from 0 to 4294967295"),
        ("/cap/total", json!(5_000_000_000_u64), "cap.total", "found 5000000000; expected a whole number"),
        ("/cap/total", json!(-1), "cap.total", "found -1; expected a whole number"),
        ("/cap/total", json!(1.5), "cap.total", "found 1.5; expected a whole number"),
        ("/cap", json!([1]), "cap", "found an array; expected a table"),
        ("/origin/allow", json!("https://a"), "origin.allow", "expected an array"),
        ("/credential/anonymous", json!("yes"), "credential.anonymous", "found a string; expected true or false"),
        (
            "/transport/secure",
            json!("always"),
            "transport.secure",
            "found \"always\"; expected \"required\" or \"dangerous-any\"",
        ),
        (
            "/transport/secure",
            json!(true),
            "transport.secure",
            "found true; expected \"required\" or \"dangerous-any\"",
        ),
        ("/transport/secure", Value::Null, "transport.secure", "found null"),
        ("/heartbeat/interval", json!("25"), "heartbeat.interval", "found \"25\", which has no unit"),
        ("/deadline/idle", json!("never"), "deadline.idle", "found \"never\"; expected a length of time"),
        ("/message/max_bytes", json!("64kib"), "message.max_bytes", "did you mean \"KiB\"?"),
        ("/message/discriminator", json!(true), "message.discriminator", "expected a member's name, or a place"),
        ("/rate/connection/messages", json!(10), "rate.connection.messages", "found 10; expected a rate such as"),
        (
            "/transport/trusted_proxies",
            json!(["10.0.0.1/8"]),
            "transport.trusted_proxies[0]",
            "the block is \"10.0.0.0/8\"",
        ),
        ("/transport/hosts", json!(["https://a"]), "transport.hosts[0]", "which has a scheme"),
    ] {
        let error = refused(with(pointer, value));
        assert_eq!(error.place(), place, "{error}");
        assert!(error.problem().contains(says), "{error}");
    }
    let typo = refused(with("/message/on_invalid", json!("replay")));
    assert_eq!(typo.remedy(), Some("did you mean `reply`?"));
}

#[test]
fn an_error_of_syntax_points_at_it() {
    let text = "dialect = \"app\"\n[origin\nallow = []\n";
    let toml = error(text);
    assert!(toml.problem().starts_with("this is not TOML"), "{toml}");
    assert_eq!(text[..toml.span().unwrap().start].lines().count(), 2);
    let json = Policy::from_json("{\n  \"dialect\": app\n}").unwrap_err();
    assert!(json.problem().starts_with("this is not JSON"), "{json}");
    assert_eq!(json.span().unwrap().start, "{\n  \"dialect\": ".len());
}

#[test]
fn errors_of_several_fields_point_into_the_text_too() {
    let text = format!("{SMALLEST}\n[heartbeat]\ninterval = \"20s\"\ntimeout = \"20s\"\n");
    let error = error(&text);
    assert_eq!(pointed(&text, &error), "\"20s\"");
    assert_eq!(error.span().unwrap().end, text.len() - 1);

    let text = SMALLEST.replace("audience = [\"chat\"]", "");
    let error = self::error(&text);
    assert_eq!((error.place(), pointed(&text, &error)), ("credential.jwt.audience", "jwt"));
}

#[test]
fn json_places_are_known_too() {
    let text = "{ \"cap\" : { \"total\": [ 1, \"a\\\"]\" ] , \"per_user\":3},\n \"origin\": {\"allow\": [\"https://x.example\" , 7]} }";
    let error = Policy::from_json(text).unwrap_err();
    assert_eq!((error.place(), pointed(text, &error)), ("cap.total", "[ 1, \"a\\\"]\" ]"));
    let text = text.replace("\"total\": [ 1, \"a\\\"]\" ] ,", "");
    let error = Policy::from_json(&text).unwrap_err();
    assert_eq!((error.place(), pointed(&text, &error)), ("origin.allow[1]", "7"));
}

#[test]
fn a_json_field_given_twice_is_refused() {
    let text = r#"{ "cap": { "total": 1, "total": 2 } }"#;
    let error = Policy::from_json(text).unwrap_err();
    assert_eq!((error.place(), error.problem()), ("cap.total", "this field is given twice"));
    assert_eq!(error.span().unwrap(), 23..30);
}

#[test]
fn editors_may_name_the_schema_in_json() {
    let mut document = sound();
    document["$schema"] = json!("./policy.schema.json");
    Policy::from_json(&document.to_string()).unwrap();
}

#[test]
fn names_of_later_builds_are_refused_by_name() {
    for (pointer, value, place) in [
        ("/dialect", json!("centrifugo"), "dialect"),
        ("/dialect", json!("pusher"), "dialect"),
        ("/shared", json!({ "store": "redis://" }), "shared"),
        ("/shadow", json!(["origin"]), "shadow"),
    ] {
        let error = refused(with(pointer, value));
        assert_eq!(error.place(), place);
        assert!(error.problem().contains("not in this build"), "{error}");
    }
}

#[test]
fn no_error_and_no_debug_shows_a_key() {
    let secret = "an-unmistakable-needle-in-a-haystack-9876543210";
    for (name, value) in [
        ("secret", json!("needle")),
        ("secret", json!([secret])),
        ("secret", json!(9876543210_u64)),
        ("pem", json!(secret)),
        ("pem", json!(9876543210_u64)),
        ("jwk", json!(secret)),
    ] {
        let mut key = json!({ "alg": "HS256" });
        key[name] = value;
        let error = refused(with("/credential/jwt/keys/0", key));
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("needle") && !shown.contains("9876543210"), "{error}");
    }
    let policy = accepted(with("/credential/jwt/keys/0/secret", json!(secret)));
    let shown = format!("{policy} {policy:?} {} {:?}", policy.to_value(), policy.document());
    assert!(!shown.contains("needle") && shown.contains("***"));
}
