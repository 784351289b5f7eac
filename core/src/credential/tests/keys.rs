//! Which keys may be in a policy, and what each will verify.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair, RsaPublicKeyComponents};

use super::*;

pub(super) const ALGORITHMS: [Algorithm; 12] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

fn problem(key: JwtKey) -> String {
    JwtVerifier::new(&rules([key])).unwrap_err().to_string()
}

fn accepts(key: JwtKey) -> bool {
    JwtVerifier::new(&rules([key])).is_ok()
}

#[test]
fn t33_a_public_key_is_no_shared_secret() {
    let pair = EcdsaKeyPair::generate(&sig::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let spki = [
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
        point,
    ]
    .concat();
    let base64 = base64::prelude::BASE64_STANDARD.encode(&spki);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
    assert!(accepts(pem_key(Algorithm::ES256, &pem)));
    assert!(problem(secret_key(Algorithm::HS256, &pem)).starts_with("keys[0].secret: is a public or private key"));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..]) });
    assert!(accepts(jwk_key(Algorithm::ES256, jwk.clone())));
    for secret in [jwk.to_string(), "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPQh8z6hZxZ7c6tq user@host".to_owned()] {
        assert!(problem(secret_key(Algorithm::HS256, &secret)).contains("is a public or private key"), "{secret}");
    }
    for bytes in [pem.as_bytes(), &spki] {
        let key = JwtKey { secret_base64: true, ..secret_key(Algorithm::HS256, &B64.encode(bytes)) };
        assert!(problem(key).contains("is a public or private key"));
    }
    // Whatever its bytes: a key in `pem` or `jwk` is never keyed into an HMAC.
    for alg in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        assert!(!accepts(pem_key(alg, &pem)) && !accepts(jwk_key(alg, jwk.clone())));
    }
    // The attack itself: the header says HS256, the tag is keyed with the public key's bytes.
    let verifier = JwtVerifier::new(&rules([pem_key(Algorithm::ES256, &pem)])).unwrap();
    for known in [pem.as_bytes(), pem.trim().as_bytes(), &spki, point] {
        let forged = sign_with(hmac::HMAC_SHA256, known, r#"{"alg":"HS256"}"#, &good().to_string());
        assert_eq!(verifier.verify(forged.as_bytes(), NOON), Err(JwtFault::AlgMismatch));
        let forged = sign_with(hmac::HMAC_SHA256, known, r#"{"alg":"ES256"}"#, &good().to_string());
        assert_eq!(verifier.verify(forged.as_bytes(), NOON), Err(JwtFault::BadSignature));
    }
}

#[test]
fn t37_weak_hmac_keys() {
    for (alg, len) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
        assert!(problem(secret_key(alg, "")).contains("has 0 bytes"));
        let short = problem(secret_key(alg, &SECRET[..len - 1]));
        assert!(short.contains(&format!("at least {len} are needed")), "{short}");
        assert!(accepts(secret_key(alg, &SECRET[..len])));
        let coded = |len: usize| JwtKey { secret_base64: true, ..secret_key(alg, &B64.encode(&SECRET[..len])) };
        assert!(accepts(coded(len)), "the bytes count, not the characters");
        assert!(!accepts(coded(len - 1)));
        let jwk = |len: usize| jwk_key(alg, json!({ "kty": "oct", "k": B64.encode(&SECRET[..len]) }));
        assert!(accepts(jwk(len)) && !accepts(jwk(len - 1)));
    }
    assert!(
        problem(JwtKey { secret_base64: true, ..secret_key(Algorithm::HS256, "no base64 at all!") })
            .contains("is not base64url")
    );
}

#[test]
fn t37_small_rsa_keys() {
    let jwk = |bits: usize, e: &[u8]| {
        let mut n = vec![0xff_u8; bits / 8];
        n[0] = 0xff >> (bits.next_multiple_of(8) - bits);
        jwk_key(Algorithm::RS256, json!({ "kty": "RSA", "n": B64.encode(&n), "e": B64.encode(e) }))
    };
    assert!(problem(jwk(1024, &[1, 0, 1])).contains("RSA key of 1024 bits"));
    assert!(problem(jwk(2040, &[1, 0, 1])).contains("RSA key of 2040 bits"));
    assert!(problem(jwk(8200, &[1, 0, 1])).contains("RSA key of 8200 bits"));
    let mut zeros = vec![0_u8; 256];
    zeros[255] = 1;
    let padded = json!({ "kty": "RSA", "n": B64.encode(&zeros), "e": "AQAB" });
    assert!(
        problem(jwk_key(Algorithm::RS256, padded)).contains("RSA key of 1 bits"),
        "leading zeros make no key larger"
    );
    assert!(accepts(jwk(2048, &[1, 0, 1])));
    for e in [&[][..], &[0], &[1], &[0, 1], &[2], &[1, 0, 0]] {
        assert!(problem(jwk(2048, e)).contains("public exponent"), "{e:?}");
    }
}

