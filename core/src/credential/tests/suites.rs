//! The vectors of the field.

use std::fs;
use std::path::Path;

use super::keys::ALGORITHMS;
use super::*;

/// A file of JSON; one that holds another's name, as a stored link does, stands for that one.
fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| read(&path.with_file_name(text.trim())))
}

/// Labelled valid, and refused on purpose: PS256 for a key whose token says PS384, where a key here
/// has one algorithm (346, 350); P-521, by the made-up name "ES521" (347, 351); a question mark
/// inside the base64url (372, 373).
const REFUSED_ON_PURPOSE: [u64; 6] = [346, 347, 350, 351, 372, 373];
/// Labelled invalid, for padding that the file has lost: byte for byte the tokens are test 357,
/// which is labelled valid.
const SAME_AS_357: [u64; 2] = [367, 370];

#[test]
fn wycheproof_json_web_signature() {
    let Some(folder) = suite("wycheproof") else { return };
    let file = read(&folder.join("testvectors_v1/json_web_signature_test.json"));
    let (mut seen, mut valid) = (0, Value::Null);
    for group in file["testGroups"].as_array().unwrap() {
        let key = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        let verifier = JwsVerifier::from_jwk(key);
        for test in group["tests"].as_array().unwrap() {
            seen += 1;
            let id = test["tcId"].as_u64().unwrap();
            let payload = match (&verifier, test["jws"].as_str()) {
                (Ok(verifier), Some(jws)) => verifier.payload(jws.as_bytes()).ok(),
                _ => None,
            };
            if id == 357 {
                valid = test["jws"].clone();
            }
            let same = SAME_AS_357.contains(&id);
            assert!(!same || test["jws"] == valid);
            let expected = same || test["result"] == "valid" && !REFUSED_ON_PURPOSE.contains(&id);
            assert_eq!(payload.is_some(), expected, "{id} {} {verifier:?}", test["comment"]);
        }
    }
    assert_eq!(seen, 401);
}

#[test]
fn rfc_7515_and_7520_examples() {
    let Some(folder) = suite("jose-rfc-vectors") else { return };
    let folder = folder.join("tests/vectors");
    let mut verified = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jwsc") {
            continue;
        }
        let jws = fs::read_to_string(&path).unwrap();
        let header: Value = serde_json::from_slice(&B64.decode(jws.split('.').next().unwrap()).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if header["alg"] == "none" {
            assert_eq!(verifier().verify(jws.trim().as_bytes(), NOON), Err(JwtFault::AlgMismatch), "{name}");
            continue;
        }
        let jwk = read(&path.with_extension("jwk"));
        let Ok(alg) = serde_json::from_value::<Algorithm>(header["alg"].clone()) else {
            assert!(JwsVerifier::from_jwk(&jwk).is_err(), "{name}: {header}");
            continue;
        };
        let public = public_half(&jwk);
        assert!(
            jwk["kty"] == "oct" || JwsVerifier::from_jwk(&jwk).is_err() == (public != jwk),
            "{name}: private keys are refused"
        );
        let verifier = JwsVerifier::new(&jwk_key(alg, public)).unwrap();
        let jws = jws.trim();
        match verifier.payload(jws.as_bytes()) {
            Ok(payload) => {
                let expected =
                    ["payl", "pt"].iter().find_map(|extension| fs::read(path.with_extension(extension)).ok());
                assert!(expected.is_none_or(|expected| expected == payload), "{name}");
                verified.push(name);
            }
            // Detached content (RFC 7515 appendix F) is not a token that anybody can read.
            Err(fault) => assert!(jws.contains("..") && fault == JwtFault::BadSignature, "{name}: {fault}"),
        }
    }
    verified.sort();
    assert_eq!(verified, ["rfc7515_A.1", "rfc7515_A.2", "rfc7515_A.3", "rfc7520_4.1", "rfc7520_4.2", "rfc7520_4.4"]);
}

