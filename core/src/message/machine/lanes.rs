//! What the machine asks of a block of bytes, and the answer in plain code.

use super::{Machine, Node, Sink};
use crate::message::Fault;

/// A way of looking at a block of bytes at once.
pub(crate) trait Lanes {
    /// The bytes of a block: at most 32, so that a bit for each fits a word.
    const WIDTH: usize;
    /// A block.
    type Block: Copy;
    /// The block from `at`, if so many bytes are left.
    fn load(bytes: &[u8], at: usize) -> Option<Self::Block>;
    /// A bit for each byte that is no plain character: quotes, backslashes, control characters, all outside ASCII.
    fn special(block: Self::Block) -> u32;
    /// A bit for each byte outside ASCII.
    fn high(block: Self::Block) -> u32;
    /// A bit for each byte that continues a UTF-8 sequence.
    fn continuations(block: Self::Block) -> u32;
    /// A bit for each hexadecimal digit.
    fn hex_digits(block: Self::Block) -> u32;
    /// A bit for each hyphen.
    fn hyphens(block: Self::Block) -> u32;
}

/// Which lanes a machine runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Plain code.
    #[cfg_attr(not(test), expect(dead_code, reason = "the oracle of the tests"))]
    Scalar,
    /// What every processor of this architecture has.
    Baseline,
    /// AVX2 and the bit instructions of its time; only [`Level::widest`] can make it.
    #[cfg(target_arch = "x86_64")]
    Avx2(Asked),
}

/// The proof that the processor was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked(());

impl Level {
    /// The widest that this processor has.
    pub(crate) fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
        {
            return Self::Avx2(Asked(()));
        }
        Self::Baseline
    }
}

/// The lanes of every processor of this architecture.
#[cfg(target_arch = "aarch64")]
pub(crate) type Baseline = super::simd::Neon;
#[cfg(target_arch = "x86_64")]
pub(crate) type Baseline = super::simd::Sse2;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) type Baseline = Scalar;

/// Runs the machine with lanes that need no asking.
#[inline(never)]
pub(crate) fn run<'a, S: Sink, L: Lanes>(
    machine: &mut Machine<'a, S>,
    node: &'a Node,
    at: usize,
) -> Result<usize, Fault> {
    machine.run::<L>(node, at)
}

/// Blocks in plain code, 16 bytes wide.
pub(crate) struct Scalar;

impl Scalar {
    #[inline(always)]
    fn bits(block: [u8; 16], is: impl Fn(u8) -> bool) -> u32 {
        block.iter().rev().fold(0, |bits, byte| (bits << 1) | u32::from(is(*byte)))
    }
}

impl Lanes for Scalar {
    const WIDTH: usize = 16;
    type Block = [u8; 16];

    #[inline(always)]
    fn load(bytes: &[u8], at: usize) -> Option<Self::Block> {
        bytes.get(at..)?.first_chunk::<16>().copied()
    }
    #[inline(always)]
    fn special(block: Self::Block) -> u32 {
        Self::bits(block, |byte| !(0x20..0x80).contains(&byte) || byte == b'"' || byte == b'\\')
    }
    #[inline(always)]
    fn high(block: Self::Block) -> u32 {
        Self::bits(block, |byte| byte >= 0x80)
    }
    #[inline(always)]
    fn continuations(block: Self::Block) -> u32 {
        Self::bits(block, |byte| byte & 0xc0 == 0x80)
    }
    #[inline(always)]
    fn hex_digits(block: Self::Block) -> u32 {
        Self::bits(block, |byte| byte.is_ascii_hexdigit())
    }
    #[inline(always)]
    fn hyphens(block: Self::Block) -> u32 {
        Self::bits(block, |byte| byte == b'-')
    }
}
