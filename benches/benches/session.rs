//! `receive` from end to end: closed, epoch, size, kind, five buckets (connection, bytes, user,
//! address and, over IPv6, the /48), UTF-8, JSON and schema, cost and scopes.
//!
//! `cargo bench --bench session -- --count M@number 1000` receives M so often, for callgrind; see [`count`].

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use wswarden_benches::{M, S, TYPES, guard, open_guest, open_user, start};
use wswarden_core::message::Scratch;
use wswarden_core::{Handle, Message, Registry, Timestamp, Verdict};

const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Quotas that are charged and never refuse: what is timed is the charge.
const QUOTAS: &str = r#"
[rate]
connection = { messages = { limit = 1000000, per = "1s" }, bytes = "900MB/s" }
user = { messages = { limit = 1000000, per = "1s" } }
address = { messages = { limit = 1000000, per = "1s" } }
"#;

/// Virtual time between two messages: slow enough that one session stays within its quota.
const PACE: u64 = 2_000;

fn policy() -> String {
    format!("{QUOTAS}{TYPES}")
}

fn one_session(c: &mut Criterion) {
    let mut group = c.benchmark_group("session/receive");
    let addresses = [("IPv4", IPV4), ("IPv6", IpAddr::V6(Ipv6Addr::LOCALHOST))];
    for (family, peer) in addresses {
        for (name, message) in [("S", S), ("M", M)] {
            let guard = guard(&policy());
            let mut session = open_user(&guard, 0, peer, start());
            let mut scratch = Scratch::new();
            let mut at = start().mono.as_nanos();
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
        let guard = guard(&policy());
        let mut registry = Registry::new(guard.clone(), start().mono);
        let address = |number| IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number));
        let handles: Vec<_> = (0..count)
            .map(|number| registry.insert(open_user(&guard, number, address(number), start())).expect("room"))
            .collect();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as usize
        };
        let order = (0..1 << 20).map(|_| handles[random() % handles.len()]).collect();
        Self { registry, order, next: 0, at: start().mono.as_nanos() }
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

/// One message, so many times: for `valgrind --tool=callgrind`. The message is `S` or `M`; after `@` stands how it is
/// received: by `session` or, as bindings do, by `number`; with `default` the policy's quotas are the default ones, and
/// with `guest` the sender is nobody's user, too.
fn count(what: &str, turns: u64) {
    let (message, how) = what.split_once('@').expect("message@way");
    let message = if message == "S" { S } else { M };
    let guest = how.contains("guest");
    // A guest may not chat; a type that nobody has to have scopes for is what the default policy has, too.
    let types = if guest { TYPES.replace("[\"chat:write\"]", "[]") } else { TYPES.to_owned() };
    let default = guest || how.contains("default");
    let (quotas, pace) = if default { ("", 1_000_000_000) } else { (QUOTAS, PACE) };
    let guard = guard(&format!("{quotas}{types}"));
    let mut session = if guest { open_guest(&guard, IPV4, start()) } else { open_user(&guard, 0, IPV4, start()) };
    let mut scratch = Scratch::new();
    let times = (1..=turns).map(|turn| start().mono.after(Duration::from_nanos(turn * pace)));
    if how.starts_with("session") {
        for at in times {
            assert_eq!(session.receive(Message::Text(black_box(message)), &mut scratch, at).number() & 0xff, 1);
        }
        return;
    }
    let mut registry = Registry::new(guard, start().mono);
    let handle = registry.insert(session).expect("room").number();
    for at in times {
        assert_eq!(registry.receive_number(handle, 1, black_box(message), &mut scratch, at) & 0xff, 1);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_secs(1));
    targets = one_session, by_handle
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--count") {
        Some(at) => count(&arguments[at + 1], arguments[at + 2].parse().expect("turns")),
        None => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
