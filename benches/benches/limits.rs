//! The limiters beside governor's and tokio's, in one run, keys in random order.
//!
//! Ours are given the time, as a host does that reads its clock once per batch of messages;
//! governor reads its own (quanta), which is part of its price.
#![expect(clippy::print_stdout, reason = "memory and the longest tick are printed beside criterion's figures")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use governor::RateLimiter;
use tokio_util::time::DelayQueue;
use wswarden_core::Timestamp;
use wswarden_core::limit::{AddressKeys, Gcra, Key, Lane, Ledger, Meter, Stamps, Wheel, Window};
use wswarden_core::policy::{Quota, Span};

const MILLION: u32 = 1_000_000;
const COUNTS: [u32; 3] = [1, 10_000, MILLION];

/// A quota that seldom refuses, so that what is timed is the charge.
fn quota() -> Quota {
    Quota::gcra(1_000_000, Span::from_secs(1), 1_000_000)
}

fn governor_quota() -> governor::Quota {
    governor::Quota::per_second(NonZeroU32::new(1_000_000).expect("not zero"))
}

/// 2^20 keys below `count`, in random order, and the place in them.
struct Order {
    keys: Vec<u32>,
    next: usize,
    now: u64,
}

impl Order {
    fn new(count: u32) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u32
        };
        Self { keys: (0..1 << 20).map(|_| random() % count).collect(), next: 0, now: 0 }
    }

    /// The next key, and a time a little later than the last.
    #[inline(always)]
    fn draw(&mut self) -> (u32, Timestamp) {
        self.next = (self.next + 1) & ((1 << 20) - 1);
        self.now += 50;
        (self.keys[self.next], Timestamp::from_nanos(self.now))
    }
}

fn address(key: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + key))
}

fn ledger_key(ip: IpAddr) -> (Key, Key) {
    let keys = AddressKeys::new(ip, 32, 64);
    (Key::from_net(keys.fine(), 1), Key::from_net(keys.overflow(), 1))
}

fn name(key: u32) -> String {
    address(key).to_string()
}

fn by_handle(c: &mut Criterion) {
    let mut group = c.benchmark_group("handle");
    for count in COUNTS {
        let mut order = Order::new(count);
        let gcra = Gcra::new(quota());
        let mut words = vec![0u64; count as usize];
        group.bench_function(BenchmarkId::new("gcra word", count), |b| {
            b.iter(|| {
                let (key, now) = order.draw();
                gcra.charge(&mut words[key as usize], black_box(1), now)
            })
        });
        let bytes = Gcra::new(Quota::gcra(1 << 30, Span::from_secs(1), 1 << 30));
        group.bench_function(BenchmarkId::new("gcra word, 1 GiB/s by bytes", count), |b| {
            b.iter(|| {
                let (key, now) = order.draw();
                bytes.charge(&mut words[key as usize], black_box(143), now)
            })
        });
        drop(words);
        let ledger = Ledger::new(count, [7; 16], Duration::from_secs(1));
        let meter = Meter::new(quota());
        let places: Vec<_> = (0..count)
            .map(|key| {
                let (fine, overflow) = ledger_key(address(key));
                ledger.enter(fine, overflow, Timestamp::ZERO)
            })
            .collect();
        group.bench_function(BenchmarkId::new("ledger place", count), |b| {
            b.iter(|| {
                let (key, now) = order.draw();
                ledger.charge(places[key as usize], Lane::Messages, &meter, black_box(1), now)
            })
        });
        drop((places, ledger));
        let governor = RateLimiter::keyed(governor_quota());
        (0..count).for_each(|key| drop(governor.check_key(&key)));
        group.bench_function(BenchmarkId::new("governor keyed u32", count), |b| {
            b.iter(|| governor.check_key(&order.draw().0).is_ok())
        });
    }
    let direct = RateLimiter::direct(governor_quota());
    group.bench_function(BenchmarkId::new("governor direct", 1), |b| b.iter(|| direct.check().is_ok()));
    group.finish();
}

