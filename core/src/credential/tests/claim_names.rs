//! Claims that stand inside other claims, and names that only look as if they did.

use super::*;

/// What Keycloak puts into an access token.
fn of_keycloak() -> Value {
    let mut claims = good();
    claims["realm_access"] = json!({ "roles": ["reader", "offline_access"] });
    claims["resource_access"] = json!({ "chat/web~2": { "roles": ["editor"] }, "account": { "roles": ["manage"] } });
    claims["https://example.com/roles"] = json!(["admin"]);
    claims["realm_access.roles"] = json!(["decoy"]);
    claims["org"] = json!({ "id": "acme" });
    claims["profile"] = json!({ "login": "ada-2" });
    claims
}

fn judged(rules: &Jwt, claims: &str) -> Result<Identity, JwtFault> {
    let token = sign(r#"{"alg":"HS256"}"#, claims);
    JwtVerifier::new(rules).unwrap().verify(token.as_bytes(), NOON)
}

fn scopes(claim: &str, claims: &Value) -> Result<String, JwtFault> {
    let rules = Jwt { scopes: claim.into(), ..rules([hs256()]) };
    judged(&rules, &claims.to_string()).map(|identity| identity.scopes().join(" "))
}

#[test]
fn a_pointer_leads_into_objects_and_a_plain_name_does_not() {
    let claims = of_keycloak();
    for (name, found) in [
        ("/realm_access/roles", "reader offline_access"),
        ("/resource_access/chat~1web~02/roles", "editor"),
        ("/resource_access/account/roles", "manage"),
        ("https://example.com/roles", "admin"),
        ("/https:~1~1example.com~1roles", "admin"),
        ("realm_access.roles", "decoy"),
        ("/realm_access.roles", "decoy"),
        ("realm_access/roles", ""),
        ("/realm_access/Roles", ""),
        ("/resource_access/other/roles", ""),
        ("/nothing/here", ""),
    ] {
        assert_eq!(scopes(name, &claims).as_deref(), Ok(found), "{name}");
    }
}

#[test]
fn roles_tenant_subject_and_single_rules_go_the_same_way() {
    let permit = [("reader", "chat:read"), ("decoy", "chat:admin")];
    let permit = permit.map(|(role, scope)| (role.into(), vec![scope.into()])).into();
    let sound = Jwt {
        roles: Some(Roles { claim: "/realm_access/roles".into(), permit }),
        subject: "/profile/login".into(),
        tenant: Some("/org/id".into()),
        claims: BTreeMap::from([
            ("/resource_access/account/roles".into(), ClaimRule::Contains("manage".into())),
            ("/org/id".into(), ClaimRule::OneOf(vec!["acme".into(), "umbrella".into()])),
        ]),
        ..rules([hs256()])
    };
    let identity = judged(&sound, &of_keycloak().to_string()).unwrap();
    let user = identity.user().unwrap();
    assert_eq!((&*user.subject, &*user.tenant, identity.scopes().join(" ").as_str()), ("ada-2", "acme", "chat:read"));
    let with = |pointer: &str, value: Value| {
        let mut claims = of_keycloak();
        *claims.pointer_mut(pointer).unwrap() = value;
        judged(&sound, &claims.to_string()).map(|_| ())
    };
    assert_eq!(with("/resource_access/account/roles", json!(["view"])), Err(JwtFault::Claim));
    assert_eq!(with("/org/id", json!("other")), Err(JwtFault::Claim));
    assert_eq!(with("/org", json!({})), Err(JwtFault::MissingClaim));
    assert_eq!(with("/profile", json!({ "login": "" })), Err(JwtFault::MissingClaim));
    assert_eq!(with("/resource_access", json!({})), Err(JwtFault::MissingClaim));
}

/// As any claim of a wrong type: to take it for absent would let it pass.
#[test]
fn t42_what_stands_in_the_way_and_is_no_object_is_refused() {
    for value in [json!(null), json!(true), json!(1), json!("roles"), json!([]), json!([{ "roles": ["reader"] }])] {
        let claims = good_but("realm_access", value.clone());
        assert_eq!(scopes("/realm_access/roles", &claims), Err(JwtFault::ClaimType), "{value}");
        assert_eq!(scopes("/realm_access/0/roles", &claims), Err(JwtFault::ClaimType), "{value}");
    }
    for value in [json!(7), json!({}), json!([1]), json!(null)] {
        let claims = good_but("realm_access", json!({ "roles": value }));
        assert_eq!(scopes("/realm_access/roles", &claims), Err(JwtFault::ClaimType), "{value}");
    }
}

#[test]
fn t48_the_same_name_twice_on_the_way_is_refused() {
    let rules = Jwt { scopes: "/realm_access/roles".into(), ..rules([hs256()]) };
    let with =
        |members: &str| judged(&rules, &good().to_string().replacen('{', &format!("{{{members},"), 1)).map(|_| ());
    assert_eq!(with(r#""realm_access":{"roles":["a"]}"#), Ok(()));
    for twice in [
        r#""realm_access":{"roles":["a"]},"realm_access":{"roles":["b"]}"#,
        r#""realm_access":{"roles":["a"],"roles":["b"]}"#,
        r#""realm_access":{"roles":["a"],"r\u006fles":["b"]}"#,
        r#""realm_access":{"roles":["a"]},"other":{"x":{"y":1,"y":2}}"#,
    ] {
        assert_eq!(with(twice), Err(JwtFault::Duplicate), "{twice}");
    }
}

#[test]
fn a_pointer_that_cannot_be_one_is_a_policy_error_with_its_place() {
    let deep = "/a".repeat(17);
    for wrong in ["", "/", "//", "/a//b", "/a/", "/~", "/a~2", "/a~", &deep] {
        let permit = BTreeMap::from([("r".into(), vec!["s".into()])]);
        let roles = Some(Roles { claim: wrong.into(), permit });
        let claims = BTreeMap::from([(wrong.into(), ClaimRule::Is("x".into()))]);
        for (policy, place) in [
            (Jwt { subject: wrong.into(), ..rules([hs256()]) }, "subject".to_owned()),
            (Jwt { tenant: Some(wrong.into()), ..rules([hs256()]) }, "tenant".into()),
            (Jwt { scopes: wrong.into(), ..rules([hs256()]) }, "scopes".into()),
            (Jwt { roles, ..rules([hs256()]) }, "roles.claim".into()),
            (Jwt { claims, ..rules([hs256()]) }, format!("claims.{wrong}")),
        ] {
            assert_eq!(JwtVerifier::new(&policy).unwrap_err().place(), place, "{wrong:?}");
        }
    }
    assert!(scopes(&"/a".repeat(16), &good()).is_ok());
}

/// RFC 8725 section 3.8: the key must belong to the issuer.
#[test]
fn one_issuers_key_makes_no_users_of_another_issuer() {
    let (home, other) = ("https://id.test", "https://partner.test");
    let key = |secret: &str, kid: &str, issuer: &str| JwtKey {
        kid: Some(kid.into()),
        issuer: vec![issuer.into()],
        ..secret_key(Algorithm::HS256, secret)
    };
    let keys = [key(SECRET, "home", home), key(&SECRET[1..], "partner", other)];
    let policy = Jwt { issuer: vec![home.into(), other.into()], ..rules(keys) };
    let verifier = JwtVerifier::new(&policy).unwrap();
    let judged = |secret: &str, kid: &str, issuer: &str| {
        let header = json!({ "alg": "HS256", "kid": kid }).to_string();
        let token =
            sign_with(hmac::HMAC_SHA256, secret.as_bytes(), &header, &good_but("iss", json!(issuer)).to_string());
        verifier.verify(token.as_bytes(), NOON).map(|identity| identity.user().unwrap().namespace.clone())
    };
    assert_eq!(judged(SECRET, "home", home).as_deref(), Ok(home));
    assert_eq!(judged(&SECRET[1..], "partner", other).as_deref(), Ok(other));
    assert_eq!(judged(&SECRET[1..], "partner", home), Err(JwtFault::Issuer));
    assert_eq!(judged(SECRET, "home", other), Err(JwtFault::Issuer));
    let mut wrong = policy.clone();
    wrong.keys[1].issuer = vec!["https://typo.test".into()];
    assert_eq!(JwtVerifier::new(&wrong).unwrap_err().place(), "keys[1].issuer");
}
