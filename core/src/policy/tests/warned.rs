//! What is allowed but seldom meant.

use super::*;

fn warned(document: Value) -> Vec<String> {
    accepted(document).warnings().iter().map(|warning| warning.place().to_owned()).collect()
}

#[test]
fn a_sound_policy_has_no_warnings() {
    assert_eq!(warned(sound()), Vec::<String>::new());
}

#[test]
fn each_warning_has_its_place() {
    let jwt_in_query = json!([{ "kind": "jwt", "in": "query", "name": "token", "dangerous_in_url": true }]);
    for (pointer, value, place) in [
        ("/transport/secure", json!("dangerous-any"), "transport.secure"),
        ("/transport/trusted_proxies", json!(["10.0.0.0/8"]), "transport.trusted_proxies"),
        (
            "/transport",
            json!({ "trusted_proxies": ["::1", "0.0.0.0/4"], "hosts": ["a.example"] }),
            "transport.trusted_proxies[1]",
        ),
        ("/origin/dangerous_any_origin", json!(true), "origin.dangerous_any_origin"),
        ("/credential/sources", jwt_in_query, "credential.sources[0]"),
        ("/credential/jwt/waive", json!(["exp"]), "credential.jwt.waive[0]"),
        ("/credential/jwt/leeway", json!("10min"), "credential.jwt.leeway"),
        ("/message", json!({}), "message"),
        ("/message/unknown_type", json!("dangerous-deliver"), "message.unknown_type"),
        ("/message/json", json!({ "duplicate_keys": "dangerous-allow" }), "message.json.duplicate_keys"),
        ("/heartbeat", json!({ "interval": "60s" }), "heartbeat.interval"),
        ("/cap/per_user", json!(33), "cap.per_user"),
    ] {
        assert_eq!(warned(with(pointer, value)), [place]);
    }
}

#[test]
fn t38_a_secret_of_words_or_a_pattern_is_warned_of() {
    for weak in [
        "zebra-quilt-anvil-mango-fjord-tulip",
        "ZEBRA QUILT ANVIL MANGO FJORD TULIP",
        "9a8b9a8b8b9a9a9a8b8b8b9a8b9a8b9a7c5d",
    ] {
        assert_eq!(
            warned(with("/credential/jwt/keys/0/secret", json!(weak))),
            ["credential.jwt.keys[0].secret"],
            "{weak}"
        );
    }
}

#[test]
fn an_origin_without_effect_is_warned_of() {
    let mut document =
        with("/credential", json!({ "sources": [{ "kind": "session", "in": "cookie", "name": "sid" }] }));
    set(&mut document, "/origin/allow", json!(["https://app.example.com", "null", "https://*.example.com"]));
    assert_eq!(warned(document.clone()), ["origin.allow[1]", "origin.allow[2]"]);
    let header = json!({ "kind": "session", "in": "header", "name": "x-session" });
    document["credential"]["sources"].as_array_mut().unwrap().push(header);
    assert_eq!(warned(document), Vec::<String>::new());
}

#[test]
fn a_warning_is_told_once_and_points_into_the_text() {
    let text =
        format!("{SMALLEST}\nwaive = [\"exp\"]\n[[route]]\npath = \"/a\"\n[route.heartbeat]\ninterval = \"2min\"\n");
    let policy = Policy::from_toml(&text).unwrap();
    let told: Vec<_> =
        policy.warnings().iter().map(|one| (one.place(), &text[one.span().unwrap_or_default()])).collect();
    let expected =
        [("credential.jwt.waive[0]", "\"exp\""), ("message", ""), ("route[0].heartbeat.interval", "\"2min\"")];
    assert_eq!(told, expected);
}
