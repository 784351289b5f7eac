//! Step 3: pages of other origins. Each rule that compares text and not origins falls to one of these.

use super::Attack;
use crate::config::Part;
use crate::lab::Probe;
use crate::outcome::{Outcome, Stop, Tried};
use crate::token::Draft;

macro_rules! origins {
    ($($name:literal, $expect:literal, $about:literal, $origin:expr;)+) => {
        &[$(Attack { name: $name, expect: $expect, about: $about, run: |p| present(p, $origin) }),+]
    };
}

pub(super) const ATTACKS: &[Attack] = origins! {
    "origin.foreign", "403", "another site", |_| "https://evil.example".into();
    "origin.foreign-upper-case", "403", "another site in capitals", |_| "HTTPS://EVIL.EXAMPLE".into();
    "origin.null", "403", "a sandboxed frame or a local file", |_| "null".into();
    "origin.file", "403", "a local file", |_| "file://".into();
    "origin.extension", "403", "a browser extension", |_| "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh".into();
    "origin.empty", "403|400", "an empty Origin is not a missing one", |_| String::new();
    "origin.glued-prefix", "403", "endsWith(\"example.com\")", |o| format!("{}://evil{}", o.scheme, o.base());
    "origin.attackers-suffix", "403", "startsWith(\"https://app.example.com\")", |o| format!("{}.evil.example", o.whole());
    "origin.sub-domain", "403", "a page below the allowed one", |o| format!("{}://x.{}", o.scheme, o.host);
    "origin.sub-sub-domain", "403", "a wildcard that crosses dots", |o| format!("{}://x.y.{}", o.scheme, o.base());
    "origin.parent", "403", "the domain above the allowed one", |o| format!("{}://{}", o.scheme, o.parent());
    "origin.http", "403", "the same host without TLS", |o| format!("http://{}", o.host);
    "origin.wss", "403", "the address of the socket, not of a page", |o| format!("wss://{}", o.host);
    "origin.other-port", "403", "another port of the same host", |o| format!("{}://{}:1", o.scheme, o.host);
    "origin.trailing-dot", "403", "the same name, fully qualified, is another origin", |o| format!("{}://{}.", o.scheme, o.host);
    "origin.user-info", "403|400", "the allowed host as a user name", |o| format!("{}@evil.example", o.whole());
    "origin.path", "403|400", "an Origin has no path", |o| format!("https://evil.example/{}", o.whole());
    "origin.query", "403|400", "an Origin has no query", |o| format!("https://evil.example?{}", o.whole());
    "origin.unescaped-dot", "403", "a regex whose dots match anything", |o| o.whole().replacen('.', "x", 1);
    "origin.back-tick", "403|400", "a host that browsers allow and regexes miss", |o| format!("{}`.evil.example", o.whole());
    "origin.percent-nul", "403|400", "a NUL that ends a C string", |o| format!("{}%00.evil.example", o.whole());
    "origin.space-list", "403|400", "two origins in one field", |o| format!("https://evil.example {}", o.whole());
    "origin.comma-list", "403|400", "two origins in one list", |o| format!("{}, https://evil.example", o.whole());
    "origin.homoglyph", "403|400", "a Cyrillic letter", |o| o.whole().replacen('a', "\u{430}", 1);
    "origin.substring", "403", "includes(\"app.example.com\")", |o| format!("https://evil-{}-evil.example", o.host);
};

