//! A strict reading of the JSON in a token: no name twice at any depth, bounded depth and size.

use std::borrow::Cow;
use std::time::Duration;

use super::fault::JwtFault;
use crate::time::UnixTime;

/// How deep values may stand in each other. Real tokens nest three or four deep.
pub(super) const MAX_DEPTH: u8 = 16;
/// The most members of one object and entries of one array. It bounds the search for duplicates,
/// which compares each name with those before it.
pub(super) const MAX_MEMBERS: usize = 256;
/// The most characters of one number. Real dates have 10 digits and a fraction.
const MAX_DIGITS: usize = 64;
/// The last second of the year 9999, where RFC 3339 ends. A larger `exp` is a date in
/// milliseconds or a trick with overflow, not a date.
const LAST_SECOND: u64 = 253_402_300_799;

/// The members of an object, in their order.
#[derive(PartialEq)]
pub(super) struct Members<'a>(Vec<Member<'a>>);

#[derive(PartialEq)]
struct Member<'a> {
    mark: u64,
    name: Cow<'a, str>,
    value: Json<'a>,
}

/// Length and first seven bytes of a name, in one number: most claims have three letters, so that
/// lengths alone tell few of them apart.
fn mark(name: &str) -> u64 {
    let length = u64::try_from(name.len()).unwrap_or(u64::MAX).min(0xff);
    name.bytes().take(7).fold(length, |mark, byte| mark << 8 | u64::from(byte))
}

/// A value; text without escapes is borrowed from the token's decoded bytes.
#[derive(PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool,
    Whole(u64),
    Number(f64),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Members<'a>),
}

impl<'a> Json<'a> {
    /// Reads one object and nothing else.
    pub(super) fn object(bytes: &'a [u8]) -> Result<Members<'a>, JwtFault> {
        let mut reader = Reader { rest: bytes };
        reader.skip_space();
        let Some(b'{') = reader.peek() else { return Err(JwtFault::Malformed) };
        let members = reader.members(1)?;
        reader.skip_space();
        if reader.rest.is_empty() { Ok(members) } else { Err(JwtFault::Malformed) }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Result<&str, JwtFault> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(JwtFault::ClaimType),
        }
    }

    /// The point in time, if it is a `NumericDate` (RFC 7519 section 2) between 1970 and 9999.
    pub(super) fn date(&self) -> Result<UnixTime, JwtFault> {
        let since_epoch = match self {
            Self::Whole(secs) => Duration::from_secs(*secs),
            Self::Number(secs) => Duration::try_from_secs_f64(*secs).map_err(|_| JwtFault::ClaimType)?,
            _ => return Err(JwtFault::ClaimType),
        };
        if since_epoch.as_secs() > LAST_SECOND {
            return Err(JwtFault::ClaimType);
        }
        Ok(UnixTime::default().after(since_epoch))
    }
}

/// The member with this name.
#[inline]
pub(super) fn member<'m, 'a>(members: &'m Members<'a>, name: &str) -> Option<&'m Json<'a>> {
    let mark = mark(name);
    let is_it = |member: &&Member<'_>| member.mark == mark && (name.len() < 8 || member.name == name);
    members.0.iter().find(is_it).map(|member| &member.value)
}

