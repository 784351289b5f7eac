//! What claims may say, and when.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::policy::{Span, WaivedClaim};

fn shapes() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(1),
        json!(1.5),
        json!("1"),
        json!(""),
        json!([]),
        json!([1]),
        json!({}),
        json!({ "a": "b" }),
    ]
}

#[test]
fn t42_a_claim_of_a_wrong_type_is_invalid_and_never_absent() {
    for name in ["exp", "nbf", "iat"] {
        for value in shapes().into_iter().filter(|value| !value.is_number()) {
            assert_eq!(fault(&token(&good_but(name, value.clone()))), JwtFault::ClaimType, "{name} {value}");
        }
    }
    for name in ["iss", "sub", "jti", "sid"] {
        for value in shapes().into_iter().filter(|value| !value.is_string()) {
            assert_eq!(fault(&token(&good_but(name, value.clone()))), JwtFault::ClaimType, "{name} {value}");
        }
    }
    for value in shapes().into_iter().filter(|value| !value.is_string() && *value != json!([])) {
        assert_eq!(fault(&token(&good_but("scope", value.clone()))), JwtFault::ClaimType, "scope {value}");
        assert_eq!(fault(&token(&good_but("aud", value.clone()))), JwtFault::ClaimType, "aud {value}");
    }
    assert_eq!(fault(&token(&good_but("aud", json!(["chat", 1])))), JwtFault::ClaimType);
    assert_eq!(fault(&token(&good_but("aud", json!([["chat"]])))), JwtFault::ClaimType);
    assert_eq!(fault(&token(&good_but("scope", json!(["a", null])))), JwtFault::ClaimType);
    for name in ["jti", "sid"] {
        assert_eq!(
            fault(&token(&good_but(name, json!("")))),
            JwtFault::ClaimType,
            "an empty {name} would be everybody's"
        );
    }
}

#[test]
fn t42_types_hold_for_waived_claims_too() {
    let waive = vec![WaivedClaim::Aud, WaivedClaim::Iss, WaivedClaim::Exp];
    let rules = Jwt { waive, issuer: vec![], audience: vec![], ..rules([hs256()]) };
    let verifier = JwtVerifier::new(&rules).unwrap();
    let verify = |claims: Value| verifier.verify(token(&claims).as_bytes(), NOON);
    assert!(verify(json!({ "sub": "ada" })).unwrap().expires().is_none());
    assert!(verify(json!({ "sub": "ada", "iss": "anyone", "aud": ["any"] })).is_ok());
    for claims in [
        json!({ "sub": "ada", "iss": 1 }),
        json!({ "sub": "ada", "aud": 1 }),
        json!({ "sub": "ada", "exp": "never" }),
        json!({ "sub": "ada", "aud": [1] }),
        json!({ "sub": "ada", "exp": null }),
    ] {
        assert_eq!(verify(claims.clone()), Err(JwtFault::ClaimType), "{claims}");
    }
    assert_eq!(verify(json!({ "sub": "ada", "exp": 1 })), Err(JwtFault::Expired), "waived is not ignored");
}

#[test]
fn required_claims_are_required() {
    for name in ["iss", "aud", "exp", "sub"] {
        assert_eq!(fault(&token(&good_without(name))), JwtFault::MissingClaim, "{name}");
    }
    assert_eq!(fault(&token(&good_but("sub", json!("")))), JwtFault::MissingClaim);
    let other = Jwt { subject: "email".into(), tenant: Some("org".into()), ..rules([hs256()]) };
    let verifier = JwtVerifier::new(&other).unwrap();
    let verify = |claims: Value| verifier.verify(token(&claims).as_bytes(), NOON);
    let whole =
        json!({ "iss": "https://id.test", "aud": ["x", "chat"], "exp": 1.8e9, "email": "ada@id.test", "org": "acme" });
    let identity = verify(whole.clone()).unwrap();
    let user = identity.user().unwrap();
    assert_eq!((&*user.tenant, &*user.subject), ("acme", "ada@id.test"));
    for (name, value, fault) in [
        ("email", json!(null), JwtFault::ClaimType),
        ("org", json!(1), JwtFault::ClaimType),
        ("sub", json!(1), JwtFault::ClaimType),
        ("email", json!(""), JwtFault::MissingClaim),
        ("org", json!(""), JwtFault::MissingClaim),
    ] {
        let mut claims = whole.clone();
        claims[name] = value;
        assert_eq!(verify(claims), Err(fault), "{name}");
    }
    let mut claims = whole;
    claims.as_object_mut().unwrap().remove("org");
    assert_eq!(verify(claims), Err(JwtFault::MissingClaim));
}