fn by_address(c: &mut Criterion) {
    let mut group = c.benchmark_group("address");
    for count in [10_000, MILLION] {
        let mut order = Order::new(count);
        let meter = Meter::new(quota());
        let before = resident();
        let ledger = Ledger::new(count, [7; 16], Duration::from_secs(1));
        let enter = |key| {
            let (fine, overflow) = ledger_key(address(key));
            ledger.enter(fine, overflow, Timestamp::ZERO)
        };
        let places: Vec<_> = (0..count).map(enter).collect();
        report("ledger", count, before);
        println!("ledger, {count} keys: {:.1} bytes a key by its own account", ledger.memory() as f64 / count as f64);
        // The address's bucket is looked up once, when a connection comes; each of its messages then charges it here.
        group.bench_function(BenchmarkId::new("ledger, a message of a known connection", count), |b| {
            b.iter(|| {
                let (key, now) = order.draw();
                ledger.charge(places[key as usize], Lane::Messages, &meter, black_box(1), now)
            })
        });
        places.into_iter().for_each(|place| ledger.leave(place));
        let keys: Vec<_> = (0..count).map(|key| ledger_key(address(key)).0).collect();
        group.bench_function(BenchmarkId::new("ledger check", count), |b| {
            b.iter(|| {
                let (key, now) = order.draw();
                let key = keys[key as usize];
                ledger.check(key, key, Lane::Messages, &meter, black_box(1), now)
            })
        });
        drop(keys);
        let addresses: Vec<_> = (0..count).map(address).collect();
        group.bench_function(BenchmarkId::new("ledger check, from IpAddr", count), |b| {
            b.iter(|| {
                let (key, now) = order.draw();
                let (fine, overflow) = ledger_key(addresses[key as usize]);
                ledger.check(fine, overflow, Lane::Messages, &meter, black_box(1), now)
            })
        });
        group.bench_function(BenchmarkId::new("ledger enter, charge, leave, from IpAddr", count), |b| {
            b.iter(|| {
                let (key, now) = order.draw();
                let (fine, overflow) = ledger_key(addresses[key as usize]);
                let place = ledger.enter(fine, overflow, now);
                let charged = ledger.charge(place, Lane::Messages, &meter, black_box(1), now);
                ledger.leave(place);
                charged
            })
        });
        drop((ledger, addresses));
        let before = resident();
        let governor = RateLimiter::keyed(governor_quota());
        (0..count).for_each(|key| drop(governor.check_key(&name(key))));
        report("governor keyed String", count, before);
        let names: Vec<_> = (0..count).map(name).collect();
        group.bench_function(BenchmarkId::new("governor keyed String", count), |b| {
            b.iter(|| governor.check_key(&names[order.draw().0 as usize]).is_ok())
        });
        drop((governor, names));
        let governor = RateLimiter::keyed(governor_quota());
        let addresses: Vec<_> = (0..count).map(address).collect();
        addresses.iter().for_each(|ip| drop(governor.check_key(ip)));
        group.bench_function(BenchmarkId::new("governor keyed IpAddr", count), |b| {
            b.iter(|| governor.check_key(&addresses[order.draw().0 as usize]).is_ok())
        });
    }
    group.finish();
}

fn newcomers(c: &mut Criterion) {
    let mut group = c.benchmark_group("newcomer");
    let meter = Meter::new(quota());
    let ledger = Ledger::new(100_000, [7; 16], Duration::from_secs(1));
    let (mut key, mut now) = (0u128, 0);
    group.bench_function("an address never seen, the ledger full", |b| {
        b.iter(|| {
            (key, now) = (key + 1, now + 1_000);
            let now = Timestamp::from_nanos(now);
            ledger.check(Key::new(key, 0), Key::new(key >> 8, 0), Lane::Messages, &meter, 1, now)
        })
    });
    let ledger = Ledger::new(100_000, [7; 16], Duration::from_secs(1));
    for key in 0..100_000 {
        let _held = ledger.enter(Key::new(key, 0), Key::new(0, 0), Timestamp::ZERO);
    }
    group.bench_function("an address never seen, all records live", |b| {
        b.iter(|| {
            key += 1;
            let key = key + 1_000_000;
            ledger.check(Key::new(key, 0), Key::new(key >> 8, 0), Lane::Messages, &meter, 1, Timestamp::ZERO)
        })
    });
    group.finish();
}

fn windows(c: &mut Criterion) {
    let mut group = c.benchmark_group("window");
    for count in [1, 10_000] {
        let mut order = Order::new(count);
        let window = Window::new(Quota::sliding_window(10, Span::from_secs(1)));
        let mut stamps = vec![Stamps::default(); count as usize];
        group.bench_function(BenchmarkId::new("sliding window of 10", count), |b| {
            b.iter(|| {
                let (key, now) = order.draw();
                window.charge(&mut stamps[key as usize], black_box(1), now)
            })
        });
        let mut arrays = vec![Vec::<u64>::new(); count as usize];
        group.bench_function(BenchmarkId::new("filter the array, the guide's way", count), |b| {
            b.iter(|| {
                let (key, now) = order.draw();
                let recent: Vec<u64> =
                    arrays[key as usize].iter().copied().filter(|at| now.as_nanos() - at < 1_000_000_000).collect();
                let allowed = recent.len() < black_box(10);
                arrays[key as usize] = recent;
                if allowed {
                    arrays[key as usize].push(now.as_nanos());
                }
                allowed
            })
        });
    }
    group.finish();
}

