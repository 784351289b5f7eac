//! The message as the machine reads it: by byte, by word, by block, never past its end.

use memchr::memchr;

/// The bytes of a message. Past its end it reads as zeros.
///
/// A zero is not a part of any JSON text: whatever reads past the end meets one and stops.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    bytes: &'a [u8],
}

/// What stands between the quotes of a string.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) escaped: bool,
}

impl Span {
    #[inline(always)]
    pub(crate) fn len(self) -> usize {
        self.end.wrapping_sub(self.start)
    }
}

impl<'a> Text<'a> {
    #[inline(always)]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    #[inline(always)]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The byte at `at`, or 0 past the end.
    #[inline(always)]
    pub(crate) fn at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The 16 bytes from `at`, the first one lowest; zeros past the end.
    #[inline(always)]
    pub(crate) fn wide(&self, at: usize) -> u128 {
        match self.bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            Some(chunk) => u128::from_le_bytes(*chunk),
            None => self.wide_at_end(at),
        }
    }

    /// As [`Self::wide`], less than 16 bytes before the end: put together in registers, because a load from
    /// memory that was just written in smaller pieces would wait for it.
    #[inline(never)]
    fn wide_at_end(&self, at: usize) -> u128 {
        let bytes = self.bytes;
        let left = bytes.len().saturating_sub(at).min(16);
        let down = |word: u128, bytes: usize| word.checked_shr(bits(bytes)).unwrap_or(0);
        if let Some(last) = bytes.last_chunk::<16>() {
            return down(u128::from_le_bytes(*last), 16_usize.wrapping_sub(left));
        }
        if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            let whole = u128::from(first) | u128::from(last).wrapping_shl(bits(bytes.len().wrapping_sub(8)));
            return down(whole, at);
        }
        bytes.get(at..).unwrap_or_default().iter().rev().fold(0, |word, byte| (word << 8) | u128::from(*byte))
    }

    /// The bytes from `start` to before `end`.
    #[inline(always)]
    pub(crate) fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The first place from `at` on that holds no white space.
    #[inline(always)]
    pub(crate) fn past_space(&self, mut at: usize) -> usize {
        while self.at(at) <= b' ' && matches!(self.at(at), b' ' | b'\n' | b'\t' | b'\r') {
            at = at.wrapping_add(1);
        }
        at
    }
}

/// The bits of so many bytes, of which there are at most 16.
#[inline(always)]
fn bits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).saturating_mul(8)
}

/// The bytes that the inside of a JSON string stands for. The string must be well-formed.
#[derive(Clone)]
pub(crate) struct Unescaped<'a> {
    rest: &'a [u8],
    ready: u32,
}

impl<'a> Unescaped<'a> {
    pub(crate) fn new(raw: &'a [u8]) -> Self {
        Self { rest: raw, ready: 0 }
    }

    /// All that is left, at once: what stands between escapes is copied as it is.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rest.len());
        while let Some((plain, rest)) = memchr(b'\\', self.rest).and_then(|at| self.rest.split_at_checked(at)) {
            bytes.extend_from_slice(plain);
            self.rest = rest;
            // The text was read before: an escape that is none does not occur.
            let Some(first) = self.next() else { break };
            bytes.push(first);
            while self.ready != 0 {
                bytes.extend(self.next());
            }
        }
        bytes.extend_from_slice(self.rest);
        bytes
    }

    fn escape(&mut self) -> Option<u8> {
        let (kind, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(match kind {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = self.hex()?;
                if (0xd800..0xdc00).contains(&code) {
                    self.rest = self.rest.get(2..)?;
                    let low = self.hex()?;
                    code =
                        (code.wrapping_sub(0xd800) << 10).wrapping_add(low.wrapping_sub(0xdc00)).wrapping_add(0x1_0000);
                }
                let mut buffer = [0; 4];
                let encoded = char::from_u32(code)?.encode_utf8(&mut buffer).as_bytes();
                let (first, more) = encoded.split_first()?;
                // Bytes of a sequence are never 0 but the first: so a word of them ends at its zeros.
                self.ready = more.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte));
                *first
            }
            other => *other,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(digits.iter().fold(0, |code, digit| (code << 4) | char::from(*digit).to_digit(16).unwrap_or(0)))
    }
}

impl Iterator for Unescaped<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.ready != 0 {
            let [byte, ..] = self.ready.to_le_bytes();
            self.ready >>= 8;
            return Some(byte);
        }
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        if *byte == b'\\' { self.escape() } else { Some(*byte) }
    }
}
