//! One secret through every door: no byte of it may come out in print (threat 52).

use super::super::ticket::{Binding, TicketForm, TicketRules, Tickets};
use super::*;
use crate::http::{Header, Target};
use crate::policy::{Credential, CredentialKind, Place, Source, SubprotocolForm};
use crate::time::{Now, Timestamp};

/// Part of every secret below; nothing else contains it, encoded or not.
const CANARY: &str = "Zq7CanaryZq7";

struct Printed(Vec<String>);

impl Printed {
    fn add(&mut self, what: &dyn std::fmt::Debug) {
        self.0.push(format!("{what:?} {what:#?}"));
    }

    fn check(&self) {
        let coded = [
            CANARY.to_owned(),
            B64.encode(CANARY),
            B64.encode(format!(".{CANARY}")),
            B64.encode(format!("..{CANARY}")),
        ];
        for text in &self.0 {
            for canary in &coded {
                assert!(!text.contains(&canary[1..canary.len() - 2]), "{text}");
            }
            assert!(!text.contains("90, 113, 55"), "as numbers: {text}");
        }
    }
}

#[test]
fn t52_located_credentials() {
    let mut printed = Printed(Vec::new());
    let source = |place, name: Option<&str>, form| Source {
        kind: CredentialKind::Session,
        place,
        name: name.map(Into::into),
        form,
        message_type: None,
        field: None,
        dangerous_in_url: place == Place::Query,
    };
    let sources = vec![
        source(Place::Query, Some("token"), None),
        source(Place::Header, None, None),
        source(Place::Cookie, Some("sid"), None),
        source(Place::Header, Some("x-key"), None),
        source(Place::Subprotocol, None, Some(SubprotocolForm::Kubernetes)),
        source(Place::Subprotocol, None, Some(SubprotocolForm::Phoenix)),
        source(Place::Subprotocol, None, Some(SubprotocolForm::Jupyter)),
        source(Place::Subprotocol, None, Some(SubprotocolForm::Anycable)),
    ];
    let locator = Locator::new(&Credential { sources, ..Credential::default() }).unwrap();
    let coded = B64.encode(CANARY);
    let k8s = format!("base64url.bearer.authorization.k8s.io.{coded}");
    let (phoenix, anycable) = (format!("base64url.bearer.phx.{coded}"), format!("anycable-token.{CANARY}"));
    let jupyter = format!("v1.token.websocket.jupyter.org.{CANARY}");
    let (bearer, cookie, query) = (format!("Bearer {CANARY}"), format!("sid={CANARY}"), format!("/?token={CANARY}"));
    let broken = format!("Bearer {CANARY} {CANARY}");
    let ways: [(&str, &str, &str, &[&str]); 10] = [
        ("x", "", &query, &[]),
        ("authorization", &bearer, "/", &[]),
        ("cookie", &cookie, "/", &[]),
        ("x-key", CANARY, "/", &[]),
        ("x", "", "/", &["chat", &k8s]),
        ("x", "", "/", &["chat", &phoenix]),
        ("x", "", "/", &["chat", &jupyter]),
        ("x", "", "/", &["chat", &anycable]),
        ("authorization", &broken, "/", &[]),
        ("authorization", &bearer, &query, &[]),
    ];
    let mut found = 0;
    for (name, value, target, protocols) in ways {
        let header = [Header { name, value: value.as_bytes() }];
        let located = locator.locate(&header, &Target::parse(target).unwrap(), protocols);
        found += usize::from(matches!(&located, Ok(Located::Explicit { .. } | Located::Ambient { .. })));
        printed.add(&located);
    }
    printed.add(&locator);
    assert_eq!(found, 8, "each of them was seen");
    printed.check();
}