fn wheel(c: &mut Criterion) {
    const PERIOD: u64 = 25_000_000_000;
    let mut group = c.benchmark_group("wheel, 1M slots");
    let mut order = Order::new(MILLION);
    let due = |slot: u32| Timestamp::from_nanos(PERIOD / u64::from(MILLION) * u64::from(slot) + 1);

    let mut seen = vec![0u64; MILLION as usize];
    group.bench_function("pong: a number stored", |b| {
        b.iter(|| {
            let (slot, now) = order.draw();
            seen[slot as usize] = now.as_nanos();
        })
    });

    let before = resident();
    let mut wheel = Wheel::new(Timestamp::ZERO);
    (0..MILLION).for_each(|slot| wheel.insert(slot, due(slot)));
    report("wheel", MILLION, before);
    group.bench_function("insert again", |b| {
        b.iter(|| {
            let (slot, now) = order.draw();
            wheel.insert(slot, now.after(Duration::from_nanos(PERIOD)));
        })
    });

    let mut wheel = Wheel::new(Timestamp::ZERO);
    order.keys.iter().zip(0..MILLION).for_each(|(_, slot)| wheel.insert(slot, due(slot)));
    let mut now = Timestamp::ZERO;
    group.bench_function("look at a slot and insert it again", |b| {
        b.iter(|| {
            loop {
                if let Some(slot) = wheel.advance(now) {
                    wheel.insert(slot, now.after(Duration::from_nanos(PERIOD)));
                    return slot;
                }
                now = wheel.next().unwrap_or(now);
            }
        })
    });
    longest_tick(order.keys.as_slice());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let entered = runtime.enter();
    let before = resident();
    let mut queue = DelayQueue::new();
    let keys: Vec<_> =
        (0..MILLION).map(|slot| queue.insert(slot, Duration::from_nanos(PERIOD + due(slot).as_nanos()))).collect();
    report("DelayQueue", MILLION, before);
    group.bench_function("DelayQueue reset", |b| {
        b.iter(|| queue.reset(&keys[order.draw().0 as usize], Duration::from_nanos(PERIOD)))
    });
    drop(entered);
    group.finish();
}

/// A registry's life for 100 s, a tick each 10 ms, lived several times over: the shortest time of
/// each tick is its own, the rest is what else the machine did.
fn longest_tick(shuffled: &[u32]) {
    let mut ticks = vec![(Duration::MAX, 0); 10_000];
    for _ in 0..5 {
        let mut wheel = Wheel::new(Timestamp::ZERO);
        let mut due = vec![Timestamp::ZERO; MILLION as usize];
        for (count, slot) in shuffled.iter().enumerate() {
            due[*slot as usize] = Timestamp::from_nanos(25_000 * count as u64);
            wheel.insert(*slot, due[*slot as usize]);
        }
        for (tick, best) in ticks.iter_mut().enumerate() {
            let now = Timestamp::from_millis(tick as u64 * 10);
            let (begun, mut looks) = (Instant::now(), 0u32);
            while let Some(slot) = wheel.advance(now) {
                let due = &mut due[slot as usize];
                if *due <= now {
                    *due = now.after(Duration::from_secs(25));
                }
                wheel.insert(slot, *due);
                looks += 1;
            }
            *best = (begun.elapsed().min(best.0), looks);
        }
        let begun = Instant::now();
        black_box(wheel.advance(Timestamp::from_secs(1_000_000)));
        println!("wheel: the first call after the clock jumps 11 days, all 1M due: {:?}", begun.elapsed());
    }
    let looks: u32 = ticks.iter().map(|(_, looks)| looks).sum();
    let all: Duration = ticks.iter().map(|(took, _)| *took).sum();
    println!("wheel, 1M slots over 25 s, a tick each 10 ms: {looks} looks, {:?} each", all / looks);
    println!("wheel: longest tick and its looks {:?}", ticks.iter().max());
    println!("wheel: most looks in a tick {:?}", ticks.iter().map(|(_, looks)| looks).max());
}

/// The process's resident memory in bytes (Linux; elsewhere 0).
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).map_or(0, |pages: u64| pages * 4096)
}

fn report(what: &str, count: u32, before: u64) {
    let grown = resident().saturating_sub(before);
    println!("{what}, {count} keys: {:.1} resident bytes a key", grown as f64 / f64::from(count));
}

criterion_group!(limits, by_handle, by_address, newcomers, windows, wheel);
criterion_main!(limits);
