//! Tickets, published keys, and what tokens must say.

use super::*;

/// A sound policy that also takes tickets, with these fields of their table.
fn tickets(table: Value) -> Value {
    let mut document = with("/credential/ticket", table);
    let ticket = json!({ "kind": "ticket", "in": "query", "name": "ticket" });
    let jwt = json!({ "kind": "jwt", "in": "header", "name": "authorization" });
    set(&mut document, "/credential/sources", json!([ticket, jwt]));
    document
}

fn place_of(document: Value) -> String {
    refused(document).place().to_owned()
}

const KEY: &str = "5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2kPj7QeR4uYw1LsGd9HvCxBzM6fAtIoJi";

#[test]
fn a_ticket_may_stand_in_the_query_and_in_no_cookie() {
    let policy = accepted(tickets(json!({})));
    assert!(policy.warnings().iter().all(|told| !told.place().contains("sources")), "a used ticket is no secret");
    for (source, place) in [
        (json!({ "kind": "ticket", "in": "cookie", "name": "t" }), "credential.sources[0].in"),
        (
            json!({ "kind": "ticket", "in": "query", "name": "t", "dangerous_in_url": true }),
            "credential.sources[0].dangerous_in_url",
        ),
        (json!({ "kind": "ticket", "in": "query" }), "credential.sources[0].name"),
    ] {
        let mut document = with("/credential/sources", json!([source]));
        document["credential"].as_object_mut().unwrap().remove("jwt");
        assert_eq!(place_of(document), place);
    }
}

#[test]
fn signed_tickets_need_a_store_that_servers_share_or_a_dangerous_word() {
    let at = |field: &str| format!("credential.ticket{}{field}", if field.is_empty() { "" } else { "." });
    assert_eq!(place_of(tickets(json!({ "form": "signed" }))), at("form"));
    assert_eq!(place_of(tickets(json!({ "form": "signed", "spent": "host" }))), at("key"));
    for weak in ["short", "secretsecretsecretsecretsecretsecret"] {
        assert_eq!(place_of(tickets(json!({ "form": "signed", "spent": "host", "key": weak }))), at("key"));
    }
    let both = json!({ "form": "signed", "spent": "host", "key": KEY, "dangerous_single_process": true });
    assert_eq!(place_of(tickets(both)), at("dangerous_single_process"));
    for (field, value) in [("spent", json!("host")), ("key", json!(KEY)), ("dangerous_single_process", json!(true))] {
        assert_eq!(place_of(tickets(json!({ field: value }))), at(field));
    }
    accepted(tickets(json!({ "form": "signed", "spent": "host", "key": KEY })));
    let alone = accepted(tickets(json!({ "form": "signed", "dangerous_single_process": true })));
    assert!(alone.warnings().iter().any(|told| told.place() == at("dangerous_single_process")));
}

#[test]
fn limits_of_tickets() {
    assert_eq!(place_of(tickets(json!({ "ttl": "2h" }))), "credential.ticket.ttl");
    assert_eq!(place_of(tickets(json!({ "ttl": 0 }))), "credential.ticket.ttl");
    assert_eq!(place_of(tickets(json!({ "outstanding": 0 }))), "credential.ticket.outstanding");
    assert_eq!(place_of(tickets(json!({ "outstanding": 4_000_000_000_u32 }))), "credential.ticket.outstanding");
    assert_eq!(place_of(tickets(json!({ "per_user": 0 }))), "credential.ticket.per_user");
    let told = |table| accepted(tickets(table)).warnings().iter().map(|one| one.place().to_owned()).collect::<Vec<_>>();
    assert!(told(json!({ "ttl": "10min" })).contains(&"credential.ticket.ttl".into()));
    assert!(told(json!({ "bind": [] })).contains(&"credential.ticket.bind".into()));
}

#[test]
fn tickets_are_kept_for_all_paths_together() {
    let route = json!([{ "path": "/a", "credential": { "ticket": { "ttl": "5s" } } }]);
    let mut document = tickets(json!({}));
    set(&mut document, "/route", route);
    assert_eq!(place_of(document), "route[0].credential.ticket");
}

#[test]
fn the_key_of_tickets_is_provided_and_shown_nowhere() {
    let document = tickets(json!({ "form": "signed", "spent": "host", "key": "env:TICKET_KEY" }));
    let mut draft = PolicyDraft::from_value(document);
    let place = |source: &External| source.place == "credential.ticket.key";
    let source = draft.sources().into_iter().find(place).unwrap();
    assert_eq!((source.kind, source.name.as_str()), (ExternalKind::Env, "TICKET_KEY"));
    draft.provide(&source, format!("{KEY}\n").as_bytes()).unwrap();
    let policy = draft.build().unwrap();
    for shown in [policy.to_string(), format!("{policy:?}"), format!("{:?}", policy.document())] {
        assert!(!shown.contains(KEY), "{shown}");
    }
    assert_eq!(policy.document().credential.ticket.key.as_deref(), Some("***"));
}

fn jwks(table: Value) -> Value {
    with("/credential/jwt/jwks", table)
}

