//! Judging a JSON Web Token, beside `jsonwebtoken::decode` and the bare signature check of
//! aws-lc-rs on a key that was parsed once: the same token, key and claims for all.

use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, RsaPublicKeyComponents};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};
use wswarden_core::credential::ticket::{Binding, TicketForm, TicketRules, Tickets};
use wswarden_core::credential::{JwtVerifier, Locator, TokenCache};
use wswarden_core::http::{Header, Target};
use wswarden_core::policy::{Algorithm, Credential, Jwt, JwtKey};
use wswarden_core::{Identity, Now, Timestamp, UnixTime};

const SECRET: &[u8] = b"q8Jm2vXz7LpR4tYw9KcB1nHf6GdS3aEu0oIiTjMkVbNxQrZsPyWlCgDhFeUA5-_+";
const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

/// What a common identity provider puts into an access token.
fn claims() -> Value {
    json!({
        "iss": "https://id.example.com", "aud": "chat", "sub": "0f6c1d3a-9a52-4c1e-8f5e-1f9a3a4e2b77",
        "exp": 4_000_000_000_u64, "nbf": 1_790_000_000_u64, "iat": 1_790_000_000_u64,
        "jti": "b5a1f8e0-33b6-4a0c-9c1b-0f7f1c9f0d21", "scope": "chat:read chat:write"
    })
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;
type Check = Box<dyn Fn(&[u8], &[u8]) -> bool>;

struct Case {
    name: &'static str,
    alg: Algorithm,
    jwk: Value,
    theirs: DecodingKey,
    sign: Sign,
    check: Check,
}

fn hs256() -> Case {
    let (key, verify) = (hmac::Key::new(hmac::HMAC_SHA256, SECRET), hmac::Key::new(hmac::HMAC_SHA256, SECRET));
    Case {
        name: "HS256",
        alg: Algorithm::HS256,
        jwk: json!({ "kty": "oct", "k": B64.encode(SECRET) }),
        theirs: DecodingKey::from_secret(SECRET),
        sign: Box::new(move |message| hmac::sign(&key, message).as_ref().to_vec()),
        check: Box::new(move |message, signature| hmac::verify(&verify, message, signature).is_ok()),
    }
}

fn es256() -> Case {
    let pair = EcdsaKeyPair::generate(&sig::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let (x, y) = (B64.encode(&pair.public_key().as_ref()[1..33]), B64.encode(&pair.public_key().as_ref()[33..]));
    let parsed = sig::ParsedPublicKey::new(&sig::ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()).unwrap();
    Case {
        name: "ES256",
        alg: Algorithm::ES256,
        theirs: DecodingKey::from_ec_components(&x, &y).unwrap(),
        jwk: json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }),
        sign: Box::new(move |message| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()),
        check: Box::new(move |message, signature| parsed.verify_sig(message, signature).is_ok()),
    }
}

fn rs256() -> Case {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    let (n, e) = (B64.encode(&public.n), B64.encode(&public.e));
    let parsed = public.to_parsed_public_key(&sig::RSA_PKCS1_2048_8192_SHA256).unwrap();
    Case {
        name: "RS256",
        alg: Algorithm::RS256,
        theirs: DecodingKey::from_rsa_components(&n, &e).unwrap(),
        jwk: json!({ "kty": "RSA", "n": n, "e": e }),
        sign: Box::new(move |message| {
            let mut signature = vec![0; 256];
            pair.sign(&sig::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        }),
        check: Box::new(move |message, signature| parsed.verify_sig(message, signature).is_ok()),
    }
}

fn eddsa() -> Case {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = B64.encode(pair.public_key());
    let parsed = sig::ParsedPublicKey::new(&sig::ED25519, pair.public_key()).unwrap();
    Case {
        name: "EdDSA",
        alg: Algorithm::EdDSA,
        theirs: DecodingKey::from_ed_components(&x).unwrap(),
        jwk: json!({ "kty": "OKP", "crv": "Ed25519", "x": x }),
        sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()),
        check: Box::new(move |message, signature| parsed.verify_sig(message, signature).is_ok()),
    }
}

fn verifier(alg: Algorithm, jwk: Value) -> JwtVerifier {
    let key = JwtKey {
        alg,
        secret: None,
        secret_base64: false,
        pem: None,
        jwk: Some(jwk),
        kid: None,
        issuer: Vec::new(),
        until: None,
    };
    let (issuer, audience) = (vec!["https://id.example.com".into()], vec!["chat".into()]);
    JwtVerifier::new(&Jwt { keys: vec![key], issuer, audience, ..Jwt::default() }).unwrap()
}

