use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::{Random, ms, ns};
use crate::Timestamp;
use crate::limit::Gcra;
use crate::policy::{Quota, Span};

const SECOND: u64 = 1_000_000_000;

/// The same algorithm over fractions: times are counted in `1 / limit` of a nanosecond.
struct Exact {
    limit: u128,
    per: u128,
    burst: u128,
    full_at: u128,
}

impl Exact {
    fn new(limit: u64, secs: u64, burst: u64) -> Self {
        Self { limit: limit.into(), per: u128::from(secs) * u128::from(SECOND), burst: burst.into(), full_at: 0 }
    }

    /// Charges whatever the answer is, and gives the answer.
    fn charge(&mut self, cost: u64, now: u64) -> bool {
        let now = u128::from(now) * self.limit;
        self.full_at = self.full_at.max(now) + u128::from(cost) * self.per;
        self.full_at <= now + self.burst * self.per
    }
}

fn quotas() -> impl Strategy<Value = (u64, u64, u64)> {
    (1u64..3_000_000_000, 1u64..100_000, 1u64..2_000_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The promise: refused until exactly then.
    #[test]
    fn refused_strictly_before_the_promised_instant_and_allowed_at_it(
        (limit, secs, burst) in quotas(),
        steps in prop::collection::vec((0u64..2 * SECOND, 0u64..2_000_000), 1..40),
    ) {
        let gcra = Gcra::new(Quota::gcra(limit, Span::from_secs(secs), burst));
        let (mut word, mut now) = (0, 0);
        for (wait, cost) in steps {
            now += wait;
            let before = word;
            let Err(until) = gcra.charge(&mut word, cost, ns(now)) else { continue };
            prop_assert_eq!(word, before, "a refused charge costs nothing");
            if cost > burst {
                prop_assert_eq!(until, Timestamp::MAX);
                continue;
            }
            prop_assert!(until > ns(now));
            prop_assert_eq!(gcra.test(word, cost, ns(until.as_nanos() - 1)), Err(until));
            prop_assert!(gcra.test(word, cost, until).is_ok());
            now = until.as_nanos();
            prop_assert!(gcra.charge(&mut word, cost, until).is_ok());
        }
    }

    /// Any word, any time, any quota: no panic, and nothing passes that costs more than a burst.
    #[test]
    fn t90_no_value_overflows(limit: u64, secs: u64, burst: u64, factor: u64, word: u64, cost: u64, now: u64) {
        let gcra = Gcra::times(Quota::gcra(limit, Span::from_secs(secs), burst), factor);
        let mut word = word;
        let passed = gcra.charge(&mut word, cost, ns(now));
        prop_assert!(passed.is_err() || cost <= burst.saturating_mul(factor));
        prop_assert!(gcra.remaining(word, ns(now)) <= burst.saturating_mul(factor));
        gcra.refund(&mut word, cost);
    }

    #[test]
    fn remaining_is_what_passes((limit, secs, burst) in quotas(), spent in 0u64..2_000_000, now in 0..9 * SECOND) {
        let gcra = Gcra::new(Quota::gcra(limit, Span::from_secs(secs), burst));
        let mut word = 0;
        gcra.charge(&mut word, spent.min(burst), ns(0)).unwrap();
        let left = gcra.remaining(word, ns(now));
        prop_assert!(gcra.test(word, left, ns(now)).is_ok());
        prop_assert!(left == burst || gcra.test(word, left + 1, ns(now)).is_err());
    }
}

#[test]
fn t90_never_above_burst_and_rate_and_at_most_a_nanosecond_of_drift() {
    let mut random = Random(0x5eed);
    let quotas = [
        (120, 60, 40),
        (7, 1, 7),
        (333, 1, 333),
        (10, 1, 1),
        (256 << 10, 1, 256 << 10),
        (1 << 30, 1, 1 << 30),
        (999_999_937, 1, 1_000_003),
        (1, 86_400, 3),
        (3_000_000_000, 7, 1 << 20),
    ];
    for (limit, secs, burst) in quotas {
        let gcra = Gcra::new(Quota::gcra(limit, Span::from_secs(secs), burst));
        let mut exact = Exact::new(limit, secs, burst);
        let (mut word, mut now, mut charges, mut units) = (0, 0, 0u128, 0u128);
        let refill = burst as f64 / limit as f64 * secs as f64 * 1e9;
        for _ in 0..30_000 {
            now += random.below(refill as u64 / 3 + 2);
            let cost = random.below(burst.min(1 << 16)) + 1;
            if word <= now {
                (charges, units) = (0, 0);
            }
            if gcra.charge(&mut word, cost, ns(now)).is_ok() {
                (charges, units) = (charges + 1, units + u128::from(cost));
                assert!(exact.charge(cost, now), "{limit}/{secs}s lets more pass than it may");
            }
            let ahead = u128::from(word) * exact.limit;
            assert!(word <= now || ahead >= exact.full_at, "{limit}/{secs}s rounds in the peer's favour");
            // Less than a nanosecond a charge; or, where a burst in units of one is kept whole, a unit.
            let drift = ahead.saturating_sub(exact.full_at);
            let whole = exact.burst * exact.limit < exact.per;
            assert!(
                word <= now || drift <= exact.limit * if whole { units } else { charges },
                "{limit}/{secs}s drifts"
            );
        }
    }
}

/// Where the fraction of a nanosecond has too few bits for the burst, it is rounded up as well.
#[test]
fn t90_no_price_is_rounded_down() {
    let mut random = Random(0xfee);
    for (limit, burst) in [(999_999_999_989, 1 << 50), (3, 1 << 30), ((1 << 50) - 27, 1 << 52), (7, 1 << 10)] {
        let gcra = Gcra::new(Quota::gcra(limit, Span::from_secs(1), burst));
        // 662499846819801 costs least over a whole nanosecond at the third rate: 2^-50 of one.
        for cost in (0..20_000).map(|_| random.below(burst) + 1).chain([662499846819801]) {
            let (cost, mut price) = (cost.min(burst), 0);
            gcra.charge(&mut price, cost, ns(0)).unwrap();
            let exact = u128::from(cost) * u128::from(SECOND);
            assert!(u128::from(price) * u128::from(limit) >= exact, "{cost} at {limit}/s");
        }
    }
}

#[test]
fn bytes_pass_at_their_full_rate() {
    for limit in [256 << 10, 1 << 30, 999_999_937] {
        let gcra = Gcra::new(Quota::gcra(limit, Span::from_secs(1), limit));
        let mut word = 0;
        let mut passed = 0;
        for now in 0..10_000 {
            while gcra.charge(&mut word, limit / 1000 + 1, ms(now)).is_ok() {
                passed += limit / 1000 + 1;
            }
        }
        let most = limit * 11;
        assert!(passed <= most && passed > most / 1000 * 998, "{passed} of {most}");
    }
}

#[test]
fn a_burst_in_units_of_one_is_whole() {
    for (limit, secs, burst) in
        [(10, 1, 10), (7, 1, 7), (3, 1, 3), (300, 1, 300), (120, 60, 40), (333, 60, 50), (1, 7, 9)]
    {
        let gcra = Gcra::new(Quota::gcra(limit, Span::from_secs(secs), burst));
        let mut word = 0;
        let passed = (0..2 * burst).filter(|_| gcra.charge(&mut word, 1, ms(5)).is_ok()).count();
        assert_eq!(passed as u64, burst, "{limit} in {secs} s");
    }
}

#[test]
fn a_cost_over_the_burst_never_passes() {
    let gcra = Gcra::new(Quota::gcra(10, Span::from_secs(1), 10));
    assert_eq!(gcra.test(0, 11, ms(0)), Err(Timestamp::MAX));
    for quota in [Quota::gcra(0, Span::from_secs(1), 1), Quota::gcra(1, Span::from_secs(0), 1)] {
        assert_eq!(Gcra::new(quota).test(0, 1, ms(1_000_000)), Err(Timestamp::MAX), "zero is not unlimited");
    }
}

#[test]
fn t90_a_changed_quota_holds_at_once() {
    let slow = Gcra::new(Quota::gcra(1, Span::from_secs(3600), 10));
    let fast = Gcra::new(Quota::gcra(10, Span::from_secs(1), 10));
    let mut word = 0;
    slow.charge(&mut word, 10, ms(0)).unwrap();
    assert_eq!(slow.test(word, 1, ms(0)), Err(Timestamp::from_secs(3600)));
    assert_eq!(fast.charge(&mut word, 1, ms(0)), Err(ms(100)), "not ten hours, and not for nothing");
    assert_eq!(fast.charge(&mut word, 1, ms(99)), Err(ms(100)));
    assert_eq!(fast.charge(&mut word, 1, ms(100)), Ok(()));
}

#[test]
fn t91_a_clock_set_back_refills_nothing_and_locks_nobody_out() {
    let gcra = Gcra::new(Quota::gcra(10, Span::from_secs(1), 10));
    let mut word = 0;
    gcra.charge(&mut word, 10, Timestamp::from_secs(1_000_000)).unwrap();
    let until = gcra.charge(&mut word, 1, ms(0)).unwrap_err();
    assert_eq!(until, ms(100), "no refill, and the wait of an empty bucket");
    assert_eq!(gcra.charge(&mut word, 1, ms(99)), Err(until));
    assert_eq!(gcra.charge(&mut word, 1, until), Ok(()));
}

#[test]
fn t91_a_jump_ahead_gives_one_burst() {
    let gcra = Gcra::new(Quota::gcra(10, Span::from_secs(1), 10));
    let mut word = 0;
    gcra.charge(&mut word, 10, ms(0)).unwrap();
    let later = Timestamp::from_nanos(u64::MAX / 2);
    assert_eq!((0..100).filter(|_| gcra.charge(&mut word, 1, later).is_ok()).count(), 10);
}

/// Two threads read their clocks at different times. Bringing the word near whenever the late
/// one is refused would give the other a little more each time.
#[test]
fn t91_threads_with_different_clocks_gain_nothing_by_taking_turns() {
    let gcra = Gcra::new(Quota::gcra(10, Span::from_secs(1), 10));
    let word = AtomicU64::new(0);
    let charge = |now| u64::from(gcra.charge_shared(&word, 1, now).is_ok());
    let passed: u64 = (0..100_000).map(|_| charge(ms(1500)) + charge(ms(1000))).sum();
    assert!(passed <= 10 + 5, "{passed} passed");
}

#[test]
fn a_refund_gives_back_what_was_charged() {
    let gcra = Gcra::new(Quota::gcra(3, Span::from_secs(1), 3));
    let word = AtomicU64::new(0);
    for _ in 0..1000 {
        gcra.charge_shared(&word, 1, ms(1)).unwrap();
        gcra.refund_shared(&word, 1);
    }
    assert_eq!((0..9).filter(|_| gcra.charge_shared(&word, 1, ms(1)).is_ok()).count(), 3);
}

#[test]
fn t91_racing_threads_never_pass_more_than_burst_and_rate() {
    let (limit, burst) = (1_000, 50);
    let gcra = Gcra::new(Quota::gcra(limit, Span::from_secs(1), burst));
    for _ in 0..20 {
        let (word, clock, passed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..5_000 {
                        let now = clock.fetch_add(7_000, Ordering::Relaxed);
                        let ok = gcra.charge_shared(&word, 1, ns(now)).is_ok();
                        passed.fetch_add(u64::from(ok), Ordering::Relaxed);
                    }
                });
            }
        });
        let elapsed = Duration::from_nanos(clock.into_inner());
        let most = burst as f64 + elapsed.as_secs_f64() * limit as f64;
        let passed = passed.into_inner();
        assert!(passed as f64 <= most, "{passed} of {most}");
        assert!(passed as f64 > most * 0.5, "{passed} of {most}: the test tests nothing");
    }
}

