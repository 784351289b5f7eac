//! `receive` from end to end: closed, epoch, size, kind, five buckets (connection, bytes, user,
//! address and, over IPv6, the /48), UTF-8, JSON and schema, cost and scopes.
//!
//! The guide's messages: S is its ping of 15 bytes, M a chat message of 143.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wswarden_core::http::{Header, HttpVersion, Request};
use wswarden_core::message::Scratch;
use wswarden_core::{
    Admission, Answer, Guard, Handle, Identity, Message, Now, Policy, Registry, Session, Timestamp, UnixTime, Verdict,
};

const S: &[u8] = br#"{"type":"ping"}"#;
const M: &[u8] = br#"{"type":"chat","content":"Hey team, the deploy went fine, can somebody look at dashboards?","channelId":"3f2504e0-4f89-41d3-9a0c-0305e82c3301"}"#;

/// Quotas that are charged and never refuse: what is timed is the charge.
const POLICY: &str = r#"
[origin]
allow = ["https://app.example.com"]
[credential]
sources = [{ kind = "session", in = "cookie", name = "sid" }]
[cap]
total = 2000000
tracked_addresses = 2000000
tracked_users = 2000000
[rate]
connection = { messages = { limit = 1000000, per = "1s" }, bytes = "900MB/s" }
user = { messages = { limit = 1000000, per = "1s" } }
address = { messages = { limit = 1000000, per = "1s" } }
[message.types.ping]
scopes = []
schema = { type = "object", properties = { type = { const = "ping" } }, additionalProperties = false }
[message.types.typing]
scopes = []
schema = { type = "object" }
[message.types.chat]
scopes = ["chat:write"]
[message.types.chat.schema]
type = "object"
required = ["type"]
additionalProperties = false
[message.types.chat.schema.properties]
type = { const = "chat" }
content = { type = "string", maxLength = 5000 }
channelId = { type = "string", format = "uuid" }
"#;

/// Virtual time between two messages: slow enough that one session stays within its quota.
const PACE: u64 = 2_000;

fn now() -> Now {
    Now { mono: Timestamp::from_secs(1000), unix: UnixTime::from_secs(1_800_000_000) }
}

fn guard() -> Guard {
    Guard::new(Policy::from_toml(POLICY).expect("a policy"), wswarden_core::Host::SOCKET, &[], [7; 32])
        .expect("a guard")
}

fn open(guard: &Guard, number: u32, peer: IpAddr) -> Session {
    let header = |name, value: &'static str| Header { name, value: value.as_bytes() };
    let headers = [
        header("host", "chat.example.com"),
        header("upgrade", "websocket"),
        header("connection", "Upgrade"),
        header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        header("sec-websocket-version", "13"),
        header("origin", "https://app.example.com"),
        header("cookie", "sid=31d4d96e407aad42"),
    ];
    let (target, version) = ("/chat", HttpVersion::Http11);
    let request = Request { method: "GET", target, version, headers: &headers, peer: peer.into(), tls: true };
    let Ok(Admission::Wait(waiting)) = guard.screen(&request, now()).expect("screened").admit(now()) else {
        panic!("nobody was asked")
    };
    let identity = Identity::assertion(format!("user-{number}")).with_scopes(["chat:write"]);
    match waiting.provide(Answer::Identity(identity), now()) {
        Ok(Admission::Open(session)) => session,
        other => panic!("{other:?}"),
    }
}

fn one_session(c: &mut Criterion) {
    let mut group = c.benchmark_group("session/receive");
    let addresses = [("IPv4", IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))), ("IPv6", IpAddr::V6(Ipv6Addr::LOCALHOST))];
    for (family, peer) in addresses {
        for (name, message) in [("S", S), ("M", M)] {
            let guard = guard();
            let mut session = open(&guard, 0, peer);
            let mut scratch = Scratch::new();
            let mut at = now().mono.as_nanos();
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(name, family), |b| {
                b.iter(|| {
                    at += PACE;
                    let outcome =
                        session.receive(Message::Text(black_box(message)), &mut scratch, Timestamp::from_nanos(at));
                    assert!(matches!(outcome.verdict, Verdict::Deliver(_)));
                    outcome.number()
                });
            });
        }
    }
    group.finish();
}

/// Sessions in a registry, their handles in random order, and the place in them.
struct Crowd {
    registry: Registry,
    order: Vec<Handle>,
    next: usize,
    at: u64,
}

impl Crowd {
    fn new(count: u32) -> Self {
        let guard = guard();
        let mut registry = Registry::new(guard.clone(), now().mono);
        let address = |number| IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number));
        let handles: Vec<_> =
            (0..count).map(|number| registry.insert(open(&guard, number, address(number))).expect("room")).collect();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as usize
        };
        let order = (0..1 << 20).map(|_| handles[random() % handles.len()]).collect();
        Self { registry, order, next: 0, at: now().mono.as_nanos() }
    }

    #[inline(always)]
    fn draw(&mut self) -> (Handle, Timestamp) {
        self.next = (self.next + 1) & ((1 << 20) - 1);
        self.at += PACE;
        (self.order[self.next], Timestamp::from_nanos(self.at))
    }
}

fn by_handle(c: &mut Criterion) {
    let mut group = c.benchmark_group("registry/receive");
    group.measurement_time(Duration::from_secs(2)).sample_size(20);
    for count in [1, 10_000, 1_000_000] {
        let mut crowd = Crowd::new(count);
        let mut scratch = Scratch::new();
        for (name, message) in [("S", S), ("M", M)] {
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter(|| {
                    let (handle, at) = crowd.draw();
                    let outcome = crowd.registry.receive(handle, Message::Text(black_box(message)), &mut scratch, at);
                    let outcome = outcome.expect("it is there");
                    assert!(matches!(outcome.verdict, Verdict::Deliver(_)), "{outcome:?}");
                    outcome.number()
                });
            });
        }
        group.bench_function(BenchmarkId::new("pong", count), |b| {
            b.iter(|| {
                // Slowly: control frames have a quota of their own.
                crowd.at += 200_000_000;
                let (handle, at) = crowd.draw();
                crowd.registry.receive(handle, Message::Pong(black_box(b"12345678")), &mut scratch, at)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_secs(1));
    targets = one_session, by_handle
}
criterion_main!(benches);
