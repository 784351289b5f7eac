//! Blocks of bytes looked at together: the one module in which `unsafe` is allowed.
//!
//! Two things need it: the loads of vectors, and the call into code compiled for a newer processor, made once
//! per message and only where the processor has been asked. The tests hold every kind against `Scalar`.
#![expect(unsafe_code, reason = "vector loads, and the call into code for a processor that was asked for it")]

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64 as v;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as v;

use super::lanes::{self, Lanes, Level};
use super::{Machine, Node, Sink};
use crate::message::Fault;

/// Judges the value at `at` with the lanes of `level`; the answer is the place past it.
#[inline(always)]
pub(crate) fn run<'a, S: Sink>(
    level: Level,
    machine: &mut Machine<'a, S>,
    node: &'a Node,
    at: usize,
) -> Result<usize, Fault> {
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: only `Level::widest` makes this value, after the processor said that it has all the features.
        Level::Avx2(_) => unsafe { run_avx2(machine, node, at) },
        Level::Baseline => lanes::run::<S, lanes::Baseline>(machine, node, at),
        Level::Scalar => lanes::run::<S, lanes::Scalar>(machine, node, at),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx2<'a, S: Sink>(machine: &mut Machine<'a, S>, node: &'a Node, at: usize) -> Result<usize, Fault> {
    machine.run::<Avx2>(node, at)
}

#[cfg(target_arch = "x86_64")]
macro_rules! x86_lanes {
    ($name:ident, $width:literal, $vector:ident, $load:ident, $splat:ident, $equal:ident, $least:ident, $minus:ident, $or:ident, $greater:ident, $bits:ident) => {
        /// Blocks as wide as one register.
        pub(crate) struct $name;

        // SAFETY (of all blocks): SSE2 is on every x86-64 processor; `Avx2` is run by `run_avx2` alone.
        impl Lanes for $name {
            const WIDTH: usize = $width;
            type Block = v::$vector;

            #[inline(always)]
            fn load(bytes: &[u8], at: usize) -> Option<Self::Block> {
                let chunk = bytes.get(at..at.checked_add($width)?)?.first_chunk::<$width>()?;
                // SAFETY: as above; the chunk is as many readable bytes, and the load needs no alignment.
                Some(unsafe { v::$load(chunk.as_ptr().cast()) })
            }
            #[inline(always)]
            fn special(block: Self::Block) -> u32 {
                // SAFETY: as above.
                unsafe {
                    let quote = v::$equal(block, v::$splat(b'"'.cast_signed()));
                    let escape = v::$equal(block, v::$splat(b'\\'.cast_signed()));
                    let control = v::$equal(block, v::$least(block, v::$splat(0x1f)));
                    v::$bits(v::$or(v::$or(quote, escape), v::$or(control, block))).cast_unsigned()
                }
            }
            #[inline(always)]
            fn high(block: Self::Block) -> u32 {
                // SAFETY: as above.
                unsafe { v::$bits(block) }.cast_unsigned()
            }
            #[inline(always)]
            fn continuations(block: Self::Block) -> u32 {
                // SAFETY: as above.
                unsafe { v::$bits(v::$greater(v::$splat(0xc0_u8.cast_signed()), block)) }.cast_unsigned()
            }
            #[inline(always)]
            fn hex_digits(block: Self::Block) -> u32 {
                // SAFETY: as above.
                unsafe {
                    let digit = v::$minus(block, v::$splat(b'0'.cast_signed()));
                    let letter = v::$minus(v::$or(block, v::$splat(0x20)), v::$splat(b'a'.cast_signed()));
                    let digit = v::$equal(digit, v::$least(digit, v::$splat(9)));
                    let letter = v::$equal(letter, v::$least(letter, v::$splat(5)));
                    v::$bits(v::$or(digit, letter)).cast_unsigned()
                }
            }
            #[inline(always)]
            fn hyphens(block: Self::Block) -> u32 {
                // SAFETY: as above.
                unsafe { v::$bits(v::$equal(block, v::$splat(b'-'.cast_signed()))) }.cast_unsigned()
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
x86_lanes!(Sse2, 16, __m128i, _mm_loadu_si128, _mm_set1_epi8, _mm_cmpeq_epi8, _mm_min_epu8, _mm_sub_epi8, _mm_or_si128, _mm_cmpgt_epi8, _mm_movemask_epi8);
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
x86_lanes!(Avx2, 32, __m256i, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_cmpeq_epi8, _mm256_min_epu8, _mm256_sub_epi8, _mm256_or_si256, _mm256_cmpgt_epi8, _mm256_movemask_epi8);

/// 16 bytes by NEON, which is on every 64-bit Arm processor.
#[cfg(target_arch = "aarch64")]
pub(crate) struct Neon;

// SAFETY (of all blocks): the processor has NEON; a load reads the 16 bytes of a chunk.
#[cfg(target_arch = "aarch64")]
#[rustfmt::skip]
impl Lanes for Neon {
    const WIDTH: usize = 16;
    type Block = v::uint8x16_t;

    fn load(bytes: &[u8], at: usize) -> Option<Self::Block> {
        let chunk = bytes.get(at..)?.first_chunk::<16>()?;
        Some(unsafe { v::vld1q_u8(chunk.as_ptr()) })
    }
    fn special(block: Self::Block) -> u32 {
        let is = |byte| unsafe { v::vceqq_u8(block, v::vdupq_n_u8(byte)) };
        let control = unsafe { v::vcltq_u8(block, v::vdupq_n_u8(0x20)) };
        bits(unsafe { v::vorrq_u8(v::vorrq_u8(is(b'"'), is(b'\\')), v::vorrq_u8(control, v::vcgeq_u8(block, v::vdupq_n_u8(0x80)))) })
    }
    fn high(block: Self::Block) -> u32 { bits(unsafe { v::vcgeq_u8(block, v::vdupq_n_u8(0x80)) }) }
    fn continuations(block: Self::Block) -> u32 {
        bits(unsafe { v::vceqq_u8(v::vandq_u8(block, v::vdupq_n_u8(0xc0)), v::vdupq_n_u8(0x80)) })
    }
    fn hex_digits(block: Self::Block) -> u32 {
        let within = |block, first, most| unsafe { v::vcleq_u8(v::vsubq_u8(block, v::vdupq_n_u8(first)), v::vdupq_n_u8(most)) };
        let letters = within(unsafe { v::vorrq_u8(block, v::vdupq_n_u8(0x20)) }, b'a', 5);
        bits(unsafe { v::vorrq_u8(within(block, b'0', 9), letters) })
    }
    fn hyphens(block: Self::Block) -> u32 { bits(unsafe { v::vceqq_u8(block, v::vdupq_n_u8(b'-')) }) }
}

/// A bit for each lane that is all ones. SAFETY: as above.
#[cfg(target_arch = "aarch64")]
#[rustfmt::skip]
fn bits(lanes: v::uint8x16_t) -> u32 {
    let places = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    let set = unsafe { v::vandq_u8(lanes, v::vld1q_u8(places.as_ptr())) };
    u32::from(unsafe { v::vaddv_u8(v::vget_low_u8(set)) }) | u32::from(unsafe { v::vaddv_u8(v::vget_high_u8(set)) }) << 8
}
