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
pub(crate) fn uuid_at(text: &Text<'_>, at: usize) -> Option<usize> {
    let chunk = text.bytes().get(at..)?.first_chunk::<37>()?;
    let (uuid, rest) = chunk.split_first_chunk::<36>()?;
    (is_uuid(uuid) && rest == b"\"").then(|| at.wrapping_add(36))
}

/// Where a UUID has its dashes (RFC 9562 section 4).
const SHAPE: [u8; 36] = *b"00000000-0000-0000-0000-000000000000";

/// Judges all bytes alike and without a branch, so that the compiler may take them in blocks.
#[inline(always)]
fn is_uuid(uuid: &[u8; 36]) -> bool {
    let bad = uuid.iter().zip(SHAPE).fold(0_u8, |bad, (byte, shape)| {
        let not_digit = u8::from(byte.wrapping_sub(b'0') > 9);
        let not_letter = u8::from((byte | 0x20).wrapping_sub(b'a') > 5);
        let not_dash = u8::from(*byte != b'-');
        let dash = u8::from(shape == b'-');
        bad | (dash & not_dash) | ((dash ^ 1) & not_digit & not_letter)
    });
    bad == 0
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