/// The ones that need more than another Origin.
pub(super) const BEYOND: &[Attack] = &[
    Attack {
        name: "origin.twice",
        expect: "400",
        about: "two Origin fields, the good one first",
        run: |p| twice(p, true),
    },
    Attack {
        name: "origin.twice-foreign-first",
        expect: "400",
        about: "two Origin fields, the good one last",
        run: |p| twice(p, false),
    },
    Attack {
        name: "origin.old-header",
        expect: "403",
        about: "a good Sec-WebSocket-Origin beside a foreign Origin",
        run: |p| {
            let mut request = p.good();
            request.set("Sec-WebSocket-Origin", Parts::of(p)?.whole());
            request.set("Origin", "https://evil.example");
            Ok(p.attempt(&request)?)
        },
    },
    Attack {
        name: "origin.rebinding",
        expect: "403|421",
        about: "Origin and Host agree, both the attacker's (DNS rebinding)",
        run: |p| {
            Parts::of(p)?;
            let mut request = p.good();
            request.set("Host", format!("evil.example:{}", p.lab.endpoint.port));
            request.set("Origin", format!("https://evil.example:{}", p.lab.endpoint.port));
            Ok(p.attempt(&request)?)
        },
    },
    Attack {
        name: "origin.missing-with-cookie",
        expect: "403",
        about: "no Origin and a cookie: the credential came by itself",
        run: |p| with_cookie(p, None),
    },
    Attack {
        name: "origin.foreign-with-cookie",
        expect: "403",
        about: "cross-site WebSocket hijacking: the user's cookie from the attacker's page",
        run: |p| with_cookie(p, Some("https://evil.example")),
    },
    Attack {
        name: "origin.null-with-cookie",
        expect: "403",
        about: "the same from a sandboxed frame",
        run: |p| with_cookie(p, Some("null")),
    },
    Attack {
        name: "origin.before-credential",
        expect: "403",
        about: "a foreign page with a bad token hears of the Origin, not of the token",
        run: |p| {
            Parts::of(p)?;
            p.token_rules()?;
            let mut request = p.with_token("not.a.token");
            request.set("Origin", "https://evil.example");
            Ok(p.attempt(&request)?)
        },
    },
    Attack { name: "origin.echoed", expect: "403|400", about: "the refusal does not repeat the Origin", run: echoed },
];

/// An allowed origin, taken apart.
struct Parts {
    scheme: String,
    /// Without the port.
    host: String,
    port: Option<String>,
}

impl Parts {
    fn of(p: &Probe<'_>) -> Result<Self, Outcome> {
        let origin =
            p.target().origin.as_deref().ok_or_else(|| Outcome::Skipped("no allowed origin described".into()))?;
        let (scheme, rest) = origin.split_once("://").ok_or_else(|| Outcome::Broken("origin has no ://".into()))?;
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.to_owned())),
            _ => (rest, None),
        };
        Ok(Self { scheme: scheme.into(), host: host.into(), port })
    }

    fn whole(&self) -> String {
        let port = self.port.as_ref().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.scheme, self.host)
    }

    /// The host's last two labels.
    fn base(&self) -> &str {
        let mut dots = self.host.rmatch_indices('.');
        dots.next();
        dots.next().map_or(self.host.as_str(), |(at, _)| &self.host[at + 1..])
    }

    /// The host without its first label.
    fn parent(&self) -> &str {
        self.host.split_once('.').map_or("localhost.localdomain", |(_, parent)| parent)
    }
}

fn present(p: &Probe<'_>, origin: fn(&Parts) -> String) -> Tried {
    let mut request = p.good();
    request.set("Origin", origin(&Parts::of(p)?));
    Ok(p.attempt(&request)?)
}

fn twice(p: &Probe<'_>, good_first: bool) -> Tried {
    let good = Parts::of(p)?.whole();
    let mut request = p.good();
    request.set("Origin", if good_first { good.as_str() } else { "https://evil.example" });
    request.add("Origin", if good_first { "https://evil.example" } else { good.as_str() });
    Ok(p.attempt(&request)?)
}

fn with_cookie(p: &Probe<'_>, origin: Option<&str>) -> Tried {
    let place = p.place_in(Part::Cookie)?;
    let mut request = p.bare();
    match origin {
        Some(origin) => request.set("Origin", origin),
        None => request.remove("Origin"),
    }
    p.put(&mut request, place, &Draft::good(p.token_rules()?, &p.subject).sign());
    Ok(p.attempt(&request)?)
}

fn echoed(p: &Probe<'_>) -> Tried {
    Parts::of(p)?;
    let mut request = p.good();
    request.set("Origin", "https://evil.example<wsw-echo>");
    let mut wire = p.lab.endpoint.connect(p.source)?;
    wire.send(&request.bytes())?;
    let answer = crate::request::Answer::read(&mut wire, p.head_deadline())?;
    let mut body = answer.rest.clone();
    let mut buffer = [0; 4096];
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
    while let Some(count @ 1..) = wire.receive(&mut buffer, deadline)? {
        body.extend_from_slice(&buffer[..count]);
    }
    if answer.head.contains("<wsw-echo>") || String::from_utf8_lossy(&body).contains("<wsw-echo>") {
        return Ok(Outcome::In("the refusal repeats the Origin".into()));
    }
    answer.refusal().ok_or_else(|| Stop::With(Outcome::In("101 Switching Protocols".into())))
}
