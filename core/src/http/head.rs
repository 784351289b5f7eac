//! The request head as it comes from a socket (RFC 9112), for hosts that read it themselves.

use std::fmt;

use super::request::{Header, HttpVersion, MAX_TARGET, Remote, Request, check_syntax, is_token_byte};
use crate::policy::Transport;
use crate::reason::Reason;

/// The longest request line: the target, and room for method, version and CR around it.
const MAX_REQUEST_LINE: usize = MAX_TARGET + 32;

/// Finds and parses the head in bytes that arrive bit by bit.
///
/// Each byte is looked at once while the head is looked for, and the head is parsed once, when it
/// is there: feeding it byte by byte costs what feeding it at once does (CVE-2023-43669). Every
/// verdict depends on the bytes alone, never on how they were cut.
#[derive(Clone, Debug)]
pub struct HeadParser {
    max_head: usize,
    max_headers: usize,
    /// Where the search goes on.
    seen: usize,
    /// Where the line that the search is in began.
    line: usize,
    /// How many lines were whole, the request line included.
    lines: usize,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Head<'a> {
    /// The head is not whole yet.
    Incomplete,
    /// The head is whole.
    Complete {
        /// The head, parsed.
        head: RequestHead<'a>,
        /// How many bytes it took; what follows is the peer's first frames.
        consumed: usize,
    },
}

/// A parsed request head, borrowed from the bytes it came in.
#[derive(Clone)]
pub struct RequestHead<'a> {
    method: &'a str,
    target: &'a str,
    version: HttpVersion,
    headers: Vec<Header<'a>>,
}

impl RequestHead<'_> {
    /// The request, with what the socket knows about it.
    pub fn request(&self, peer: Remote, tls: bool) -> Request<'_> {
        Request { method: self.method, target: self.target, version: self.version, headers: &self.headers, peer, tls }
    }
}

/// Shows what [`Request`] shows.
impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request(Remote::Unix, false).fmt(f)
    }
}

impl HeadParser {
    /// A parser for one head, within the limits of `transport`.
    pub fn new(transport: &Transport) -> Self {
        Self {
            max_head: usize::try_from(transport.max_head.bytes()).unwrap_or(usize::MAX),
            max_headers: usize::try_from(transport.max_headers).unwrap_or(usize::MAX),
            seen: 0,
            line: 0,
            lines: 0,
        }
    }

    /// Looks for the head at the start of `bytes`: all that came so far, what was given before
    /// included.
    ///
    /// Refused besides what [`check_syntax`] refuses: too many bytes or fields, a line that does not end in
    /// CR LF, a folded line, NUL and other control characters, white space before a colon, and an
    /// empty line first. One parser's line end is another's data (CVE-2019-16785).
    ///
    /// # Errors
    /// [`Reason::BadRequest`], [`Reason::UriTooLong`], [`Reason::HeadersTooLarge`].
    pub fn parse<'a>(&mut self, bytes: &'a [u8]) -> Result<Head<'a>, Reason> {
        if bytes.first().is_some_and(|byte| !is_token_byte(*byte)) {
            return Err(Reason::BadRequest);
        }
        let within = bytes.get(..self.max_head).unwrap_or(bytes);
        while let Some(length) = within.get(self.seen..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let end = self.seen.saturating_add(length);
            let next = end.saturating_add(1);
            let line = within.get(self.line..end).unwrap_or_default();
            self.check_line(line)?;
            if line == b"\r" {
                return self.complete(within.get(..next).unwrap_or_default());
            }
            self.seen = next;
            self.line = next;
            self.lines = self.lines.saturating_add(1);
        }
        self.seen = within.len();
        if self.lines == 0 && within.len() > MAX_REQUEST_LINE {
            return Err(Reason::UriTooLong);
        }
        if bytes.len() >= self.max_head {
            return Err(Reason::HeadersTooLarge);
        }
        Ok(Head::Incomplete)
    }

    /// How many bytes were searched.
    #[cfg(test)]
    pub(crate) fn seen(&self) -> usize {
        self.seen
    }

    /// Checks a line that has ended, without its LF. What makes it too long comes first: that was
    /// already so when its last byte had not come.
    fn check_line(&self, line: &[u8]) -> Result<(), Reason> {
        if self.lines == 0 && line.len() > MAX_REQUEST_LINE {
            return Err(Reason::UriTooLong);
        }
        if !line.ends_with(b"\r") || (self.lines == 0 && line.len() == 1) {
            return Err(Reason::BadRequest);
        }
        if line.len() > 1 && self.lines > self.max_headers {
            return Err(Reason::HeadersTooLarge);
        }
        Ok(())
    }

    /// Parses the whole head.
    fn complete<'a>(&self, bytes: &'a [u8]) -> Result<Head<'a>, Reason> {
        let mut fields = vec![httparse::EMPTY_HEADER; self.lines];
        let mut parsed = httparse::Request::new(&mut fields);
        let consumed = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(consumed)) if consumed == bytes.len() => consumed,
            _ => return Err(Reason::BadRequest),
        };
        let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(Reason::BadRequest);
        };
        let headers = parsed.headers.iter().map(|field| Header { name: field.name, value: field.value }).collect();
        let version = if minor == 1 { HttpVersion::Http11 } else { HttpVersion::Http10 };
        let head = RequestHead { method, target, version, headers };
        check_syntax(&head.request(Remote::Unix, false))?;
        Ok(Head::Complete { head, consumed })
    }
}
