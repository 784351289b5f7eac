//! Tokens that were found good, so that a crowd that reconnects pays for each signature once.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::digest::{Digest, DigestMap};
use super::fault::JwtFault;
use super::jwks::PublishedKeys;
use super::jwt::{Bounds, JwtVerifier};
use crate::identity::Identity;
use crate::time::UnixTime;

/// Parts that are locked apart.
const SHARDS: usize = 16;

/// Tokens that were found good, by a keyed digest of the token and of all that it was judged by, so
/// that what is good on one path is not for that good on another. Bounded: what was not asked for the
/// longest goes first. Bad tokens are not remembered: their number is the attacker's choice.
pub struct TokenCache {
    key: [u8; 32],
    shards: [Mutex<Shard>; SHARDS],
    /// The most tokens in one half of a shard.
    half: AtomicUsize,
    /// Counts the times it was emptied, so that a token judged before is not put in after.
    generation: AtomicU64,
    /// How many tokens were judged in full.
    judged: AtomicU64,
}

/// Two halves: the younger fills up and becomes the older, whose rest is forgotten.
#[derive(Default)]
struct Shard {
    young: DigestMap<Good>,
    old: DigestMap<Good>,
}

/// What was found out about a token.
#[derive(Clone)]
struct Good {
    identity: Arc<Identity>,
    bounds: Bounds,
    /// The published keys of which one signed it: with other keys it is judged anew.
    keys: Option<PublishedKeys>,
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").field("half", &self.half).finish_non_exhaustive()
    }
}

impl TokenCache {
    /// Room for at least `capacity` tokens, some 150 bytes each and their identities. `key` is 32
    /// secret random bytes: digests are keyed, so that nobody can choose tokens that share a shard
    /// or a bucket, and no digest says anything outside of this process.
    pub fn new(capacity: usize, key: &[u8; 32]) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self {
            key: *key,
            shards,
            half: AtomicUsize::new(half(capacity)),
            generation: AtomicU64::new(0),
            judged: AtomicU64::new(0),
        }
    }

    /// Forgets everything, and has room for `capacity` tokens from now on.
    pub fn reload(&self, capacity: usize) {
        self.half.store(half(capacity), Ordering::Relaxed);
        self.clear();
    }

    /// Forgets everything: after a revocation, and when keys or rules change.
    pub fn clear(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        for shard in &self.shards {
            *locked(shard) = Shard::default();
        }
    }

    /// How many tokens it knows.
    pub fn len(&self) -> usize {
        self.shards.iter().map(locked).map(|shard| shard.young.len().saturating_add(shard.old.len())).sum()
    }

    /// How many tokens were judged in full because it did not know them, since it was made.
    pub fn judged(&self) -> u64 {
        self.judged.load(Ordering::Relaxed)
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn recall(&self, token: &Digest) -> Option<Good> {
        let mut shard = locked(self.shard(token)?);
        if let Some(good) = shard.young.get(token) {
            return Some(good.clone());
        }
        let good = shard.old.remove(token)?;
        shard.insert(*token, good.clone(), self.half.load(Ordering::Relaxed));
        Some(good)
    }

    fn remember(&self, token: Digest, good: Good, generation: u64) {
        let Some(shard) = self.shard(&token) else { return };
        let mut shard = locked(shard);
        // Looked at under the lock that emptying takes too: one of both sees the other.
        if self.generation.load(Ordering::Acquire) == generation {
            shard.insert(token, good, self.half.load(Ordering::Relaxed));
        }
    }

    fn forget(&self, token: &Digest) {
        if let Some(shard) = self.shard(token) {
            let mut shard = locked(shard);
            shard.young.remove(token);
            shard.old.remove(token);
        }
    }

    /// The shard's number comes from a byte that the table inside does not look at.
    fn shard(&self, token: &Digest) -> Option<&Mutex<Shard>> {
        let last = token.as_bytes().last().copied().unwrap_or_default();
        self.shards.get(usize::from(last & 0x0f))
    }
}

impl Shard {
    fn insert(&mut self, token: Digest, good: Good, half: usize) {
        if self.young.len() >= half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, good);
    }
}

impl JwtVerifier {
    /// As [`JwtVerifier::verify`], with the signature and claims of a token that is in `cache`
    /// taken as judged. Its times are judged anew each time, so it is never good past its expiry,
    /// before its beginning, or after its key's end.
    ///
    /// # Errors
    /// As there.
    pub fn verify_cached(&self, cache: &TokenCache, token: &[u8], now: UnixTime) -> Result<Arc<Identity>, JwtFault> {
        self.verify_published_cached(&PublishedKeys::default(), cache, token, now)
    }

    /// The same, with published keys besides the policy's own.
    ///
    /// # Errors
    /// As there.
    pub fn verify_published_cached(
        &self,
        keys: &PublishedKeys,
        cache: &TokenCache,
        token: &[u8],
        now: UnixTime,
    ) -> Result<Arc<Identity>, JwtFault> {
        // What is malformed is not worth a digest.
        let looked = self.look(keys, token)?;
        let digest = Digest::keyed(&cache.key, self.fingerprint(), token);
        if let Some(good) = cache.recall(&digest) {
            let published = good.keys.as_ref().is_none_or(|signer| signer.is(keys));
            if published && good.bounds.key_until.is_none_or(|until| now < until) {
                return match self.judge_dates(good.identity.expires(), good.bounds.not_before, now) {
                    Ok(()) => Ok(good.identity),
                    Err(fault) => {
                        cache.forget(&digest);
                        Err(fault)
                    }
                };
            }
            // Another key may have signed it too.
            cache.forget(&digest);
        }
        let generation = cache.generation.load(Ordering::Acquire);
        cache.judged.fetch_add(1, Ordering::Relaxed);
        let (identity, bounds) = self.judge_looked(keys, &looked, now)?;
        let identity = Arc::new(identity);
        let keys = bounds.is_published.then(|| keys.clone());
        cache.remember(digest, Good { identity: Arc::clone(&identity), bounds, keys }, generation);
        Ok(identity)
    }
}

/// Digests do not spread quite evenly over the shards: an eighth more makes room for what was promised.
fn half(capacity: usize) -> usize {
    let even = capacity.div_ceil(SHARDS);
    even.saturating_add(even.div_euclid(8)).saturating_add(1)
}

/// A thread that panicked while it held the lock left a table that is whole: no entry is changed
/// in more than one step.
fn locked(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
