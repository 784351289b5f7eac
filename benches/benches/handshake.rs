//! A handshake whole: the request screened, its token judged, the session opened and dropped; and what refusing costs.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use jsonwebtoken::{EncodingKey, encode};
use wswarden_benches::measure::row;
use wswarden_benches::memory::{Counting, asked, live};
use wswarden_core::http::{Header, HttpVersion, Request};
use wswarden_core::{Admission, Guard, Now, Policy, Session, Timestamp, UnixTime};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SECRET: &str = "a key for the benches, of 32 bytes or more";
/// Quotas that are charged and never refuse; the last line says for how many tokens there is room in the cache.
const POLICY: &str = r#"
origin.allow = ["https://app.example.com"]
[credential]
sources = [{ kind = "jwt", in = "header", name = "authorization" }, { kind = "jwt", in = "cookie", name = "session" }]
[credential.jwt]
keys = [{ alg = "HS256", secret = "a key for the benches, of 32 bytes or more" }]
issuer = ["https://id.example.com"]
audience = ["chat"]
[rate]
address = { handshakes = { limit = 1000000, per = "1s" }, failures = { limit = 1000000, per = "1s" } }
ban = "off"
[cap]
total = 200000
per_user = 100000
per_address = 100000
unauthenticated_per_address = 100000
cached_tokens = TOKENS
"#;

fn guard(tokens: u32) -> Guard {
    let policy = Policy::from_toml(&POLICY.replace("TOKENS", &tokens.to_string())).expect("a policy");
    Guard::new(policy, wswarden_core::Host::SOCKET, &[], [7; 32]).expect("a guard")
}

fn token(number: u32) -> String {
    let claims = serde_json::json!({
        "sub": format!("user-{number}"), "iss": "https://id.example.com", "aud": "chat", "exp": 4_000_000_000_u64
    });
    encode(&jsonwebtoken::Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("a token")
}

/// A clock on which a handshake comes each 10 us.
struct Clock(Now);

impl Clock {
    fn new() -> Self {
        Self(Now { mono: Timestamp::from_secs(1000), unix: UnixTime::from_secs(1_800_000_000) })
    }

    fn later(&mut self) -> Now {
        self.0.mono = self.0.mono.after(Duration::from_micros(10));
        self.0
    }
}

/// What a browser sends, with its credential in one header.
fn handshake(guard: &Guard, origin: &str, credential: (&'static str, &str), now: Now) -> Option<Session> {
    let header = |name, value| Header { name, value };
    let headers = [
        header("host", b"chat.example.com".as_slice()),
        header("user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
        header("accept", b"*/*"),
        header("accept-language", b"en-GB,en;q=0.5"),
        header("accept-encoding", b"gzip, deflate, br, zstd"),
        header("sec-websocket-version", b"13"),
        header("origin", origin.as_bytes()),
        header("sec-websocket-extensions", b"permessage-deflate"),
        header("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        header("connection", b"keep-alive, Upgrade"),
        header("pragma", b"no-cache"),
        header("cache-control", b"no-cache"),
        header("upgrade", b"websocket"),
        header(credential.0, credential.1.as_bytes()),
    ];
    let peer = std::net::IpAddr::from([192, 0, 2, 1]);
    let (target, version) = ("/chat?room=1", HttpVersion::Http11);
    let request = Request { method: "GET", target, version, headers: &headers, peer: peer.into(), tls: true };
    match guard.screen(black_box(&request), now).ok()?.admit(now).ok()? {
        Admission::Open(session) => Some(session),
        Admission::Wait(_) => None,
    }
}

fn handshakes(c: &mut Criterion) {
    const GOOD: &str = "https://app.example.com";
    let mut group = c.benchmark_group("handshake");
    let tokens: Vec<String> = (0..64).map(token).collect();
    let cookies: Vec<String> = tokens.iter().map(|token| format!("theme=dark; session={token}; lang=en")).collect();
    let bearers: Vec<String> = tokens.iter().map(|token| format!("Bearer {token}")).collect();
    let wrong: Vec<String> = tokens.iter().map(|token| format!("session={}AAAA", &token[..token.len() - 4])).collect();
    let cases = [
        ("a new JWT in the Authorization header", 1, GOOD, "authorization", &bearers[..], true),
        ("a new JWT in a cookie", 1, GOOD, "cookie", &cookies[..], true),
        ("a known JWT in a cookie", 1000, GOOD, "cookie", &cookies[..], true),
        ("refused: a foreign origin", 1000, "https://evil.example.org", "cookie", &cookies[..], false),
        ("refused: a wrong signature", 1000, GOOD, "cookie", &wrong[..], false),
        ("refused: no credential", 1000, GOOD, "dnt", &cookies[..1], false),
    ];
    for (name, room, origin, header, credentials, good) in cases {
        let (guard, mut clock, mut turn) = (guard(room), Clock::new(), 0);
        let mut once = || {
            turn = (turn + 1) % credentials.len();
            handshake(&guard, origin, (header, &credentials[turn]), clock.later())
        };
        assert_eq!(once().is_some(), good, "{name}");
        group.bench_function(name, |b| b.iter(&mut once));
    }
    group.finish();
    memory(&cookies);
}

/// What a session takes that is open and idle, all that is kept for it counted, and how often memory is asked for.
fn memory(cookies: &[String]) {
    const MANY: usize = 2000;
    let (guard, mut clock) = (guard(100_000), Clock::new());
    let mut open = |turn: usize| {
        handshake(&guard, "https://app.example.com", ("cookie", &cookies[turn % cookies.len()]), clock.later())
    };
    // The tables are there before.
    let first: Vec<_> = (0..cookies.len()).map(&mut open).collect();
    let mut sessions = Vec::with_capacity(MANY);
    let before = (live(), asked());
    sessions.extend((0..MANY).map(&mut open));
    let per = |count: usize| count as f64 / MANY as f64;
    let (held, asked) = (live() - before.0, asked() - before.1);
    assert!(sessions.iter().chain(&first).all(Option::is_some));
    let sizes = MANY * size_of::<Option<Session>>();
    row("handshake", "memory", "wswarden, an open session", &mut [per(held + sizes)], "bytes");
    row("handshake", "memory", "wswarden, allocations a handshake", &mut [per(asked)], "times");
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
    targets = handshakes
}
criterion_main!(benches);
