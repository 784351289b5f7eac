//! SHA-256 digests as keys of tables.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use aws_lc_rs::digest::{Context, SHA256};

/// The SHA-256 digest of something. Tables are keyed by digests, not by the things: then neither
/// the memory nor the time of a look-up depends on a secret or on its length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digest([u8; 32]);

/// A table by digest.
pub(super) type DigestMap<V> = HashMap<Digest, V, BuildHasherDefault<FirstBytes>>;

impl Digest {
    /// The digest of several parts, each with its length before it: no two lists of parts have the
    /// same bytes (threat 86).
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        Self::from_output(context.finish().as_ref())
    }

    /// The digest of one thing alone.
    pub(super) fn of_one(bytes: &[u8]) -> Self {
        Self::from_output(aws_lc_rs::digest::digest(&SHA256, bytes).as_ref())
    }

    /// The digest of `token` under a secret key and a label of fixed length. Nobody is shown it, so
    /// that it needs not be a MAC: a prefix of secret bytes is enough that nobody can foretell it.
    pub(super) fn keyed(key: &[u8; 32], label: &Self, token: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(key);
        context.update(label.as_bytes());
        context.update(token);
        Self::from_output(context.finish().as_ref())
    }

    /// The bytes.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn from_output(output: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(output) {
            *to = *from;
        }
        Self(bytes)
    }
}

/// Enough to tell two apart, not enough to search for.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let first = self.0.first_chunk().copied().unwrap_or_default();
        state.write_u64(u64::from_ne_bytes(first));
    }
}

/// A hasher for what is a hash already.
#[derive(Default)]
pub(super) struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
