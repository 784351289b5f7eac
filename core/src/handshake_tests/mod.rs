//! Stories of upgrade requests: the order of the checks, and what each refusal answers.

mod canary;
mod keys;
mod limits;
mod tickets;
mod waiting;

use std::time::Duration;

use crate::http::{Header, HttpVersion, Request};
use crate::story::{Client, ORIGIN, POLICY, Story, merged};
use crate::{Admission, Reason, Refusal};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The refusal of a client that must be refused.
fn refusal(story: &Story, client: &Client) -> Refusal {
    match story.admit(client) {
        Err(refusal) => refusal,
        Ok(admission) => panic!("let in: {admission:?}"),
    }
}

/// A fault in a request, and what it is answered with.
struct Fault {
    make: fn(Client, &Story) -> Client,
    reason: Reason,
    status: u16,
    header: Option<(&'static str, &'static str)>,
}

const fn fault(
    make: fn(Client, &Story) -> Client,
    reason: Reason,
    status: u16,
    header: Option<(&'static str, &'static str)>,
) -> Fault {
    Fault { make, reason, status, header }
}

const BUSY: &str = "203.0.113.9";

/// Every check, in the order in which they are made.
const FAULTS: [Fault; 11] = [
    fault(
        |client, _| (0..65).fold(client, |client, _| client.header("x-padding", "")),
        Reason::HeadersTooLarge,
        431,
        None,
    ),
    fault(|client, _| client.header("x-odd", "a\u{1}b"), Reason::BadRequest, 400, None),
    fault(|client, _| Client { tls: false, ..client }, Reason::InsecureTransport, 403, None),
    fault(|client, _| client.from("10.0.0.1").header("x-forwarded-for", "unknown"), Reason::BadRequest, 400, None),
    fault(|client, _| client.from(BUSY), Reason::RateLimited, 429, Some(("retry-after", "1"))),
    fault(|client, _| client.with("host", "evil.example.com"), Reason::HostNotAllowed, 421, None),
    fault(|client, _| client.header("authorization", "Bearer other"), Reason::CredentialAmbiguous, 400, None),
    fault(|client, _| client.with("origin", "https://evil.example.com"), Reason::OriginNotAllowed, 403, None),
    fault(
        |client, _| client.with("sec-websocket-version", "8"),
        Reason::WrongVersion,
        426,
        Some(("sec-websocket-version", "13")),
    ),
    fault(
        |client, _| client.with("authorization", "Bearer not.a.token"),
        Reason::CredentialInvalid,
        401,
        Some(("www-authenticate", "Bearer error=\"invalid_token\"")),
    ),
    fault(
        |client, story| client.with("authorization", format!("Bearer {}", story.token("full", 60))),
        Reason::TooManyConnections,
        429,
        Some(("retry-after", "35")),
    ),
];

/// Of two faults the one that is looked for first decides, so that nothing costly is done for a
/// request that something cheap refuses.
#[test]
fn the_checks_are_made_in_the_order_of_their_cost() {
    let story = Story::new(
        r#"
        transport = { hosts = ["chat.example.com"], trusted_proxies = ["10.0.0.0/8"] }
        rate.address.handshakes = { limit = 200, per = "200s", burst = 200 }
        rate.address.failures = { limit = 1000, per = "1s" }
        cap.per_user = 1
        "#,
    );
    let _only = story.open_user("full");
    while story.refused(&Client::stranger().from(BUSY)) != Reason::RateLimited {}
    for (first, fault) in FAULTS.iter().enumerate() {
        for later in &FAULTS[first..] {
            let client = (later.make)(Client::good(&story, "alice"), &story);
            let client = (fault.make)(client, &story);
            let refusal = refusal(&story, &client);
            assert_eq!(refusal.reason(), fault.reason, "with {:?} after it", later.reason);
            let response = refusal.response();
            assert_eq!(response.status(), fault.status);
            if let Some((name, value)) = fault.header {
                assert_eq!(response.header(name), Some(value), "{}", fault.reason);
            }
        }
    }
    let stats = story.guard.stats();
    assert_eq!((stats.connections, stats.unauthenticated), (1, 0), "no refusal keeps a slot");
    assert!(stats.refused.contains(&(Reason::WrongVersion, 3)) && story.guard.reconcile().agrees());
}

