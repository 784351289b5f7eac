//! The token as a whole: its shape, its header, its signature.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::reason::Reason;

#[test]
fn a_good_token_becomes_an_identity() {
    let mut claims = good();
    claims["scope"] = json!("chat:read  chat:write");
    claims["iat"] = json!(NOON.as_secs() - 5);
    claims["jti"] = json!("t-1");
    claims["sid"] = json!("s-1");
    let identity = verify(&token(&claims)).unwrap();
    let user = identity.user().unwrap();
    assert_eq!((&*user.namespace, &*user.tenant, &*user.subject), ("https://id.test", "", "ada"));
    assert!(identity.has_scope("chat:read") && identity.has_scope("chat:write"));
    assert_eq!(identity.scopes().len(), 2);
    assert_eq!(identity.expires(), Some(NOON.after(Duration::from_secs(600))));
    assert_eq!(identity.issued_at(), Some(UnixTime::from_secs(NOON.as_secs() - 5)));
    assert_eq!((identity.token_id(), identity.session_id()), (Some("t-1"), Some("s-1")));
}

#[test]
fn t32_alg_none_in_any_spelling() {
    let claims = good().to_string();
    for alg in ["none", "None", "NONE", "nOnE", "", "none ", "HS256 ", "hs256", "HS257", "RS256\0", "ES512", "dir"] {
        for signature in ["", "AA", "e30"] {
            let header = json!({ "alg": alg }).to_string();
            let token = format!("{}.{}.{signature}", B64.encode(header), B64.encode(&claims));
            assert_eq!(fault(&token), JwtFault::AlgMismatch, "{alg}");
        }
        assert_eq!(fault(&sign(&json!({ "alg": alg }).to_string(), &claims)), JwtFault::AlgMismatch, "{alg}");
    }
    for header in [r#"{"typ":"JWT"}"#, r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, "{}", "[]", "null", "\"HS256\""] {
        assert_eq!(fault(&sign(header, &claims)), JwtFault::Malformed, "{header}");
    }
}

#[test]
fn t34_keys_in_the_header_are_not_read() {
    let other = "an attacker's own key, which signs this token, long enough";
    let jwk = json!({ "kty": "oct", "k": B64.encode(other) });
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://evil.test/keys")),
        ("x5u", json!("https://evil.test/cert")),
        ("x5c", json!(["AAAA"])),
    ] {
        let mut header = json!({ "alg": "HS256" });
        header[name] = value;
        let (header, claims) = (header.to_string(), good().to_string());
        let forged = sign_with(hmac::HMAC_SHA256, other.as_bytes(), &header, &claims);
        assert_eq!(fault(&forged), JwtFault::BadSignature, "{name}");
        assert!(verify(&sign(&header, &claims)).is_ok(), "{name}: no reason to refuse what is not read");
    }
}

#[test]
fn t35_kid_is_only_a_name() {
    let rules = rules([JwtKey { kid: Some("2026-11".into()), ..hs256() }]);
    let verifier = JwtVerifier::new(&rules).unwrap();
    let with_kid = |kid: Value| sign(&json!({ "alg": "HS256", "kid": kid }).to_string(), &good().to_string());
    let verify = |kid: Value| verifier.verify(with_kid(kid).as_bytes(), NOON).map(|_| ());
    assert_eq!(verify(json!("2026-11")), Ok(()));
    for kid in [
        "",
        "2026-1",
        "2026-111",
        "2026-11 ",
        "2026-11\0",
        "../../../dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "' UNION SELECT 'x",
        "2026-11' OR '1'='1",
        "|whoami",
        "$(id)",
        "`id`",
        "; sleep 5",
        "file:///etc/passwd",
        "http://evil.test/",
        "../2026-11",
        "./2026-11",
        "2026-11/../2026-11",
        "2026-11%00",
        "%32026-11",
        "__proto__",
        "constructor",
        "toString",
        "null",
    ] {
        assert_eq!(verify(json!(kid)), Err(JwtFault::NoKey), "{kid}");
    }
    assert_eq!(verify(json!("k".repeat(129))), Err(JwtFault::NoKey));
    let long =
        |length: usize| sign(&json!({ "alg": "HS256", "kid": "k".repeat(length) }).to_string(), &good().to_string());
    assert!(super::verify(&long(128)).is_ok(), "a key without id is any token's");
    assert_eq!(fault(&long(129)), JwtFault::NoKey);
    for kid in [json!(null), json!(1), json!(["2026-11"]), json!({ "2026-11": 1 }), json!(true)] {
        assert_eq!(verify(kid), Err(JwtFault::Malformed));
    }
}

