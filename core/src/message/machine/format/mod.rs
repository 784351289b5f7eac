//! The formats of JSON Schema that are judged in the pass, over the bytes, with no copy.

mod host;
mod time;
mod uri;

use super::strings::unescaped;
use super::text::Text;

/// A format that needs no tables of Unicode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Date,
    DateTime,
    Duration,
    Email,
    Hostname,
    /// As draft 4 to 6 have it: no rule on punycode.
    HostnameRfc1034,
    Ipv4,
    Ipv6,
    Iri,
    IriReference,
    JsonPointer,
    RelativeJsonPointer,
    Time,
    Uri,
    UriReference,
    Uuid,
}

impl Format {
    /// The format of this name, if it is judged here.
    pub(crate) fn named(name: &str, early_draft: bool) -> Option<Self> {
        Some(match name {
            "date" => Self::Date,
            "date-time" => Self::DateTime,
            "duration" => Self::Duration,
            "email" => Self::Email,
            "hostname" if early_draft => Self::HostnameRfc1034,
            "hostname" => Self::Hostname,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "iri" => Self::Iri,
            "iri-reference" => Self::IriReference,
            "json-pointer" => Self::JsonPointer,
            "relative-json-pointer" => Self::RelativeJsonPointer,
            "time" => Self::Time,
            "uri" => Self::Uri,
            "uri-reference" => Self::UriReference,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }

    /// Whether some strings can only be judged with tables of Unicode.
    pub(crate) fn may_need_tables(self) -> bool {
        matches!(self, Self::Hostname | Self::Email)
    }

    /// Whether the string with these bytes between its quotes has the format.
    pub(crate) fn holds(self, raw: &[u8], escaped: bool) -> bool {
        let bytes = &*unescaped(raw, escaped);
        match self {
            Self::Date => time::is_date(bytes),
            Self::DateTime => time::is_date_time(bytes),
            Self::Duration => time::is_duration(bytes),
            Self::Time => time::is_time(bytes),
            Self::Email => host::is_email(bytes),
            Self::Hostname | Self::HostnameRfc1034 => host::is_hostname(bytes),
            Self::Ipv4 => host::is_ipv4(bytes),
            Self::Ipv6 => host::is_ipv6(bytes),
            Self::Iri => uri::is_reference(bytes, true, true),
            Self::IriReference => uri::is_reference(bytes, false, true),
            Self::Uri => uri::is_reference(bytes, true, false),
            Self::UriReference => uri::is_reference(bytes, false, false),
            Self::JsonPointer => is_json_pointer(bytes),
            Self::RelativeJsonPointer => is_relative_json_pointer(bytes),
            Self::Uuid => bytes.first_chunk::<36>().is_some_and(|uuid| bytes.len() == 36 && is_uuid(uuid)),
        }
    }
}

/// Whether a label has hyphens where RFC 5891 section 4.2.3.1 keeps them for encoded ones, or hides it in escapes.
pub(crate) fn needs_tables(raw: &[u8]) -> bool {
    raw.contains(&b'\\') || raw.split(|byte| matches!(byte, b'.' | b'@')).any(|label| label.get(2..4) == Some(b"--"))
}

/// Past the UUID that starts at `at`, if one stands there and a quote after it.
#[inline(always)]
pub(crate) fn uuid_at(text: Text<'_>, at: usize) -> Option<usize> {
    let chunk = text.bytes().get(at..)?.first_chunk::<37>()?;
    let (uuid, rest) = chunk.split_first_chunk::<36>()?;
    (is_uuid(uuid) && rest == b"\"").then(|| at.wrapping_add(36))
}

/// Judges a UUID (RFC 9562 section 4) by words of eight characters, and without a branch.
#[inline(always)]
fn is_uuid(uuid: &[u8; 36]) -> bool {
    // Bytes 8 to 15 are -xxxx-xx, bytes 16 to 23 are xx-xxxx-: dashes become zeros, and all else must be digits.
    const FIRST: u64 = u64::from_le_bytes([b'-', 0, 0, 0, 0, b'-', 0, 0]);
    const SECOND: u64 = u64::from_le_bytes([0, 0, b'-', 0, 0, 0, 0, b'-']);
    const FIRST_MASK: u64 = FIRST / 0x2d * 0xff;
    const SECOND_MASK: u64 = SECOND / 0x2d * 0xff;
    const ZERO: u64 = 0x3030_3030_3030_3030;
    let (words, _) = uuid.as_chunks::<8>();
    let ([a, b, c, d], Some(e)) = (words, uuid.last_chunk::<8>()) else { return false };
    let [a, b, c, d, e] = [a, b, c, d, e].map(|word| u64::from_le_bytes(*word));
    let dashes = (b ^ FIRST) & FIRST_MASK | (c ^ SECOND) & SECOND_MASK;
    let b = b & !FIRST_MASK | ZERO & FIRST_MASK;
    let c = c & !SECOND_MASK | ZERO & SECOND_MASK;
    dashes == 0 && not_hex(a) | not_hex(b) | not_hex(c) | not_hex(d) | not_hex(e) == 0
}

/// Bits that are not zero if a byte of the word is no hexadecimal digit.
#[inline(always)]
fn not_hex(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Each byte is below 128, so these sums carry into no other byte: the high bit says "at least".
    let low = word & !HIGH;
    let letter = low | (ONES * 0x20);
    let digit = low.wrapping_add(ONES * (0x80 - 0x30)) & !low.wrapping_add(ONES * (0x80 - 0x3a));
    let a_to_f = letter.wrapping_add(ONES * (0x80 - 0x61)) & !letter.wrapping_add(ONES * (0x80 - 0x67)) & (low << 1);
    (word | !(digit | a_to_f)) & HIGH
}

/// RFC 6901: nothing, or parts that each start with a slash; a tilde only in `~0` and `~1`.
fn is_json_pointer(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    if rest.first().is_some_and(|first| *first != b'/') {
        return false;
    }
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'~' && !matches!(after.first(), Some(b'0' | b'1')) {
            return false;
        }
        rest = after;
    }
    true
}

/// A number without leading zeros, then `#` or a pointer.
fn is_relative_json_pointer(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = bytes.split_at(digits.min(bytes.len()));
    let counts = digits > 0 && (digits == 1 || number.first() != Some(&b'0'));
    counts && (rest == b"#" || is_json_pointer(rest))
}
