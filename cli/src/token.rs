//! `wswarden token`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use miette::{Report, miette};
use serde_json::{Map, Value, json};
use wswarden::UnixTime;
use wswarden::credential::JwtVerifier;
use wswarden::policy::{Algorithm, Jwt, JwtKey, Span, WaivedClaim};

use crate::report::{Finding, Source};

/// Make a token (JWT) for trying things out, and print it.
///
/// With --policy the token is signed with the policy's first shared secret and made to fit:
/// issuer, audience and the names of the claims are the policy's. With --secret it is signed with
/// that secret. What comes out has been checked by the same verifier that a server uses.
///
/// A policy that has only public keys cannot make tokens: whoever has the private key can.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("key").required(true)))]
pub(crate) struct Token {
    /// Sign with a key of this policy.
    #[arg(long, value_name = "FILE", group = "key")]
    policy: Option<PathBuf>,
    /// Sign with this secret: env:NAME, file:PATH, or the secret itself, which others may then see
    /// in the list of processes.
    #[arg(long, group = "key")]
    secret: Option<String>,
    /// The algorithm that --secret is for.
    #[arg(long, default_value = "HS256", value_parser = algorithm, conflicts_with = "policy")]
    alg: Algorithm,
    /// The id of the policy's key to sign with, instead of the first.
    #[arg(long, requires = "policy")]
    kid: Option<String>,
    /// The user the token is for.
    #[arg(long)]
    subject: String,
    /// What the user may do, such as "chat:write": several by commas, or the option again.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
    /// The user's tenant, in the claim that the policy names.
    #[arg(long, requires = "policy")]
    tenant: Option<String>,
    /// The issuer, instead of the policy's first.
    #[arg(long)]
    issuer: Option<String>,
    /// The audience, instead of the policy's first.
    #[arg(long)]
    audience: Option<String>,
    /// How long the token is good for.
    #[arg(long, default_value = "5min", value_parser = span)]
    ttl: Span,
    /// The token's own id (claim jti), by which it can be revoked.
    #[arg(long)]
    id: Option<String>,
}

