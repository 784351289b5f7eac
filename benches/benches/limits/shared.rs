//! What connections share, where it hurts: a flood of spoofed addresses on a bounded ledger, and two threads whose
//! sessions are charged to the same buckets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use governor::RateLimiter;
use rustix::time::{ClockId, clock_gettime};
use wswarden_benches::measure::{is_test, row};
use wswarden_benches::memory::live;
use wswarden_benches::{M, TYPES, guard, open_user, start};
use wswarden_core::limit::{AddressKeys, Key, Lane, Ledger, Meter};
use wswarden_core::message::Scratch;
use wswarden_core::policy::{Quota, Span};
use wswarden_core::{Guard, Handle, Message, Now, Registry, Timestamp, Verdict};

/// 1,000,000 addresses of as many /64s, each of which comes once; 1,000 honest ones that are known.
pub(crate) fn attack() {
    const HONEST: u32 = 1000;
    /// So many attackers come between two samples of the honest.
    const BATCH: u32 = 10_000;
    let attackers: u32 = if is_test() { 20_000 } else { 1_000_000 };
    let case = attackers.to_string();
    let messages = Meter::new(Quota::gcra(1000, Span::from_secs(1), 1000));
    // 30 handshakes a minute: an attacker's record is live for two seconds, and all are live soon.
    let handshakes = Meter::new(Quota::gcra(30, Span::from_secs(60), 30));
    let ledger = Ledger::new(65_536, [7; 16], Duration::from_secs(60));
    let honest: Vec<(Key, Key)> =
        (0..HONEST).map(|key| keys_of(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + key)))).collect();
    // An honest address has a connection: its record is held, and is nobody else's.
    let held: Vec<_> = honest.iter().map(|(fine, overflow)| ledger.enter(*fine, *overflow, Timestamp::ZERO)).collect();
    let governor = RateLimiter::keyed(governor::Quota::per_second(NonZeroU32::new(1000).expect("not zero")));
    let mut now = 0_u64;
    let served = |samples: &mut Vec<f64>, now: u64| {
        let began = Instant::now();
        for (fine, overflow) in &honest {
            let passed = ledger.check(*fine, *overflow, Lane::Messages, &messages, 1, Timestamp::from_nanos(now));
            assert!(passed.is_ok(), "an honest address pays for its own requests alone");
        }
        samples.push(began.elapsed().as_nanos() as f64 / f64::from(HONEST));
    };
    let (mut quiet, mut meanwhile, mut attacked, mut peer) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..attackers / BATCH {
        // 20 ms a round: each honest address asks 50 times a second.
        now += 20_000_000;
        served(&mut quiet, now);
    }
    let (ours_before, mut theirs) = (ledger.memory(), 0);
    for round in 0..attackers / BATCH {
        let batch: Vec<IpAddr> = (0..BATCH).map(|at| spoofed(round * BATCH + at)).collect();
        let began = Instant::now();
        for ip in &batch {
            now += 1000;
            let (fine, overflow) = keys_of(*ip);
            ledger.check(fine, overflow, Lane::Handshakes, &handshakes, 1, Timestamp::from_nanos(now)).ok();
        }
        attacked.push(began.elapsed().as_nanos() as f64 / f64::from(BATCH));
        served(&mut meanwhile, now + 10_000_000);
        now += 10_000_000;
        let before = live();
        let began = Instant::now();
        for ip in &batch {
            governor.check_key(ip).ok();
        }
        peer.push(began.elapsed().as_nanos() as f64 / f64::from(BATCH));
        theirs += live().saturating_sub(before);
    }
    row("attack", &case, "wswarden, an attacker's packet", &mut attacked, "ns");
    row("attack", &case, "governor keyed IpAddr, an attacker's packet", &mut peer, "ns");
    row("attack", &case, "wswarden, an honest address before", &mut quiet, "ns");
    row("attack", &case, "wswarden, an honest address meanwhile", &mut meanwhile, "ns");
    let grown = ledger.memory().saturating_sub(ours_before);
    row("attack", &case, "wswarden, memory at its bound", &mut [ledger.memory() as f64], "bytes");
    row("attack", &case, "wswarden, memory grown", &mut [grown as f64], "bytes");
    row("attack", &case, "governor keyed IpAddr, memory grown", &mut [theirs as f64], "bytes");
    assert!(ledger.memory() <= 65_536 * 96 + (1 << 20), "the ledger keeps its bound");
    held.into_iter().for_each(|place| ledger.leave(place));
}