#[test]
fn t36_an_empty_or_cut_signature() {
    let whole = token(&good());
    let (signed, signature) = whole.rsplit_once('.').unwrap();
    for len in 0..signature.len() {
        let cut = format!("{signed}.{}", &signature[..len]);
        assert!(matches!(fault(&cut), JwtFault::BadSignature | JwtFault::Malformed), "{len}");
    }
    assert_eq!(fault(&format!("{signed}.{}", "A".repeat(43))), JwtFault::BadSignature);
}

#[test]
fn t41_critical_extensions_and_unencoded_payloads() {
    let claims = good().to_string();
    let header = |extra: &str| format!(r#"{{"alg":"HS256",{extra}}}"#);
    for crit in [r#""crit":["exp"],"exp":1"#, r#""crit":[]"#, r#""crit":null"#, r#""crit":["b64"],"b64":false"#] {
        assert_eq!(fault(&sign(&header(crit), &claims)), JwtFault::Crit, "{crit}");
    }
    for extra in [r#""b64":false"#, r#""b64":true"#, r#""zip":"DEF""#, r#""zip":null"#] {
        assert_eq!(fault(&sign(&header(extra), &claims)), JwtFault::Header, "{extra}");
    }
}

#[test]
fn t45_a_million_dots() {
    let long = Jwt { max_length: crate::policy::Size::from_kib(4096), ..rules([hs256()]) };
    let verifier = JwtVerifier::new(&long).unwrap();
    for dots in [0, 1, 3, 5, 6, 1_000_000] {
        assert_eq!(verifier.verify(&b".".repeat(dots), NOON), Err(JwtFault::Malformed), "{dots}");
    }
    assert_eq!(verifier.verify(b"..", NOON), Err(JwtFault::Malformed));
    assert_eq!(fault(&format!("{}.AA", token(&good()))), JwtFault::Malformed, "four parts");
    assert_eq!(fault(&format!("{}.A.A.A", token(&good()))), JwtFault::Malformed, "six parts");
    let long = format!("{}{}", token(&good()), "A".repeat(8192));
    assert_eq!(fault(&long), JwtFault::TooLong);
}

#[test]
fn t46_encrypted_tokens_are_not_read() {
    let claims = good().to_string();
    let header = B64.encode(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"zip":"DEF"}"#);
    assert_eq!(fault(&format!("{header}.AA.AA.{}.AA", B64.encode(&claims))), JwtFault::Encrypted);
    assert_eq!(fault("...."), JwtFault::Encrypted);
}

#[test]
fn t47_one_spelling_of_a_token() {
    let whole = token(&good());
    let parts: Vec<&str> = whole.split('.').collect();
    let with = |at: usize, part: String| {
        let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        parts[at] = part;
        parts.join(".")
    };
    for (at, part) in parts.iter().enumerate() {
        for other in [
            format!("{part}="),
            format!("{part}=="),
            format!(" {part}"),
            format!("{part} "),
            format!("{part}\n"),
            format!("{part}A"),
        ] {
            assert!(verify(&with(at, other.clone())).is_err(), "{other}");
        }
    }
    // The last character of 43 holds two loose bits: four spellings of one signature.
    let (head, last) = parts[2].split_at(42);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(last).unwrap();
    for loose in 1..4 {
        let other = &alphabet[(place | loose)..=(place | loose)];
        assert_ne!(other, last);
        assert_eq!(fault(&with(2, format!("{head}{other}"))), JwtFault::Malformed);
    }
    // Signed, and yet refused: a payload whose own encoding leaves bits loose.
    let signed = format!("{}.{}", parts[0], "e31");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
    assert_eq!(fault(&format!("{signed}.{}", B64.encode(tag))), JwtFault::Malformed);
}

#[test]
fn t48_the_same_name_twice() {
    let claims = good().to_string();
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","x":{"y":1,"y":2}}"#,
    ] {
        assert_eq!(fault(&sign(header, &claims)), JwtFault::Duplicate, "{header}");
    }
    let body = claims.trim_end_matches('}');
    for twice in [r#""sub":"eve""#, r#""s\u0075b":"eve""#, r#""x":[{"y":1,"y":1}]"#, r#""exp":1"#] {
        let twice = sign(r#"{"alg":"HS256"}"#, &format!("{body},{twice}}}"));
        assert_eq!(fault(&twice), JwtFault::Duplicate, "{twice}");
    }
}

#[test]
fn json_that_parsers_read_differently() {
    let header = r#"{"alg":"HS256"}"#;
    let body = good().to_string();
    let body = body.trim_end_matches('}');
    let deep = format!(r#"{body},"x":{}{}}}"#, "[".repeat(16), "]".repeat(16));
    let wide = format!(r#"{body},"x":[{}0]}}"#, "0,".repeat(256));
    for claims in [
        format!("\u{feff}{body}}}"),
        format!("{body}}} x"),
        format!("{body},}}"),
        body.to_owned(),
        format!(r#"{body},"x":"\ud800"}}"#),
        format!("{body},\"x\":\"\u{1}\"}}"),
        format!(r#"{body},"x":1e400}}"#),
        format!(r#"{body},"x":NaN}}"#),
        format!(r#"{body},"x":01}}"#),
        format!("{body}/**/}}"),
        "null".to_owned(),
        "[]".to_owned(),
        String::new(),
        deep,
        wide,
    ] {
        assert_eq!(fault(&sign(header, &claims)), JwtFault::Malformed, "{claims}");
    }
    assert!(verify(&sign(header, &format!(" {body} ,\n\"x\" : [1, -1, 1.5, true, null, {{}}] }} "))).is_ok());
}

#[test]
fn typ_counts_when_listed() {
    let rules = Jwt { typ: vec!["at+jwt".into()], ..rules([hs256()]) };
    let verifier = JwtVerifier::new(&rules).unwrap();
    let verify = |header: &str| verifier.verify(sign(header, &good().to_string()).as_bytes(), NOON).map(|_| ());
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        assert_eq!(verify(&json!({ "alg": "HS256", "typ": typ }).to_string()), Ok(()), "{typ}");
    }
    for typ in ["JWT", "", "at+jwt ", "x/at+jwt", "application/application/at+jwt"] {
        assert_eq!(verify(&json!({ "alg": "HS256", "typ": typ }).to_string()), Err(JwtFault::Typ), "{typ}");
    }
    assert_eq!(verify(r#"{"alg":"HS256"}"#), Err(JwtFault::Typ));
    assert_eq!(verify(r#"{"alg":"HS256","typ":1}"#), Err(JwtFault::Malformed));
}

#[test]
fn several_keys_and_one_that_was_rotated_out() {
    let old = JwtKey { until: Some("2026-12-01T00:00:00Z".into()), ..secret_key(Algorithm::HS256, &SECRET[1..]) };
    let verifier = JwtVerifier::new(&rules([hs256(), old])).unwrap();
    let claims = good_but("exp", json!(1_900_000_000));
    let by_old = sign_with(hmac::HMAC_SHA256, &SECRET.as_bytes()[1..], r#"{"alg":"HS256"}"#, &claims.to_string());
    let end = UnixTime::from_secs(1_796_083_200);
    assert!(verifier.verify(by_old.as_bytes(), UnixTime::from_nanos(end.as_nanos() - 1)).is_ok());
    assert_eq!(verifier.verify(by_old.as_bytes(), end), Err(JwtFault::BadSignature));
    assert!(verifier.verify(token(&claims).as_bytes(), end).is_ok());
}

#[test]
fn the_peer_is_told_less_than_the_log() {
    assert_eq!(JwtFault::Expired.reason(), Reason::TokenExpired);
    for fault in [JwtFault::Malformed, JwtFault::BadSignature, JwtFault::NoKey, JwtFault::NotYetValid, JwtFault::Issuer]
    {
        assert_eq!(fault.reason(), Reason::CredentialInvalid);
    }
}

#[test]
fn t52_nothing_of_a_key_or_token_is_printed() {
    let canary = "Canary-4f1c9e77aa20b3d1-Canary-4f1c9e77aa20b3d1";
    let key = secret_key(Algorithm::HS256, canary);
    let verifier = JwtVerifier::new(&rules([key.clone()])).unwrap();
    let short = JwtVerifier::new(&rules([secret_key(Algorithm::HS256, &canary[..20])])).unwrap_err();
    let json =
        JwtVerifier::new(&rules([jwk_key(Algorithm::HS256, json!({ "kty": "oct", "k": canary, "alg": canary }))]))
            .unwrap_err();
    let jws = JwsVerifier::new(&key).unwrap();
    let printed = format!("{verifier:?} {short} {short:?} {json} {json:?} {jws:?} {key:?}");
    assert!(!printed.contains("4f1c9e77"), "{printed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_refused_and_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(verifier().verify(&bytes, NOON).is_err());
    }

    #[test]
    fn any_change_of_one_byte_is_refused(at in 0_usize..200, to in any::<u8>()) {
        let mut bytes = token(&good()).into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(verifier().verify(&bytes, NOON).is_err());
    }
}
