//! The message as the machine reads it: by byte, by word, by block, never past its end.

use memchr::memchr;

/// The bytes of a message. Past its end it reads as zeros.
///
/// A zero is not a part of any JSON text: whatever reads past the end meets one and stops.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    bytes: &'a [u8],
    tail: &'a Tail,
}

/// The last bytes of a message, and zeros after them: read where less than a block is left.
pub(crate) struct Tail([u8; 2 * Tail::WIDTH]);

impl Tail {
    /// The widest block.
    pub(crate) const WIDTH: usize = 32;

    pub(crate) const EMPTY: Self = Self([0; 2 * Self::WIDTH]);

    #[inline(always)]
    pub(crate) fn fill(&mut self, bytes: &[u8]) {
        match bytes.last_chunk::<{ Self::WIDTH }>() {
            Some(last) => self.put(0, last),
            // Two loads and two stores that overlap cost less than a copy of so many bytes.
            None if bytes.len() >= 16 => self.ends::<16>(bytes),
            None if bytes.len() >= 8 => self.ends::<8>(bytes),
            None if bytes.len() >= 4 => self.ends::<4>(bytes),
            None if bytes.len() >= 2 => self.ends::<2>(bytes),
            None => self.ends::<1>(bytes),
        }
    }

    /// Takes a message of `N` to twice as many bytes.
    #[inline(always)]
    fn ends<const N: usize>(&mut self, bytes: &[u8]) {
        if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
            self.put(Self::WIDTH.wrapping_sub(bytes.len()), first);
            self.put(Self::WIDTH.wrapping_sub(N), last);
        }
    }

    #[inline(always)]
    fn put<const N: usize>(&mut self, at: usize, bytes: &[u8; N]) {
        if let Some(place) = self.0.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = *bytes;
        }
    }

    /// The last `left` bytes and the zeros after them.
    #[inline(always)]
    fn last(&self, left: usize) -> &[u8; Self::WIDTH] {
        let at = Self::WIDTH.saturating_sub(left);
        self.0.get(at..).and_then(<[u8]>::first_chunk).unwrap_or(&[0; Self::WIDTH])
    }
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
    pub(crate) fn new(bytes: &'a [u8], tail: &'a Tail) -> Self {
        Self { bytes, tail }
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
        let chunk = match self.bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            Some(chunk) => chunk,
            None => self.last(at).first_chunk().unwrap_or(&[0; 16]),
        };
        u128::from_le_bytes(*chunk)
    }

    /// The bytes from `at` on, of which there are less than a block, and zeros after them.
    #[inline(always)]
    pub(crate) fn last(&self, at: usize) -> &'a [u8; Tail::WIDTH] {
        self.tail.last(self.bytes.len().saturating_sub(at))
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
