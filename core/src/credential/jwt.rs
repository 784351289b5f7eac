//! JSON Web Tokens (RFC 7519, RFC 8725): from bytes to an identity.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::claims::ClaimRules;
use super::digest::Digest;
use super::fault::JwtFault;
use super::jwks::PublishedKeys;
use super::jws::{Header, Parts, decode};
use super::key_source::{KeySource, PublishedSource};
use super::keys::{Key, algorithm_name};
use super::keyset::{KeySet, MAX_TRIES};
use crate::identity::Identity;
use crate::policy::{Algorithm, Jwt, PolicyError};
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
    /// The keys of a set that the policy holds.
    inline: PublishedKeys,
    /// The issuers that keys of a set sign for; empty means all.
    set_issuer: Box<[Box<str>]>,
    /// Where further ones are published.
    source: Option<PublishedSource>,
    fingerprint: Digest,
}

impl JwtVerifier {
    /// Prepares the keys, those of a key set given inline among them. `env:` and `file:` references
    /// must have been resolved to their texts.
    ///
    /// # Errors
    /// Which key or claim rule is unsafe or unusable, and why; never with a part of a key in it.
    pub fn new(rules: &Jwt) -> Result<Self, PolicyError> {
        let prepare = |(at, key)| Key::new(key).map_err(|e| e.within(&format!("keys[{at}]")));
        let keys: Vec<Key> = rules.keys.iter().enumerate().map(prepare).collect::<Result<_, _>>()?;
        let mut inline = PublishedKeys::default();
        let source = rules.jwks.as_ref().map(KeySource::read).transpose().map_err(|e| e.within("jwks"))?;
        let source = match source {
            Some(KeySource::Inline(set)) => {
                inline = set;
                None
            }
            Some(KeySource::Published(published)) => Some(published),
            None if keys.is_empty() => return Err(PolicyError::new("keys", "must hold at least one key")),
            None => None,
        };
        let keys = KeySet::new(keys).map_err(|e| e.within("keys"))?;
        let usual = keys.iter().flat_map(usual_headers).collect();
        check_issuers(rules)?;
        Ok(Self {
            keys,
            set_issuer: rules.jwks.as_ref().map(|set| set.issuer.clone().into()).unwrap_or_default(),
            rules: ClaimRules::new(rules)?,
            typ: rules.typ.iter().map(|typ| media_type(typ).into()).collect(),
            max_length: usize::try_from(rules.max_length.bytes()).unwrap_or(usize::MAX),
            usual,
            inline,
            source,
            fingerprint: fingerprint(rules)?,
        })
    }

    /// Where further keys are published, if they are.
    pub fn source(&self) -> Option<&PublishedSource> {
        self.source.as_ref()
    }

    /// The digest of all that decides about a token: two verifiers with the same judge alike.
    pub(super) fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// Judges a token at `now`, in civil time.
    ///
    /// # Errors
    /// The first thing found wrong. Nothing of the claims is looked at before the signature.
    pub fn verify(&self, token: &[u8], now: UnixTime) -> Result<Identity, JwtFault> {
        self.verify_published(&PublishedKeys::default(), token, now)
    }

    /// Judges a token with published keys besides the policy's own.
    ///
    /// # Errors
    /// As for [`JwtVerifier::verify`].
    pub fn verify_published(&self, keys: &PublishedKeys, token: &[u8], now: UnixTime) -> Result<Identity, JwtFault> {
        self.judge(keys, token, now).map(|(identity, _)| identity)
    }

    /// The header of a token whose signature is not checked: good for choosing which keys to ask
    /// for, and for nothing else.
    ///
    /// # Errors
    /// The token's shape or header is wrong.
    pub fn unverified_header(&self, token: &[u8]) -> Result<TokenHeader, JwtFault> {
        self.check_length(token)?;
        Header::read(Parts::split(token)?.header).map(TokenHeader)
    }

    /// Whether one of the policy's own keys may be tried on a token with this header.
    pub fn has_key_for(&self, header: &TokenHeader, now: UnixTime) -> bool {
        let (alg, kid) = (header.alg(), header.kid());
        self.keys.candidates(alg, kid, now).chain(self.inline.0.candidates(alg, kid, now)).next().is_some()
    }

    /// Who a token is for, and when else than until its expiry it does not count.
    pub(super) fn judge(
        &self,
        published: &PublishedKeys,
        token: &[u8],
        now: UnixTime,
    ) -> Result<(Identity, Bounds), JwtFault> {
        let looked = self.look(published, token)?;
        self.judge_looked(published, &looked, now)
    }