/// What is left to read. Everything that RFC 8259 does not allow is malformed.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: u8) -> Result<Json<'a>, JwtFault> {
        match self.peek() {
            Some(b'"') => self.string().map(Json::Text),
            Some(b'0'..=b'9' | b'-') => self.number(),
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(JwtFault::Malformed),
            Some(b'{') => self.members(depth.saturating_add(1)).map(Json::Object),
            Some(b'[') => self.entries(depth.saturating_add(1)).map(Json::Array),
            Some(b't') => self.word("true", Json::Bool),
            Some(b'f') => self.word("false", Json::Bool),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(JwtFault::Malformed),
        }
    }

    fn members(&mut self, depth: u8) -> Result<Members<'a>, JwtFault> {
        self.skip(1);
        let mut members = Members(Vec::with_capacity(8));
        if self.closes(b'}') {
            return Ok(members);
        }
        loop {
            self.skip_space();
            let name = if self.peek() == Some(b'"') { self.string()? } else { return Err(JwtFault::Malformed) };
            // Two parsers that keep different ones see two users (threat 48). Escapes are undone by
            // now, so that another spelling of a name is the same name.
            if member(&members, &name).is_some() {
                return Err(JwtFault::Duplicate);
            }
            self.skip_space();
            if members.0.len() >= MAX_MEMBERS || self.peek() != Some(b':') {
                return Err(JwtFault::Malformed);
            }
            self.skip(1);
            self.skip_space();
            members.0.push(Member { mark: mark(&name), value: self.value(depth)?, name });
            if !self.goes_on(b'}')? {
                return Ok(members);
            }
        }
    }

    fn entries(&mut self, depth: u8) -> Result<Vec<Json<'a>>, JwtFault> {
        self.skip(1);
        let mut entries = Vec::new();
        if self.closes(b']') {
            return Ok(entries);
        }
        loop {
            self.skip_space();
            if entries.len() >= MAX_MEMBERS {
                return Err(JwtFault::Malformed);
            }
            entries.push(self.value(depth)?);
            if !self.goes_on(b']')? {
                return Ok(entries);
            }
        }
    }

    /// Whether a comma follows, and not the end.
    fn goes_on(&mut self, end: u8) -> Result<bool, JwtFault> {
        self.skip_space();
        let goes_on = match self.peek() {
            Some(b',') => true,
            Some(byte) if byte == end => false,
            _ => return Err(JwtFault::Malformed),
        };
        self.skip(1);
        Ok(goes_on)
    }

    fn closes(&mut self, end: u8) -> bool {
        self.skip_space();
        let closes = self.peek() == Some(end);
        if closes {
            self.skip(1);
        }
        closes
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JwtFault> {
        self.skip(1);
        let plain = self.plain()?;
        if self.peek() == Some(b'"') {
            self.skip(1);
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        while self.peek() == Some(b'\\') {
            text.push(self.escape()?);
            text.push_str(self.plain()?);
        }
        self.skip(1);
        Ok(Cow::Owned(text))
    }

    /// The characters up to the next quote or backslash.
    fn plain(&mut self) -> Result<&'a str, JwtFault> {
        let end = memchr::memchr2(b'"', b'\\', self.rest);
        let (plain, rest) = end.and_then(|end| self.rest.split_at_checked(end)).ok_or(JwtFault::Malformed)?;
        self.rest = rest;
        if plain.iter().fold(false, |found, byte| found | (*byte < b' ')) {
            return Err(JwtFault::Malformed);
        }
        std::str::from_utf8(plain).map_err(|_| JwtFault::Malformed)
    }

    fn escape(&mut self) -> Result<char, JwtFault> {
        self.skip(1);
        let escaped = match self.peek().ok_or(JwtFault::Malformed)? {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'u' => {
                self.skip(1);
                return self.unicode();
            }
            _ => return Err(JwtFault::Malformed),
        };
        self.skip(1);
        Ok(escaped)
    }

    /// The digits of one `\u` escape, or of two that are a surrogate pair; half a pair is nothing.
    fn unicode(&mut self) -> Result<char, JwtFault> {
        let first = self.hex()?;
        let units = if matches!(first, 0xd800..=0xdbff) {
            self.rest = self.rest.strip_prefix(br"\u").ok_or(JwtFault::Malformed)?;
            [first, self.hex()?]
        } else {
            [first, 0]
        };
        char::decode_utf16(units).next().and_then(Result::ok).ok_or(JwtFault::Malformed)
    }

    fn hex(&mut self) -> Result<u16, JwtFault> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(JwtFault::Malformed)?;
        self.rest = rest;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(JwtFault::Malformed);
        }
        u16::from_str_radix(std::str::from_utf8(digits).map_err(|_| JwtFault::Malformed)?, 16)
            .map_err(|_| JwtFault::Malformed)
    }

    fn number(&mut self) -> Result<Json<'a>, JwtFault> {
        // A date as nearly all are written.
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if let Some((whole @ [b'1'..=b'9', ..], rest)) = self.rest.split_at_checked(digits)
            && digits < 19
            && !matches!(rest, [b'.' | b'e' | b'E', ..])
        {
            self.rest = rest;
            let add = |sum: u64, digit: &u8| sum.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
            return Ok(Json::Whole(whole.iter().fold(0, add)));
        }
        let belongs = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let end = self.rest.iter().position(|byte| !belongs(byte)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end).ok_or(JwtFault::Malformed)?;
        self.rest = rest;
        let text = std::str::from_utf8(text).map_err(|_| JwtFault::Malformed)?;
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        // Rust reads what JSON does not: "01", "1.", ".5", "+1".
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
            None => (unsigned, "0"),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let leads_with_zero = whole.len() > 1 && whole.starts_with('0');
        if text.len() > MAX_DIGITS || leads_with_zero || ![whole, fraction, exponent].into_iter().all(digits) {
            return Err(JwtFault::Malformed);
        }
        if let Ok(number) = text.parse() {
            return Ok(Json::Whole(number));
        }
        let number: f64 = text.parse().map_err(|_| JwtFault::Malformed)?;
        if number.is_finite() { Ok(Json::Number(number)) } else { Err(JwtFault::Malformed) }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JwtFault> {
        self.rest = self.rest.strip_prefix(word.as_bytes()).ok_or(JwtFault::Malformed)?;
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Passes over ASCII characters.
    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.skip(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn to_serde(value: &Json<'_>) -> serde_json::Value {
        match value {
            Json::Null => serde_json::Value::Null,
            Json::Bool => true.into(),
            Json::Whole(number) => (*number).into(),
            Json::Number(number) => (*number).into(),
            Json::Text(text) => text.as_ref().into(),
            Json::Array(entries) => entries.iter().map(to_serde).collect(),
            Json::Object(members) => {
                members.0.iter().map(|member| (member.name.to_string(), to_serde(&member.value))).collect()
            }
        }
    }

    /// Agrees with serde_json about any text near JSON, apart from what is stricter by design.
    fn check(text: &str) -> Result<(), TestCaseError> {
        let ours = Json::object(text.as_bytes());
        let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(
                to_serde(&Json::Object(ours)).to_string().replace("false", "true").replace(".0", ""),
                serde_json::Value::Object(theirs).to_string().replace("false", "true").replace(".0", "")
            ),
            (Ok(_), Err(_)) => prop_assert!(false, "taken: {text}"),
            (Err(JwtFault::Malformed), Ok(_)) => prop_assert!(text.len() > MAX_DIGITS, "refused: {text}"),
            _ => {}
        }
        Ok(())
    }

    #[test]
    fn a_name_is_found_by_all_of_its_letters() {
        let long = |length: usize, start: &str| format!("{start}{}", "\0".repeat(length - start.len()));
        let mut names: Vec<String> =
            ["", "e", "ex", "exp", "expi", "expires", "expires_", "expires_a", "expires_b", "\0", "\0\0"]
                .map(Into::into)
                .to_vec();
        // Lengths and letters that would pack into the same number, were the length cut off.
        names.extend([255, 256, 257, 259, 512].map(|length| long(length, "\0\0\0\u{3}exp")));
        names.extend([254, 255, 256].map(|length| long(length, "expires")));
        for (at, name) in names.iter().enumerate() {
            let rest = names.iter().enumerate().filter(|(other, _)| *other != at);
            let others: Vec<String> =
                rest.map(|(_, name)| format!("{}:1", serde_json::to_string(name).unwrap())).collect();
            let text = format!("{{{}}}", others.join(","));
            assert!(member(&Json::object(text.as_bytes()).unwrap(), name).is_none(), "{name:?}");
            let text = format!("{{{},{}:2}}", others.join(","), serde_json::to_string(name).unwrap());
            let members = Json::object(text.as_bytes()).unwrap();
            assert!(member(&members, name) == Some(&Json::Whole(2)), "{name:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn agrees_with_serde_json(text in r#"\{ ?"(a|\\u00e9|b\\n|\\ud83d\\ude00|\\ude00|é)" ?: ?(-?[0-9]{1,3}(\.[0-9]{0,2})?([eE][+-]?[0-9]{0,2})?|true|nul|null|"\\?["x/]"?|\[(1,?){0,3}\]|\{("c":\[\])?\}) ?(,"a":1)?\}? ?"#) {
            check(&text)?;
        }

        #[test]
        fn any_text_is_safe(text in r#"[\{\}\[\]",:\\u0-9dDeE+.a-c -]{0,24}"#) {
            check(&text)?;
            check(&format!("{{\"k\":{text}}}"))?;
        }
    }
}
