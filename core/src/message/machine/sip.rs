//! SipHash-1-3 (Aumasson and Bernstein), over whole words: keyed, so that nobody can send what collides.

/// The key: of random bytes that the host gave.
pub(super) type Seed = [u64; 2];

/// A hash in the making.
pub(super) struct Sip([u64; 4]);

impl Sip {
    pub(super) fn new([k0, k1]: Seed) -> Self {
        Self([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ])
    }

    pub(super) fn write(&mut self, word: u64) {
        let Self([_, _, _, d]) = self;
        *d ^= word;
        self.round();
        let Self([a, ..]) = self;
        *a ^= word;
    }

    /// Bytes, so that no two texts are the same words.
    pub(super) fn write_text(&mut self, bytes: impl Iterator<Item = u8>) {
        let mut word = 0_u64;
        let mut count = 0_u64;
        for byte in bytes {
            word = (word >> 8) | (u64::from(byte) << 56);
            count = count.wrapping_add(1);
            if count.trailing_zeros() >= 3 {
                self.write(word);
            }
        }
        self.write(word.rotate_left(7) ^ count);
    }

    pub(super) fn finish(mut self) -> u64 {
        let Self([_, _, c, _]) = &mut self;
        *c ^= 0xff;
        self.round();
        self.round();
        self.round();
        let Self([a, b, c, d]) = self;
        a ^ b ^ c ^ d
    }

    fn round(&mut self) {
        let Self([a, b, c, d]) = self;
        *a = a.wrapping_add(*b);
        *b = b.rotate_left(13) ^ *a;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*d);
        *d = d.rotate_left(16) ^ *c;
        *a = a.wrapping_add(*d);
        *d = d.rotate_left(21) ^ *a;
        *c = c.wrapping_add(*b);
        *b = b.rotate_left(17) ^ *c;
        *c = c.rotate_left(32);
    }
}
