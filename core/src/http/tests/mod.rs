//! Tests of the upgrade request, each named after the threat it keeps out.

mod address;
mod cookie;
mod forwarded;
mod head;
mod host;
mod list;
mod origin;
mod origin_entry;
mod request;
mod response;
mod target;
mod upgrade;

use std::path::PathBuf;

use super::request::{Header, HttpVersion, Remote, Request};

/// Field lines from pairs of text.
fn headers<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<Header<'a>> {
    pairs.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect()
}

/// A GET by HTTP/1.1 over TLS, from a documentation address.
fn request<'a>(target: &'a str, headers: &'a [Header<'a>]) -> Request<'a> {
    let peer = Remote::Address([192, 0, 2, 1].into());
    Request { method: "GET", target, version: HttpVersion::Http11, headers, peer, tls: true }
}

/// The sample request of RFC 6455 section 1.3.
const SAMPLE: [(&str, &str); 7] = [
    ("Host", "server.example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Origin", "http://example.com"),
    ("Sec-WebSocket-Protocol", "chat, superchat"),
    ("Sec-WebSocket-Version", "13"),
];

/// The sample request with some headers in another form: a new value takes the old one's place,
/// `None` takes the header away, a new name is added.
fn sample<'a>(changes: &[(&'a str, Option<&'a str>)]) -> Vec<Header<'a>> {
    let mut fields = SAMPLE.to_vec();
    for (name, value) in changes {
        fields.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
        fields.extend(value.map(|value| (*name, value)));
    }
    headers(&fields)
}

/// A file of third-party cases; none, and a word on standard error, where there are no suites.
fn suite(path: &str) -> Option<serde_json::Value> {
    let root = std::env::var_os("WSWARDEN_SUITES")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/suites")), PathBuf::from);
    match std::fs::read(root.join(path)) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(_) => {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{path} is not there");
            eprintln!("{path} is not there: its cases were left out");
            None
        }
    }
}