#[test]
fn t38_known_secrets() {
    let long = |unit: &str| unit.repeat(64 / unit.len() + 1)[..64].to_owned();
    for secret in [
        long("secret"),
        long("a"),
        long("\0"),
        long("0123456789"),
        long("changeme"),
        long("your-256-bit-secret"),
        long("abcdefgh12"),
        "a-string-secret-at-least-256-bits-long-a-string-secret-at-least-512-bits-long".to_owned(),
        "your-256-bit-secret-your-256-bit-secret-must-be-very-long-please-change-me".to_owned(),
        "this_is_a_very_long_secret_key_for_jwt_signing_please_change_in_production".to_owned(),
        "MySuperSecretKeyForJWTTokenAuthenticationMySuperSecretKeyForJWTTokenAuth0".to_owned(),
        "Sup3rS3cr3tK3yF0rMyApp_Sup3rS3cr3tK3yF0rMyApp!_ch4ng3_m3_pl34s3_n0w!!".to_owned()[..64].to_owned(),
        (0..64).map(char::from).collect(),
        "abababababababababababababababababababababababababababababababac".to_owned(),
    ] {
        let problem = problem(secret_key(Algorithm::HS512, &secret));
        assert!(problem.contains("well known or easily guessed"), "{secret}: {problem}");
    }
    for secret in [
        "correct horse battery staple, and eleven lazy dogs under a pear tree",
        SECRET,
        "8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a5a36dedd4bea2544",
        "secret:8f14e45fceea167a5a36dedd4bea25438f14e45fceea167a5a36dedd4be",
    ] {
        assert!(accepts(secret_key(Algorithm::HS256, secret)), "{secret}");
    }
}

