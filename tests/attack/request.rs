//! An upgrade request that can be wrong in any way, and the answer to it.

use std::io;
use std::time::Instant;

use crate::outcome::Outcome;
use crate::wire::Wire;

/// No answer's head is longer.
const MAX_ANSWER: usize = 64 << 10;

/// An upgrade request in the making.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) version: &'static str,
    headers: Vec<(String, Vec<u8>)>,
    /// Sent right behind the head.
    pub(crate) tail: Vec<u8>,
    /// Sent as a text message after the 101.
    pub(crate) first_message: Option<String>,
}

impl Request {
    /// The smallest request that RFC 6455 section 4.1 allows.
    pub(crate) fn new(target: &str, authority: &str) -> Self {
        let mut request = Self {
            method: "GET",
            target: target.into(),
            version: "HTTP/1.1",
            headers: Vec::new(),
            tail: Vec::new(),
            first_message: None,
        };
        request.add("Host", authority);
        request.add("Upgrade", "websocket");
        request.add("Connection", "Upgrade");
        request.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        request.add("Sec-WebSocket-Version", "13");
        request
    }

    /// One more header field, whether or not there is one of this name.
    pub(crate) fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.headers.push((name.into(), value.as_ref().to_vec()));
    }

    /// The only header field of this name.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        match self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, known)) => *known = value.as_ref().to_vec(),
            None => self.add(name, value),
        }
    }

    /// No header field of this name.
    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// The value of the first header field of this name.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// A further query parameter.
    pub(crate) fn query(&mut self, name: &str, value: &str) {
        let mark = if self.target.contains('?') { '&' } else { '?' };
        self.target = format!("{}{mark}{name}={value}", self.target);
    }

    /// The head, and what is sent right behind it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} {}\r\n", self.method, self.target, self.version).into_bytes();
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.tail);
        out
    }
}

/// What a server answered to a request.
pub(crate) struct Answer {
    /// `None` when nothing that looks like HTTP came before the end or the deadline.
    pub(crate) status: Option<u16>,
    /// Whether the server has ended the connection.
    pub(crate) ended: bool,
    /// The status line and the header fields.
    pub(crate) head: String,
    /// What came behind the head.
    pub(crate) rest: Vec<u8>,
}

impl Answer {
    /// Reads until the head is whole, the connection ends or the deadline has passed.
    pub(crate) fn read(wire: &mut Wire, deadline: Instant) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        let mut ended = false;
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if bytes.len() > MAX_ANSWER {
                break bytes.len();
            }
            match wire.receive(&mut buffer, deadline)? {
                Some(0) => {
                    ended = true;
                    break bytes.len();
                }
                Some(count) => bytes.extend_from_slice(&buffer[..count]),
                None => break bytes.len(),
            }
        };
        let rest = bytes.split_off(head_end);
        let head = String::from_utf8_lossy(&bytes).into_owned();
        let status = head.strip_prefix("HTTP/1.").and_then(|line| line.get(2..5)).and_then(|code| code.parse().ok());
        Ok(Self { status, ended, head, rest })
    }

    /// The outcome, unless the answer is a 101.
    pub(crate) fn refusal(&self) -> Option<Outcome> {
        match self.status {
            Some(101) => None,
            Some(status) => Some(Outcome::Status(status)),
            None if self.ended => Some(Outcome::Cut),
            None => Some(Outcome::In("no answer, and the connection is held open".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_as_told() {
        let mut request = Request::new("/chat?a=1", "localhost:1");
        request.query("token", "x");
        request.set("ORIGIN", "null");
        request.add("Origin", "https://b");
        request.remove("connection");
        let text = String::from_utf8(request.bytes()).unwrap();
        assert!(text.starts_with("GET /chat?a=1&token=x HTTP/1.1\r\nHost: localhost:1\r\n"), "{text}");
        assert!(text.ends_with("ORIGIN: null\r\nOrigin: https://b\r\n\r\n"), "{text}");
        assert!(!text.contains("Connection:"));
        assert_eq!(request.value("host"), Some(&b"localhost:1"[..]));
    }
}
