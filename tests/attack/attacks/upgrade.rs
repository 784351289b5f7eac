//! Requests that are no proper upgrade (RFC 6455 section 4.2.1, RFC 9112).

use std::time::Duration;

use super::Attack;
use crate::lab::Probe;
use crate::outcome::{Outcome, Tried};
use crate::peer::Peer;
use crate::request::{Answer, Request};

macro_rules! changes {
    ($($name:literal, $expect:literal, $about:literal, $change:expr;)+) => {
        &[$(Attack { name: $name, expect: $expect, about: $about, run: |p| changed(p, $change) }),+]
    };
}

macro_rules! raw {
    ($($name:literal, $expect:literal, $about:literal, $change:expr;)+) => {
        &[$(Attack { name: $name, expect: $expect, about: $about, run: |p| rewritten(p, $change) }),+]
    };
}

const KEY: &str = "Sec-WebSocket-Key";
const VERSION: &str = "Sec-WebSocket-Version";

/// Changes to one part of the request.
pub(super) const ATTACKS: &[Attack] = changes! {
    "upgrade.post", "405|400", "POST instead of GET", |r| r.method = "POST";
    "upgrade.head", "405|400", "HEAD instead of GET", |r| r.method = "HEAD";
    "upgrade.connect", "405|400", "CONNECT instead of GET", |r| r.method = "CONNECT";
    "upgrade.lower-case-method", "405|400", "methods are case-sensitive", |r| r.method = "get";
    "upgrade.http-1.0", "400|426|505", "HTTP/1.0 has no upgrades", |r| r.version = "HTTP/1.0";
    "upgrade.http-2.0", "400|426|505", "HTTP/2.0 in a text head", |r| r.version = "HTTP/2.0";
    "upgrade.version-8", "426|400", "the draft that looks at another Origin header", |r| r.set(VERSION, "8");
    "upgrade.version-12", "426|400", "a version that never was", |r| r.set(VERSION, "12");
    "upgrade.version-missing", "426|400", "no version", |r| r.remove(VERSION);
    "upgrade.version-twice", "400|426", "two versions", |r| r.add(VERSION, "13");
    "upgrade.version-list", "400|426", "a list of versions", |r| r.set(VERSION, "13, 8");
    "upgrade.version-padded", "400|426", "013", |r| r.set(VERSION, "013");
    "upgrade.key-missing", "400", "no key", |r| r.remove(KEY);
    "upgrade.key-empty", "400", "an empty key", |r| r.set(KEY, "");
    "upgrade.key-short", "400", "a key of 15 bytes", |r| r.set(KEY, "MTIzNDU2Nzg5MDEyMzQ1");
    "upgrade.key-long", "400", "a key of 17 bytes", |r| r.set(KEY, "MTIzNDU2Nzg5MDEyMzQ1Njc=");
    "upgrade.key-no-base64", "400", "a key that is no base64", |r| r.set(KEY, "!!!!!!!!!!!!!!!!!!!!!!==");
    "upgrade.key-trailing-bits", "400", "a key with bits behind its end", |r| r.set(KEY, "dGhlIHNhbXBsZSBub25jZR==");
    "upgrade.key-twice", "400", "two keys", |r| r.add(KEY, "MTIzNDU2Nzg5MDEyMzQ1Ng==");
    "upgrade.no-upgrade", "400|426", "no Upgrade field", |r| r.remove("Upgrade");
    "upgrade.other-upgrade", "400|426", "Upgrade: h2c", |r| r.set("Upgrade", "h2c");
    "upgrade.upgrade-in-a-word", "400|426", "Upgrade: notwebsocket", |r| r.set("Upgrade", "notwebsocket");
    "upgrade.no-connection", "400|426", "no Connection field", |r| r.remove("Connection");
    "upgrade.connection-keep-alive", "400|426", "Connection without the token", |r| r.set("Connection", "keep-alive");
    "upgrade.host-missing", "400|421", "no Host", |r| r.remove("Host");
    "upgrade.host-twice", "400|421", "two Hosts", |r| r.add("Host", "evil.example");
    "upgrade.host-bad", "400|421", "a Host with a path", |r| r.set("Host", "localhost/evil");
    "upgrade.content-length", "400", "a request body", |r| {
        r.add("Content-Length", "5");
        r.tail = b"hello".to_vec();
    };
    "upgrade.content-length-twice", "400", "two lengths", |r| {
        r.add("Content-Length", "0");
        r.add("Content-Length", "5");
        r.tail = b"hello".to_vec();
    };
    "upgrade.transfer-encoding", "400", "a chunked body", |r| {
        r.add("Transfer-Encoding", "chunked");
        r.tail = b"0\r\n\r\n".to_vec();
    };
    "upgrade.long-target", "414|431|400|cut", "a target of 64 KiB", |r| r.target = format!("/{}", "a".repeat(64 << 10));
    "upgrade.bad-target", "400", "a target with a space", |r| r.target = "/a b".into();
    "upgrade.target-no-path", "400|404", "a target that is no path", |r| r.target = "chat".into();
    "upgrade.huge-header", "431|400|cut", "a field of 64 KiB", |r| r.add("X-Huge", "a".repeat(64 << 10));
    "upgrade.many-headers", "431|400|cut", "10,000 fields", |r| (0..10_000).for_each(|_| r.add("X", "y"));
    "upgrade.many-headers-first", "431|400|cut", "500 short fields before the ones that count (CVE-2024-37890)", |r| {
        let good = r.clone();
        *r = Request::new(&good.target, "localhost");
        for name in ["Host", "Upgrade", "Connection", KEY, VERSION] {
            r.remove(name);
        }
        (0..500).for_each(|_| r.add("x", "y"));
        for name in ["Host", "Upgrade", "Connection", KEY, VERSION, "Origin", "Authorization"] {
            if let Some(value) = good.value(name) {
                r.add(name, value);
            }
        }
    };
    "upgrade.nul-in-value", "400", "a NUL in a field", |r| r.add("X-Nul", b"a\0b");
    "upgrade.control-in-value", "400", "a control character in a field", |r| r.add("X-Bell", b"a\x07b");
    "upgrade.bare-cr-in-value", "400", "a CR in a field", |r| r.add("X-Cr", b"a\rX-Smuggled: b");
    "upgrade.space-before-colon", "400", "a space between name and colon", |r| r.add("X-Space ", "b");
    "upgrade.name-with-space", "400", "a space in a name", |r| r.add("X Space", "b");
    "upgrade.empty-name", "400", "a field without a name", |r| r.add("", "b");
    "upgrade.other-host", "421|400|403", "a Host this server does not answer for", |r| r.set("Host", "evil.example");
};

