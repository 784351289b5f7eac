//! Verification keys, prepared once. A key owns its algorithm; nothing in a token can change it.

use std::fmt;

use aws_lc_rs::{hmac, signature as sig};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use zeroize::Zeroizing;

use super::jwk::{self, JwkMaterial};
use super::rfc3339;
use super::secrets::weakness;
use crate::policy::{Algorithm, JwtKey, PolicyError};
use crate::time::UnixTime;

/// The longest `kid`, in bytes: it is a name to look up, never a path or a query (threat 35).
pub(super) const MAX_KID: usize = 128;
/// The smallest RSA modulus, in bits (RFC 7518 section 3.3; threat 37).
const MIN_RSA_BITS: usize = 2048;
/// The largest RSA modulus, in bits: a larger one only makes each check dearer.
const MAX_RSA_BITS: usize = 8192;

/// One key with its algorithm.
pub(super) struct Key {
    pub(super) alg: Algorithm,
    pub(super) kid: Option<Box<str>>,
    /// The issuers it signs for; empty means all that the policy accepts.
    pub(super) issuer: Box<[Box<str>]>,
    /// When it stops counting.
    pub(super) until: Option<UnixTime>,
    material: Material,
    /// The length of its signatures in bytes; none has another (RFC 7518 section 3.4, RFC 8032).
    signature_len: usize,
}

enum Material {
    Hmac(Box<hmac::Key>),
    Public(sig::ParsedPublicKey),
}

/// Shows which key it is, never the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// How a key came to be in the policy decides how much is asked of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It signs for users: a guessable secret is refused.
    Policy,
    /// It belongs to a published example, of which only the arithmetic is wanted.
    Example,
}

impl Key {
    /// Prepares a key of the policy.
    pub(super) fn new(key: &JwtKey) -> Result<Self, PolicyError> {
        Self::with_trust(key, Trust::Policy)
    }