fn verify(c: &mut Criterion) {
    for case in [hs256(), es256(), rs256(), eddsa()] {
        let mut group = c.benchmark_group(format!("jwt/{}", case.name));
        let header = format!(r#"{{"typ":"JWT","alg":"{}"}}"#, case.name);
        let signed = format!("{}.{}", B64.encode(header), B64.encode(claims().to_string()));
        let signature = (case.sign)(signed.as_bytes());
        let token = format!("{signed}.{}", B64.encode(&signature));
        let ours = verifier(case.alg, case.jwk.clone());
        let mut rules = Validation::new(case.name.parse().unwrap());
        rules.set_audience(&["chat"]);
        rules.set_issuer(&["https://id.example.com"]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        assert!((case.check)(signed.as_bytes(), &signature));
        group.bench_function("raw aws-lc-rs", |b| b.iter(|| (case.check)(black_box(signed.as_bytes()), &signature)));
        group.bench_function("wswarden", |b| b.iter(|| ours.verify(black_box(token.as_bytes()), NOW).unwrap()));
        let cache = TokenCache::new(1000, &[9; 32]);
        group.bench_function("wswarden, known token", |b| {
            b.iter(|| ours.verify_cached(&cache, black_box(token.as_bytes()), NOW).unwrap());
        });
        group.bench_function("jsonwebtoken", |b| {
            b.iter(|| jsonwebtoken::decode::<Value>(black_box(&token), &case.theirs, &rules).unwrap());
        });
        group.finish();
    }
}

fn refuse(c: &mut Criterion) {
    let mut group = c.benchmark_group("jwt/refuse");
    let ours = verifier(Algorithm::HS256, json!({ "kty": "oct", "k": B64.encode(SECRET) }));
    let cache = TokenCache::new(1000, &[9; 32]);
    let payload = B64.encode(claims().to_string());
    let with_header = |header: &str| format!("{}.{payload}.{}", B64.encode(header), "A".repeat(43));
    for (name, token) in [
        ("no dots", "A".repeat(400)),
        ("dots only", ".".repeat(8192)),
        ("five parts", format!("{payload}.A.A.A.A")),
        ("header not base64", format!("!{payload}.{payload}.A")),
        ("header not JSON", with_header("x")),
        ("alg none", with_header(r#"{"alg":"none"}"#)),
        ("alg of no key", with_header(r#"{"alg":"RS256","typ":"JWT"}"#)),
        ("signature too short", format!("{}.{payload}.AAAA", B64.encode(r#"{"alg":"HS256"}"#))),
        ("too long", "A".repeat(9000)),
    ] {
        // As a guard does: the cache is asked about what is well-formed, and about nothing else.
        assert!(ours.verify_cached(&cache, token.as_bytes(), NOW).is_err());
        group
            .bench_function(name, |b| b.iter(|| ours.verify_cached(&cache, black_box(token.as_bytes()), NOW).is_err()));
    }
    let token = with_header(r#"{"alg":"HS256"}"#);
    group.bench_function("sha256 of a token", |b| {
        b.iter(|| digest::digest(&digest::SHA256, black_box(token.as_bytes())))
    });
    group.finish();
}

fn locate(c: &mut Criterion) {
    let key = JwtKey {
        alg: Algorithm::HS256,
        secret: Some(String::from_utf8_lossy(SECRET).into()),
        secret_base64: false,
        pem: None,
        jwk: None,
        kid: None,
        issuer: Vec::new(),
        until: None,
    };
    let jwt = Jwt { keys: vec![key], issuer: vec!["a".into()], audience: vec!["b".into()], ..Jwt::default() };
    let locator = Locator::new(&Credential { jwt: Some(jwt), ..Credential::default() }).unwrap();
    let bearer = format!("Bearer {}", "a".repeat(400));
    let mut headers: Vec<Header<'_>> = (0..20).map(|_| Header { name: "accept-language", value: b"en" }).collect();
    headers.push(Header { name: "authorization", value: bearer.as_bytes() });
    let target = Target::parse("/chat?room=1").unwrap();
    c.bench_function("locate/bearer among 21 headers", |b| {
        b.iter(|| locator.locate(black_box(&headers), &target, &[]).unwrap());
    });
}

fn tickets(c: &mut Criterion) {
    let mut group = c.benchmark_group("ticket");
    let now = Now { mono: Timestamp::ZERO, unix: NOW };
    let identity = Identity::assertion("0f6c1d3a-9a52-4c1e-8f5e-1f9a3a4e2b77").with_namespace("https://id.example.com");
    let binding = Binding { path: "/chat", origin: Some("https://app.example.com"), address: None };
    for (name, form) in [("stored, mint and redeem", TicketForm::Stored), ("signed, mint and open", TicketForm::Signed)]
    {
        let rules = TicketRules { form, outstanding: u32::MAX, ..TicketRules::default() };
        let mut tickets = Tickets::new(&rules, &[7; 32]);
        let mut number = 0_u64;
        group.bench_function(name, |b| {
            b.iter(|| {
                number += 1;
                let mut entropy = [0; 32];
                entropy[..8].copy_from_slice(&number.to_be_bytes());
                let ticket = tickets.mint(black_box(&identity), &binding, entropy, now).unwrap();
                match &mut tickets {
                    Tickets::Signed { sealer, .. } => drop(sealer.open(ticket.expose(), &binding, NOW).unwrap()),
                    stored => drop(stored.redeem(ticket.expose(), &binding, now).unwrap()),
                }
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(std::time::Duration::from_millis(300)).measurement_time(std::time::Duration::from_millis(1000)).sample_size(30);
    targets = verify, refuse, locate, tickets
}
criterion_main!(benches);