#[test]
fn keys_are_published_over_https_only() {
    let url = |url: &str| jwks(json!({ "url": url, "algs": ["RS256"] }));
    accepted(url("https://id.example.com/keys"));
    accepted(url("https://id.example.com:8443/keys?v=1"));
    accepted(url("https://[2001:db8::1]/keys"));
    let long = format!("https://id.example.com/{}", "k".repeat(2048));
    for bad in [
        "http://id.example.com/keys",
        "HTTPS://id.example.com/keys",
        "ftp://id.example.com/",
        "//id.example.com/",
        "https:///keys",
        "https://",
        "https://user@id.example.com/keys",
        "https://id.example.com/keys#1",
        "https://id.example.com/ke ys",
        "https://id.example.com/keys\r\nX: y",
        "https://id.example.com\\@evil.example/",
        "https://id.example.com:99999/",
        "https://ïd.example.com/",
        &long,
        "",
    ] {
        assert_eq!(place_of(url(bad)), "credential.jwt.jwks.url", "{bad:?}");
    }
}

#[test]
fn a_key_set_is_one_thing_with_algorithms_and_bounds() {
    let at = |field: &str| format!("credential.jwt.jwks{field}");
    let url = "https://id.example.com/keys";
    assert_eq!(place_of(jwks(json!({}))), at(""));
    assert_eq!(place_of(jwks(json!({ "url": url, "keys": [], "algs": ["RS256"] }))), at(""));
    assert_eq!(place_of(jwks(json!({ "url": url }))), at(".algs"));
    assert_eq!(place_of(jwks(json!({ "url": url, "algs": ["RS256", "HS256"] }))), at(".algs[1]"));
    assert_eq!(place_of(jwks(json!({ "url": url, "algs": ["none"] }))), at(".algs[0]"));
    for field in ["cache", "cooldown", "negative", "stale", "timeout"] {
        assert_eq!(place_of(jwks(json!({ "url": url, "algs": ["RS256"], field: "0s" }))), at(&format!(".{field}")));
    }
    assert_eq!(place_of(jwks(json!({ "url": url, "algs": ["RS256"], "cooldown": "10ms" }))), at(".cooldown"));
    assert_eq!(place_of(jwks(json!({ "url": url, "algs": ["RS256"], "timeout": "1min" }))), at(".timeout"));
}

#[test]
fn a_key_set_may_be_given_inline() {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let encryption =
        json!({ "kty": "OKP", "crv": "X25519", "use": "enc", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08" });
    let at = "credential.jwt.jwks.keys";
    assert_eq!(place_of(jwks(json!({ "keys": [key] }))), format!("{at}[0]"), "which names no algorithm");
    assert_eq!(place_of(jwks(json!({ "keys": [encryption] }))), at, "there is none that could be used");
    assert_eq!(place_of(jwks(json!({ "keys": [key], "algs": ["RS256"] }))), at);
    let secret = json!({ "kty": "oct", "alg": "HS256", "k": "NXFxOFhuWjBiMlZyWVd4M2JtOXRaV0Z1TVRJek5EVTI" });
    assert_eq!(place_of(jwks(json!({ "keys": [secret] }))), at, "what is published is no secret");
    let mut document = jwks(json!({ "keys": [encryption, key], "algs": ["EdDSA"] }));
    document["credential"]["jwt"]["keys"] = json!([]);
    accepted(document);
}

#[test]
fn rules_for_claims_are_read_and_written_alike() {
    let claims = json!({ "azp": "web", "plan": { "one_of": ["pro"] }, "groups": { "contains": "chat" }, "zero": "0s" });
    let policy = accepted(with("/credential/jwt/claims", claims.clone()));
    assert_eq!(policy.to_value()["credential"]["jwt"]["claims"], claims);
    accepted(policy.to_value().as_object().map(|_| with("/credential/jwt/claims", claims)).unwrap());
    let at = "credential.jwt.claims";
    for (rule, place) in [
        (json!(7), format!("{at}.role")),
        (json!([]), format!("{at}.role")),
        (json!({}), format!("{at}.role")),
        (json!({ "one_of": ["a"], "contains": "a" }), format!("{at}.role")),
        (json!({ "one_of": [] }), format!("{at}.role")),
        (json!({ "one_off": ["a"] }), format!("{at}.role.one_off")),
    ] {
        assert_eq!(place_of(with("/credential/jwt/claims", json!({ "role": rule }))), place);
    }
    assert_eq!(place_of(with("/credential/jwt/claims", json!({ "": "x" }))), format!("{at}."));
}

#[test]
fn roles_name_a_claim_and_what_each_permits() {
    let roles = |claim: &str, permit: Value| with("/credential/jwt/roles", json!({ "claim": claim, "permit": permit }));
    accepted(roles("roles", json!({ "editor": ["chat:write"] })));
    let at = |field: &str| format!("credential.jwt.roles.{field}");
    assert_eq!(place_of(roles("", json!({ "editor": ["chat:write"] }))), at("claim"));
    assert_eq!(place_of(roles("roles", json!({}))), at("permit"));
    assert_eq!(place_of(roles("roles", json!({ "editor": ["a b"] }))), at("permit.editor"));
}