    pub(super) fn with_trust(key: &JwtKey, trust: Trust) -> Result<Self, PolicyError> {
        let prepared = match (&key.secret, &key.pem, &key.jwk) {
            (Some(secret), None, None) => Self::from_secret(key.alg, secret, key.secret_base64, trust),
            (None, Some(pem), None) => Self::from_pem(key.alg, pem),
            (None, None, Some(value)) => Self::from_jwk(key.alg, value, trust),
            _ => Err(PolicyError::new("", "needs exactly one of `secret`, `pem` and `jwk`")),
        }?;
        if key.secret_base64 && key.secret.is_none() {
            return Err(PolicyError::new("secret_base64", "says how `secret` is written, and there is none"));
        }
        // A JWK brings its own id; the policy's word, where there is one, goes before it.
        let kid = key.kid.clone().or(prepared.kid);
        if kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID) {
            return Err(PolicyError::new("kid", format!("must have 1 to {MAX_KID} bytes")));
        }
        let until = match &key.until {
            None => None,
            Some(text) => Some(rfc3339::parse(text).ok_or_else(|| {
                PolicyError::new("until", "is not a time of RFC 3339, such as `2026-12-01T00:00:00Z`")
            })?),
        };
        Ok(Self { kid, issuer: key.issuer.clone().into(), until, ..prepared })
    }

    /// Whether the key counts at `now`.
    pub(super) fn in_force(&self, now: UnixTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The length of this key's signatures, in bytes.
    pub(super) fn signature_len(&self) -> usize {
        self.signature_len
    }

    /// Whether `signature` is this key's over `message`. Constant in time for HMAC.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }

    fn from_secret(alg: Algorithm, text: &str, base64: bool, trust: Trust) -> Result<Self, PolicyError> {
        let secret = if base64 {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
            Zeroizing::new(bytes.map_err(|_| PolicyError::new("secret", "is not base64url"))?)
        } else {
            Zeroizing::new(text.as_bytes().to_vec())
        };
        Self::hmac(alg, &secret, trust).map_err(|e| e.within("secret"))
    }

    fn hmac(alg: Algorithm, secret: &[u8], trust: Trust) -> Result<Self, PolicyError> {
        let (hash, hash_len) = match alg {
            Algorithm::HS256 => (hmac::HMAC_SHA256, 32),
            Algorithm::HS384 => (hmac::HMAC_SHA384, 48),
            Algorithm::HS512 => (hmac::HMAC_SHA512, 64),
            other => return Err(PolicyError::new("", format!("is a shared secret, which {other:?} has no use for"))),
        };
        let weakness = if trust == Trust::Policy { weakness(secret, hash_len) } else { too_short(secret, hash_len) };
        match weakness {
            Some(problem) => Err(PolicyError::new("", problem)),
            None => Ok(Self::of(alg, Material::Hmac(Box::new(hmac::Key::new(hash, secret))), hash_len)),
        }
    }

    /// Only one public key in PEM passes. A certificate is refused since nothing here would check
    /// its dates or its issuer; a private key since a verifier has no use for one, and a server
    /// that holds none cannot lose it.
    fn from_pem(alg: Algorithm, text: &str) -> Result<Self, PolicyError> {
        let refused = |problem: &str| Err(PolicyError::new("pem", problem));
        if text.matches("-----BEGIN ").count() != 1 {
            return refused("must hold exactly one `-----BEGIN PUBLIC KEY-----` block");
        }
        if text.contains("PRIVATE KEY-----") {
            return refused("is a private key; give the public one: `openssl pkey -in KEY -pubout`");
        }
        if text.contains("-----BEGIN CERTIFICATE-----") {
            return refused("is a certificate; give its key: `openssl x509 -in CERT -noout -pubkey`");
        }
        let pem = text.as_bytes();
        let wrong_kind = || PolicyError::new("pem", format!("is not a public key in PEM that fits {alg:?}"));
        match family(alg) {
            Family::Hmac => refused("is a public key; an HS algorithm needs a `secret`"),
            Family::Rsa => {
                let key = DecodingKey::from_rsa_pem(pem).map_err(|_| wrong_kind())?;
                let der = key.try_get_as_bytes().map_err(|_| wrong_kind())?;
                // Called directly: this table is a constant of the crate and nothing is installed
                // for the process, so no other part of a program can change or break it.
                let components = DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key;
                let (n, e) = components(der).map_err(|_| wrong_kind())?;
                Self::rsa(alg, &n, &e).map_err(|e| e.within("pem"))
            }
            Family::Ec => {
                let key = DecodingKey::from_ec_pem(pem).map_err(|_| wrong_kind())?;
                let point = key.try_get_as_bytes().map_err(|_| wrong_kind())?;
                Self::ec(alg, point).map_err(|e| e.within("pem"))
            }
            Family::Ed => {
                let key = DecodingKey::from_ed_pem(pem).map_err(|_| wrong_kind())?;
                Self::ed(alg, key.try_get_as_bytes().map_err(|_| wrong_kind())?).map_err(|e| e.within("pem"))
            }
        }
    }

    fn from_jwk(alg: Algorithm, value: &serde_json::Value, trust: Trust) -> Result<Self, PolicyError> {
        let jwk = jwk::read(value).map_err(|e| e.within("jwk"))?;
        if jwk.alg.is_some_and(|own| own != alg) {
            return Err(PolicyError::new("jwk.alg", format!("is another algorithm than the key's {alg:?}")));
        }
        let fits = match (&jwk.material, family(alg)) {
            (JwkMaterial::Oct(secret), Family::Hmac) => Self::hmac(alg, secret, trust),
            (JwkMaterial::Rsa { n, e }, Family::Rsa) => Self::rsa(alg, n, e),
            (JwkMaterial::Ec { curve, point }, Family::Ec) if *curve == alg => Self::ec(alg, point),
            (JwkMaterial::Ed(x), Family::Ed) => Self::ed(alg, x),
            _ => Err(PolicyError::new("", format!("is not a key that fits {alg:?}"))),
        };
        fits.map(|key| Self { kid: jwk.kid, ..key }).map_err(|e| e.within("jwk"))
    }

    fn rsa(alg: Algorithm, n: &[u8], e: &[u8]) -> Result<Self, PolicyError> {
        let params = match alg {
            Algorithm::RS256 => &sig::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::RS384 => &sig::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::RS512 => &sig::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::PS256 => &sig::RSA_PSS_2048_8192_SHA256,
            Algorithm::PS384 => &sig::RSA_PSS_2048_8192_SHA384,
            Algorithm::PS512 => &sig::RSA_PSS_2048_8192_SHA512,
            other => return Err(PolicyError::new("", format!("is an RSA key, which {other:?} has no use for"))),
        };
        let significant = |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().skip_while(|byte| *byte == 0).collect() };
        let (n, e) = (significant(n), significant(e));
        let unused = n.first().map_or(0, |byte| byte.leading_zeros());
        let bits = n.len().saturating_mul(8).saturating_sub(usize::try_from(unused).unwrap_or(0));
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
            let range = format!("{MIN_RSA_BITS} to {MAX_RSA_BITS} are accepted (RFC 7518 section 3.3)");
            return Err(PolicyError::new("", format!("is an RSA key of {bits} bits, {range}")));
        }
        // An even exponent is no key, and with 1 every number is its own signature.
        if e.last().is_none_or(|byte| byte.is_multiple_of(2)) || e == [1] {
            return Err(PolicyError::new("", "has a public exponent that cannot be"));
        }
        let parsed = sig::RsaPublicKeyComponents { n: &n, e: &e }.to_parsed_public_key(params);
        let parsed = parsed.map_err(|_| PolicyError::new("", "is not a valid RSA public key"))?;
        Ok(Self::of(alg, Material::Public(parsed), n.len()))
    }

    /// `point` is 0x04, x, y; that it lies on the algorithm's curve is checked while parsing
    /// (threat 40).
    fn ec(alg: Algorithm, point: &[u8]) -> Result<Self, PolicyError> {
        let (params, coordinate) = match alg {
            Algorithm::ES256 => (&sig::ECDSA_P256_SHA256_FIXED, 32_usize),
            Algorithm::ES384 => (&sig::ECDSA_P384_SHA384_FIXED, 48),
            other => return Err(PolicyError::new("", format!("is an EC key, which {other:?} has no use for"))),
        };
        let signature_len = coordinate.saturating_mul(2);
        let wrong = || PolicyError::new("", format!("is not a point on the curve of {alg:?}"));
        if point.len() != signature_len.saturating_add(1) || point.first() != Some(&4) {
            return Err(wrong());
        }
        let parsed = sig::ParsedPublicKey::new(params, point).map_err(|_| wrong())?;
        Ok(Self::of(alg, Material::Public(parsed), signature_len))
    }

    fn ed(alg: Algorithm, x: &[u8]) -> Result<Self, PolicyError> {
        let wrong = || PolicyError::new("", "is not an Ed25519 public key");
        if x.len() != 32 {
            return Err(wrong());
        }
        let parsed = sig::ParsedPublicKey::new(&sig::ED25519, x).map_err(|_| wrong())?;
        Ok(Self::of(alg, Material::Public(parsed), 64))
    }

    fn of(alg: Algorithm, material: Material, signature_len: usize) -> Self {
        Self { alg, kid: None, issuer: Box::default(), until: None, material, signature_len }
    }
}

fn too_short(secret: &[u8], hash_len: usize) -> Option<String> {
    (secret.len() < hash_len).then(|| format!("has {} bytes, at least {hash_len} are needed", secret.len()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Hmac,
    Rsa,
    Ec,
    Ed,
}

fn family(alg: Algorithm) -> Family {
    match alg {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => Family::Hmac,
        Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 => Family::Rsa,
        Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 => Family::Rsa,
        Algorithm::ES256 | Algorithm::ES384 => Family::Ec,
        Algorithm::EdDSA => Family::Ed,
    }
}

/// The algorithm with this name in a header's `alg`; the names are compared exactly, so that no
/// spelling of `none` is one (threat 32).
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    ALGORITHMS.iter().find(|(have, _)| *have == name).map(|(_, alg)| *alg)
}

/// The name of an algorithm.
pub(super) fn algorithm_name(alg: Algorithm) -> &'static str {
    ALGORITHMS.iter().find(|(_, have)| *have == alg).map_or("", |(name, _)| name)
}

const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("HS256", Algorithm::HS256),
    ("HS384", Algorithm::HS384),
    ("HS512", Algorithm::HS512),
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];
