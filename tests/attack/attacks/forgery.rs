//! Step 2: forged, stale and misdirected tokens (RFC 8725, and the holes of the verifiers before us).

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::Attack;
use crate::lab::Probe;
use crate::outcome::{Outcome, Tried};
use crate::token::{Draft, encode, unix_now};

macro_rules! forgeries {
    ($($name:literal, $about:literal, $make:expr;)+) => {
        &[$(Attack { name: $name, expect: "401|close 4401", about: $about, run: |p| forge(p, $make) }),+]
    };
}

pub(super) const ATTACKS: &[Attack] = forgeries! {
    "token.alg-none", "no signature, alg none",
        |d| d.header(r#"{"typ":"JWT","alg":"none"}"#).unsigned();
    "token.alg-none-mixed-case", "no signature, alg nOnE",
        |d| d.header(r#"{"typ":"JWT","alg":"nOnE"}"#).unsigned();
    "token.alg-none-signed", "alg none with a signature",
        |d| d.header(r#"{"typ":"JWT","alg":"none"}"#).sign();
    "token.alg-missing", "a header without alg", |d| d.header(r#"{"typ":"JWT"}"#).sign();
    "token.alg-other-hash", "signed with the right key and another hash", |d| {
        let mut d = d.header(r#"{"typ":"JWT","alg":"HS512"}"#);
        d.algorithm = Algorithm::HS512;
        d.sign()
    };
    "token.alg-asymmetric", "alg RS256 for a key of HS256", |d| d.header(r#"{"typ":"JWT","alg":"RS256"}"#).sign();
    "token.no-signature", "the good header and claims, no signature", |d| d.unsigned();
    "token.no-signature-part", "two parts", |d| d.unsigned().trim_end_matches('.').to_owned();
    "token.wrong-key", "signed with another key", |d| d.secret(b"not the secret that the server has").sign();
    "token.empty-key", "signed with an empty key", |d| d.secret(b"").sign();
    "token.weak-key-secret", "signed with \"secret\"", |d| d.secret(b"secret").sign();
    "token.weak-key-changeme", "signed with \"your-256-bit-secret\"", |d| d.secret(b"your-256-bit-secret").sign();
    "token.changed-claims", "the good signature over other claims", |d| {
        let good = d.sign();
        let signature = good.rsplit('.').next().unwrap_or_default();
        format!("{}{signature}", d.claim("sub", json!("root")).unsigned())
    };
    "token.cut-signature", "the signature one byte short", |d| {
        let good = d.sign();
        good[..good.len() - 2].to_owned()
    };
    "token.expired", "expired an hour ago", |d| d.claim("exp", json!(unix_now() - 3600)).sign();
    "token.expired-1970", "exp 0", |d| d.claim("exp", json!(0)).sign();
    "token.expired-negative", "a negative exp", |d| d.claim("exp", json!(-1)).sign();
    "token.exp-missing", "no exp", |d| d.claim("exp", Value::Null).sign();
    "token.exp-text", "exp as text", |d| d.claim("exp", json!("9999999999")).sign();
    "token.exp-array", "exp in an array", |d| d.claim("exp", json!([9_999_999_999_u64])).sign();
    "token.exp-huge", "exp 1e400", |d| replace_claim(&d, "exp", "1e400");
    "token.nbf-future", "not valid before tomorrow", |d| d.claim("nbf", json!(unix_now() + 86_400)).sign();
    "token.nbf-text", "nbf as text: not the same as no nbf", |d| d.claim("nbf", json!("9999999999")).sign();
    "token.aud-wrong", "for another audience", |d| d.claim("aud", json!("another-service")).sign();
    "token.aud-missing", "no aud", |d| d.claim("aud", Value::Null).sign();
    "token.aud-longer", "an audience that begins with the right one", |d| d.aud(|aud| format!("{aud}-admin")).sign();
    "token.aud-empty-list", "an empty list of audiences", |d| d.claim("aud", json!([])).sign();
    "token.aud-number", "an audience that is no text", |d| d.claim("aud", json!(1)).sign();
    "token.iss-wrong", "from another issuer", |d| d.claim("iss", json!("https://evil.example")).sign();
    "token.iss-missing", "no iss", |d| d.claim("iss", Value::Null).sign();
    "token.iss-part", "a part of the issuer's name", |d| d.iss(|iss| iss[..iss.len() - 1].to_owned()).sign();
    "token.iss-list", "issuers as a list with the right one in it",
        |d| { let iss = d.claims["iss"].clone(); d.claim("iss", json!(["https://evil.example", iss])).sign() };
    "token.sub-number", "a subject that is no text", |d| d.claim("sub", json!(7)).sign();
    "token.sub-list", "a list of subjects", |d| d.claim("sub", json!(["ada", "root"])).sign();
    "token.crit", "a critical header nobody knows",
        |d| d.header(r#"{"typ":"JWT","alg":"HS256","crit":["x"],"x":1}"#).sign();
    "token.unencoded", "b64=false (RFC 7797)",
        |d| d.header(r#"{"typ":"JWT","alg":"HS256","crit":["b64"],"b64":false}"#).sign();
    "token.embedded-key", "the attacker's key in the header", |d| {
        let header = json!({ "typ": "JWT", "alg": "HS256", "jwk": { "kty": "oct", "k": encode("my own key, thirty-two bytes long") } });
        d.header(&header.to_string()).secret(b"my own key, thirty-two bytes long").sign()
    };
    "token.embedded-url", "the attacker's key set as jku",
        |d| d.header(r#"{"typ":"JWT","alg":"HS256","jku":"https://127.0.0.1:1/keys"}"#).secret(b"my own key, thirty-two bytes long").sign();
    "token.kid-path", "a kid that names an empty file",
        |d| d.header(r#"{"typ":"JWT","alg":"HS256","kid":"../../../../../../dev/null"}"#).secret(b"").sign();
    "token.kid-sql", "a kid that ends a query",
        |d| d.header(r#"{"typ":"JWT","alg":"HS256","kid":"x' UNION SELECT 'key'--"}"#).secret(b"key").sign();
    "token.duplicate-alg", "alg twice in the header", |d| d.header(r#"{"alg":"none","typ":"JWT","alg":"HS256"}"#).sign();
    "token.duplicate-claim", "sub twice", |d| {
        let claims = d.claims.to_string();
        d.sign_text(&format!(r#"{{"sub":"root",{}"#, claims.trim_start_matches('{')))
    };
    "token.claims-no-object", "claims that are no object", |d| d.sign_text("[]");
    "token.five-parts", "an encrypted token (RFC 7516)", |d| format!("{}.AAAA.AAAA", d.sign());
    "token.padded", "base64 with padding", |d| format!("{}=", d.sign());
    "token.trailing-bits", "the same signature, spelt another way (RFC 4648 section 3.5)", |d| respell(&d.sign());
    "token.line-break", "an escaped line break behind the token", |d| format!("{}%0A", d.sign());
    "token.many-dots", "thousands of dots", |_| ".".repeat(4000);
};

/// The ones whose refusal has another code.
pub(super) const BEYOND: &[Attack] = &[Attack {
    name: "token.too-long",
    expect: "401|414|431|close 4401|close 1009",
    about: "longer than a token may be, and otherwise good",
    run: |p| {
        let rules = p.token_rules()?;
        let draft = Draft::good(rules, &p.subject).claim("pad", json!("x".repeat(rules.max_length)));
        Ok(p.attempt(&p.with_token(&draft.sign()))?)
    },
}];

impl Draft {
    fn aud(self, change: fn(&str) -> String) -> Self {
        let aud = change(self.claims["aud"].as_str().unwrap_or_default());
        self.claim("aud", json!(aud))
    }

    fn iss(self, change: fn(&str) -> String) -> Self {
        let iss = change(self.claims["iss"].as_str().unwrap_or_default());
        self.claim("iss", json!(iss))
    }
}

fn forge(p: &Probe<'_>, make: fn(Draft) -> String) -> Tried {
    let draft = Draft::good(p.token_rules()?, &p.subject);
    let good = draft.sign();
    let token = make(draft);
    if token == good {
        return Ok(Outcome::Broken("the forged token is the good one".into()));
    }
    Ok(p.attempt(&p.with_token(&token))?)
}

fn replace_claim(draft: &Draft, name: &str, text: &str) -> String {
    let claims = draft.clone().claim(name, json!("$HERE")).claims.to_string();
    draft.sign_text(&claims.replace("\"$HERE\"", text))
}

/// Changes the bits of the last character that the last byte does not use.
fn respell(token: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = token.split_at(token.len().saturating_sub(1));
    let at = ALPHABET.iter().position(|letter| last.as_bytes() == [*letter]).unwrap_or(0);
    // 32 bytes are 42 letters and one more that holds 4 bits: the 2 lowest are free.
    format!("{head}{}", char::from(ALPHABET[at ^ 1]))
}
