//! What the tests of credentials share: keys, tokens, a policy, and the suites of the field.

mod cache;
mod canary;
mod claim_names;
mod claims;
mod jwks;
mod keys;
mod locate;
mod revocation;
mod suites;
mod ticket;
mod token;

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

use super::*;
use crate::identity::Identity;
use crate::policy::{Algorithm, ClaimRule, Jwt, JwtKey, Roles};
use crate::time::UnixTime;

/// 64 bytes that no rule finds guessable.
const SECRET: &str = "q8Jm2vXz7LpR4tYw9KcB1nHf6GdS3aEu0oIiTjMkVbNxQrZsPyWlCgDhFeUA5-_+";
/// A Tuesday in 2026.
const NOON: UnixTime = UnixTime::from_secs(1_795_000_000);

fn hs256() -> JwtKey {
    secret_key(Algorithm::HS256, SECRET)
}

fn secret_key(alg: Algorithm, secret: &str) -> JwtKey {
    JwtKey {
        alg,
        secret: Some(secret.into()),
        secret_base64: false,
        pem: None,
        jwk: None,
        kid: None,
        issuer: Vec::new(),
        until: None,
    }
}

fn pem_key(alg: Algorithm, pem: &str) -> JwtKey {
    JwtKey { secret: None, pem: Some(pem.into()), ..secret_key(alg, "") }
}

fn jwk_key(alg: Algorithm, jwk: Value) -> JwtKey {
    JwtKey { secret: None, jwk: Some(jwk), ..secret_key(alg, "") }
}

fn rules(keys: impl Into<Vec<JwtKey>>) -> Jwt {
    Jwt { keys: keys.into(), issuer: vec!["https://id.test".into()], audience: vec!["chat".into()], ..Jwt::default() }
}

fn verifier() -> JwtVerifier {
    JwtVerifier::new(&rules([hs256()])).unwrap()
}

/// The claims of a token that [`verifier`] finds good.
fn good() -> Value {
    json!({ "iss": "https://id.test", "aud": "chat", "sub": "ada", "exp": NOON.as_secs() + 600 })
}

/// Good claims with one of them set to another value.
fn good_but(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

/// Good claims without one.
fn good_without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// Signs texts as they are with [`SECRET`], so that a test can write any JSON.
fn sign(header: &str, claims: &str) -> String {
    sign_with(hmac::HMAC_SHA256, SECRET.as_bytes(), header, claims)
}

fn sign_with(alg: hmac::Algorithm, secret: &[u8], header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", B64.encode(header), B64.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(alg, secret), signed.as_bytes());
    format!("{signed}.{}", B64.encode(tag))
}

fn token(claims: &Value) -> String {
    sign(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

fn verify(token: &str) -> Result<Identity, JwtFault> {
    verifier().verify(token.as_bytes(), NOON)
}

fn fault(token: &str) -> JwtFault {
    verify(token).unwrap_err()
}

/// A folder of third-party vectors. Without it a developer's run says what it leaves out, and
/// continuous integration fails.
fn suite(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WSWARDEN_SUITES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/suites"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").is_err(), "the suite {name} is missing; set WSWARDEN_SUITES");
    eprintln!("left out: the suite {name}");
    None
}

#[test]
fn what_a_guard_holds_can_be_shared_by_threads() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<(JwtVerifier, Locator, TokenCache, PublishedKeys, Jwks)>();
    is_shared::<(Revocations, SessionIndex, super::ticket::Tickets)>();
}
