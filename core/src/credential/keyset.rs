//! Several keys, and which of them may be tried on a token.

use super::keys::Key;
use crate::policy::{Algorithm, PolicyError};
use crate::time::UnixTime;

/// The most keys in one set. The largest set of a known identity provider has about 20.
pub(super) const MAX_KEYS: usize = 64;
/// The most keys tried on one token: each try of a public key costs some 50 microseconds, which a
/// token without signature could otherwise multiply.
pub(super) const MAX_TRIES: usize = 8;

/// Several keys.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<Key>);

impl KeySet {
    /// Refuses what could not be told apart or would never be tried.
    pub(super) fn new(keys: Vec<Key>) -> Result<Self, PolicyError> {
        if keys.len() > MAX_KEYS {
            return Err(PolicyError::new("", format!("holds {} keys, at most {MAX_KEYS} are accepted", keys.len())));
        }
        for (at, key) in keys.iter().enumerate() {
            let earlier = keys.iter().take(at).filter(|other| other.alg == key.alg);
            let same = earlier.filter(|other| other.kid == key.kid).count();
            let place = |name: &str| format!("[{at}]{name}");
            if key.kid.is_some() && same > 0 {
                return Err(PolicyError::new(place(".kid"), "is the id of an earlier key with the same algorithm"));
            }
            if same >= MAX_TRIES {
                let problem =
                    format!("is one of more than {MAX_TRIES} keys for {:?} without an id; add `kid`", key.alg);
                return Err(PolicyError::new(place(""), problem));
            }
        }
        Ok(Self(keys))
    }

    /// All keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// The keys to try on a token with this header, the likeliest first. A key whose id is another
    /// than the token's is not among them; a key without id may be any token's.
    pub(super) fn candidates(&self, alg: Algorithm, kid: Option<&str>, now: UnixTime) -> impl Iterator<Item = &Key> {
        let named = self.iter().filter(move |key| kid.is_some() && key.kid.as_deref() == kid);
        let unnamed = self.iter().filter(|key| key.kid.is_none());
        let rest = self.iter().filter(move |key| kid.is_none() && key.kid.is_some());
        let chain = named.chain(unnamed).chain(rest);
        chain.filter(move |key| key.alg == alg && key.in_force(now)).take(MAX_TRIES)
    }
}