#[test]
fn every_refusal_ends_the_connection_and_repeats_nothing_of_the_request() {
    let story = Story::new("");
    for fault in FAULTS.iter().filter(|fault| fault.reason != Reason::TooManyConnections) {
        let client = (fault.make)(Client::stranger().to("/canary-path"), &story).header("x-canary", "canary-value");
        let response = refusal(&story, &client).response();
        assert_eq!(response.header("connection"), Some("close"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        let text = String::from_utf8(response.to_bytes()).unwrap();
        assert!(text.starts_with(&format!("HTTP/1.1 {} ", response.status())) && !text.contains("canary"), "{text}");
    }
    let missing = refusal(&story, &Client::stranger());
    assert_eq!((missing.reason(), missing.response().status()), (Reason::CredentialMissing, 401));
    // RFC 6750 section 3.1: no error code where no credential was sent.
    assert_eq!(missing.response().header("www-authenticate"), Some("Bearer"));
}

#[test]
fn an_upgrade_is_a_get() {
    let story = Story::new("");
    let client = Client::good(&story, "alice");
    let headers: Vec<_> = client.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let request = Request {
        method: "POST",
        target: "/chat",
        version: HttpVersion::Http11,
        headers: &headers,
        peer: client.peer,
        tls: true,
    };
    let refusal = story.guard.screen(&request, story.now).unwrap_err();
    assert_eq!((refusal.reason(), refusal.response().status()), (Reason::MethodNotAllowed, 405));
    assert_eq!(refusal.response().header("allow"), Some("GET"));
}

#[test]
fn t31_a_header_that_comes_twice_is_refused() {
    for name in ["host", "origin", "cookie", "sec-websocket-key", "sec-websocket-version"] {
        let story = Story::new("");
        let twice = Client::good(&story, "alice").header("cookie", "a=b").header(name, "again");
        let twice = if name == "cookie" { twice } else { twice.header(name, "again") };
        assert_eq!(refusal(&story, &twice).response().status(), 400, "{name}");
    }
}

const COOKIE: &str = r#"
[origin]
allow = ["https://app.example.com", "https://*.example.com", "null"]
[credential]
sources = [
    { kind = "session", in = "cookie", name = "sid" },
    { kind = "jwt", in = "header", name = "authorization" },
]
"#;

fn is_asked(story: &Story, client: &Client) -> bool {
    matches!(story.admit(client), Ok(Admission::Wait(_)))
}

#[test]
fn t22_a_cookie_needs_a_present_and_exact_origin() {
    let story = Story::new(COOKIE);
    let cookie = Client::stranger().header("cookie", "sid=abc");
    assert!(is_asked(&story, &cookie));
    assert_eq!(story.refused(&cookie.clone().without("origin")), Reason::OriginMissing);
    for origin in
        ["https://evil.example.org", "null", "https://any.example.com", "https://app.example.com.evil.org", ""]
    {
        assert_eq!(story.refused(&cookie.clone().with("origin", origin)), Reason::OriginNotAllowed, "{origin}");
    }
}

#[test]
fn an_explicit_credential_may_come_without_an_origin_but_not_from_a_foreign_page() {
    let story = Story::new(COOKIE);
    let good = Client::good(&story, "alice");
    for origin in [ORIGIN, "https://any.example.com", "null"] {
        drop(story.open(&good.clone().with("origin", origin)));
    }
    drop(story.open(&good.clone().without("origin")));
    assert_eq!(story.refused(&good.with("origin", "https://evil.example.org")), Reason::OriginNotAllowed);
}

#[test]
fn a_guest_is_ambient() {
    let story = Story::new("credential.anonymous = true");
    let guest = Client::stranger();
    let session = story.open(&guest);
    assert!(session.identity().is_some_and(|identity| identity.user().is_none()));
    assert_eq!(story.refused(&guest.clone().without("origin")), Reason::OriginMissing);
    assert_eq!(story.refused(&guest.clone().with("origin", "https://evil.example.org")), Reason::OriginNotAllowed);
    // A bad credential does not make a guest.
    assert_eq!(story.refused(&guest.header("authorization", "Bearer x")), Reason::CredentialInvalid);
}

#[test]
fn t55_explicit_and_ambient_credentials_are_never_merged_and_two_explicit_ones_are_refused() {
    let story = Story::new(COOKIE);
    let both = Client::good(&story, "alice").header("cookie", "sid=mallory");
    assert_eq!(story.open(&both).identity().and_then(crate::Identity::subject), Some("alice"));
    let bad = Client::stranger().header("authorization", "Bearer bad").header("cookie", "sid=alice");
    assert_eq!(story.refused(&bad), Reason::CredentialInvalid, "the cookie is not a second chance");
    assert_eq!(story.refused(&Client::stranger().header("cookie", "sid=a; sid=b")), Reason::CredentialAmbiguous);

    let query = r#"
        credential.sources = [
            { kind = "jwt", in = "query", name = "token", dangerous_in_url = true },
            { kind = "jwt", in = "header", name = "authorization" },
        ]
    "#;
    let story = Story::new(query);
    let token = story.token("alice", 60);
    let in_query = Client::stranger().to(&format!("/chat?token={token}"));
    drop(story.open(&in_query));
    assert_eq!(
        story.refused(&in_query.clone().header("authorization", format!("Bearer {token}"))),
        Reason::CredentialAmbiguous
    );
    let twice = Client::stranger().to(&format!("/chat?token={token}&token={token}"));
    assert_eq!(story.refused(&twice), Reason::CredentialAmbiguous);
    assert!(!format!("{:?}", story.open(&in_query)).contains(&token), "a session's Debug shows the token");
}

#[test]
fn t54_a_token_among_the_subprotocols_is_never_echoed() {
    use base64::Engine as _;
    let story = Story::new(
        r#"
        subprotocols = ["chat.v1"]
        credential.sources = [{ kind = "jwt", in = "subprotocol", form = "kubernetes" }]
        "#,
    );
    let encoded = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(story.token("alice", 60));
    let offer = format!("base64url.bearer.authorization.k8s.io.{encoded}");
    let session = story.open(&Client::stranger().header("sec-websocket-protocol", format!("{offer}, chat.v1")));
    assert_eq!(session.response().header("sec-websocket-protocol"), Some("chat.v1"));
    assert!(!String::from_utf8(session.response().to_bytes()).unwrap().contains(&encoded));
    let alone = refusal(&story, &Client::stranger().header("sec-websocket-protocol", offer));
    assert_eq!(alone.reason(), Reason::SubprotocolNotSupported);
    assert!(!String::from_utf8(alone.response().to_bytes()).unwrap().contains(&encoded));
}

#[test]
fn t82_only_a_trusted_proxy_speaks_for_the_client() {
    let story = Story::new(
        "transport.trusted_proxies = [\"10.0.0.0/8\"]\ncap.per_address = 1\ncap.unauthenticated_per_address = 1",
    );
    let behind = |client: &str, proxy: &str| {
        Client::good(&story, "alice").from(proxy).header("x-forwarded-for", client).header("x-forwarded-proto", "https")
    };
    let session = story.open(&Client { tls: false, ..behind("192.0.2.1, 10.0.0.7", "10.0.0.1") });
    assert_eq!(session.peer().address, Some([192, 0, 2, 1].into()));
    // The leftmost element is the client's own claim.
    let spoofed = behind("198.51.100.1, 192.0.2.1", "10.0.0.1");
    assert_eq!(story.refused(&spoofed), Reason::TooManyConnections);
    // Nobody else is believed: neither the address nor the encryption.
    let session = story.open(&behind("192.0.2.99", "203.0.113.5"));
    assert_eq!(session.peer().address, Some([203, 0, 113, 5].into()));
    assert_eq!(story.refused(&Client { tls: false, ..behind("192.0.2.98", "203.0.113.6") }), Reason::InsecureTransport);
}

#[test]
fn t26_two_guards_share_no_decision_no_limit_and_no_revocation() {
    let strict = Story::new("rate.address.handshakes = { limit = 1, per = \"60s\", burst = 1 }");
    let open = Story::of(&merged(POLICY, "origin.allow = [\"https://other.example.com\"]"));
    let other = Client::good(&open, "alice").with("origin", "https://other.example.com");
    drop(open.open(&other));
    assert_eq!(strict.refused(&other), Reason::OriginNotAllowed);
    assert_eq!(strict.refused(&Client::good(&strict, "alice")), Reason::RateLimited);
    drop(open.open(&other));
    assert_eq!(open.guard.stats().refused, []);
}

#[test]
fn the_audit_is_told_what_the_peer_is_not() {
    let story = Story::new("");
    let client = |token: &str| Client::stranger().header("authorization", format!("Bearer {token}"));
    let foreign = story.token_with("alice", 60, serde_json::json!({ "iss": "https://evil.example" }));
    let forged = format!("{}A", story.token("alice", 60).trim_end_matches('A'));
    let refusals = [foreign, forged].map(|token| story.admit(&client(&token)).unwrap_err());
    assert_eq!(refusals[0].response(), refusals[1].response(), "the peer sees no difference");
    assert!(refusals.iter().all(|refusal| refusal.detail().is_some()));
    assert_ne!(refusals[0].detail(), refusals[1].detail());
}