    /// Everything about a token that costs next to nothing: its shape and its header. What is refused
    /// here has cost its sender more than us.
    pub(super) fn look<'a>(&'a self, published: &PublishedKeys, token: &'a [u8]) -> Result<Looked<'a>, JwtFault> {
        self.check_length(token)?;
        let parts = Parts::split(token)?;
        let usual = self.usual.iter().find(|(encoded, _)| encoded.as_bytes() == parts.header);
        let header = match usual {
            Some((_, header)) => Cow::Borrowed(header),
            None => Cow::Owned(Header::read(parts.header)?),
        };
        let sets = [&self.keys, &*self.inline.0, &*published.0];
        if sets.iter().all(|set| set.iter().all(|key| key.alg != header.alg)) {
            return Err(JwtFault::AlgMismatch);
        }
        if !parts.can_be_signed_with(header.alg) {
            return Err(JwtFault::BadSignature);
        }
        self.judge_typ(header.typ.as_deref())?;
        Ok(Looked { parts, header })
    }

    /// The signature, then the claims.
    pub(super) fn judge_looked(
        &self,
        published: &PublishedKeys,
        Looked { parts, header }: &Looked<'_>,
        now: UnixTime,
    ) -> Result<(Identity, Bounds), JwtFault> {
        let sets = [&self.keys, &*self.inline.0, &*published.0];
        let (alg, kid) = (header.alg, header.kid.as_deref());
        let candidates = sets.iter().flat_map(|set| set.candidates(alg, kid, now)).take(MAX_TRIES);
        let key = parts.signer(candidates)?;
        let is_of = |set: &KeySet| set.iter().any(|one| std::ptr::eq(one, key));
        let is_published = is_of(&published.0);
        let signs_for = if is_published || is_of(&self.inline.0) { &self.set_issuer } else { &key.issuer };
        let (identity, not_before) = self.rules.judge(&decode(parts.payload)?, signs_for, now)?;
        Ok((identity, Bounds { not_before, key_until: key.until, is_published }))
    }

    pub(super) fn judge_dates(
        &self,
        expires: Option<UnixTime>,
        not_before: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<(), JwtFault> {
        self.rules.judge_dates(expires, not_before, now)
    }

    pub(super) fn check_length(&self, token: &[u8]) -> Result<(), JwtFault> {
        if token.len() > self.max_length { Err(JwtFault::TooLong) } else { Ok(()) }
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

/// A token whose shape and header are in order.
pub(super) struct Looked<'a> {
    parts: Parts<'a>,
    header: Cow<'a, Header>,
}

/// When, besides its expiry, a good token does not count.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) not_before: Option<UnixTime>,
    /// When the key that signed it stops counting.
    pub(super) key_until: Option<UnixTime>,
    /// Whether that key is a published one, which counts while it is published.
    pub(super) is_published: bool,
}

/// What a token says of its key; anybody can have written it.
#[derive(Clone)]
pub struct TokenHeader(Header);

impl TokenHeader {
    /// The algorithm.
    pub fn alg(&self) -> Algorithm {
        self.0.alg
    }

    /// The key's id.
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }
}

impl fmt::Debug for TokenHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenHeader").field("alg", &self.0.alg).finish_non_exhaustive()
    }
}

/// A key for an issuer that is not accepted would never be good.
fn check_issuers(rules: &Jwt) -> Result<(), PolicyError> {
    let listed = |place: &str, issuers: &[Box<str>]| match issuers.iter().find(|own| !rules.issuer.contains(own)) {
        None => Ok(()),
        Some(own) => {
            Err(PolicyError::new(place, format!("names {own:?}, which `credential.jwt.issuer` does not list")))
        }
    };
    for (at, key) in rules.keys.iter().enumerate() {
        listed(&format!("keys[{at}].issuer"), &key.issuer)?;
    }
    rules.jwks.as_ref().map_or(Ok(()), |set| listed("jwks.issuer", &set.issuer))
}

/// Keys are in it, so it is taken before they are masked; nobody is shown it.
fn fingerprint(rules: &Jwt) -> Result<Digest, PolicyError> {
    let text = serde_json::to_vec(rules).map(Zeroizing::new).map_err(|e| PolicyError::new("", e.to_string()))?;
    Ok(Digest::of_one(&text))
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
