//! Frames of RFC 6455 section 5, well-formed or not.

/// Opcodes (RFC 6455 section 11.8).
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

/// The mask is only there against confused proxies; between two programs of one machine any will do.
const MASK: [u8; 4] = [0x5a, 0x17, 0xc3, 0x88];

/// A frame to be written; every part can be wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) fin: bool,
    /// RSV1 to RSV3, as the bits 4, 2, 1.
    pub(crate) rsv: u8,
    pub(crate) opcode: u8,
    pub(crate) masked: bool,
    pub(crate) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// A whole masked frame, as a good client sends it.
    pub(crate) fn new(opcode: u8, payload: &'a [u8]) -> Self {
        Self { fin: true, rsv: 0, opcode, masked: true, payload }
    }

    /// The same, with more of the message to come.
    pub(crate) fn unfinished(mut self) -> Self {
        self.fin = false;
        self
    }

    /// The frame's bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = self.payload.len();
        let size = if length < 126 {
            0
        } else if length <= 0xffff {
            2
        } else {
            8
        };
        self.bytes_with_length(u64::try_from(length).unwrap_or(u64::MAX), size)
    }

    /// The frame's bytes with this declared length, in so many bytes (0, 2 or 8) behind the first two.
    pub(crate) fn bytes_with_length(&self, declared: u64, size: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.payload.len() + 14);
        out.push(u8::from(self.fin) << 7 | (self.rsv & 7) << 4 | (self.opcode & 0xf));
        let length = declared.to_be_bytes();
        let mask = u8::from(self.masked) << 7;
        out.push(
            mask | if size == 0 {
                length[7] & 0x7f
            } else if size == 2 {
                126
            } else {
                127
            },
        );
        out.extend_from_slice(&length[8 - size..]);
        if self.masked {
            out.extend_from_slice(&MASK);
            out.extend(self.payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        } else {
            out.extend_from_slice(self.payload);
        }
        out
    }
}

/// A frame that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) fin: bool,
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

/// The first frame of these bytes, which it takes away; `None` while it is not all there.
pub(crate) fn take(bytes: &mut Vec<u8>) -> Option<Received> {
    let [first, second] = *bytes.first_chunk::<2>()?;
    let (length, mut at): (u64, usize) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
        short => (u64::from(short), 2),
    };
    // A server's frames are not masked; one that is would only be misread, not harmful.
    if second & 0x80 != 0 {
        at += 4;
    }
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    let payload = bytes.get(at..end)?.to_vec();
    bytes.drain(..end);
    Some(Received { fin: first & 0x80 != 0, opcode: first & 0xf, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_unmasked_is_read_back() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload = vec![7; length];
            let mut bytes = Frame { masked: false, ..Frame::new(TEXT, &payload) }.bytes();
            let all = bytes.clone();
            bytes.push(0x81);
            assert_eq!(take(&mut bytes), Some(Received { fin: true, opcode: TEXT, payload }));
            assert_eq!(bytes, [0x81], "{length}");
            assert_eq!(take(&mut all[..all.len() - 1].to_vec()), None);
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 6455 section 5.7: an unmasked "Hello".
        let hello = Frame { masked: false, ..Frame::new(TEXT, b"Hello") };
        assert_eq!(hello.bytes(), [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        let first = Frame { masked: false, ..Frame::new(TEXT, b"Hel").unfinished() };
        assert_eq!(first.bytes(), [0x01, 0x03, 0x48, 0x65, 0x6c]);
    }
}
