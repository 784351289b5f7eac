//! Paths with rules of their own.

use super::*;

fn routed(routes: Value) -> Value {
    let mut document = sound();
    document["route"] = routes;
    document
}

#[test]
fn a_route_takes_from_the_document_what_it_does_not_say() {
    let policy = accepted(routed(json!([
        { "path": "/admin", "message": { "max_bytes": "1KiB", "json": { "max_depth": 4 } }, "cap": { "per_user": 1 } },
        { "path": "/a", "origin": { "allow": ["https://a.example.com"] } }
    ])));
    let admin = policy.document_for("/admin");
    assert_eq!(admin.message.max_bytes, Size::from_kib(1));
    assert_eq!((admin.message.json.max_depth, admin.message.json.max_members), (4, 1024));
    assert!(admin.message.types.contains_key("chat"));
    assert_eq!((admin.cap.per_user, admin.cap.per_address), (1, 32));
    assert_eq!(policy.document().message.max_bytes, Size::from_kib(64));
    // Arrays replace: an origin of the document is none of the route's.
    assert_eq!(policy.document_for("/a").origin.allow.len(), 1);
    assert_ne!(policy.document_for("/a").origin, policy.document().origin);
    assert_eq!(policy.document_for("/admin/").cap.per_user, 1);
    assert_eq!(policy.document_for("/Admin").cap.per_user, 1);
}

#[test]
fn what_is_one_value_is_replaced_whole() {
    let mut document = routed(json!([{
        "path": "/a",
        "rate": { "user": { "messages": { "limit": 60, "per": "60s" } } },
        "message": { "types": { "chat": { "schema": { "maxProperties": 1 } } } }
    }]));
    set(&mut document, "/rate", json!({ "user": { "messages": { "limit": 600, "per": "60s", "burst": 600 } } }));
    let policy = accepted(document);
    let route = policy.document_for("/a");
    assert_eq!(route.rate.user.messages.burst(), 30);
    assert_eq!(route.message.types["chat"].schema, json!({ "maxProperties": 1 }));
}

#[test]
fn routes_share_limits_when_they_say_the_same() {
    let policy = accepted(routed(json!([
        { "path": "/b", "cap": { "per_user": 2 } },
        { "path": "/a", "message": { "max_bytes": "1KiB" } },
        { "path": "/c", "cap": { "per_user": 2 }, "rate": { "connection": { "messages": "120/min" } } },
        { "path": "/d", "rate": { "connection": { "messages": "121/min" } } },
    ])));
    let group = |path| policy.rules(path).limits;
    assert_eq!((group("/"), group("/a"), group("/b"), group("/c"), group("/d")), (0, 0, 1, 1, 2));
}

/// Phoenix once served the second endpoint with the first one's allowlist.
#[test]
fn t26_routes_share_no_decision() {
    let document = routed(json!([{ "path": "/open", "origin": { "dangerous_any_origin": true, "allow": [] } }]));
    let policy = accepted(document);
    assert!(policy.document_for("/open").origin.dangerous_any_origin);
    assert!(!policy.document().origin.dangerous_any_origin);
    let (one, other) = (policy.rules("/open"), policy.rules("/"));
    assert!(!Arc::ptr_eq(one, other));
}

#[test]
fn a_route_must_be_safe_on_its_own() {
    let cookie = json!([{ "kind": "session", "in": "cookie", "name": "sid" }]);
    let error = refused(routed(json!([
        { "path": "/ok" },
        { "path": "/cookie", "credential": { "sources": cookie }, "origin": { "allow": [] } }
    ])));
    assert_eq!(error.place(), "route[1].origin.allow");
    // Its sources name no token, so the document's keys are not its own.
    let policy = accepted(routed(json!([{ "path": "/cookie", "credential": { "sources": cookie } }])));
    assert!(policy.rules("/cookie").jwt.is_none());
}

#[test]
fn a_route_that_is_none_is_refused() {
    for (route, place, says) in [
        (json!({}), "route[0]", "`path` is missing"),
        (json!({ "path": 1 }), "route[0].path", "expected a string"),
        (json!({ "path": "admin" }), "route[0].path", "begin with"),
        (json!({ "path": "/a?b" }), "route[0].path", "more than a path"),
        (json!({ "path": "/ä" }), "route[0].path", "percent-encoded"),
        (json!({ "path": "/a", "orign": {} }), "route[0].orign", "no such field"),
        (json!({ "path": "/a", "route": [] }), "route[0].route", "no routes of its own"),
        (
            json!({ "path": "/a", "transport": { "max_head": "1KiB" } }),
            "route[0].transport.max_head",
            "before its path",
        ),
        (json!(7), "route[0]", "a route is a table"),
    ] {
        let error = refused(routed(json!([route])));
        assert_eq!(error.place(), place, "{error}");
        assert!(error.problem().contains(says), "{error}");
    }
    let twice = refused(routed(json!([{ "path": "/a" }, { "path": "/a" }])));
    assert_eq!(twice.place(), "route[1].path");
    assert_eq!(refused(routed(json!({ "path": "/a" }))).place(), "route");
}

#[test]
fn an_error_in_a_route_points_at_the_route() {
    let text = format!("{SMALLEST}\n[[route]]\npath = \"/a\"\n[route.cap]\nper_user = 0\n");
    let error = Policy::from_toml(&text).unwrap_err();
    assert_eq!(error.place(), "route[0].cap.per_user");
    assert_eq!(&text[error.span().unwrap()], "0");
    // What the route took from the document is told at the route.
    let text = format!("{SMALLEST}\n[[route]]\npath = \"/a\"\nheartbeat.interval = \"5s\"\n");
    let error = Policy::from_toml(&text).unwrap_err();
    assert_eq!((error.place(), &text[error.span().unwrap()]), ("route[0].heartbeat.timeout", "heartbeat"));
}