#[test]
fn t39_psychic_signatures() {
    for (alg, signing, len) in [
        (Algorithm::ES256, &sig::ECDSA_P256_SHA256_FIXED_SIGNING, 32),
        (Algorithm::ES384, &sig::ECDSA_P384_SHA384_FIXED_SIGNING, 48),
    ] {
        let pair = EcdsaKeyPair::generate(signing).unwrap();
        let (crv, point) = (if len == 32 { "P-256" } else { "P-384" }, pair.public_key().as_ref());
        let jwk =
            json!({ "kty": "EC", "crv": crv, "x": B64.encode(&point[1..=len]), "y": B64.encode(&point[1 + len..]) });
        let verifier = JwtVerifier::new(&rules([jwk_key(alg, jwk)])).unwrap();
        let signed = format!("{}.{}", B64.encode(format!(r#"{{"alg":"{alg:?}"}}"#)), B64.encode(good().to_string()));
        let verify = |signature: &[u8]| {
            verifier.verify(format!("{signed}.{}", B64.encode(signature)).as_bytes(), NOON).map(|_| ())
        };
        let true_one = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        assert_eq!(verify(true_one.as_ref()), Ok(()));
        let (r, s) = true_one.as_ref().split_at(len);
        let order: Vec<u8> = vec![0xff; len];
        for (r, s) in [
            (vec![0; len], vec![0; len]),
            (vec![0; len], s.to_vec()),
            (r.to_vec(), vec![0; len]),
            (order.clone(), order),
        ] {
            assert_eq!(verify(&[r, s].concat()), Err(JwtFault::BadSignature));
        }
    }
}

#[test]
fn t40_the_curve_must_be_the_algorithms() {
    let pair = EcdsaKeyPair::generate(&sig::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref();
    let jwk = json!({ "kty": "EC", "crv": "P-384", "x": B64.encode(&point[1..49]), "y": B64.encode(&point[49..]) });
    assert!(accepts(jwk_key(Algorithm::ES384, jwk.clone())));
    assert!(!accepts(jwk_key(Algorithm::ES256, jwk.clone())));
    let mut off_curve = jwk.clone();
    off_curve["y"] = off_curve["x"].clone();
    assert!(problem(jwk_key(Algorithm::ES384, off_curve)).contains("not a point on the curve"));
    for (name, value) in [
        ("x", json!("")),
        ("y", json!(B64.encode([7; 47]))),
        ("crv", json!("P-256")),
        ("crv", json!("secp256k1")),
        ("x", json!(1)),
    ] {
        let mut other = jwk.clone();
        other[name] = value;
        assert!(
            !accepts(jwk_key(Algorithm::ES384, other.clone())) && !accepts(jwk_key(Algorithm::ES256, other)),
            "{name}"
        );
    }
}

#[test]
fn every_algorithm_verifies_its_own_signatures_and_no_other() {
    let (rng, rsa) = (SystemRandom::new(), RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap());
    let ed = Ed25519KeyPair::generate().unwrap();
    let (p256, p384) = (&sig::ECDSA_P256_SHA256_FIXED_SIGNING, &sig::ECDSA_P384_SHA384_FIXED_SIGNING);
    let (p256, p384) = (EcdsaKeyPair::generate(p256).unwrap(), EcdsaKeyPair::generate(p384).unwrap());
    let ec = |crv: &str, pair: &EcdsaKeyPair| {
        let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
        json!({ "kty": "EC", "crv": crv, "x": B64.encode(x), "y": B64.encode(y) })
    };
    let components = RsaPublicKeyComponents::<Vec<u8>>::from(rsa.public_key());
    let rsa_jwk = json!({ "kty": "RSA", "n": B64.encode(&components.n), "e": B64.encode(&components.e) });
    let make = |alg: Algorithm, message: &[u8]| -> Vec<u8> {
        let encoding: &'static dyn sig::RsaEncoding = match alg {
            Algorithm::HS256 => {
                return hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message).as_ref().to_vec();
            }
            Algorithm::HS384 => {
                return hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, SECRET.as_bytes()), message).as_ref().to_vec();
            }
            Algorithm::HS512 => {
                return hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, SECRET.as_bytes()), message).as_ref().to_vec();
            }
            Algorithm::ES256 => return p256.sign(&rng, message).unwrap().as_ref().to_vec(),
            Algorithm::ES384 => return p384.sign(&rng, message).unwrap().as_ref().to_vec(),
            Algorithm::EdDSA => return ed.sign(message).as_ref().to_vec(),
            Algorithm::RS256 => &sig::RSA_PKCS1_SHA256,
            Algorithm::RS384 => &sig::RSA_PKCS1_SHA384,
            Algorithm::RS512 => &sig::RSA_PKCS1_SHA512,
            Algorithm::PS256 => &sig::RSA_PSS_SHA256,
            Algorithm::PS384 => &sig::RSA_PSS_SHA384,
            Algorithm::PS512 => &sig::RSA_PSS_SHA512,
        };
        let mut signature = vec![0; 256];
        rsa.sign(encoding, &rng, message, &mut signature).unwrap();
        signature
    };
    let key = |alg: Algorithm| match alg {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => secret_key(alg, SECRET),
        Algorithm::ES256 => jwk_key(alg, ec("P-256", &p256)),
        Algorithm::ES384 => jwk_key(alg, ec("P-384", &p384)),
        Algorithm::EdDSA => jwk_key(alg, json!({ "kty": "OKP", "crv": "Ed25519", "x": B64.encode(ed.public_key()) })),
        _ => jwk_key(alg, rsa_jwk.clone()),
    };
    let all: Vec<JwtKey> = ALGORITHMS.into_iter().map(key).collect();
    let all = JwtVerifier::new(&rules(all)).unwrap();
    for named in ALGORITHMS {
        let signed = format!("{}.{}", B64.encode(format!(r#"{{"alg":"{named:?}"}}"#)), B64.encode(good().to_string()));
        let alone = JwtVerifier::new(&rules([key(named)])).unwrap();
        for made in ALGORITHMS {
            let token = format!("{signed}.{}", B64.encode(make(made, signed.as_bytes())));
            let expected = if made == named { Ok(()) } else { Err(JwtFault::BadSignature) };
            assert_eq!(alone.verify(token.as_bytes(), NOON).map(|_| ()), expected, "{made:?} as {named:?}");
            assert_eq!(all.verify(token.as_bytes(), NOON).map(|_| ()), expected, "{made:?} as {named:?}, all keys");
            let elsewhere = JwtVerifier::new(&rules([key(made)])).unwrap();
            if made != named {
                assert_eq!(
                    elsewhere.verify(token.as_bytes(), NOON),
                    Err(JwtFault::AlgMismatch),
                    "{named:?} for {made:?}"
                );
            }
        }
    }
}

#[test]
fn a_key_is_given_once_and_told_apart() {
    let both = JwtKey { pem: Some("x".into()), ..hs256() };
    assert!(problem(both).contains("exactly one of"));
    assert!(problem(JwtKey { secret: None, ..hs256() }).contains("exactly one of"));
    assert!(problem(JwtKey { until: Some("tomorrow".into()), ..hs256() }).starts_with("keys[0].until"));
    assert!(problem(JwtKey { kid: Some("".into()), ..hs256() }).starts_with("keys[0].kid"));
    let kid = |kid: &str| JwtKey { kid: Some(kid.into()), ..hs256() };
    let place = |keys: Vec<JwtKey>| JwtVerifier::new(&rules(keys)).unwrap_err().place().to_owned();
    assert_eq!(place(vec![kid("a"), kid("b"), kid("a")]), "keys[2].kid");
    assert_eq!(place(vec![hs256(); 9]), "keys[8]");
    assert_eq!(place((0..65).map(|at| kid(&at.to_string())).collect()), "keys");
}
