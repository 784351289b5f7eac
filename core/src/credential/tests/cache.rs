//! Tokens that were found good.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::*;
use crate::policy::JwkSet;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(NOON.as_secs() + seconds)
}

#[test]
fn a_token_is_judged_once() {
    let (verifier, cache, token) = (verifier(), TokenCache::new(100, &[9; 32]), token(&good()));
    let first = verifier.verify_cached(&cache, token.as_bytes(), NOON).unwrap();
    let second = verifier.verify_cached(&cache, token.as_bytes(), NOON).unwrap();
    assert!(Arc::ptr_eq(&first, &second), "one identity for all its sessions");
    assert_eq!(*first, verifier.verify(token.as_bytes(), NOON).unwrap());
    assert_eq!(cache.len(), 1);
}

#[test]
fn a_known_token_is_never_good_past_its_times() {
    let (verifier, cache) = (verifier(), TokenCache::new(100, &[9; 32]));
    let mut claims = good();
    claims["nbf"] = json!(NOON.as_secs());
    let token = token(&claims);
    let verify = |now: UnixTime| verifier.verify_cached(&cache, token.as_bytes(), now).map(|_| ());
    assert_eq!(verify(NOON), Ok(()));
    assert_eq!(verify(at(629)), Ok(()));
    assert_eq!(verify(at(630)), Err(JwtFault::Expired));
    assert_eq!(verify(UnixTime::from_secs(NOON.as_secs() - 31)), Err(JwtFault::NotYetValid), "the clock was set back");
    assert!(cache.is_empty());
}

#[test]
fn a_known_token_ends_with_its_key() {
    let key = JwtKey { until: Some("2026-12-01T00:00:00Z".into()), ..hs256() };
    let (verifier, cache) = (JwtVerifier::new(&rules([key])).unwrap(), TokenCache::new(100, &[9; 32]));
    let token = token(&good_but("exp", json!(1_900_000_000)));
    let end = UnixTime::from_secs(1_796_083_200);
    let verify = |now: UnixTime| verifier.verify_cached(&cache, token.as_bytes(), now).map(|_| ());
    assert_eq!(verify(UnixTime::from_nanos(end.as_nanos() - 1)), Ok(()));
    assert_eq!(cache.len(), 1);
    assert_eq!(verify(end), Err(JwtFault::NoKey));
}

#[test]
fn bad_tokens_are_not_remembered_and_a_near_copy_is_not_known() {
    let (verifier, cache, token) = (verifier(), TokenCache::new(100, &[9; 32]), token(&good()));
    verifier.verify_cached(&cache, token.as_bytes(), NOON).unwrap();
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(verifier.verify_cached(&cache, &bytes, NOON).is_err());
    }
    assert_eq!(cache.len(), 1);
}

#[test]
fn it_is_bounded_and_keeps_what_is_asked_for() {
    let (verifier, cache) = (verifier(), TokenCache::new(160, &[9; 32]));
    let often = token(&good_but("jti", json!("often")));
    let first = verifier.verify_cached(&cache, often.as_bytes(), NOON).unwrap();
    for number in 0..2000 {
        let token = token(&good_but("jti", json!(number.to_string())));
        verifier.verify_cached(&cache, token.as_bytes(), NOON).unwrap();
        let again = verifier.verify_cached(&cache, often.as_bytes(), NOON).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(cache.len() <= 2 * (160 + 16 * 2));
    }
}

#[test]
fn emptied_it_knows_nothing() {
    let (verifier, cache, token) = (verifier(), TokenCache::new(100, &[9; 32]), token(&good()));
    let first = verifier.verify_cached(&cache, token.as_bytes(), NOON).unwrap();
    cache.clear();
    assert!(cache.is_empty());
    assert!(!Arc::ptr_eq(&first, &verifier.verify_cached(&cache, token.as_bytes(), NOON).unwrap()));
}

/// A published set is replaced: what the old one's key signed is not known under the new one, even if
/// nobody emptied the cache, and is again when a token comes back to the same set.
#[test]
fn a_token_known_by_one_key_set_is_not_for_that_known_by_another() {
    let pairs = [(); 2].map(|()| Ed25519KeyPair::generate().unwrap());
    let [one, other] = [0, 1].map(|at: usize| {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": B64.encode(pairs[at].public_key()) });
        PublishedKeys::read(json!({ "keys": [jwk] }).to_string().as_bytes(), &[Algorithm::EdDSA]).unwrap()
    });
    let jwks = JwkSet { url: Some("https://id.test/keys".into()), algs: vec![Algorithm::EdDSA], ..JwkSet::default() };
    let verifier = JwtVerifier::new(&Jwt { jwks: Some(jwks), ..rules([]) }).unwrap();
    let signed = format!("{}.{}", B64.encode(r#"{"alg":"EdDSA","kid":"a"}"#), B64.encode(good().to_string()));
    let token = format!("{signed}.{}", B64.encode(pairs[0].sign(signed.as_bytes())));
    let cache = TokenCache::new(100, &[9; 32]);
    let none = PublishedKeys::default();
    let verify = |keys| verifier.verify_published_cached(keys, &cache, token.as_bytes(), NOON).map(|_| ());
    assert_eq!((verify(&one), verify(&one), cache.judged()), (Ok(()), Ok(()), 1));
    assert_eq!(verify(&other), Err(JwtFault::BadSignature));
    assert_eq!(verify(&none), Err(JwtFault::AlgMismatch));
    assert_eq!((verify(&one), cache.len()), (Ok(()), 1));
}

/// Two policies share the cache: what one finds good, with a weaker rule, is nothing to the other.
#[test]
fn a_token_known_by_one_policy_is_not_for_that_known_by_another() {
    let cache = TokenCache::new(100, &[9; 32]);
    let strict = Jwt { audience: vec!["admin".into()], ..rules([hs256()]) };
    let (loose, strict) = (verifier(), JwtVerifier::new(&strict).unwrap());
    let token = token(&good());
    assert!(loose.verify_cached(&cache, token.as_bytes(), NOON).is_ok());
    assert_eq!(strict.verify_cached(&cache, token.as_bytes(), NOON).map(|_| ()), Err(JwtFault::Audience));
    assert!(loose.verify_cached(&cache, token.as_bytes(), NOON).is_ok());
}