/// Two threads worked out a charge from the same word: only one of them may make it.
#[test]
fn a_planned_charge_is_made_only_while_the_word_is_what_it_was_planned_from() {
    let gcra = Gcra::new(Quota::gcra(1, Span::from_secs(1), 3));
    let word = AtomicU64::new(0);
    let [first, second] = [(); 2].map(|()| gcra.plan(&word, 1, ms(5000)).unwrap());
    assert!(first.commit());
    let after = word.load(Ordering::Relaxed);
    assert_eq!(after, gcra.test(0, 1, ms(5000)).unwrap());
    assert!(!second.commit());
    assert_eq!(word.load(Ordering::Relaxed), after, "and nothing is charged");
    // It has room for two more; where it has none, nothing is planned.
    assert!(gcra.plan(&word, 3, ms(5000)).is_none() && gcra.plan(&word, 2, ms(5000)).unwrap().commit());
    assert!(gcra.plan(&word, 1, ms(5000)).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The short way never lets pass what the long one refuses, and stores the same word.
    #[test]
    fn what_is_admitted_is_what_the_test_lets_pass(
        (limit, secs, burst) in quotas(),
        steps in prop::collection::vec((any::<u64>(), 0u64..4, 0u64..2_000_000, any::<bool>()), 1..40),
    ) {
        let gcra = Gcra::new(Quota::gcra(limit, Span::from_secs(secs), burst));
        for (now, shift, cost, near) in steps {
            let now = now >> (shift * 20);
            for word in [0, now / 2, now, now.saturating_add(cost * 1000), u64::MAX] {
                let cost = if near { cost % 3 } else { cost };
                let admitted = gcra.admit(word, cost, ns(now));
                prop_assert!(admitted.is_none() || admitted == gcra.test(word, cost, ns(now)).ok());
                // All that it leaves to the long way is a word far beyond what is ever stored.
                if word <= now.saturating_add(gcra.tolerance()) {
                    prop_assert_eq!(admitted, gcra.test(word, cost, ns(now)).ok());
                }
            }
        }
    }
}
