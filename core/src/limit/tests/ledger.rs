use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::{ms, ns};
use crate::Timestamp;
use crate::limit::{Key, Lane, Ledger, Meter};
use crate::policy::{Quota, Span};

const SECOND: Duration = Duration::from_secs(1);
const LANE: Lane = Lane::Messages;

fn meter() -> Meter {
    Meter::new(Quota::gcra(10, Span::from_secs(1), 10))
}

fn key(bits: u128) -> Key {
    Key::new(bits, 0)
}

fn ledger(capacity: u32) -> Ledger {
    Ledger::new(capacity, [3; 16], SECOND)
}

#[test]
fn reconnecting_resets_nothing() {
    let (ledger, meter) = (ledger(100), meter());
    let first = ledger.enter(key(1), key(0), ms(0));
    for _ in 0..10 {
        assert!(ledger.charge(first, LANE, &meter, 1, ms(0)).is_ok());
    }
    ledger.leave(first);
    let again = ledger.enter(key(1), key(0), ms(1));
    assert_eq!(ledger.charge(again, LANE, &meter, 1, ms(1)), Err(ms(100)));
}

#[test]
fn one_of_two_connections_closing_resets_nothing() {
    let (ledger, meter) = (ledger(100), meter());
    let (one, two) = (ledger.enter(key(1), key(0), ms(0)), ledger.enter(key(1), key(0), ms(0)));
    assert_eq!(one, two);
    ledger.charge(one, LANE, &meter, 10, ms(0)).unwrap();
    ledger.leave(one);
    assert!(ledger.charge(two, LANE, &meter, 1, ms(0)).is_err());
    // Refilled, but still held: it stays the same record whoever else comes.
    for other in 2..200 {
        ledger.leave(ledger.enter(key(other), key(0), Timestamp::from_secs(60)));
    }
    assert_eq!(ledger.peek(key(1)), Some(two));
}

#[test]
fn t86_scope_and_bits_are_apart() {
    let (ledger, meter) = (ledger(100), meter());
    let keys = [Key::new(1, 0), Key::new(0, 1), Key::new(1 << 64, 0), Key::new(0, 0), Key::new(u128::MAX, u32::MAX)];
    for key in keys {
        assert!(ledger.check(key, key, LANE, &meter, 10, ms(0)).is_ok());
    }
    assert_eq!(ledger.tracked(), 5);
    for key in keys {
        assert!(ledger.check(key, key, LANE, &meter, 1, ms(0)).is_err());
    }
}

/// Distinct keys without end, each seen once, faster than buckets refill.
#[test]
fn t87_memory_is_flat_however_many_keys_come() {
    let (ledger, meter) = (ledger(20_000), meter());
    let keys: u128 = if cfg!(debug_assertions) { 150_000 } else { 10_000_000 };
    let mut most = 0;
    for n in 0..keys {
        let now = ns(u64::try_from(n).unwrap() * 1_000);
        ledger.check(key(n << 64 | n), key(n >> 8), LANE, &meter, 1, now).ok();
        if n == 40_000 {
            most = ledger.memory();
        }
    }
    assert_eq!(ledger.tracked(), 20_000);
    assert_eq!(ledger.memory(), most);
    assert!(most <= 20_000 * 96 + (1 << 18), "{most} bytes");
}

#[test]
fn a_key_takes_at_most_96_bytes() {
    let count = 100_000;
    let ledger = ledger(count);
    for n in 0..count {
        let _held = ledger.enter(key(n.into()), key(0), ms(0));
    }
    let each = ledger.memory() as f64 / f64::from(count);
    assert!(each <= 96.0, "{each} bytes a key");
}

