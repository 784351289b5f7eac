//! Tokens that were found good.

use std::sync::Arc;

use super::*;

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