/// Changes to the bytes of the request.
pub(super) const BYTES: &[Attack] = raw! {
    "upgrade.bare-lf", "400|408|cut", "LF instead of CRLF everywhere", |head| head.replace("\r\n", "\n");
    "upgrade.one-bare-lf", "400", "LF instead of CRLF behind one field", |head| head.replacen("websocket\r\n", "websocket\n", 1);
    "upgrade.obs-fold", "400", "a folded field", |head| head.replacen("\r\n\r\n", "\r\nX-Fold: a\r\n b\r\n\r\n", 1);
    "upgrade.fold-first", "400", "a folded first field", |head| head.replacen("\r\n", "\r\n X: y\r\n", 1);
    "upgrade.no-colon", "400", "a line without a colon", |head| head.replacen("\r\n\r\n", "\r\nnonsense\r\n\r\n", 1);
    "upgrade.http-0.9", "400|505|408|cut", "a request line without a version", |head| {
        head.replacen(" HTTP/1.1", "", 1)
    };
    "upgrade.two-spaces", "400", "two spaces in the request line", |head| head.replacen(' ', "  ", 1);
    "upgrade.h2-preface", "400|405|426|505|cut", "the preface of HTTP/2", |_| "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into();
    "upgrade.nonsense", "400|408|cut", "bytes that are no HTTP", |_| "\u{1}\u{2}\u{3}\u{4}\r\n\r\n".into();
    "upgrade.bytes-behind", "close 1002|400|cut", "a second request behind the head is no message", |head| {
        format!("{head}GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n")
    };
};

/// The ones that look further than the answer.
pub(super) const BEYOND: &[Attack] = &[
    Attack {
        name: "upgrade.pipelined",
        expect: "400|401|403|426",
        about: "a good request behind a refused one is not answered (smuggling)",
        run: pipelined,
    },
    Attack {
        name: "upgrade.deflate",
        expect: "held",
        about: "an offer of permessage-deflate is not taken up",
        run: |p| {
            let mut request = p.good();
            request.add("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits");
            match p.enter(&request)? {
                crate::lab::Entry::Open(peer) => Ok(accepted_extensions(&peer)),
                crate::lab::Entry::Refused(outcome) => Ok(Outcome::Broken(format!("a good request is {outcome}"))),
            }
        },
    },
];

fn changed(p: &Probe<'_>, change: fn(&mut Request)) -> Tried {
    let mut request = p.good();
    change(&mut request);
    if !p.target().hosts_checked && request.value("Host") == Some(b"evil.example") {
        return Ok(Outcome::Skipped("the target keeps no list of hosts".into()));
    }
    Ok(p.attempt(&request)?)
}

fn rewritten(p: &Probe<'_>, change: fn(&str) -> String) -> Tried {
    let head = String::from_utf8_lossy(&p.good().bytes()).into_owned();
    let mut wire = p.lab.endpoint.connect(p.source)?;
    wire.send(change(&head).as_bytes())?;
    let answer = Answer::read(&mut wire, p.head_deadline())?;
    if let Some(refusal) = answer.refusal() {
        return Ok(refusal);
    }
    let mut peer = Peer::new(wire, answer.head, answer.rest);
    let end = peer.end(std::time::Instant::now() + Duration::from_millis(800))?;
    Ok(end.unwrap_or_else(|| Outcome::In("101 Switching Protocols".into())))
}

fn pipelined(p: &Probe<'_>) -> Tried {
    let mut request = p.good();
    request.set(VERSION, "8");
    request.tail = p.good().bytes();
    let mut wire = p.lab.endpoint.connect(p.source)?;
    wire.send(&request.bytes())?;
    let mut answer = Answer::read(&mut wire, p.head_deadline())?;
    let Some(refusal) = answer.refusal() else { return Ok(Outcome::In("version 8 is let in".into())) };
    let deadline = std::time::Instant::now() + Duration::from_secs(2);
    let mut buffer = [0; 4096];
    loop {
        match wire.receive(&mut buffer, deadline)? {
            Some(0) => break,
            Some(count) => answer.rest.extend_from_slice(&buffer[..count]),
            None => return Ok(Outcome::In("the connection outlives its refusal".into())),
        }
    }
    if answer.rest.windows(5).any(|bytes| bytes == b"HTTP/") {
        return Ok(Outcome::In("the request behind the refused one is answered".into()));
    }
    Ok(refusal)
}

fn accepted_extensions(peer: &Peer) -> Outcome {
    let taken = peer.head.lines().any(|line| line.to_ascii_lowercase().starts_with("sec-websocket-extensions"));
    if taken { Outcome::In("an extension is taken up".into()) } else { Outcome::Held("declined".into()) }
}