#[test]
fn t89_a_ban_is_not_pushed_out_by_newcomers() {
    let ledger = Ledger::new(64, [3; 16], Duration::from_secs(300));
    let meter = meter();
    let place = ledger.enter(key(7), key(0), ms(0));
    assert_eq!(ledger.strike(place, 3, Duration::from_secs(300), ms(0)), None);
    assert_eq!(ledger.strike(place, 3, Duration::from_secs(300), ms(0)), None);
    let until = ledger.strike(place, 3, Duration::from_secs(300), ms(0)).unwrap();
    assert_eq!(until, Timestamp::from_secs(300));
    ledger.leave(place);
    for n in 100..10_000 {
        ledger.check(key(n), key(n), LANE, &meter, 1, Timestamp::from_secs(200)).ok();
    }
    let found = ledger.peek(key(7)).expect("still tracked");
    assert_eq!(ledger.banned_until(found, Timestamp::from_secs(299)), Some(until));
    assert_eq!(ledger.banned_until(found, until), None);
    // After the ban its record is as good as any other.
    for n in 100..10_000 {
        ledger.check(key(n), key(n), LANE, &meter, 1, Timestamp::from_secs(400)).ok();
    }
    assert_eq!(ledger.peek(key(7)), None);
}

#[test]
fn strikes_far_apart_do_not_add_up() {
    let ledger = ledger(8);
    let place = ledger.enter(key(7), key(0), ms(0));
    for minute in 0..10 {
        assert_eq!(ledger.strike(place, 2, SECOND, Timestamp::from_secs(minute * 60)), None);
    }
    let now = Timestamp::from_millis(540_500);
    assert_eq!(ledger.strike(place, 2, SECOND, now), Some(Timestamp::from_millis(541_500)));
}

/// When all records are live, newcomers share a bucket, and cannot ban it for each other.
#[test]
fn t89_newcomers_to_a_full_table_share_strictly() {
    let (ledger, meter) = (ledger(2), meter());
    let held: Vec<_> = (0..2).map(|n| ledger.enter(key(n), key(0), ms(0))).collect();
    let passed = (10..1000).filter(|n| ledger.check(key(*n), key(555), LANE, &meter, 1, ms(0)).is_ok()).count();
    assert_eq!(passed, 10, "990 newcomers of one block have one burst");
    let place = ledger.enter(key(10), key(555), ms(0));
    assert!(ledger.is_shared(place) && !held.iter().any(|place| ledger.is_shared(*place)));
    assert_eq!(ledger.strike(place, 1, SECOND, ms(0)), None);
    assert_eq!(ledger.tracked(), 2);
}

/// What a newcomer costs does not grow with the table, even when no record is free: so many looks.
#[test]
fn t89_the_search_for_a_free_record_goes_on_where_it_ended() {
    let (ledger, meter) = (ledger(1000), meter());
    let places: Vec<_> = (0..1000).map(|n| ledger.enter(key(n), key(0), ms(0))).collect();
    ledger.leave(places[999]);
    let shared = (0..40).map(|n| {
        let place = ledger.enter(key(5000 + n), key(0), ms(0));
        ledger.is_shared(place)
    });
    let shared = shared.filter(|shared| *shared).count();
    assert!(shared > 0 && shared < 40, "{shared}: neither the whole table at once, nor never");
    assert!(ledger.check(key(0), key(0), LANE, &meter, 1, ms(0)).is_ok());
}

#[test]
fn slots_are_taken_up_to_the_cap_and_given_back_exactly() {
    let ledger = ledger(4);
    let place = ledger.enter(key(1), key(0), ms(0));
    assert_eq!((0..9).filter(|_| ledger.try_open(place, 5)).count(), 5);
    ledger.close(place);
    assert!(ledger.try_open(place, 5) && !ledger.try_open(place, 5));
    assert_eq!((0..9).filter(|_| ledger.try_open_pending(place, 2)).count(), 2);
    assert_eq!(ledger.slots(place), (5, 2));
    (0..9).for_each(|_| ledger.close_pending(place));
    assert_eq!(ledger.slots(place), (5, 0), "never below zero");
    assert!(!ledger.try_open_pending(place, 0));
}

