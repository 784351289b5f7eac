//! What is unsafe, or could never work, does not become a policy.

use super::*;

/// Each row: a field of the sound policy, what it is set to, the error's place, and what it says.
#[track_caller]
fn each_is_refused<const N: usize>(rows: [(&str, Value, &str, &str); N]) {
    for (pointer, value, place, says) in rows {
        let error = refused(with(pointer, value.clone()));
        assert_eq!(error.place(), place, "{pointer} = {value}: {error}");
        assert!(error.to_string().contains(says), "{pointer} = {value}: {error}");
    }
}

/// A policy with these sources, and its keys only if one of them is a token.
fn sources(sources: Value) -> Value {
    let mut document = with("/credential/sources", sources);
    let has_jwt = document["credential"]["sources"].as_array().unwrap().iter().any(|source| source["kind"] == "jwt");
    if !has_jwt {
        document["credential"].as_object_mut().unwrap().remove("jwt");
    }
    document
}

fn cookie() -> Value {
    sources(json!([{ "kind": "session", "in": "cookie", "name": "sid" }]))
}

/// Cross-site WebSocket hijacking: a cookie, and a page that may be anyone's.
#[test]
fn t22_a_cookie_without_an_allowlist_is_refused() {
    let mut document = cookie();
    accepted(document.clone());
    set(&mut document, "/origin", json!({ "allow": ["https://a.example"], "dangerous_any_origin": true }));
    assert_eq!(refused(document.clone()).place(), "origin.dangerous_any_origin");
    // A label below a domain, or a sandboxed frame, may be anyone's.
    set(&mut document, "/origin", json!({ "allow": ["https://*.example.com", "null"] }));
    assert_eq!(refused(document.clone()).place(), "origin.allow");
    set(&mut document, "/origin", json!({}));
    let error = refused(document);
    assert_eq!(error.place(), "origin.allow");
    assert!(error.remedy().unwrap().contains("https://app.example.com"));
}

#[test]
fn guests_count_as_ambient() {
    let guests = json!({ "credential": { "anonymous": true } });
    assert_eq!(refused(guests.clone()).place(), "origin.allow");
    let mut listed = guests;
    set(&mut listed, "/origin/allow", json!(["https://a.example"]));
    accepted(listed);
}

#[test]
fn a_policy_that_lets_nobody_in_says_how_to_say_so() {
    let error = refused(json!({}));
    assert_eq!(error.place(), "credential");
    assert!(error.remedy().unwrap().contains("anonymous = true"), "{error}");
}

#[test]
fn the_same_host_needs_a_list_of_hosts() {
    let mut document = with("/origin/allow", json!(["same-host"]));
    assert!(refused(document.clone()).problem().contains("DNS rebinding"));
    set(&mut document, "/transport/hosts", json!(["chat.example.com"]));
    accepted(document);
}