#[test]
fn t52_keys_and_their_errors() {
    let mut printed = Printed(Vec::new());
    let secret = format!("{CANARY}{SECRET}");
    let jwk = |value: Value| jwk_key(Algorithm::HS256, value);
    for key in [
        secret_key(Algorithm::HS256, &secret),
        secret_key(Algorithm::HS256, CANARY),
        secret_key(Algorithm::RS256, &secret),
        secret_key(Algorithm::HS256, &CANARY.repeat(4)),
        JwtKey { secret_base64: true, ..secret_key(Algorithm::HS256, &format!("{CANARY}!")) },
        pem_key(Algorithm::ES256, CANARY),
        pem_key(Algorithm::ES256, &format!("-----BEGIN PUBLIC KEY-----\n{CANARY}\n-----END PUBLIC KEY-----")),
        pem_key(Algorithm::RS256, &format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----")),
        jwk(json!({ "kty": "oct", "k": CANARY })),
        jwk(json!({ "kty": CANARY })),
        jwk(json!({ "kty": "EC", "d": CANARY })),
        jwk(json!({ "kty": "oct", "k": "AA", "alg": CANARY, "use": "sig" })),
        jwk(json!({ "kty": "RSA", "n": CANARY, "e": CANARY })),
        jwk(json!(CANARY)),
        JwtKey { until: Some(CANARY.into()), ..hs256() },
    ] {
        printed.add(&key);
        printed.add(&JwtVerifier::new(&rules([key.clone()])));
        printed.add(&JwsVerifier::new(&key));
        if let Err(error) = JwtVerifier::new(&rules([key])) {
            printed.0.push(error.to_string());
        }
    }
    for body in [
        CANARY.to_owned(),
        json!({ "keys": [CANARY, { "kty": "oct", "k": CANARY }] }).to_string(),
        format!("{{\"{CANARY}\""),
    ] {
        printed.add(&PublishedKeys::read(body.as_bytes(), &[Algorithm::RS256]));
    }
    printed.check();
}

#[test]
fn t52_judged_tokens_and_tickets() {
    let mut printed = Printed(Vec::new());
    let mut claims = good();
    for name in ["sub", "jti", "sid", "scope", CANARY] {
        claims[name] = json!(CANARY);
    }
    let (verifier, cache) = (verifier(), TokenCache::new(10, &[9; 32]));
    let whole = token(&claims);
    printed.add(&verifier.verify_cached(&cache, whole.as_bytes(), NOON));
    printed.add(&cache);
    for bad in [
        whole.replace('.', ".A"),
        format!("{whole}{CANARY}"),
        CANARY.to_owned(),
        sign(&format!("{{\"alg\":\"{CANARY}\"}}"), "{}"),
    ] {
        printed.add(&verifier.verify(bad.as_bytes(), NOON));
    }
    let mut jwks = Jwks::new(JwksRules::default());
    let unknown = sign(&json!({ "alg": "RS256", "kid": CANARY }).to_string(), "{}");
    let header = verifier.unverified_header(unknown.as_bytes()).unwrap();
    printed.add(&header);
    printed.add(&jwks.lookup(&header, Timestamp::ZERO));
    printed.add(&jwks);
    let now = Now { mono: Timestamp::ZERO, unix: NOON };
    let (identity, binding) = (
        verifier.verify(whole.as_bytes(), NOON).unwrap(),
        Binding { path: CANARY, origin: Some(CANARY), address: None },
    );
    for form in [TicketForm::Stored, TicketForm::Signed] {
        let mut tickets = Tickets::new(&TicketRules { form, ..TicketRules::default() }, &[7; 32]);
        let ticket = tickets.mint(&identity, &binding, [3; 32], now).unwrap();
        printed.add(&ticket);
        printed.add(&tickets.redeem(ticket.expose(), &binding, now));
        printed.add(&tickets.redeem(ticket.expose(), &binding, now));
        printed.add(&tickets);
    }
    printed.add(&binding);
    let session = Revocation::Session { namespace: CANARY.into(), id: CANARY.into() };
    let mut revocations = Revocations::new(1);
    printed.add(&revocations.revoke(&session, NOON, NOON));
    printed.add(&revocations);
    printed.add(&session);
    let mut index = SessionIndex::default();
    index.insert(1, &identity);
    printed.add(&index);
    assert_eq!(printed.0.len(), 22);
    printed.check();
}
