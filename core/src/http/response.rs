//! The answers to an upgrade request, as data and as bytes.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::reason::Reason;

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    fields: Fields,
    body: Box<[u8]>,
}

/// The header fields.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fields {
    /// Those of an answer that opens a connection. Every session keeps its answer, so this one is
    /// kept small: what is the same in all of them is not stored.
    Opening { accept: Option<Box<str>>, subprotocol: Option<Box<str>> },
    /// Those of any other.
    List(Vec<(&'static str, FieldValue)>),
}

impl Response {
    /// The answer that opens the connection (RFC 6455 section 4.2.2). It accepts no extension.
    ///
    /// # Errors
    /// [`Reason::Internal`] when an argument could not stand in a header: that is a mistake of the
    /// caller, never the peer's.
    pub fn switching_protocols(accept: &str, subprotocol: Option<&str>) -> Result<Self, Reason> {
        Self::opening(101, Some(accept), subprotocol)
    }

    /// The answer that opens a stream of HTTP/2 (RFC 8441 section 5).
    ///
    /// # Errors
    /// [`Reason::Internal`] when the subprotocol could not stand in a header.
    pub fn connected(subprotocol: Option<&str>) -> Result<Self, Reason> {
        Self::opening(200, None, subprotocol)
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The header fields, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> + '_ {
        let (accept, subprotocol, list) = match &self.fields {
            Fields::Opening { accept, subprotocol } => (accept.as_deref(), subprotocol.as_deref(), &[][..]),
            Fields::List(list) => (None, None, &list[..]),
        };
        let switch = accept
            .map(|accept| [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", accept)]);
        let chosen = subprotocol.map(|subprotocol| ("sec-websocket-protocol", subprotocol));
        let list = list.iter().map(|(name, value)| (*name, &*value.0));
        switch.into_iter().flatten().chain(chosen).chain(list)
    }

    /// The value of one header field, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(have, _)| *have == name).map(|(_, value)| value)
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The whole answer as HTTP/1.1 writes it: status line, fields, one blank line, body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, phrase(self.status));
        for (name, value) in self.headers() {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    fn empty(status: u16) -> Self {
        Self { status, fields: Fields::List(Vec::with_capacity(8)), body: Box::default() }
    }

    fn opening(status: u16, accept: Option<&str>, subprotocol: Option<&str>) -> Result<Self, Reason> {
        let value = |text: &str| FieldValue::new(text.to_owned()).map(|value| value.0.into());
        let (accept, subprotocol) = (accept.map(value).transpose()?, subprotocol.map(value).transpose()?);
        Ok(Self { status, fields: Fields::Opening { accept, subprotocol }, body: Box::default() })
    }

    fn push(&mut self, name: &'static str, value: FieldValue) {
        if let Fields::List(list) = &mut self.fields {
            list.push((name, value));
        }
    }
}

/// A field value that cannot split an answer in two: no CR, LF, NUL or other control character can
/// be in it (CVE-2020-7695, CVE-2018-1000164).
#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldValue(Cow<'static, str>);

impl FieldValue {
    fn new(text: String) -> Result<Self, Reason> {
        let fits = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if fits { Ok(Self(Cow::Owned(text))) } else { Err(Reason::Internal) }
    }

    /// A value that stands in the source.
    const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    fn number(number: u64) -> Self {
        Self(Cow::Owned(number.to_string()))
    }
}

/// Why an upgrade request was refused. It knows its HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    retry_after: Option<Duration>,
    detail: Option<&'static str>,
}

impl Refusal {
    /// A refusal for `reason`.
    pub fn new(reason: Reason) -> Self {
        Self { reason, retry_after: None, detail: None }
    }

    /// A refusal for `reason`, after `wait` of which the same request may succeed.
    pub fn after(reason: Reason, wait: Duration) -> Self {
        Self { reason, retry_after: Some(wait), detail: None }
    }

    /// The same refusal, with what the audit is told besides.
    pub(crate) fn because(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// What was wrong with the credential, for the audit: the peer is not told, as it would help
    /// whoever guesses.
    pub fn detail(&self) -> Option<&'static str> {
        self.detail
    }

    /// The reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// How long to wait before the same request may succeed, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The answer: a problem document (RFC 9457) that holds nothing of the request, and the end of
    /// the connection. A proxy that took another answer for a 101 would let the peer tunnel on.
    pub fn response(&self) -> Response {
        let status = self.reason.http_status();
        let wait = self.retry_after.map(whole_seconds);
        let mut response = Response::empty(status);
        response.push("connection", FieldValue::fixed("close"));
        response.push("cache-control", FieldValue::fixed("no-store"));
        match self.reason {
            Reason::MethodNotAllowed => response.push("allow", FieldValue::fixed("GET")),
            Reason::WrongVersion => {
                // RFC 6455 section 4.4; RFC 9110 section 15.5.22 wants the protocol named.
                response.push("sec-websocket-version", FieldValue::fixed("13"));
                response.push("upgrade", FieldValue::fixed("websocket"));
            }
            _ => {}
        }
        if status == 401 {
            // RFC 6750 section 3.1: no error code for a request without a credential.
            let asked = matches!(self.reason, Reason::CredentialMissing | Reason::AuthenticationRequired);
            let challenge = if asked { "Bearer" } else { "Bearer error=\"invalid_token\"" };
            response.push("www-authenticate", FieldValue::fixed(challenge));
        }
        if let Some(seconds) = wait {
            response.push("retry-after", FieldValue::number(seconds));
        }
        let problem = Problem {
            kind: "about:blank",
            title: self.reason.sentence(),
            status,
            code: self.reason.name(),
            retry_after: wait,
        };
        response.body = serde_json::to_vec(&problem).unwrap_or_default().into();
        response.push("content-type", FieldValue::fixed("application/problem+json"));
        response.push("content-length", FieldValue::number(u64::try_from(response.body.len()).unwrap_or_default()));
        response
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.sentence())
    }
}

impl std::error::Error for Refusal {}

/// A problem document (RFC 9457 section 3).
#[derive(Serialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// A wait in whole seconds, never too short.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}

/// The reason phrase of a status that the table of reasons knows.
const fn phrase(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}
