//! Published keys, with a virtual clock and a virtual source.

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use proptest::prelude::*;

use super::*;
use crate::policy::JwkSet;
use crate::time::Timestamp;

struct Source(Vec<(&'static str, Ed25519KeyPair)>);

impl Source {
    fn with(kids: &[&'static str]) -> Self {
        Self(kids.iter().map(|kid| (*kid, Ed25519KeyPair::generate().unwrap())).collect())
    }

    fn body(&self) -> Vec<u8> {
        let jwk = |(kid, pair): &(&str, Ed25519KeyPair)| json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": B64.encode(pair.public_key()) });
        serde_json::to_vec(&json!({ "keys": self.0.iter().map(jwk).collect::<Vec<_>>() })).unwrap()
    }

    fn token(&self, kid: &str) -> String {
        let pair = &self.0.iter().find(|(have, _)| *have == kid).unwrap().1;
        let header = json!({ "alg": "EdDSA", "kid": kid }).to_string();
        let signed = format!("{}.{}", B64.encode(header), B64.encode(good().to_string()));
        format!("{signed}.{}", B64.encode(pair.sign(signed.as_bytes())))
    }
}

fn jwks() -> Jwks {
    Jwks::new(JwksRules { algs: vec![Algorithm::EdDSA], ..JwksRules::default() })
}

fn open_verifier() -> JwtVerifier {
    let jwks = JwkSet { url: Some("https://id.test/keys".into()), algs: vec![Algorithm::EdDSA], ..JwkSet::default() };
    JwtVerifier::new(&Jwt { jwks: Some(jwks), ..rules([]) }).unwrap()
}

fn header(alg: &str, kid: &str) -> TokenHeader {
    let token = sign(&json!({ "alg": alg, "kid": kid }).to_string(), "{}");
    open_verifier().unverified_header(token.as_bytes()).unwrap()
}

fn ed(kid: &str) -> TokenHeader {
    header("EdDSA", kid)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1000 + seconds)
}

#[test]
fn the_first_token_fetches_and_the_others_wait() {
    let (mut jwks, source, verifier) = (jwks(), Source::with(&["a", "b"]), open_verifier());
    let token = source.token("a");
    assert_eq!(verifier.verify_published(&jwks.keys(at(0)), token.as_bytes(), NOON), Err(JwtFault::AlgMismatch));
    assert_eq!(jwks.lookup(&ed("a"), at(0)), Lookup::Fetch);
    assert_eq!(jwks.lookup(&ed("a"), at(0)), Lookup::Wait);
    assert_eq!(jwks.lookup(&ed("b"), at(1)), Lookup::Wait);
    jwks.fetched(&source.body(), at(2)).unwrap();
    assert_eq!(jwks.lookup(&ed("a"), at(2)), Lookup::Ready);
    let identity = verifier.verify_published(&jwks.keys(at(2)), token.as_bytes(), NOON).unwrap();
    assert_eq!(identity.subject(), Some("ada"));
    // The id chooses the key; another key's signature does not do.
    let forged = source.token("b").replacen(
        &B64.encode(r#"{"alg":"EdDSA","kid":"b"}"#),
        &B64.encode(r#"{"alg":"EdDSA","kid":"a"}"#),
        1,
    );
    assert_eq!(verifier.verify_published(&jwks.keys(at(2)), forged.as_bytes(), NOON), Err(JwtFault::BadSignature));
}

#[test]
fn unknown_ids_fetch_once_a_cooldown_whoever_sends_them() {
    let (mut jwks, source) = (jwks(), Source::with(&["a"]));
    let mut fetches = 0;
    for second in 0..300 {
        for n in 0..50 {
            if jwks.lookup(&ed(&format!("{second}-{n}")), at(second)) == Lookup::Fetch {
                fetches += 1;
                jwks.fetched(&source.body(), at(second)).unwrap();
            }
        }
    }
    assert_eq!(fetches, 10);
    assert_eq!(jwks.lookup(&ed("a"), at(300)), Lookup::Ready, "no miss drops a good key");
}

#[test]
fn an_id_the_source_does_not_know_is_not_asked_for_again_for_five_minutes() {
    let (mut jwks, source) = (jwks(), Source::with(&["a"]));
    assert_eq!(jwks.lookup(&ed("x"), at(0)), Lookup::Fetch);
    jwks.fetched(&source.body(), at(0)).unwrap();
    assert_eq!(jwks.lookup(&ed("x"), at(31)), Lookup::Unknown);
    assert_eq!(jwks.lookup(&ed("x"), at(299)), Lookup::Unknown);
    assert_eq!(jwks.lookup(&ed("x"), at(300)), Lookup::Fetch);
}

#[test]
fn a_rotated_key_is_found_after_the_cooldown() {
    let (mut jwks, mut source) = (jwks(), Source::with(&["a"]));
    assert!(jwks.handle_timeout(at(0)));
    jwks.fetched(&source.body(), at(0)).unwrap();
    source.0.extend(Source::with(&["b"]).0);
    assert_eq!(jwks.lookup(&ed("b"), at(29)), Lookup::Unknown);
    assert_eq!(jwks.lookup(&ed("b"), at(30)), Lookup::Fetch);
    jwks.fetched(&source.body(), at(30)).unwrap();
    assert_eq!(jwks.lookup(&ed("b"), at(30)), Lookup::Ready);
}

#[test]
fn the_cooldown_is_written_down_before_the_fetch_so_failures_do_not_reopen_it() {
    let mut jwks = jwks();
    assert_eq!(jwks.lookup(&ed("a"), at(0)), Lookup::Fetch);
    jwks.failed();
    assert_eq!(jwks.lookup(&ed("a"), at(0)), Lookup::Unavailable);
    assert_eq!(jwks.lookup(&ed("a"), at(29)), Lookup::Unavailable);
    assert_eq!(jwks.lookup(&ed("a"), at(30)), Lookup::Fetch);
    // An answer that never comes does not block for ever either.
    assert_eq!(jwks.lookup(&ed("a"), at(59)), Lookup::Wait);
    assert_eq!(jwks.lookup(&ed("a"), at(60)), Lookup::Fetch);
}

#[test]
fn stale_keys_count_while_the_source_is_down_but_not_for_ever() {
    let (mut jwks, source) = (jwks(), Source::with(&["a"]));
    assert!(jwks.handle_timeout(at(0)));
    jwks.fetched(&source.body(), at(0)).unwrap();
    assert_eq!(jwks.next_timeout(), at(600));
    assert!(!jwks.handle_timeout(at(599)));
    let mut fetches = 0;
    for second in 600..4200 {
        if jwks.handle_timeout(at(second)) {
            fetches += 1;
            jwks.failed();
        }
        assert_eq!(jwks.lookup(&ed("a"), at(second)), Lookup::Ready);
    }
    assert_eq!(fetches, 120, "one each 30 s");
    assert!(matches!(jwks.lookup(&ed("a"), at(4200)), Lookup::Fetch | Lookup::Unavailable));
    assert!(jwks.keys(at(4200)).is_empty());
    assert!(open_verifier().verify_published(&jwks.keys(at(4200)), source.token("a").as_bytes(), NOON).is_err());
    jwks.fetched(&source.body(), at(4201)).unwrap();
    assert_eq!(jwks.lookup(&ed("a"), at(4201)), Lookup::Ready);
}

#[test]
fn what_is_no_key_set_leaves_the_good_keys_alone() {
    let (mut jwks, source) = (jwks(), Source::with(&["a"]));
    assert!(jwks.handle_timeout(at(0)));
    jwks.fetched(&source.body(), at(0)).unwrap();
    let large = vec![b' '; (256 << 10) + 1];
    let many = json!({ "keys": vec![json!({}); 65] }).to_string();
    for body in [
        &b""[..],
        b"<html>",
        b"{}",
        br#"{"keys":{}}"#,
        br#"{"keys":[]}"#,
        br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#,
        &large,
        many.as_bytes(),
    ] {
        assert!(jwks.fetched(body, at(601)).is_err());
        assert_eq!(jwks.lookup(&ed("a"), at(601)), Lookup::Ready);
    }
}

#[test]
fn only_public_signing_keys_of_listed_algorithms_count() {
    let rsa = json!({ "kty": "RSA", "n": B64.encode([0xff_u8; 256]), "e": "AQAB" });
    let but = |name: &str, value: Value| {
        let mut jwk = rsa.clone();
        jwk[name] = value;
        jwk
    };
    let secret = json!({ "kty": "oct", "k": B64.encode(SECRET), "alg": "HS256" });
    let read = |jwk: &Value, algs: &[Algorithm]| {
        PublishedKeys::read(json!({ "keys": [jwk] }).to_string().as_bytes(), algs).map(|keys| keys.len())
    };
    let (rs, ps) = (Algorithm::RS256, Algorithm::PS256);
    assert_eq!(read(&rsa, &[rs]), Ok(1));
    assert_eq!(read(&rsa, &[rs, ps, Algorithm::ES256]), Ok(2), "one for each algorithm that fits");
    assert_eq!(read(&but("alg", json!("RS256")), &[rs, ps]), Ok(1));
    for bad in [
        but("alg", json!("ES256")),
        but("alg", json!("RSA-OAEP")),
        but("use", json!("enc")),
        but("d", json!("AQ")),
        but("e", json!("AQ")),
        but("n", json!("AQAB")),
        secret,
    ] {
        assert!(read(&bad, &[rs, ps, Algorithm::HS256]).is_err(), "{bad}");
    }
    // What is not understood is passed over.
    let mixed = json!({ "keys": [{ "kty": "new" }, 1, but("use", json!("enc")), rsa], "more": 1 }).to_string();
    assert_eq!(PublishedKeys::read(mixed.as_bytes(), &[rs]).unwrap().len(), 1);
}

#[test]
fn an_algorithm_the_source_is_not_trusted_for_does_not_fetch() {
    let mut jwks = jwks();
    assert_eq!(jwks.lookup(&header("RS256", "a"), at(0)), Lookup::Unknown);
    assert_eq!(jwks.lookup(&header("HS256", "a"), at(0)), Lookup::Unknown);
    assert_eq!(jwks.lookup(&ed("a"), at(0)), Lookup::Fetch);
}

#[test]
fn key_sets_of_pyjwt() {
    let Some(folder) = suite("pyjwt-keys") else { return };
    let read = |name: &str| {
        let body = std::fs::read(folder.join("tests/keys").join(name)).unwrap();
        PublishedKeys::read(&body, &super::keys::ALGORITHMS).map(|keys| keys.len()).unwrap_or_default()
    };
    assert!(read("jwk_keyset_with_unknown_alg.json") > 0);
    assert_eq!(read("jwk_keyset_only_unknown_alg.json"), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever tokens, answers and timers come when: never two fetches within a cooldown, good
    /// keys stay good while fresh or stale, and nothing grows.
    #[test]
    fn any_sequence_keeps_the_promises(steps in proptest::collection::vec((0_u64..40, 0_u8..5, 0_u8..6), 1..200)) {
        let source = Source::with(&["a"]);
        let (mut jwks, mut now, mut last, mut good) = (jwks(), at(0), None::<Timestamp>, None::<Timestamp>);
        for (wait, what, kid) in steps {
            now = now.after(Duration::from_secs(wait));
            let kid = if kid == 0 { "a".to_owned() } else { format!("x{kid}") };
            let mut began = false;
            match what {
                0 | 1 => began = jwks.lookup(&ed(&kid), now) == Lookup::Fetch,
                2 => began = jwks.handle_timeout(now),
                3 => jwks.failed(),
                _ => {
                    jwks.fetched(&source.body(), now).unwrap();
                    good = Some(now);
                }
            }
            if began {
                prop_assert!(last.is_none_or(|at| now.since(at) >= Duration::from_secs(30)));
                last = Some(now);
            }
            let counts = good.is_some_and(|at| now.since(at) < Duration::from_secs(4200));
            prop_assert_eq!(!jwks.keys(now).is_empty(), counts);
            prop_assert!(jwks.remembered() <= 128);
        }
    }
}