#[test]
fn jose_cookbook_examples() {
    let Some(folder) = suite("jose-cookbook") else { return };
    let mut files: Vec<_> = fs::read_dir(folder.join("jws")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.push(folder.join("curve25519/jws.json"));
    let mut verified = 0;
    for path in files {
        let example = read(&path);
        let Some(compact) = example["output"]["compact"].as_str() else { continue };
        let alg = serde_json::from_value::<Algorithm>(example["input"]["alg"].clone());
        let jwk = public_half(&example["input"]["key"]);
        let Ok(alg) = alg else {
            assert!(JwsVerifier::from_jwk(&jwk).is_err(), "{}", path.display());
            continue;
        };
        let payload = JwsVerifier::new(&jwk_key(alg, jwk)).unwrap().payload(compact.as_bytes());
        let detached = compact.contains("..");
        match payload {
            Ok(payload) => assert_eq!(payload, example["input"]["payload"].as_str().unwrap().as_bytes()),
            Err(fault) => assert!(detached && fault == JwtFault::BadSignature, "{}: {fault}", path.display()),
        }
        verified += usize::from(!detached);
    }
    assert_eq!(verified, 4, "RS256, PS384, HS256, EdDSA; ES512 is refused above");
    for name in ["4.2.hmac-sha2_b64_false.json", "hmac-sha2_b64_false.json"] {
        let example = read(&folder.join("rfc7797").join(name));
        let text = example.to_string();
        let verifier = JwsVerifier::from_jwk(&example["input"]["key"]).unwrap();
        let compact = example["output"]["compact"].as_str().unwrap_or_default();
        assert!(verifier.payload(compact.as_bytes()).is_err(), "{text}");
    }
    for entry in fs::read_dir(folder.join("jwe")).unwrap() {
        let example = read(&entry.unwrap().path());
        if let Some(compact) = example["output"]["compact"].as_str() {
            assert_eq!(verifier().verify(compact.as_bytes(), NOON), Err(JwtFault::Encrypted));
        }
    }
}

#[test]
fn jose_cookbook_keys() {
    let Some(folder) = suite("jose-cookbook") else { return };
    for (name, expected) in [
        ("3_1.ec_public_key", None),
        ("3_2.ec_private_key", None),
        ("3_3.rsa_public_key", Some(Algorithm::RS256)),
        ("3_4.rsa_private_key", None),
        ("3_5.symmetric_key_mac_computation", Some(Algorithm::HS256)),
        ("3_6.symmetric_key_encryption", None),
    ] {
        let jwk = read(&folder.join("jwk").join(format!("{name}.json")));
        assert_eq!(judge_jwk(&jwk).ok(), expected, "{name}");
    }
}

/// Every key file times every algorithm, as PEM, as JWK and as a secret (threats 33, 40).
#[test]
fn t33_t40_every_key_for_every_algorithm() {
    let Some(folder) = suite("pyjwt-keys") else { return };
    let mut accepted = Vec::new();
    let mut files = 0;
    for entry in fs::read_dir(folder.join("tests/keys")).unwrap() {
        let path = entry.unwrap().path();
        let (name, text) = (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap());
        files += 1;
        for alg in ALGORITHMS {
            let jwk: Value = serde_json::from_str(&text).unwrap_or_default();
            for (how, key) in
                [("pem", pem_key(alg, &text)), ("jwk", jwk_key(alg, jwk)), ("secret", secret_key(alg, &text))]
            {
                if JwtVerifier::new(&rules([key])).is_ok() {
                    accepted.push(format!("{name} {how} {alg:?}"));
                }
            }
        }
    }
    accepted.sort();
    let rsa = ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];
    let mut expected: Vec<String> = Vec::new();
    for (name, how, algs) in [
        ("jwk_ec_pub_P-256.json", "jwk", &["ES256"][..]),
        ("jwk_ec_pub_P-384.json", "jwk", &["ES384"]),
        ("jwk_hmac.json", "jwk", &["HS256"]),
        ("jwk_okp_pub_Ed25519.json", "jwk", &["EdDSA"]),
        ("jwk_rsa_pub.json", "jwk", &rsa),
        ("testkey2_rsa.pub.pem", "pem", &rsa),
        ("testkey_ec.pub", "pem", &["ES256"]),
        ("testkey_ed25519.pub.pem", "pem", &["EdDSA"]),
    ] {
        expected.extend(algs.iter().map(|alg| format!("{name} {how} {alg}")));
    }
    assert_eq!(accepted, expected);
    assert_eq!(files, 31);
}

/// The key without its private members: examples of signing hold both halves.
fn public_half(jwk: &Value) -> Value {
    let mut public = jwk.clone();
    for name in ["d", "p", "q", "dp", "dq", "qi"] {
        public.as_object_mut().unwrap().remove(name);
    }
    public
}