#[test]
fn a_source_needs_its_own_fields_and_no_others() {
    for (source, field, says) in [
        (json!({ "kind": "jwt", "in": "cookie" }), ".name", "needed"),
        (json!({ "kind": "jwt", "in": "subprotocol" }), ".form", "needed"),
        (json!({ "kind": "jwt", "in": "first-message", "type": "auth" }), ".field", "needed"),
        (json!({ "kind": "jwt", "in": "query", "name": "t" }), ".in", "dangerous_in_url = true"),
        (json!({ "kind": "session", "in": "query", "name": "t" }), ".in", "dangerous_in_url = true"),
        (json!({ "kind": "jwt", "in": "header", "name": "a", "form": "phoenix" }), ".form", "no meaning"),
        (json!({ "kind": "jwt", "in": "header", "name": "Origin" }), ".name", "not a header"),
        (json!({ "kind": "jwt", "in": "body", "name": "a" }), ".in", "\"first-message\""),
        (json!({ "in": "header", "name": "a" }), "", "`kind` is missing"),
    ] {
        let error = refused(sources(json!([source])));
        assert_eq!(error.place(), format!("credential.sources[0]{field}"), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn two_credentials_cannot_stand_at_one_place() {
    let header = |name: &str, kind: &str| json!({ "kind": kind, "in": "header", "name": name });
    let first = json!({ "kind": "jwt", "in": "first-message", "type": "auth", "field": "token" });
    let other = json!({ "kind": "session", "in": "first-message", "type": "login", "field": "id" });
    let form = |form: &str| json!({ "kind": "jwt", "in": "subprotocol", "form": form });
    for twice in [
        [header("authorization", "jwt"), header("Authorization", "session")],
        [form("phoenix"), form("phoenix")],
        [first.clone(), other],
    ] {
        assert_eq!(refused(sources(json!(twice))).place(), "credential.sources[1]");
    }
    accepted(sources(json!([
        header("authorization", "jwt"),
        header("x-session", "session"),
        form("phoenix"),
        form("jupyter"),
        first
    ])));
}

#[test]
fn tokens_need_keys_and_keys_need_tokens() {
    let mut document = sources(json!([{ "kind": "jwt", "in": "header", "name": "authorization" }]));
    document["credential"].as_object_mut().unwrap().remove("jwt");
    assert_eq!(refused(document).place(), "credential.sources[0].kind");
    let session = json!([{ "kind": "session", "in": "header", "name": "x-session" }]);
    assert_eq!(refused(with("/credential/sources", session)).place(), "credential.jwt");
}

#[test]
fn t37_weak_hmac_keys() {
    // 64 letters of no order.
    let text = "5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2kPj7QeR4uYw1LsGd9HvCxBzM6fAtIoJi";
    for (alg, least) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
        let key = |length| with("/credential/jwt/keys/0", json!({ "alg": alg, "secret": text[..length] }));
        let error = refused(key(least - 1));
        assert_eq!(error.place(), "credential.jwt.keys[0].secret");
        assert!(error.problem().contains("RFC 7518 section 3.2"), "{error}");
        accepted(key(least));
    }
    // What counts is the bytes, not the letters of their base64url.
    let encoded = |letters| json!({ "alg": "HS256", "secret": text[..letters], "secret_base64": true });
    assert!(refused(with("/credential/jwt/keys/0", encoded(40))).problem().contains("30 bytes"));
    accepted(with("/credential/jwt/keys/0", encoded(44)));
}

#[test]
fn a_key_is_one_thing_and_fits_its_algorithm() {
    let at = "credential.jwt.keys[0]";
    let secret = "5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2";
    for (key, place, says) in [
        (json!({ "alg": "HS256" }), "", "exactly one"),
        (json!({ "alg": "HS256", "secret": secret, "pem": "x" }), "", "exactly one"),
        (json!({ "alg": "RS256", "secret": secret }), ".secret", "RS256 has no use for"),
        (json!({ "alg": "HS256", "secret": "not base64url!", "secret_base64": true }), ".secret", "not base64url"),
        (json!({ "alg": "RS256", "jwk": [1] }), ".jwk", "not an object"),
        (json!({ "alg": "none", "secret": secret }), ".alg", "expected \"HS256\""),
        (json!({ "secret": secret }), "", "`alg` is missing"),
    ] {
        let error = refused(with("/credential/jwt/keys/0", key));
        assert_eq!(error.place(), format!("{at}{place}"), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(refused(with("/credential/jwt/keys", json!([]))).place(), "credential.jwt.keys");
}

#[test]
fn issuer_and_audience_are_required_unless_waived_by_name() {
    for (field, claim) in [("issuer", "iss"), ("audience", "aud")] {
        let mut document = with(&format!("/credential/jwt/{field}"), json!([]));
        let error = refused(document.clone());
        assert_eq!(error.place(), format!("credential.jwt.{field}"));
        assert!(error.problem().contains(&format!("waive = [\"{claim}\"]")), "{error}");
        set(&mut document, "/credential/jwt/waive", json!([claim]));
        accepted(document);
    }
    each_is_refused([
        ("/credential/jwt/issuer", json!([""]), "credential.jwt.issuer[0]", "empty"),
        ("/credential/jwt/subject", json!(""), "credential.jwt.subject", "must name a claim"),
        ("/credential/jwt/tenant", json!(""), "credential.jwt.tenant", "must name a claim"),
    ]);
}

#[test]
fn the_message_with_a_credential_is_no_other_message() {
    let refresh = json!({ "type": "chat", "field": "token" });
    each_is_refused([("/credential/refresh", refresh, "credential.refresh.type", "message.types too")]);
    let first = json!([{ "kind": "jwt", "in": "first-message", "type": "chat", "field": "token" }]);
    assert_eq!(refused(sources(first)).place(), "credential.sources[0].type");
    let refresh = json!({ "type": "auth", "field": "token" });
    for (pointer, value) in [("/message/discriminator", json!(2)), ("/message/kinds", json!(["binary"]))] {
        let mut document = with("/credential/refresh", refresh.clone());
        accepted(document.clone());
        set(&mut document, pointer, value);
        assert_eq!(refused(document).place(), "credential.refresh");
    }
    let guests =
        json!({ "credential": { "anonymous": true, "refresh": refresh }, "origin": { "allow": ["https://a"] } });
    assert_eq!(refused(guests).place(), "credential.refresh");
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    each_is_refused([
        (
            "/heartbeat",
            json!({ "interval": "10s", "timeout": "10s" }),
            "heartbeat.timeout",
            "not less than heartbeat.interval, 10s",
        ),
        ("/queue", json!({ "soft": "2MiB" }), "queue.soft", "more than queue.hard, 1MiB"),
        ("/cap", json!({ "per_address": 7 }), "cap.unauthenticated_per_address", "more than cap.per_address"),
        ("/cap/total", json!(9), "cap.per_user", "more than cap.total"),
        ("/rate/address/prefix4", json!(33), "rate.address.prefix4", "from 16 to 32"),
        ("/rate/address/prefix4", json!(8), "rate.address.prefix4", "from 16 to 32"),
        ("/rate/address/prefix6", json!(128), "rate.address.prefix6", "from 48 to 64"),
        (
            "/rate/connection/messages",
            json!({ "limit": 65, "per": 1, "kind": "sliding-window" }),
            "rate.connection.messages",
            "at most 64",
        ),
        ("/rate/connection/messages", json!("18446744073709551615/s"), "rate.connection.messages", "nanosecond"),
        ("/rate/user/messages", json!({ "limit": 9, "per": "60s", "burst": 0 }), "rate.user.messages", "more than 0"),
    ]);
}

/// A message that is legal by one rule and could never pass by another is a mistake in the policy.
#[test]
fn whatever_is_legal_can_pass() {
    each_is_refused([
        ("/message/max_bytes", json!("512KiB"), "message.max_bytes", "lets 262144 bytes through at once"),
        ("/message/max_bytes", json!("2GiB"), "message.max_bytes", "at most 1GiB"),
        ("/message/types/chat/cost", json!(41), "message.types.chat.cost", "rate.connection.messages lets 40"),
        ("/message/types/chat/kinds", json!(["binary"]), "message.types.chat.kinds[0]", "does not accept"),
        ("/message/types/chat/scopes", json!(["a b"]), "message.types.chat.scopes[0]", "one word"),
        ("/message/types/chat", json!({ "kinds": ["text", "text"] }), "message.types.chat.kinds[1]", "already"),
        ("/message/kinds", json!([]), "message.kinds", "no kind"),
        ("/message/schema", json!({}), "message.schema", "not both"),
        ("/subprotocols", json!(["chat.v1", "chat.v1"]), "subprotocols[1]", "already"),
        ("/subprotocols", json!(["a,b"]), "subprotocols[0]", "not a token"),
        ("/subprotocols", json!(["base64url.bearer.phx.x"]), "subprotocols[0]", "carries a credential"),
    ]);
    let mut document = with("/message/types/chat/cost", json!(81));
    set(&mut document, "/rate/connection/messages", json!("1000/s"));
    assert!(refused(document).problem().contains("rate.user.messages lets 80"));
}

#[test]
fn everything_that_can_be_counted_has_a_bound() {
    let source = |n: usize| json!({ "kind": "session", "in": "header", "name": format!("x-{n}") });
    let many: Vec<_> = (0..17).map(source).collect();
    assert!(refused(sources(json!(many))).problem().contains("at most 16"));
    let many: Value = (0..4_097).map(|n| (n.to_string(), json!({}))).collect::<serde_json::Map<_, _>>().into();
    assert!(refused(with("/message/types", many)).problem().contains("at most 4096"));
    let many: Vec<_> = (0..1_025).map(|n| json!({ "path": format!("/{n}") })).collect();
    assert!(refused(with("/route", json!(many))).problem().contains("at most 1024"));
}
