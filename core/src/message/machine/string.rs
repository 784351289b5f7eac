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

/// What stops a run, and what else is in the block: a bit for each byte.
struct Masks {
    stops: u32,
    high: u32,
    continuations: u32,
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
            // Most blocks of a long string hold nothing but plain characters.
            while let Some(block) = L::load(self.bytes(), at) {
                if L::special(block) != 0 {
                    break;
                }
                at = at.wrapping_add(L::WIDTH);
                if at.wrapping_sub(start).wrapping_sub(less) > most {
                    return Err(too_long(start));
                }
            }
            let Some(masks) = self.masks::<L>(at) else { return Err(Fault::new(Reason::InvalidJson, at)) };
            let (mut stops, continuations) = (masks.stops, masks.continuations);
            if masks.high != 0 {
                *high = true;
            }
            let base = at;
            loop {
                if stops == 0 {
                    less = less.wrapping_add(ones(continuations));
                    at = base.wrapping_add(L::WIDTH);
                    break;
                }
                let place = stops.trailing_zeros();
                at = base.wrapping_add(index(place));
                let bytes = at.wrapping_sub(start).wrapping_sub(less);
                // Whatever stands here, the characters before it count first: the fault is not the block's doing.
                if bytes > most && bytes.wrapping_sub(ones(continuations & below(place))) > most {
                    return Err(too_long(start));
                }
                match self.at(at) {
                    b'"' => {
                        let points = bytes.wrapping_sub(ones(continuations & below(place)));
                        return Ok(Scanned { span: Span { start, end: at, escaped }, points });
                    }
                    b'\\' => {
                        escaped = true;
                        let length = self.escape(at)?;
                        less = less.wrapping_add(length).wrapping_sub(1);
                        let used = index(place).wrapping_add(length);
                        if used >= L::WIDTH {
                            less = less.wrapping_add(ones(continuations & below(place)));
                            at = base.wrapping_add(used);
                            break;
                        }
                        stops &= !below(offset(used));
                    }
                    _ => return Err(Fault::new(Reason::InvalidJson, at)),
                }
            }
            if at.wrapping_sub(start).wrapping_sub(less) > most {
                return Err(too_long(start));
            }
        }
    }

    /// What stands in the block at `at`; none past the end.
    ///
    /// Near the end the last whole block is taken and moved down; what lies past the end stops the run.
    #[inline(always)]
    fn masks<L: Lanes>(&self, at: usize) -> Option<Masks> {
        let bytes = self.bytes();
        if let Some(block) = L::load(bytes, at) {
            let high = L::high(block);
            let continuations = if high == 0 { 0 } else { L::continuations(block) };
            return Some(Masks { stops: L::special(block) & !high, high, continuations });
        }
        let Some(last) = bytes.len().checked_sub(L::WIDTH) else { return self.short_masks(at) };
        let shift = at.wrapping_sub(last);
        if shift >= L::WIDTH {
            return None;
        }
        let block = L::load(bytes, last)?;
        let past = !below(offset(L::WIDTH.wrapping_sub(shift)));
        let shift = offset(shift);
        let high = L::high(block);
        let stops = (L::special(block) & !high).wrapping_shr(shift) | past;
        let continuations = if high == 0 { 0 } else { L::continuations(block).wrapping_shr(shift) };
        Some(Masks { stops, high: high.wrapping_shr(shift), continuations })
    }

    /// What stands at `at` in a text shorter than a block, byte by byte.
    #[inline(never)]
    fn short_masks(&self, at: usize) -> Option<Masks> {
        let rest = self.bytes().get(at..).filter(|rest| !rest.is_empty())?;
        let bits = |is: fn(u8) -> bool| rest.iter().rev().fold(0_u32, |bits, byte| (bits << 1) | u32::from(is(*byte)));
        let past = !below(offset(rest.len()));
        Some(Masks {
            stops: bits(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') | past,
            high: bits(|byte| byte >= 0x80),
            continuations: bits(|byte| byte & 0xc0 == 0x80),
        })
    }

    /// The length of the escape at `at`.
    #[inline(always)]
    fn escape(&self, at: usize) -> Result<usize, Fault> {
        match self.at(at.wrapping_add(1)) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(2),
            b'u' => self.unicode_escape(at),
            _ => Err(Fault::new(Reason::InvalidJson, at)),
        }
    }

    #[inline(always)]
    fn unicode_escape(&self, at: usize) -> Result<usize, Fault> {
        let wrong = Fault::new(Reason::InvalidJson, at);
        let word = self.wide(at);
        let code = hex4(word, 16).ok_or(wrong)?;
        if code & 0xf800 != 0xd800 {
            return Ok(6);
        }
        // A surrogate counts only as the first of a pair.
        let low = hex4(word, 64).ok_or(wrong)?;
        let pair = code < 0xdc00 && (word >> 48) & 0xffff == 0x755c && (0xdc00..0xe000).contains(&low);
        if pair { Ok(12) } else { Err(wrong) }
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
