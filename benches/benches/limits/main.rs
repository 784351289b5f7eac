//! The limiters beside governor's, in turns, keys in random order: rows of data, no reports.
//!
//! "Time given" is how a host asks that reads its clock once per batch of messages. governor reads its own clock (quanta,
//! that is the processor's counter), which is part of its price; the rows with a clock read the system's in each call:
//! the coarse one, as the bindings for Node and Python do, or the precise one.
//!
//! `cargo bench --bench limits -- --count 10000 500` looks up one of 10,000 addresses so often, for callgrind.

mod shared;
mod wheel;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::RateLimiter;
use rustix::time::{ClockId, clock_gettime};
use wswarden_benches::measure::{Order, interleave, is_test, row, timed};
use wswarden_benches::memory::{Counting, live};
use wswarden_core::Timestamp;
use wswarden_core::limit::{AddressKeys, Gcra, Key, Lane, Ledger, Meter, Place, Stamps, Window};
use wswarden_core::policy::{Quota, Span};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A quota that seldom refuses, so that what is timed is the charge.
fn quota() -> Quota {
    Quota::gcra(1_000_000, Span::from_secs(1), 1_000_000)
}

fn governor_quota() -> governor::Quota {
    governor::Quota::per_second(NonZeroU32::new(1_000_000).expect("not zero"))
}

fn counts() -> Vec<u32> {
    if is_test() { vec![1, 1000] } else { vec![1, 10_000, 1_000_000] }
}

fn coarse() -> Timestamp {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    Timestamp::from_nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

fn address(key: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + key))
}

fn name(key: u32) -> String {
    address(key).to_string()
}

fn keys_of(ip: IpAddr) -> (Key, Key) {
    let keys = AddressKeys::new(ip, 32, 64);
    (Key::from_net(keys.fine(), 1), Key::from_net(keys.overflow(), 1))
}

/// A ledger that knows `count` addresses, their places, and what one takes of memory.
fn ledger(count: u32, at: Timestamp) -> (Ledger, Vec<Place>) {
    let before = live();
    let ledger = Ledger::new(count, [7; 16], Duration::from_secs(1));
    let enter = |key| {
        let (fine, overflow) = keys_of(address(key));
        ledger.enter(fine, overflow, at)
    };
    let places: Vec<_> = (0..count).map(enter).collect();
    // Without the list of places, which is the bench's own.
    memory("wswarden ledger, by address", count, before + count as usize * size_of::<Place>());
    (ledger, places)
}

fn memory(what: &str, count: u32, before: usize) {
    let grown = live().saturating_sub(before);
    if count >= 10_000 {
        row("memory", &count.to_string(), what, &mut [grown as f64 / f64::from(count)], "bytes");
    }
}

fn by_handle(count: u32) {
    let (gcra, bytes) = (Gcra::new(quota()), Gcra::new(Quota::gcra(1 << 30, Span::from_secs(1), 1 << 30)));
    let before = live();
    let filled = || vec![1_u64; count as usize];
    let mut words = filled();
    memory("wswarden word, by handle", count, before);
    let (mut sums, mut clocked, mut precise) = (filled(), filled(), filled());
    let mut orders: Vec<_> = (0..8).map(|_| Order::new(count)).collect();
    let mut order = || orders.pop().expect("an order for each");
    let (mut a, mut b, mut c, mut d, mut e, mut f) = (order(), order(), order(), order(), order(), order());
    let (ledger, places) = ledger(count, Timestamp::ZERO);
    let meter = Meter::new(quota());
    let origin = Instant::now();
    let before = live();
    let governor = RateLimiter::keyed(governor_quota());
    (0..count).for_each(|key| drop(governor.check_key(&key)));
    memory("governor keyed u32", count, before);
    let direct = RateLimiter::direct(governor_quota());
    let mut subjects = vec![
        timed("gcra word", || {
            let (key, now) = a.draw();
            gcra.charge(&mut words[key as usize], black_box(1), now)
        }),
        timed("gcra word, coarse clock read", || {
            let (key, _) = b.draw();
            gcra.charge(&mut clocked[key as usize], black_box(1), coarse())
        }),
        timed("gcra word, precise clock read", || {
            let (key, _) = c.draw();
            let now = Timestamp::from_nanos(origin.elapsed().as_nanos() as u64);
            gcra.charge(&mut precise[key as usize], black_box(1), now)
        }),
        timed("gcra word, by bytes", || {
            let (key, now) = d.draw();
            bytes.charge(&mut sums[key as usize], black_box(143), now)
        }),
        timed("ledger place", || {
            let (key, now) = e.draw();
            ledger.charge(places[key as usize], Lane::Messages, &meter, black_box(1), now)
        }),
        timed("governor keyed u32", || governor.check_key(&f.draw().0).is_ok()),
    ];
    if count == 1 {
        subjects.push(timed("governor direct", || direct.check().is_ok()));
    }
    interleave("handle", &count.to_string(), subjects);
}

