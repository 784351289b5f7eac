//! The formats of JSON Schema that are judged in the pass, over the bytes, with no copy.

mod host;
mod time;
mod uri;

use super::lanes::Lanes;
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

/// Past the UUID that starts at `at` (RFC 9562 section 4), if one stands there and a quote after it.
#[inline(always)]
pub(crate) fn uuid_at<L: Lanes>(text: Text<'_>, at: usize) -> Option<usize> {
    const ALL: u64 = (1 << 36) - 1;
    const HYPHENS: u64 = 1 << 8 | 1 << 13 | 1 << 18 | 1 << 23;
    let chunk = text.bytes().get(at..)?.first_chunk::<37>()?;
    let (mut digits, mut hyphens) = (0, 0);
    // Blocks side by side, the last one so that it ends where the UUID does.
    for from in [0, L::WIDTH, chunk.len()] {
        let from = from.min(36_usize.saturating_sub(L::WIDTH));
        let block = L::load(chunk, from)?;
        digits |= u64::from(L::hex_digits(block)) << from;
        hyphens |= u64::from(L::hyphens(block)) << from;
    }
    let holds = digits & ALL == ALL & !HYPHENS && hyphens & ALL == HYPHENS;
    (holds && chunk.last() == Some(&b'"')).then(|| at.wrapping_add(36))
}

/// Judges a UUID (RFC 9562 section 4).
fn is_uuid(uuid: &[u8; 36]) -> bool {
    uuid.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
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