fn keys_of(ip: IpAddr) -> (Key, Key) {
    let keys = AddressKeys::new(ip, 32, 64);
    (Key::from_net(keys.fine(), 1), Key::from_net(keys.overflow(), 1))
}

fn spoofed(number: u32) -> IpAddr {
    let net = u128::from(number.wrapping_mul(0x9e37_79b1)) << 64;
    IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8_u128 << 96 | net | 1))
}

/// Quotas that are charged and never refuse: what is timed is the charge.
const QUOTAS: &str = r#"
[rate]
connection = { messages = { limit = 100000000, per = "1s" }, bytes = { limit = 1000000000, per = "1s", burst = 1000000000000000 } }
user = { messages = { limit = 100000000, per = "1s" } }
address = { messages = { limit = 100000000, per = "1s" } }
"#;

/// Messages each second of one thread and of two, each with a registry of its own; beside governor, which only limits.
pub(crate) fn contention() {
    let rounds = if is_test() { 1 } else { 15 };
    let guard = guard(&format!("{QUOTAS}{TYPES}"));
    let governor = RateLimiter::keyed(governor::Quota::per_second(NonZeroU32::new(u32::MAX).expect("not zero")));
    for (case, apart) in [("one user, one address", false), ("users and addresses of their own", true)] {
        let ours = |thread: u32| {
            let mut host = Host::new(&guard, if apart { thread } else { 0 });
            move || host.receive()
        };
        let theirs = |thread: u32| {
            let (governor, key) = (&governor, if apart { thread } else { 0 });
            move || assert!(governor.check_key(&key).is_ok())
        };
        let mut samples: [Vec<f64>; 4] = Default::default();
        for _ in 0..rounds {
            for (samples, rate) in samples.iter_mut().zip([
                rate([ours(0)]),
                rate([ours(0), ours(1)]),
                rate([theirs(0)]),
                rate([theirs(0), theirs(1)]),
            ]) {
                samples.push(rate);
            }
        }
        let subjects = [
            "wswarden, 1 thread, M checked",
            "wswarden, 2 threads, M checked",
            "governor keyed u32, 1 thread, limit alone",
            "governor keyed u32, 2 threads, limit alone",
        ];
        for (subject, samples) in subjects.into_iter().zip(&mut samples) {
            row("contention", case, subject, samples, "1/s");
        }
    }
}

/// How often a second all threads together do their work.
fn rate<const THREADS: usize>(works: [impl FnMut() + Send; THREADS]) -> f64 {
    const TURN: u32 = 64;
    let lasts = Duration::from_millis(if is_test() { 5 } else { 60 });
    let (ready, done) = (Barrier::new(THREADS + 1), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let threads = works.map(|mut work| {
            let (ready, done) = (&ready, &done);
            scope.spawn(move || {
                ready.wait();
                let mut turns = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    (0..TURN).for_each(|_| work());
                    turns += u64::from(TURN);
                }
                turns
            })
        });
        ready.wait();
        let began = Instant::now();
        std::thread::sleep(lasts);
        done.store(true, Ordering::Relaxed);
        let turns: u64 = threads.into_iter().map(|thread| thread.join().expect("a thread")).sum();
        turns as f64 / began.elapsed().as_secs_f64()
    })
}

/// An event loop: one registry with one session of a user. It reads the coarse clock for each message, which all
/// threads share.
struct Host {
    registry: Registry,
    handle: Handle,
    scratch: Scratch,
}

impl Host {
    fn new(guard: &Guard, number: u32) -> Self {
        let now = Now { mono: coarse(), ..start() };
        let mut registry = Registry::new(guard.clone(), now.mono);
        let peer = IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number));
        let handle = registry.insert(open_user(guard, number, peer, now)).expect("room");
        Self { registry, handle, scratch: Scratch::new() }
    }

    fn receive(&mut self) {
        let outcome = self.registry.receive(self.handle, Message::Text(M), &mut self.scratch, coarse());
        assert!(matches!(outcome.expect("it is there").verdict, Verdict::Deliver(_)));
    }
}

fn coarse() -> Timestamp {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    Timestamp::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}
