//! `wswarden token` as someone who tries things out sees it.

mod run;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use run::{Folder, GOOD, SECRET};
use serde_json::Value;

fn claims(token: &str, validation: &Validation) -> Value {
    decode::<Value>(token.trim(), &DecodingKey::from_secret(SECRET.as_bytes()), validation).unwrap().claims
}

#[test]
fn a_token_fits_the_policy_it_is_for() {
    let folder = Folder::new("token", &[("policy.toml", GOOD)]);
    let args =
        ["--subject", "alice", "--scopes", "chat:write,chat:read", "--tenant", "acme", "--ttl", "1h", "--id", "t1"];
    let ran = folder.run(&[&["token", "--policy", "policy.toml"][..], &args].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["chat"]);
    validation.set_issuer(&["https://id.example.com"]);
    let claims = claims(&ran.out, &validation);
    assert_eq!((claims["sub"].as_str(), claims["org"].as_str()), (Some("alice"), Some("acme")));
    assert_eq!((claims["scope"].as_str(), claims["jti"].as_str()), (Some("chat:write chat:read"), Some("t1")));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3_600);
    assert_eq!(jsonwebtoken::decode_header(ran.out.trim()).unwrap().kid.as_deref(), Some("a"));
}

#[test]
fn a_secret_alone_will_do() {
    let ran = Folder::new("secret", &[]).run(&["token", "--secret", "env:JWT_KEY", "--subject", "alice"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_aud = false;
    assert_eq!(claims(&ran.out, &validation)["sub"], "alice");
}

#[test]
fn what_could_not_be_used_is_not_made() {
    let public = GOOD.replace(
        "{ alg = \"HS256\", secret = \"env:JWT_KEY\", kid = \"a\" }",
        "{ alg = \"EdDSA\", jwk = { kty = \"OKP\", crv = \"Ed25519\", x = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\" } }",
    );
    let unsafe_one = format!("{GOOD}\n[queue]\nsoft = \"9MiB\"\n");
    let folder = Folder::new("refused", &[("public.toml", &public), ("unsafe.toml", &unsafe_one), ("good.toml", GOOD)]);
    for (args, says) in [
        (&["--policy", "public.toml"][..], "EdDSA tokens are checked with a public key"),
        (&["--policy", "unsafe.toml"], "queue.soft: found 9MiB"),
        (&["--policy", "good.toml", "--kid", "b"], "no key has the id \"b\""),
        (&["--policy", "good.toml", "--issuer", "https://else"], "the policy would refuse the token"),
        (&["--secret", "short-needle"], "the secret has 12 bytes"),
    ] {
        let ran = folder.run(&[&["token", "--subject", "alice"][..], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{says}");
        assert!(ran.err.contains(says) && !ran.err.contains("needle"), "{}", ran.err);
    }
    let neither = folder.run(&["token", "--subject", "alice"]);
    assert!(neither.code == 2 && neither.err.contains("--policy <FILE>|--secret <SECRET>"), "{}", neither.err);
    let span = folder.run(&["token", "--subject", "alice", "--secret", SECRET, "--ttl", "5 fortnights"]);
    assert!(span.code == 2 && span.err.contains("expected a length of time"), "{}", span.err);
}