pub(crate) fn run(token: &Token) -> miette::Result<ExitCode> {
    let rules = match (&token.policy, &token.secret) {
        (Some(file), _) => {
            let text = crate::check::read(file)?;
            let name = file.display().to_string();
            let draft = wswarden::policy_draft(file, &text);
            // A policy that cannot be makes no tokens, though its key might do.
            let document = draft.and_then(|draft| draft.clone().build().and_then(|_| draft.document()));
            match document {
                Ok(document) => document.credential.jwt.ok_or_else(|| miette!("{name} takes no tokens"))?,
                Err(error) => {
                    Finding::from(&error).print(&Source { name: &name, text: &text });
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
        (None, Some(secret)) => alone(token, secret)?,
        (None, None) => return Err(miette!("one of --policy and --secret is needed")),
    };
    match made(token, rules) {
        Ok(made) => crate::print(&made).map(|()| ExitCode::SUCCESS),
        Err(report) => {
            crate::report::failure(&report);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The token, judged by the verifier of the same rules.
fn made(token: &Token, rules: Jwt) -> miette::Result<String> {
    let claims = claims(token, &rules);
    let text = mint(&rules, token.kid.as_deref(), &Value::Object(claims.clone()))?;
    let verifier = JwtVerifier::new(&rules).map_err(|error| miette!("the secret {}", error.problem()))?;
    let now = UnixTime::from_secs(claims.get("iat").and_then(Value::as_u64).unwrap_or_default());
    match verifier.verify(text.as_bytes(), now) {
        Ok(_) => Ok(text),
        Err(fault) => Err(miette!(
            help = "leave out what you have set, and the policy's own is taken",
            "the policy would refuse the token: {fault}"
        )),
    }
}

/// Signs claims with a shared secret of `rules`: the first, or the one of that id.
pub(crate) fn mint(rules: &Jwt, kid: Option<&str>, claims: &Value) -> miette::Result<String> {
    let fits = |key: &&JwtKey| kid.is_none() || key.kid.as_deref() == kid;
    let fitting: Vec<&JwtKey> = rules.keys.iter().filter(fits).collect();
    let Some((key, secret)) = fitting.iter().find_map(|key| Some((key, secret(key)?))) else {
        return Err(match (fitting.first(), kid) {
            (None, Some(kid)) => miette!("no key has the id {kid:?}"),
            (Some(key), _) => only_public(key),
            (None, None) => miette!("there is no key"),
        });
    };
    let mut header = Header::new(match key.alg {
        Algorithm::HS384 => jsonwebtoken::Algorithm::HS384,
        Algorithm::HS512 => jsonwebtoken::Algorithm::HS512,
        _ => jsonwebtoken::Algorithm::HS256,
    });
    header.kid = key.kid.as_deref().map(Into::into);
    if let Some(typ) = rules.typ.first() {
        header.typ = Some(typ.to_string());
    }
    jsonwebtoken::encode(&header, claims, &secret).map_err(|error| miette!("the token cannot be signed: {error}"))
}

fn only_public(key: &JwtKey) -> Report {
    miette!(
        help = "ask whoever issues your tokens, or try things out with a policy that has an HS256 key",
        "{:?} tokens are checked with a public key; only who has the private key can make one",
        key.alg
    )
}

/// The key's bytes, if it is a shared secret.
fn secret(key: &JwtKey) -> Option<EncodingKey> {
    if !matches!(key.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        return None;
    }
    let jwk = key.jwk.as_ref().and_then(|jwk| jwk.get("k")).and_then(Value::as_str);
    match (&key.secret, jwk) {
        (Some(text), _) if !key.secret_base64 => Some(EncodingKey::from_secret(text.as_bytes())),
        (Some(text), _) => EncodingKey::from_urlsafe_base64_secret(text.trim_end_matches('=')).ok(),
        (None, Some(text)) => EncodingKey::from_urlsafe_base64_secret(text).ok(),
        (None, None) => None,
    }
}

/// The rules that a token signed with a secret alone has to keep.
fn alone(token: &Token, secret: &str) -> miette::Result<Jwt> {
    let text = match secret.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|_| miette!("{name} is not in the environment as text"))?,
        Some(("file", path)) => {
            let text = std::fs::read_to_string(path).map_err(|error| miette!("{path} cannot be read: {error}"))?;
            text.strip_suffix('\n').map(|text| text.trim_end_matches('\r').to_owned()).unwrap_or(text)
        }
        _ => secret.to_owned(),
    };
    let key = JwtKey {
        alg: token.alg,
        secret: Some(text.into()),
        secret_base64: false,
        pem: None,
        jwk: None,
        kid: None,
        issuer: Vec::new(),
        until: None,
    };
    let waive = vec![WaivedClaim::Iss, WaivedClaim::Aud];
    Ok(Jwt { keys: vec![key], waive, ..Jwt::default() })
}

fn claims(token: &Token, rules: &Jwt) -> Map<String, Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let first = |list: &[Box<str>]| list.first().map(ToString::to_string);
    let mut claims = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            put(&mut claims, name, value);
        }
    };
    set("iss", token.issuer.clone().or_else(|| first(&rules.issuer)).map(Value::String));
    set("aud", token.audience.clone().or_else(|| first(&rules.audience)).map(Value::String));
    set("iat", Some(json!(now)));
    set("exp", Some(json!(now.saturating_add(token.ttl.get().as_secs()))));
    set("jti", token.id.clone().map(Value::String));
    set(&rules.subject, Some(json!(token.subject)));
    set(&rules.scopes, (!token.scopes.is_empty()).then(|| json!(token.scopes.join(" "))));
    if let Some(name) = &rules.tenant {
        set(name, token.tenant.clone().map(Value::String));
    }
    claims
}

/// Sets a claim by its name, or by the JSON Pointer that a policy may have in its place.
fn put(claims: &mut Map<String, Value>, name: &str, value: Value) {
    let Some(pointer) = name.strip_prefix('/') else {
        claims.insert(name.into(), value);
        return;
    };
    let mut names = pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).peekable();
    let mut inner = claims;
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            inner.insert(name, value);
            return;
        }
        match inner.entry(name).or_insert_with(|| json!({})) {
            Value::Object(members) => inner = members,
            _ => return,
        }
    }
}

/// Options are read as the policy reads the same values.
fn algorithm(name: &str) -> Result<Algorithm, String> {
    serde_json::from_value(json!(name)).map_err(|error| error.to_string())
}

fn span(text: &str) -> Result<Span, String> {
    serde_json::from_value(json!(text)).map_err(|error| error.to_string())
}
