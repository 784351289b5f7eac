//! Published keys (RFC 7517 section 5): when to fetch them, and which still count.
//!
//! A state machine: it says "fetch now" as a value, and is told what came of it. Whoever sends
//! tokens with random key ids must not be able to drive the fetches, and a source that is down must
//! neither lock everybody out at once nor keep old keys alive for ever.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::digest::Digest;
use super::jwk::{self, Jwk, JwkMaterial};
use super::jwt::TokenHeader;
use super::keys::{Key, Trust};
use super::keyset::{KeySet, MAX_KEYS};
use crate::policy::{Algorithm, PolicyError};
use crate::time::{Timestamp, UnixTime};

/// The largest key set read, in bytes: 64 keys of 4,096 bits with their certificates.
pub(super) const MAX_BODY: usize = 256 << 10;

/// How published keys are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksRules {
    /// The algorithms its keys may have. A key that names none serves each that fits its type.
    pub algs: Vec<Algorithm>,
    /// How long a key set counts as fresh (Envoy: 10 min).
    pub cache: Duration,
    /// How long after a fetch began no other begins, whatever came of it.
    pub cooldown: Duration,
    /// How long a key id that the source does not know is not asked for again.
    pub negative: Duration,
    /// How many such ids are remembered.
    pub negative_entries: usize,
    /// How long keys go on counting after they stopped being fresh, while the source is down.
    pub stale: Duration,
}

impl Default for JwksRules {
    fn default() -> Self {
        Self {
            algs: vec![Algorithm::RS256],
            cache: Duration::from_secs(600),
            cooldown: Duration::from_secs(30),
            negative: Duration::from_secs(300),
            negative_entries: 128,
            stale: Duration::from_secs(3600),
        }
    }
}

/// What to do about a token's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It is here: judge the token.
    Ready,
    /// Fetch the key set now, then ask again.
    Fetch,
    /// A fetch is under way: ask again when it is done.
    Wait,
    /// The source does not have it, or was asked too short a time ago.
    Unknown,
    /// There are no keys that count, and the source cannot be asked just now.
    Unavailable,
}

/// Keys that count now, to judge tokens with. Cheap to clone, so that no lock need be held while a
/// signature is checked.
#[derive(Clone, Debug, Default)]
pub struct PublishedKeys(pub(super) Arc<KeySet>);

impl PublishedKeys {
    /// Reads a key set given inline. Keys of other types, uses and algorithms are passed over.
    ///
    /// # Errors
    /// It is not a key set, is too large, or holds no key that can be used.
    pub fn read(body: &[u8], algs: &[Algorithm]) -> Result<Self, PolicyError> {
        let wrong = |problem: &str| PolicyError::new("keys", problem);
        if body.len() > MAX_BODY {
            return Err(wrong("is larger than 256 KiB"));
        }
        let value: Value = serde_json::from_slice(body).map_err(|_| wrong("is not JSON"))?;
        let Some(Value::Array(entries)) = value.get("keys") else { return Err(wrong("is not a list of keys")) };
        if entries.len() > MAX_KEYS {
            return Err(wrong("holds too many keys"));
        }
        let keys: Vec<Key> = entries.iter().flat_map(|entry| usable(entry, algs)).take(MAX_KEYS).collect();
        if keys.is_empty() {
            return Err(wrong("holds no key for the algorithms listed"));
        }
        Ok(Self(Arc::new(KeySet::new(keys)?)))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.iter().count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one of them may be tried on a token with this header. Rotation of one key by date is the
    /// policy's; published keys count while published.
    fn has_key_for(&self, header: &TokenHeader) -> bool {
        self.0.candidates(header.alg(), header.kid(), UnixTime::default()).next().is_some()
    }

    /// Whether both are one set, not only equal ones.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The keys of one source.
pub struct Jwks {
    rules: JwksRules,
    keys: PublishedKeys,
    /// What they were read from: the same again is the same keys.
    body: Option<Digest>,
    /// When the keys at hand were fetched; none before the first time.
    fetched: Option<Timestamp>,
    /// When the last fetch began.
    began: Option<Timestamp>,
    /// Whether it is under way, and for which key id it began.
    fetching: Option<Option<Box<str>>>,
    /// Ids that the source did not know, and until when that is believed. Oldest first.
    unknown: Vec<(Box<str>, Timestamp)>,
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("keys", &self.keys.len()).field("fetched", &self.fetched).finish_non_exhaustive()
    }
}

impl Jwks {
    /// Without keys yet.
    pub fn new(rules: JwksRules) -> Self {
        let (keys, unknown) = (PublishedKeys::default(), Vec::new());
        Self { rules, keys, body: None, fetched: None, began: None, fetching: None, unknown }
    }

    /// The keys that count at `now`: fresh ones, or stale ones for a bounded time.
    pub fn keys(&self, now: Timestamp) -> PublishedKeys {
        if self.age(now).is_some_and(|age| age < self.rules.cache.saturating_add(self.rules.stale)) {
            self.keys.clone()
        } else {
            PublishedKeys::default()
        }
    }

