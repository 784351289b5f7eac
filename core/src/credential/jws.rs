//! The compact serialisation of a signed token (RFC 7515 section 3.1), its header and signature.

use serde_json::Value;

use super::base64url;
use super::fault::JwtFault;
use super::json::{Json, Members, member};
use super::jwk;
use super::keys::{self, Key, MAX_KID, Trust};
use crate::policy::{Algorithm, JwtKey, PolicyError};

/// The longest signature decoded: RSA of 8192 bits.
const MAX_SIGNATURE: usize = 1024;

/// The three parts of a token, still encoded.
#[derive(Clone, Copy)]
pub(super) struct Parts<'t> {
    pub(super) header: &'t [u8],
    pub(super) payload: &'t [u8],
    /// What the signature is over: header, dot, payload.
    pub(super) signed: &'t [u8],
    signature: &'t [u8],
}

impl<'t> Parts<'t> {
    /// Cuts a token in three. It looks for at most five dots, however many there are: splitting at
    /// every one let a short request make a million slices (CVE-2025-30204, CVE-2025-27144).
    pub(super) fn split(token: &'t [u8]) -> Result<Self, JwtFault> {
        let mut dots = memchr::memchr_iter(b'.', token);
        let (Some(first), Some(second)) = (dots.next(), dots.next()) else { return Err(JwtFault::Malformed) };
        match (dots.next(), dots.next(), dots.next()) {
            (None, _, _) => {}
            // Encrypted tokens are not read at all: deciding on them would mean to decrypt and
            // inflate for strangers (CVE-2024-28180, CVE-2022-36083).
            (Some(_), Some(_), None) => return Err(JwtFault::Encrypted),
            _ => return Err(JwtFault::Malformed),
        }
        let cut = |from: usize, to: usize| token.get(from..to).ok_or(JwtFault::Malformed);
        Ok(Self {
            header: cut(0, first)?,
            payload: cut(first.saturating_add(1), second)?,
            signed: cut(0, second)?,
            signature: cut(second.saturating_add(1), token.len())?,
        })
    }

    /// Whether the signature has a length that this algorithm's can have, in characters: four for three
    /// bytes, without padding (RFC 7518 section 3, RFC 8032).
    pub(super) fn can_be_signed_with(&self, alg: Algorithm) -> bool {
        let length = self.signature.len();
        match alg {
            Algorithm::HS256 => length == 43,
            Algorithm::HS384 => length == 64,
            Algorithm::HS512 | Algorithm::ES256 | Algorithm::EdDSA => length == 86,
            Algorithm::ES384 => length == 128,
            // The modulus' own length, from 2,048 bits on.
            Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 => length >= 342,
            Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 => length >= 342,
        }
    }

    /// Which of `candidates` made the signature.
    pub(super) fn signer<'k>(&self, candidates: impl Iterator<Item = &'k Key>) -> Result<&'k Key, JwtFault> {
        let mut room = [0; MAX_SIGNATURE];
        let mut decoded: Option<&[u8]> = None;
        let mut tried = false;
        for key in candidates {
            tried = true;
            let len = key.signature_len();
            // Four characters for three bytes, without padding. Any other length is another
            // algorithm's signature, or none at all (CVE-2020-28042).
            if self.signature.len() != len.saturating_mul(4).div_ceil(3) {
                continue;
            }
            let signature = match decoded {
                Some(signature) => signature,
                None => base64url::decode(self.signature, &mut room).ok_or(JwtFault::Malformed)?,
            };
            if key.verifies(self.signed, signature) {
                return Ok(key);
            }
            decoded = Some(signature);
        }
        Err(if tried { JwtFault::BadSignature } else { JwtFault::NoKey })
    }
}

/// Decodes base64url of one spelling only: no padding, no spaces, no bits left over (RFC 4648
/// section 3.5). A second spelling of a token would slip past a list of revoked ones (threat 47).
pub(super) fn decode(part: &[u8]) -> Result<Vec<u8>, JwtFault> {
    let mut bytes = vec![0; base64url::decoded_len(part.len())];
    base64url::decode(part, &mut bytes).ok_or(JwtFault::Malformed)?;
    Ok(bytes)
}

/// What a token's header says that counts. Whatever brings a key along (`jwk`, `jku`, `x5c`,
/// `x5u`) is not even read (CVE-2018-0114).
#[derive(Clone)]
pub(super) struct Header {
    pub(super) alg: Algorithm,
    pub(super) kid: Option<Box<str>>,
    pub(super) typ: Option<Box<str>>,
}

impl Header {
    /// Reads an encoded header.
    pub(super) fn read(encoded: &[u8]) -> Result<Self, JwtFault> {
        let bytes = decode(encoded)?;
        let members = Json::object(&bytes)?;
        // An extension that must be understood, and none is (CVE-2025-59420, CVE-2026-32597).
        if member(&members, "crit").is_some() {
            return Err(JwtFault::Crit);
        }
        // RFC 7797 changes what is signed; compression inflates for strangers.
        if member(&members, "b64").is_some() || member(&members, "zip").is_some() {
            return Err(JwtFault::Header);
        }
        let alg = text(&members, "alg")?.ok_or(JwtFault::Malformed)?;
        let alg = keys::algorithm(alg).ok_or(JwtFault::AlgMismatch)?;
        let kid = text(&members, "kid")?;
        if kid.is_some_and(|kid| kid.len() > MAX_KID) {
            return Err(JwtFault::NoKey);
        }
        Ok(Self { alg, kid: kid.map(Into::into), typ: text(&members, "typ")?.map(Into::into) })
    }
}

fn text<'m>(members: &'m Members<'_>, name: &str) -> Result<Option<&'m str>, JwtFault> {
    member(members, name).map(Json::text).transpose().map_err(|_| JwtFault::Malformed)
}

/// One key, for checking a signature over any payload: what the conformance tests ask.
/// A policy's tokens go through [`JwtVerifier`](super::JwtVerifier), which also judges claims.
#[derive(Debug)]
pub struct JwsVerifier(Key);

impl JwsVerifier {
    /// Prepares a key with its algorithm. Unlike in a policy, a shared secret may be a well-known
    /// one, as the published examples' are.
    ///
    /// # Errors
    /// The key does not fit its algorithm, is too small, or is private.
    pub fn new(key: &JwtKey) -> Result<Self, PolicyError> {
        Key::with_trust(key, Trust::Example).map(Self)
    }

    /// Prepares a JWK with the algorithm it names or implies.
    ///
    /// # Errors
    /// As for [`JwsVerifier::new`].
    pub fn from_jwk(jwk: &Value) -> Result<Self, PolicyError> {
        let alg = jwk::usual_algorithm(&jwk::read(jwk)?);
        jwk::entry(jwk, alg, Trust::Example).map(Self)
    }

    /// The payload of `token`, if its signature is this key's.
    ///
    /// # Errors
    /// Why the token is refused.
    pub fn payload(&self, token: &[u8]) -> Result<Vec<u8>, JwtFault> {
        let parts = Parts::split(token)?;
        if Header::read(parts.header)?.alg != self.0.alg {
            return Err(JwtFault::AlgMismatch);
        }
        parts.signer(std::iter::once(&self.0))?;
        decode(parts.payload)
    }
}