fn by_address(count: u32) {
    let meter = Meter::new(quota());
    let (ledger, places) = ledger(count, Timestamp::ZERO);
    places.iter().for_each(|place| ledger.leave(*place));
    let addresses: Vec<_> = (0..count).map(address).collect();
    let keys: Vec<_> = addresses.iter().map(|ip| keys_of(*ip).0).collect();
    let before = live();
    let by_name = RateLimiter::keyed(governor_quota());
    (0..count).for_each(|key| drop(by_name.check_key(&name(key))));
    memory("governor keyed String", count, before);
    let names: Vec<_> = (0..count).map(name).collect();
    let before = live();
    let by_ip = RateLimiter::keyed(governor_quota());
    addresses.iter().for_each(|ip| drop(by_ip.check_key(ip)));
    memory("governor keyed IpAddr", count, before);
    let mut orders: Vec<_> = (0..8).map(|_| Order::new(count)).collect();
    let mut order = || orders.pop().expect("an order for each");
    let (mut a, mut b, mut c, mut d) = (order(), order(), order(), order());
    let (mut e, mut f, mut g) = (order(), order(), order());
    interleave(
        "address",
        &count.to_string(),
        vec![
            // The address's bucket is looked up once, when a connection comes; each of its messages then charges it here.
            timed("ledger, a message of a known connection", || {
                let (key, now) = a.draw();
                ledger.charge(places[key as usize], Lane::Messages, &meter, black_box(1), now)
            }),
            timed("ledger check", || {
                let (key, now) = b.draw();
                ledger.check(keys[key as usize], keys[key as usize], Lane::Messages, &meter, black_box(1), now)
            }),
            timed("ledger check, coarse clock read", || {
                let (key, _) = c.draw();
                ledger.check(keys[key as usize], keys[key as usize], Lane::Messages, &meter, black_box(1), coarse())
            }),
            timed("ledger check, from IpAddr", || {
                let (key, now) = d.draw();
                let (fine, overflow) = keys_of(addresses[key as usize]);
                ledger.check(fine, overflow, Lane::Messages, &meter, black_box(1), now)
            }),
            timed("ledger enter, charge, leave, from IpAddr", || {
                let (key, now) = e.draw();
                let (fine, overflow) = keys_of(addresses[key as usize]);
                let place = ledger.enter(fine, overflow, now);
                let charged = ledger.charge(place, Lane::Messages, &meter, black_box(1), now);
                ledger.leave(place);
                charged
            }),
            timed("governor keyed String", || by_name.check_key(&names[f.draw().0 as usize]).is_ok()),
            timed("governor keyed IpAddr", || by_ip.check_key(&addresses[g.draw().0 as usize]).is_ok()),
        ],
    );
}

/// The sliding window, 10 in a second: by handle, by address, and the guide's way.
fn windows(count: u32) {
    let quota = Quota::sliding_window(10, Span::from_secs(1));
    let (window, meter) = (Window::new(quota), Meter::new(quota));
    let mut stamps = vec![Stamps::default(); count as usize];
    let mut arrays = vec![Vec::<u64>::new(); count as usize];
    let ledger = Ledger::new(count, [7; 16], Duration::from_secs(1));
    let keys: Vec<_> = (0..count).map(|key| keys_of(address(key)).0).collect();
    let (mut a, mut b, mut c) = (Order::new(count), Order::new(count), Order::new(count));
    interleave(
        "window",
        &count.to_string(),
        vec![
            timed("sliding window of 10", || {
                let (key, now) = a.draw();
                window.charge(&mut stamps[key as usize], black_box(1), now)
            }),
            timed("sliding window of 10, by address", || {
                let (key, now) = b.draw();
                ledger.check(keys[key as usize], keys[key as usize], Lane::Messages, &meter, black_box(1), now)
            }),
            timed("filter the array, the guide's way", || {
                let (key, now) = c.draw();
                let stamps = &mut arrays[key as usize];
                let recent: Vec<u64> =
                    stamps.iter().copied().filter(|at| now.as_nanos() - at < 1_000_000_000).collect();
                let allowed = recent.len() < black_box(10);
                *stamps = recent;
                if allowed {
                    stamps.push(now.as_nanos());
                }
                allowed
            }),
        ],
    );
}

/// Known addresses looked up, so many times: for `valgrind --tool=callgrind`.
fn count(known: u32, turns: u32) {
    let meter = Meter::new(quota());
    let (ledger, places) = ledger(known, Timestamp::ZERO);
    places.iter().for_each(|place| ledger.leave(*place));
    let keys: Vec<_> = (0..known).map(|key| keys_of(address(key)).0).collect();
    let mut order = Order::new(known);
    for _ in 0..turns {
        let (key, now) = order.draw();
        black_box(ledger.check(keys[key as usize], keys[key as usize], Lane::Messages, &meter, black_box(1), now)).ok();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--count") {
        return count(arguments[at + 1].parse().expect("keys"), arguments[at + 2].parse().expect("turns"));
    }
    for count in counts() {
        by_handle(count);
        by_address(count);
        windows(count);
    }
    wheel::heartbeats();
    shared::attack();
    shared::contention();
}