    /// What to do about a token with this header. Ask before its signature is checked: anybody can
    /// write a header, so no answer costs more than one fetch per cooldown.
    pub fn lookup(&mut self, header: &TokenHeader, now: Timestamp) -> Lookup {
        let keys = self.keys(now);
        if keys.has_key_for(header) {
            return Lookup::Ready;
        }
        // No key of the source is of that algorithm, nor will be: fetching would not help.
        if !self.rules.algs.contains(&header.alg()) {
            return Lookup::Unknown;
        }
        let known_not = |kid: &str| self.unknown.iter().any(|(id, until)| **id == *kid && *until > now);
        if !keys.is_empty() && header.kid().is_some_and(known_not) {
            return Lookup::Unknown;
        }
        if self.is_fetching(now) {
            return Lookup::Wait;
        }
        if self.begin(header.kid(), now) {
            return Lookup::Fetch;
        }
        if keys.is_empty() { Lookup::Unavailable } else { Lookup::Unknown }
    }

    /// Whether to fetch the key set since a token named one of its keys and the signature is not that
    /// key's: the issuer may have put another key in its place under the same id.
    ///
    /// Anybody can write such a token, as anybody can make up a key id, so this begins a fetch under the
    /// same condition: none within the cooldown. Only the token that began it is worth judging again.
    pub fn doubt(&mut self, header: &TokenHeader, now: Timestamp) -> bool {
        self.keys(now).has_key_for(header) && !self.is_fetching(now) && self.begin(None, now)
    }

    /// When [`Jwks::handle_timeout`] wants to be called: at once for the first keys, then when they
    /// stop being fresh, and after a failure when the cooldown is over.
    pub fn next_timeout(&self) -> Timestamp {
        let due = self.fetched.map_or(Timestamp::ZERO, |at| at.after(self.rules.cache));
        self.began.map_or(due, |at| due.max(at.after(self.rules.cooldown)))
    }

    /// Whether to fetch the key set now, so that no handshake has to wait for it.
    pub fn handle_timeout(&mut self, now: Timestamp) -> bool {
        now >= self.next_timeout() && !self.is_fetching(now) && self.begin(None, now)
    }

    /// Takes what was fetched, and says whether the keys are others now. A body that is no key set, or has no usable key, counts as a failure:
    /// the keys at hand stay.
    ///
    /// # Errors
    /// What is wrong with it, for the log.
    pub fn fetched(&mut self, body: &[u8], now: Timestamp) -> Result<bool, PolicyError> {
        let asked = self.fetching.take().flatten();
        let digest = Digest::of_one(body);
        let changed = self.body != Some(digest);
        if changed {
            self.keys = PublishedKeys::read(body, &self.rules.algs)?;
            self.body = Some(digest);
        }
        self.fetched = Some(now);
        self.unknown.retain(|(_, until)| *until > now);
        if let Some(kid) = asked.filter(|kid| self.keys.0.iter().all(|key| key.kid.as_deref() != Some(kid))) {
            // The cooldown lets fewer in than there is room for; should a policy allow more, the
            // oldest goes: forgetting one costs a fetch, no more.
            if self.unknown.len() >= self.rules.negative_entries && !self.unknown.is_empty() {
                self.unknown.remove(0);
            }
            self.unknown.push((kid, now.after(self.rules.negative)));
        }
        Ok(changed)
    }

    /// Takes note that a fetch failed. The cooldown counts from its beginning, and was written down
    /// then: failures do not re-open the way for the next one.
    pub fn failed(&mut self) {
        self.fetching = None;
    }

    /// How many ids are remembered that the source does not know.
    pub fn remembered(&self) -> usize {
        self.unknown.len()
    }

    /// Begins a fetch, unless the last one began too short a time ago.
    fn begin(&mut self, kid: Option<&str>, now: Timestamp) -> bool {
        if self.began.is_some_and(|at| now < at.after(self.rules.cooldown)) {
            return false;
        }
        self.began = Some(now);
        self.fetching = Some(kid.map(Into::into));
        true
    }

    /// Whether a fetch is under way. One whose answer never comes counts until its cooldown ends.
    fn is_fetching(&self, now: Timestamp) -> bool {
        self.fetching.is_some() && self.began.is_some_and(|at| now < at.after(self.rules.cooldown))
    }

    fn age(&self, now: Timestamp) -> Option<Duration> {
        self.fetched.map(|at| now.since(at))
    }
}

/// The keys that a JWK stands for: one for each listed algorithm that fits it. What cannot be used
/// is passed over, as RFC 7517 section 5 says; a shared secret too, since what is published is none.
fn usable(entry: &Value, algs: &[Algorithm]) -> Vec<Key> {
    let fits = |jwk: &Jwk, alg: Algorithm| jwk.alg.is_none_or(|own| own == alg);
    match jwk::read(entry) {
        Err(_) | Ok(Jwk { material: JwkMaterial::Oct(_), .. }) => Vec::new(),
        Ok(jwk) => {
            let algs = algs.iter().filter(|alg| fits(&jwk, **alg));
            algs.filter_map(|alg| jwk::entry(entry, *alg, Trust::Policy).ok()).collect()
        }
    }
}
