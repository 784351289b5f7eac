//! From the opening quote of a string to past its closing one.

use super::lanes::Lanes;
use super::text::{Span, Text};
use crate::Reason;
use crate::message::Fault;

/// A string that was read.
pub(crate) struct Scanned {
    pub(crate) span: Span,
    /// How many code points it has (JSON Schema counts those), an escape being the one it stands for.
    pub(crate) points: usize,
}

impl<'a> Text<'a> {
    /// Reads the string whose first byte, after the quote, is at `start`.
    ///
    /// Stops as soon as there are more than `most` code points. `high` is set if there may be bytes
    /// outside ASCII. Lone surrogates are refused: two readers may make two different keys of them.
    #[inline(always)]
    pub(crate) fn string<L: Lanes>(&self, start: usize, most: usize, high: &mut bool) -> Result<Scanned, Fault> {
        let mut at = start;
        let mut less = 0_usize; // the bytes that are not code points of their own
        let mut escaped = false;
        loop {
            // Where there are too many code points, if all bytes from here on are of their own.
            let mut limit = most.saturating_add(start).saturating_add(less);
            // Most blocks of a long string hold no quote, escape or control character.
            let (block, special, not_ascii) = loop {
                let Some(block) = L::load(self.bytes(), at) else {
                    let last = L::load(self.last(at), 0).ok_or(Fault::new(Reason::Internal, at))?;
                    break (last, L::special(last), L::high(last));
                };
                let special = L::special(block);
                if special != 0 {
                    let not_ascii = L::high(block);
                    if special != not_ascii {
                        break (block, special, not_ascii);
                    }
                    *high = true;
                    let continued = ones(L::continuations(block));
                    less = less.wrapping_add(continued);
                    limit = limit.saturating_add(continued);
                }
                at = at.wrapping_add(L::WIDTH);
                if at > limit {
                    return Err(too_long(start));
                }
            };
            let mut continuations = 0;
            if not_ascii != 0 {
                *high = true;
                continuations = L::continuations(block);
            }
            let mut stops = u64::from(special & !not_ascii);
            let mut next = at.wrapping_add(L::WIDTH);
            while stops != 0 {
                let place = stops.trailing_zeros();
                let stop = at.wrapping_add(index(place));
                // The characters before it: if they are too many, that is the earlier fault.
                let points = || {
                    let continued = ones(continuations & below(place));
                    stop.wrapping_sub(start).wrapping_sub(less).wrapping_sub(continued)
                };
                let byte = self.at(stop);
                // What most escapes are, and the shortest way through.
                if byte == b'\\' && SIMPLE.get(usize::from(self.at(stop.wrapping_add(1)))) == Some(&true) {
                    escaped = true;
                    less = less.wrapping_add(1);
                    stops &= stops.wrapping_sub(1);
                    if place.wrapping_add(1) >= offset(L::WIDTH) {
                        next = next.wrapping_add(1);
                        break;
                    }
                    stops &= !2_u64.wrapping_shl(place);
                    continue;
                }
                if byte == b'"' {
                    let points = points();
                    if points > most {
                        return Err(too_long(start));
                    }
                    return Ok(Scanned { span: Span { start, end: stop, escaped }, points });
                }
                let length = if byte == b'\\' { self.escape(stop) } else { None };
                let Some(length) = length else {
                    let wrong = Fault::new(Reason::InvalidJson, stop);
                    return Err(if points() > most { too_long(start) } else { wrong });
                };
                escaped = true;
                less = less.wrapping_add(length).wrapping_sub(1);
                let used = index(place).wrapping_add(length);
                // A branch: it is foreseen, and the next block is loaded before this one is understood.
                if used > L::WIDTH {
                    next = at.wrapping_add(used);
                    break;
                }
                stops &= u64::MAX.wrapping_shl(offset(used));
            }
            less = less.wrapping_add(ones(continuations));
            at = next;
            if at.wrapping_sub(start).wrapping_sub(less) > most {
                return Err(too_long(start));
            }
        }
    }

    /// The length of the escape at `at` if it is no simple one; none if it is wrong.
    #[inline(always)]
    fn escape(&self, at: usize) -> Option<usize> {
        if self.at(at.wrapping_add(1)) == b'u' { self.unicode_escape(at) } else { None }
    }

    #[inline(always)]
    fn unicode_escape(&self, at: usize) -> Option<usize> {
        let word = self.wide(at);
        let code = hex4(word, 16)?;
        if code & 0xf800 != 0xd800 {
            return Some(6);
        }
        // A surrogate counts only as the first of a pair.
        let low = hex4(word, 64)?;
        let pair = code < 0xdc00 && (word >> 48) & 0xffff == 0x755c && (0xdc00..0xe000).contains(&low);
        pair.then_some(12)
    }
}

/// The string that starts after the quote before `start` has too many characters.
#[inline(always)]
fn too_long(start: usize) -> Fault {
    Fault::new(Reason::SchemaViolation, start.wrapping_sub(1))
}

/// The four hexadecimal digits that stand `shift` bits up in `word`.
#[inline(always)]
fn hex4(word: u128, shift: u32) -> Option<u32> {
    let [a, b, c, d, ..] = (word.wrapping_shr(shift)).to_le_bytes();
    let digit = |byte: u8| HEX.get(usize::from(byte)).copied().unwrap_or(0xff);
    let (a, b, c, d) = (digit(a), digit(b), digit(c), digit(d));
    if (a | b | c | d) > 15 {
        return None;
    }
    Some(u32::from(a) << 12 | u32::from(b) << 8 | u32::from(c) << 4 | u32::from(d))
}

/// What a backslash makes a character of with one byte more (RFC 8259 section 7).
static SIMPLE: [bool; 256] = {
    let mut table = [false; 256];
    let mut place = 0;
    while place < 8 {
        #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "worked out by the compiler")]
        {
            table[b"\"\\/bfnrt"[place] as usize] = true;
        }
        place = place.wrapping_add(1);
    }
    table
};

/// The value of each byte as a hexadecimal digit; 255 where it is none.
static HEX: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut digit = 0;
    while digit < 16 {
        let (lower, upper) = (b"0123456789abcdef", b"0123456789ABCDEF");
        #[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "worked out by the compiler")]
        {
            table[lower[digit] as usize] = digit as u8;
            table[upper[digit] as usize] = digit as u8;
        }
        digit = digit.wrapping_add(1);
    }
    table
};

/// The bits below `place`.
#[inline(always)]
fn below(place: u32) -> u32 {
    u32::MAX.checked_shr(32_u32.wrapping_sub(place)).unwrap_or(0)
}

#[inline(always)]
fn ones(mask: u32) -> usize {
    index(mask.count_ones())
}

/// A place within a block: always less than 64, so both ways are lossless.
#[inline(always)]
#[expect(clippy::as_conversions, reason = "a place in a block fits every integer")]
fn index(place: u32) -> usize {
    place as usize
}

#[inline(always)]
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a place in a block fits every integer")]
fn offset(place: usize) -> u32 {
    place as u32
}