#[test]
fn t43_issuer_and_audience_are_compared_whole() {
    for issuer in [
        "https://id.tes",
        "https://id.test/",
        "https://id.test.evil",
        "HTTPS://id.test",
        " https://id.test",
        "",
        "id.test",
    ] {
        assert_eq!(fault(&token(&good_but("iss", json!(issuer)))), JwtFault::Issuer, "{issuer}");
    }
    for audience in
        [json!("cha"), json!("chat "), json!("chatter"), json!(""), json!([]), json!(["Chat"]), json!(["", "c"])]
    {
        assert_eq!(fault(&token(&good_but("aud", audience.clone()))), JwtFault::Audience, "{audience}");
    }
    assert!(verify(&token(&good_but("aud", json!(["other", "chat"])))).is_ok());
}

#[test]
fn t43_what_is_neither_listed_nor_waived_cannot_be_a_policy() {
    let place = |rules: Jwt| JwtVerifier::new(&rules).unwrap_err().place().to_owned();
    assert_eq!(place(Jwt { issuer: vec![], ..rules([hs256()]) }), "issuer");
    assert_eq!(place(Jwt { audience: vec![], ..rules([hs256()]) }), "audience");
    assert_eq!(place(Jwt { audience: vec!["a".into(), "".into()], ..rules([hs256()]) }), "audience[1]");
    assert_eq!(place(Jwt { subject: "".into(), ..rules([hs256()]) }), "subject");
    assert_eq!(place(rules([])), "keys");
}

#[test]
fn a_waived_issuer_has_no_namespace_unless_listed() {
    let namespace = |issuer: Vec<Box<str>>, claims: Value| {
        let rules = Jwt { issuer, waive: vec![WaivedClaim::Iss], ..rules([hs256()]) };
        let identity = JwtVerifier::new(&rules).unwrap().verify(token(&claims).as_bytes(), NOON)?;
        Ok::<_, JwtFault>(identity.user().unwrap().namespace.clone())
    };
    assert_eq!(namespace(vec![], good()).as_deref(), Ok(""));
    assert_eq!(namespace(vec![], good_without("iss")).as_deref(), Ok(""));
    assert_eq!(namespace(vec!["https://id.test".into()], good()).as_deref(), Ok("https://id.test"));
    assert_eq!(namespace(vec!["https://other.test".into()], good()), Err(JwtFault::Issuer));
}

