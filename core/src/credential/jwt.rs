//! JSON Web Tokens (RFC 7519, RFC 8725): from bytes to an identity.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::claims::{ClaimRules, Judged};
use super::fault::JwtFault;
use super::jws::{Header, Parts, decode};
use super::keys::{Key, algorithm_name};
use super::keyset::KeySet;
use crate::identity::Identity;
use crate::policy::{Jwt, PolicyError};
use crate::time::UnixTime;

/// Keys and claims, prepared for judging tokens.
///
/// The header never chooses: a token is checked with keys of the policy that own the algorithm it
/// names. Signatures are checked by aws-lc-rs on keys that were parsed once; nothing is installed
/// for the process.
pub struct JwtVerifier {
    keys: KeySet,
    rules: ClaimRules,
    typ: Box<[Box<str>]>,
    max_length: usize,
    /// Headers as nearly every token writes them, encoded, with what reading them gives: most
    /// tokens' headers are recognised by comparing bytes.
    usual: Box<[(Box<str>, Header)]>,
}

impl JwtVerifier {
    /// Prepares the keys. `env:` and `file:` references must have been resolved to their texts.
    ///
    /// # Errors
    /// Which key or claim rule is unsafe or unusable, and why; never with a part of a key in it.
    pub fn new(rules: &Jwt) -> Result<Self, PolicyError> {
        let prepare = |(at, key)| Key::new(key).map_err(|e| e.within(&format!("keys[{at}]")));
        let keys: Vec<Key> = rules.keys.iter().enumerate().map(prepare).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(PolicyError::new("keys", "must hold at least one key"));
        }
        let keys = KeySet::new(keys).map_err(|e| e.within("keys"))?;
        let usual = keys.iter().flat_map(usual_headers).collect();
        Ok(Self {
            keys,
            rules: ClaimRules::new(rules)?,
            typ: rules.typ.iter().map(|typ| media_type(typ).into()).collect(),
            max_length: usize::try_from(rules.max_length.bytes()).unwrap_or(usize::MAX),
            usual,
        })
    }

    /// Judges a token at `now`, in civil time.
    ///
    /// # Errors
    /// The first thing found wrong. Nothing of the claims is looked at before the signature.
    pub fn verify(&self, token: &[u8], now: UnixTime) -> Result<Identity, JwtFault> {
        self.judge(token, now).map(|judged| judged.identity)
    }

    pub(super) fn judge(&self, token: &[u8], now: UnixTime) -> Result<Judged, JwtFault> {
        if token.len() > self.max_length {
            return Err(JwtFault::TooLong);
        }
        let parts = Parts::split(token)?;
        let usual = self.usual.iter().find(|(encoded, _)| encoded.as_bytes() == parts.header);
        let read;
        let header = if let Some((_, header)) = usual {
            header
        } else {
            read = Header::read(parts.header)?;
            &read
        };
        if self.keys.iter().all(|key| key.alg != header.alg) {
            return Err(JwtFault::AlgMismatch);
        }
        self.judge_typ(header.typ.as_deref())?;
        parts.is_signed_by(self.keys.candidates(header.alg, header.kid.as_deref(), now))?;
        self.rules.judge(&decode(parts.payload)?, now)
    }

    /// Media types are compared without regard to case, and `application/` may be left out
    /// (RFC 7515 section 4.1.9).
    fn judge_typ(&self, typ: Option<&str>) -> Result<(), JwtFault> {
        let fits = |typ: &str| self.typ.iter().any(|have| have.eq_ignore_ascii_case(media_type(typ)));
        if self.typ.is_empty() || typ.is_some_and(fits) { Ok(()) } else { Err(JwtFault::Typ) }
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifier").field("keys", &self.keys).field("rules", &self.rules).finish_non_exhaustive()
    }
}

fn media_type(typ: &str) -> &str {
    match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") && !rest.contains('/') => rest,
        _ => typ,
    }
}

/// The spellings in which the libraries of Rust, Node, Python, Go and Java write a key's header.
fn usual_headers(key: &Key) -> Vec<(Box<str>, Header)> {
    let alg = algorithm_name(key.alg);
    let mut texts = vec![
        format!(r#"{{"alg":"{alg}"}}"#),
        format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#),
        format!(r#"{{"typ":"JWT","alg":"{alg}"}}"#),
    ];
    if let Some(kid) = &key.kid {
        let kid = serde_json::Value::from(&**kid);
        texts.extend([
            format!(r#"{{"alg":"{alg}","kid":{kid}}}"#),
            format!(r#"{{"kid":{kid},"alg":"{alg}"}}"#),
            format!(r#"{{"alg":"{alg}","typ":"JWT","kid":{kid}}}"#),
            format!(r#"{{"typ":"JWT","alg":"{alg}","kid":{kid}}}"#),
            format!(r#"{{"alg":"{alg}","kid":{kid},"typ":"JWT"}}"#),
            format!(r#"{{"kid":{kid},"typ":"JWT","alg":"{alg}"}}"#),
        ]);
    }
    let encode = |text: String| {
        let encoded = BASE64_URL_SAFE_NO_PAD.encode(text);
        // Read as a token's would be, so that the short cut cannot differ from the long way.
        Header::read(encoded.as_bytes()).ok().map(|header| (encoded.into(), header))
    };
    texts.into_iter().filter_map(encode).collect()
}