#[test]
fn a_clock_set_back_makes_no_record_live_for_ever() {
    let (ledger, meter) = (ledger(1), meter());
    ledger.check(key(1), key(0), LANE, &meter, 1, Timestamp::from_secs(1 << 32)).unwrap();
    let shared = |now| {
        let place = ledger.enter(key(2), key(0), now);
        ledger.leave(place);
        ledger.is_shared(place)
    };
    assert!(shared(ms(0)));
    assert!(!shared(Timestamp::from_secs(3)));
}

#[test]
fn a_window_in_the_ledger_is_exact_and_starts_empty_for_the_next_key() {
    let ledger = ledger(1);
    let window = Meter::new(Quota::sliding_window(10, Span::from_secs(1)));
    let place = ledger.enter(key(1), key(0), ms(0));
    for n in 0..10 {
        assert!(ledger.charge(place, LANE, &window, 1, ms(n * 10)).is_ok());
    }
    assert_eq!(ledger.test(place, LANE, &window, 1, ms(500)), Err(ms(1000)));
    assert_eq!(ledger.charge(place, LANE, &window, 1, ms(500)), Err(ms(1000)));
    ledger.refund(place, LANE, &window, 1);
    assert!(ledger.charge(place, LANE, &window, 1, ms(500)).is_ok());
    ledger.leave(place);
    // The last unit was taken at 500 ms: until it no longer counts, the record is live.
    let newcomer = ledger.enter(key(2), key(0), ms(1499));
    assert!(ledger.is_shared(newcomer));
    let newcomer = ledger.enter(key(2), key(0), ms(1500));
    assert!(!ledger.is_shared(newcomer));
    let longer = Meter::new(Quota::sliding_window(10, Span::from_secs(60)));
    assert!(ledger.charge(newcomer, LANE, &longer, 10, ms(1500)).is_ok(), "none of the other key's units");
}

/// Threads come and go under keys that fight for too few records. Whatever the order, no key gets
/// more than its burst and rate.
#[test]
fn t91_racing_threads_take_records_over_without_losing_a_charge() {
    const KEYS: usize = 24;
    const BURST: u64 = 3;
    let meter = Meter::new(Quota::gcra(100_000, Span::from_secs(1), BURST));
    let ledger = Ledger::new(16, [9; 16], SECOND);
    let clock = AtomicU64::new(0);
    let passed: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    thread::scope(|threads| {
        for thread in 0..4u64 {
            let (ledger, meter, clock, passed) = (&ledger, &meter, &clock, &passed);
            threads.spawn(move || {
                let mut random = super::Random(thread + 1);
                for _ in 0..40_000 {
                    let now = ns(clock.fetch_add(100, Ordering::Relaxed));
                    let n = random.below(KEYS as u64) as usize;
                    let key = Key::new(n as u128, 5);
                    let answer = if random.below(2) == 0 {
                        ledger.check(key, key, LANE, meter, 1, now)
                    } else {
                        let place = ledger.enter(key, key, now);
                        let answer = ledger.charge(place, LANE, meter, 1, now);
                        ledger.leave(place);
                        answer
                    };
                    passed[n].fetch_add(u64::from(answer.is_ok()), Ordering::Relaxed);
                }
            });
        }
    });
    // A record of one's own and the shared one: never more than both together; and mostly one.
    let most = 2 * (BURST + clock.into_inner() / 10_000);
    for (n, passed) in passed.iter().enumerate() {
        let passed = passed.load(Ordering::Relaxed);
        assert!(passed <= most, "key {n}: {passed} of {most}");
    }
    for n in 0..KEYS as u128 {
        if let Some(place) = ledger.peek(Key::new(n, 5)) {
            ledger.leave(place);
            assert_eq!(ledger.peek(Key::new(n, 5)), Some(place), "the index has lost its way");
        }
    }
}
