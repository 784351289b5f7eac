//! JSON Web Keys (RFC 7517), public ones and shared secrets only.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;
use zeroize::Zeroizing;

use super::keys::{self, Key, Trust};
use crate::policy::{Algorithm, JwtKey, PolicyError};

/// What a JWK holds, decoded and not yet judged.
pub(super) struct Jwk {
    pub(super) alg: Option<Algorithm>,
    pub(super) kid: Option<Box<str>>,
    pub(super) material: JwkMaterial,
}

pub(super) enum JwkMaterial {
    Oct(Zeroizing<Vec<u8>>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The curve is named by the one algorithm that uses it; the point is 0x04, x, y.
    Ec {
        curve: Algorithm,
        point: Vec<u8>,
    },
    Ed(Vec<u8>),
}

/// The algorithm a JWK is for: its own `alg`, else what its type leaves no choice in, else
/// (RSA, shared secrets) the one every library takes.
///
/// # Errors
/// Why the key may not enter a policy.
pub fn judge_jwk(jwk: &Value) -> Result<Algorithm, PolicyError> {
    let alg = usual_algorithm(&read(jwk)?);
    entry(jwk, alg, Trust::Policy).map(|_| alg).map_err(|e| PolicyError::new("", e.problem()))
}

/// Prepares a JWK that a policy or key set holds.
pub(super) fn entry(jwk: &Value, alg: Algorithm, trust: Trust) -> Result<Key, PolicyError> {
    let key = JwtKey {
        alg,
        secret: None,
        secret_base64: false,
        pem: None,
        jwk: Some(jwk.clone()),
        kid: None,
        issuer: Vec::new(),
        until: None,
    };
    Key::with_trust(&key, trust)
}

pub(super) fn usual_algorithm(jwk: &Jwk) -> Algorithm {
    jwk.alg.unwrap_or(match jwk.material {
        JwkMaterial::Oct(_) => Algorithm::HS256,
        JwkMaterial::Rsa { .. } => Algorithm::RS256,
        JwkMaterial::Ec { curve, .. } => curve,
        JwkMaterial::Ed(_) => Algorithm::EdDSA,
    })
}

/// Reads a JWK. Private keys are refused: who only verifies should not hold one.
pub(super) fn read(jwk: &Value) -> Result<Jwk, PolicyError> {
    let Value::Object(_) = jwk else {
        return Err(PolicyError::new("", "is not an object"));
    };
    let kty = text(jwk, "kty")?.ok_or_else(|| PolicyError::new("kty", "is missing"))?;
    if kty != "oct" && ["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|name| jwk.get(name).is_some()) {
        return Err(PolicyError::new("", "is a private key; give the public one, without `d`, `p`, `q` ..."));
    }
    may_verify(jwk)?;
    let alg = match text(jwk, "alg")? {
        None => None,
        Some(name) => {
            let alg = keys::algorithm(name);
            Some(alg.ok_or_else(|| PolicyError::new("alg", "is not a signature algorithm that is supported"))?)
        }
    };
    let material = match kty {
        "oct" => JwkMaterial::Oct(Zeroizing::new(bytes(jwk, "k")?)),
        "RSA" => JwkMaterial::Rsa { n: bytes(jwk, "n")?, e: bytes(jwk, "e")? },
        "EC" => elliptic(jwk)?,
        "OKP" => match text(jwk, "crv")? {
            Some("Ed25519") => JwkMaterial::Ed(bytes(jwk, "x")?),
            _ => return Err(PolicyError::new("crv", "must be \"Ed25519\"")),
        },
        _ => return Err(PolicyError::new("kty", "must be \"RSA\", \"EC\", \"OKP\" or \"oct\"")),
    };
    Ok(Jwk { alg, kid: text(jwk, "kid")?.map(Into::into), material })
}

/// A key for encryption does not verify signatures (RFC 7517 sections 4.2 and 4.3).
fn may_verify(jwk: &Value) -> Result<(), PolicyError> {
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(PolicyError::new("use", "must be \"sig\""));
    }
    let verifies = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(ops)) => ops.iter().any(|op| op == "verify"),
        Some(_) => false,
    };
    if verifies { Ok(()) } else { Err(PolicyError::new("key_ops", "must contain \"verify\"")) }
}

fn elliptic(jwk: &Value) -> Result<JwkMaterial, PolicyError> {
    let (curve, coordinate) = match text(jwk, "crv")? {
        Some("P-256") => (Algorithm::ES256, 32),
        Some("P-384") => (Algorithm::ES384, 48),
        _ => return Err(PolicyError::new("crv", "must be \"P-256\" or \"P-384\"")),
    };
    let mut point = vec![4];
    for name in ["x", "y"] {
        let bytes = bytes(jwk, name)?;
        // The full size, leading zeros included (RFC 7518 section 6.2.1.2).
        if bytes.len() != coordinate {
            return Err(PolicyError::new(name, format!("must have {coordinate} bytes")));
        }
        point.extend_from_slice(&bytes);
    }
    Ok(JwkMaterial::Ec { curve, point })
}

fn text<'a>(jwk: &'a Value, name: &str) -> Result<Option<&'a str>, PolicyError> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(PolicyError::new(name, "must be a string")),
    }
}

fn bytes(jwk: &Value, name: &str) -> Result<Vec<u8>, PolicyError> {
    let text = text(jwk, name)?.ok_or_else(|| PolicyError::new(name, "is missing"))?;
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| PolicyError::new(name, "is not base64url without padding"))
}
