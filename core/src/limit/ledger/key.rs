//! Keys, and the keyed hash that spreads them.

/// What is limited: an address block, a user.
///
/// Both fields count; no two different values are one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The low half, then the high one.
    pub(in crate::limit) bits: [u64; 2],
    pub(in crate::limit) scope: u32,
}

impl Key {
    /// `bits` names the key, `scope` separates what must not be counted together.
    pub fn new(bits: u128, scope: u32) -> Self {
        Self { bits: halves(bits), scope }
    }
}

/// SipHash-1-3 (Aumasson and Bernstein, 2012) with a secret key, for keys of one length.
///
/// Peers choose their addresses and names; with a known hash they would choose colliding ones
/// and make every lookup a walk through all of them.
#[derive(Clone, Copy)]
pub(super) struct Sip {
    v: [u64; 4],
}

impl Sip {
    pub(super) fn new(seed: [u8; 16]) -> Self {
        let seed = u128::from_le_bytes(seed);
        let [k0, k1] = halves(seed);
        let v0 = k0 ^ 0x736f_6d65_7073_6575;
        let v1 = k1 ^ 0x646f_7261_6e64_6f6d;
        let v2 = k0 ^ 0x6c79_6765_6e65_7261;
        let v3 = k1 ^ 0x7465_6462_7974_6573;
        Self { v: [v0, v1, v2, v3] }
    }

    /// The hash of a key's 20 bytes.
    #[inline]
    pub(super) fn hash(&self, key: &Key) -> u64 {
        let [low, high] = key.bits;
        let mut v = self.v;
        // The last word holds the four bytes left and the length, as the algorithm asks.
        for word in [low, high, u64::from(key.scope) | (20 << 56)] {
            v[3] ^= word;
            round(&mut v);
            v[0] ^= word;
        }
        v[2] ^= 0xff;
        round(&mut v);
        round(&mut v);
        round(&mut v);
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }
}

/// The low half, then the high one.
fn halves(bits: u128) -> [u64; 2] {
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    [half(bits), half(bits.wrapping_shr(64))]
}

#[inline]
fn round(v: &mut [u64; 4]) {
    let [v0, v1, v2, v3] = v;
    *v0 = v0.wrapping_add(*v1);
    *v1 = v1.rotate_left(13) ^ *v0;
    *v0 = v0.rotate_left(32);
    *v2 = v2.wrapping_add(*v3);
    *v3 = v3.rotate_left(16) ^ *v2;
    *v0 = v0.wrapping_add(*v3);
    *v3 = v3.rotate_left(21) ^ *v0;
    *v2 = v2.wrapping_add(*v1);
    *v1 = v1.rotate_left(17) ^ *v2;
    *v2 = v2.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hasher};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The standard library's hasher is SipHash-1-3 with a key of zero.
        #[test]
        fn is_siphash_1_3(bits: u128, scope: u32) {
            let mut hasher = DefaultHasher::new();
            hasher.write(&bits.to_le_bytes());
            hasher.write(&scope.to_le_bytes());
            prop_assert_eq!(Sip::new([0; 16]).hash(&Key::new(bits, scope)), hasher.finish());
        }

        #[test]
        fn another_seed_is_another_hash(bits: u128, seed in any::<[u8; 16]>().prop_filter("not zero", |s| *s != [0; 16])) {
            let key = Key::new(bits, 0);
            prop_assert_ne!(Sip::new(seed).hash(&key), Sip::new([0; 16]).hash(&key));
        }
    }
}