#[test]
fn t44_dates_at_the_edges() {
    let claims = |text: &str| sign(r#"{"alg":"HS256"}"#, &good().to_string().replacen("1795000600", text, 1));
    for exp in [
        "18446744073709551616",
        "1e400",
        "-1",
        "-0.5",
        "NaN",
        "\"\"",
        "1e18",
        "253402300800",
        "1795000600000",
        "-1e400",
    ] {
        let fault = fault(&claims(exp));
        assert!(matches!(fault, JwtFault::ClaimType | JwtFault::Malformed), "{exp}: {fault}");
    }
    for exp in ["0", "-0", "0.0", "1", "1.5", "1e9", "1794999970"] {
        assert_eq!(fault(&claims(exp)), JwtFault::Expired, "{exp}");
    }
    for exp in ["253402300799", "253402300799.9", "1795000600.5", "1.7950006e9", "1794999970.5", "1794999971"] {
        assert!(verify(&claims(exp)).is_ok(), "{exp}");
    }
}

#[test]
fn t44_leeway_to_the_nanosecond() {
    let at = |claims: &Value, nanos: u64| {
        verifier().verify(token(claims).as_bytes(), UnixTime::from_nanos(nanos)).map(|_| ())
    };
    let exp = (NOON.as_secs() + 600) * 1_000_000_000;
    let leeway = 30_000_000_000;
    assert_eq!(at(&good(), exp + leeway - 1), Ok(()));
    assert_eq!(at(&good(), exp + leeway), Err(JwtFault::Expired));
    let early = good_but("nbf", json!(NOON.as_secs()));
    assert_eq!(at(&early, NOON.as_nanos() - leeway), Ok(()));
    assert_eq!(at(&early, NOON.as_nanos() - leeway - 1), Err(JwtFault::NotYetValid));
    assert_eq!(at(&good(), u64::MAX), Err(JwtFault::Expired));
}

#[test]
fn t57_a_token_from_the_future_is_no_younger_than_now() {
    let identity = verify(&token(&good_but("iat", json!(NOON.as_secs() + 3600)))).unwrap();
    assert_eq!(identity.issued_at(), Some(NOON), "or it would survive a later cut-off");
}

#[test]
fn expiry_is_told_only_of_a_token_that_is_right_otherwise() {
    let mut claims = good_but("exp", json!(1));
    assert_eq!(fault(&token(&claims)), JwtFault::Expired);
    claims["aud"] = json!("other");
    assert_eq!(fault(&token(&claims)), JwtFault::Audience);
    let unsigned = sign_with(hmac::HMAC_SHA256, b"another", r#"{"alg":"HS256"}"#, &claims.to_string());
    assert_eq!(fault(&unsigned), JwtFault::BadSignature);
}

#[test]
fn scopes_as_text_or_array() {
    let scopes = |value: Value| verify(&token(&good_but("scope", value))).unwrap().scopes().to_vec();
    assert_eq!(scopes(json!(" a  b ")), ["a".into(), "b".into()]);
    assert_eq!(scopes(json!(["a b", "c"])), ["a b".into(), "c".into()]);
    assert!(scopes(json!("")).is_empty() && scopes(json!([])).is_empty());
    assert!(verify(&token(&good())).unwrap().scopes().is_empty());
}

#[test]
fn roles_permit_scopes_besides_those_the_token_names() {
    let permit = [("editor", vec!["chat:read", "chat:write"]), ("reader", vec!["chat:read"])];
    let permit = permit.map(|(role, scopes)| (role.into(), scopes.into_iter().map(Into::into).collect()));
    let roles = Some(Roles { claim: "roles".into(), permit: permit.into() });
    let verifier = JwtVerifier::new(&Jwt { roles, ..rules([hs256()]) }).unwrap();
    let scopes = |roles: Value, scope: &str| {
        let mut claims = good_but("roles", roles);
        claims["scope"] = json!(scope);
        verifier.verify(token(&claims).as_bytes(), NOON).map(|identity| identity.scopes().join(" "))
    };
    assert_eq!(scopes(json!(["reader"]), ""), Ok("chat:read".into()));
    assert_eq!(scopes(json!("reader editor"), "x"), Ok("x chat:read chat:write".into()));
    for unknown in ["Editor", "edit", "editors", "*", ""] {
        assert_eq!(scopes(json!([unknown]), "x"), Ok("x".into()), "{unknown:?} permits nothing");
    }
    assert_eq!(scopes(json!(7), "x"), Err(JwtFault::ClaimType));
    assert_eq!(scopes(json!(["editor", null]), "x"), Err(JwtFault::ClaimType));
}

#[test]
fn rules_for_single_claims() {
    let rule = |name: &str, rule| BTreeMap::from([(Box::from(name), rule)]);
    let with = |claims: BTreeMap<Box<str>, ClaimRule>| JwtVerifier::new(&Jwt { claims, ..rules([hs256()]) });
    let verify = |rules: BTreeMap<Box<str>, ClaimRule>, value: Value| {
        let verifier = with(rules).unwrap();
        verifier.verify(token(&good_but("role", value)).as_bytes(), NOON).map(|_| ())
    };
    let is = || rule("role", ClaimRule::Is("staff".into()));
    let one_of = || rule("role", ClaimRule::OneOf(vec!["staff".into(), "guest".into()]));
    let contains = || rule("role", ClaimRule::Contains("staff".into()));
    assert_eq!(verify(is(), json!("staff")), Ok(()));
    assert_eq!(verify(one_of(), json!("guest")), Ok(()));
    assert_eq!(verify(contains(), json!(["a", "staff"])), Ok(()));
    for value in ["", "staf", "staffs", "Staff", " staff"] {
        assert_eq!(verify(is(), json!(value)), Err(JwtFault::Claim));
        assert_eq!(verify(one_of(), json!(value)), Err(JwtFault::Claim));
        assert_eq!(verify(contains(), json!([value])), Err(JwtFault::Claim));
    }
    for value in shapes().into_iter().filter(|value| !value.is_string()) {
        assert_eq!(verify(is(), value.clone()), Err(JwtFault::ClaimType));
        assert_eq!(verify(one_of(), value), Err(JwtFault::ClaimType));
    }
    assert_eq!(verify(contains(), json!("staff")), Err(JwtFault::ClaimType));
    assert_eq!(verify(contains(), json!(["staff", 1])), Err(JwtFault::ClaimType));
    assert_eq!(verify(contains(), json!([])), Err(JwtFault::Claim));
    assert_eq!(verify(rule("other", ClaimRule::Is("x".into())), json!("staff")), Err(JwtFault::MissingClaim));
    let place = |rules| with(rules).unwrap_err().place().to_owned();
    assert_eq!(place(rule("role", ClaimRule::OneOf(vec![]))), "claims.role");
    let many = (0..33).map(|n| (n.to_string().into(), ClaimRule::Is("x".into()))).collect();
    assert_eq!(place(many), "claims");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Against the plain definition in 128 bits: nbf - leeway <= now < exp + leeway.
    #[test]
    fn t44_dates_agree_with_a_model(
        now in any::<u64>(), exp in 0_u64..300_000_000_000, nbf in 0_u64..300_000_000_000, leeway in 0_u64..1000, near in any::<bool>(),
    ) {
        let now = if near { exp.saturating_mul(1_000_000_000).saturating_sub(now % 3_000_000_000) } else { now };
        let rules = Jwt { leeway: Span::from_secs(leeway), ..rules([hs256()]) };
        let mut claims = good_but("exp", json!(exp));
        claims["nbf"] = json!(nbf);
        let verdict = JwtVerifier::new(&rules).unwrap().verify(token(&claims).as_bytes(), UnixTime::from_nanos(now)).map(|_| ());
        let last = 253_402_300_799;
        let (nanos, now) = (|secs: u64| u128::from(secs) * 1_000_000_000, u128::from(now));
        // The clock itself ends in 2554; from there on nothing is later.
        let clock_end = u128::from(u64::MAX);
        let expected = if exp > last || nbf > last {
            Err(JwtFault::ClaimType)
        } else if (now + nanos(leeway)).min(clock_end) < nanos(nbf).min(clock_end) {
            Err(JwtFault::NotYetValid)
        } else if now >= (nanos(exp) + nanos(leeway)).min(clock_end) {
            Err(JwtFault::Expired)
        } else {
            Ok(())
        };
        prop_assert_eq!(verdict, expected);
    }

    #[test]
    fn fractions_are_kept(millis in 0_u64..2_000_000_000_000) {
        let secs = Duration::from_millis(millis).as_secs_f64();
        let waived = Jwt { leeway: Span::from_secs(0), ..rules([hs256()]) };
        let token = token(&good_but("exp", json!(secs)));
        let identity = JwtVerifier::new(&waived).unwrap().verify(token.as_bytes(), UnixTime::from_nanos(0));
        prop_assume!(millis > 0);
        let off = identity.unwrap().expires().unwrap().as_nanos().abs_diff(millis * 1_000_000);
        prop_assert!(off < 1_000_000, "{off} ns");
    }
}
