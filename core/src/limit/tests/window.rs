use proptest::prelude::*;

use super::{ms, ns};
use crate::Timestamp;
use crate::limit::{Stamps, Window};
use crate::policy::{Quota, Span};

/// The guide's limiter, word for word: keep what is younger than the window, then count.
fn guide(times: &mut Vec<u64>, limit: usize, per: u64, cost: usize, now: u64) -> bool {
    times.retain(|at| now - at < per);
    let allowed = times.len() + cost <= limit;
    if allowed {
        times.extend(std::iter::repeat_n(now, cost));
    }
    allowed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn answers_as_the_guides_array_does(
        limit in 1u64..=64,
        secs in 1u64..4,
        steps in prop::collection::vec((0u64..700_000_000, 1u64..5), 1..200),
    ) {
        let window = Window::new(Quota::sliding_window(limit, Span::from_secs(secs)));
        let (mut stamps, mut times, mut now) = (Stamps::default(), Vec::new(), 0);
        for (wait, cost) in steps {
            now += wait;
            let expected = guide(&mut times, limit as usize, secs * 1_000_000_000, cost as usize, now);
            let answer = window.charge(&mut stamps, cost, ns(now));
            prop_assert_eq!(answer.is_ok(), expected);
            prop_assert_eq!(window.remaining(&stamps, ns(now)), limit - times.len() as u64);
            let Err(until) = answer else { continue };
            if cost > limit {
                prop_assert_eq!(until, Timestamp::MAX);
                continue;
            }
            // Refused until exactly then, by the guide's rule too.
            let at = |now| guide(&mut times.clone(), limit as usize, secs * 1_000_000_000, cost as usize, now);
            prop_assert!(!at(until.as_nanos() - 1) && at(until.as_nanos()));
            prop_assert_eq!(window.test(&stamps, cost, ns(until.as_nanos() - 1)), Err(until));
            prop_assert!(window.test(&stamps, cost, until).is_ok());
        }
    }

    #[test]
    fn t90_no_value_overflows(limit: u64, secs: u64, costs in prop::collection::vec((any::<u64>(), 0u64..70), 0..50)) {
        let window = Window::new(Quota::sliding_window(limit, Span::from_secs(secs)));
        let mut stamps = Stamps::default();
        for (now, cost) in costs {
            let passed = window.charge(&mut stamps, cost, ns(now)).is_ok();
            prop_assert!(!passed || cost <= limit.min(64));
            prop_assert!(window.remaining(&stamps, ns(now)) <= limit.min(64));
        }
    }
}

#[test]
fn ten_in_any_thousand_milliseconds() {
    let window = Window::new(Quota::sliding_window(10, Span::from_secs(1)));
    let mut stamps = Stamps::default();
    for message in 0..10 {
        assert!(window.charge(&mut stamps, 1, ms(message * 50)).is_ok());
    }
    assert_eq!(window.charge(&mut stamps, 1, ms(999)), Err(ms(1000)));
    assert_eq!(window.charge(&mut stamps, 1, ms(1000)), Ok(()), "the first is a second old");
    assert_eq!(window.charge(&mut stamps, 2, ms(1000)), Err(ms(1100)), "two need the next two to go");
}

#[test]
fn t91_a_clock_set_back_refills_nothing_and_locks_nobody_out() {
    let window = Window::new(Quota::sliding_window(2, Span::from_secs(1)));
    let mut stamps = Stamps::default();
    window.charge(&mut stamps, 2, Timestamp::from_secs(1_000_000)).unwrap();
    assert_eq!(window.charge(&mut stamps, 1, ms(5)), Err(ms(1005)));
    assert_eq!(window.charge(&mut stamps, 1, ms(1004)), Err(ms(1005)));
    assert_eq!(window.charge(&mut stamps, 1, ms(1005)), Ok(()));
}

#[test]
fn zero_is_not_unlimited() {
    let never = Window::new(Quota::sliding_window(5, Span::from_secs(0)));
    assert_eq!(never.charge(&mut Stamps::default(), 1, ms(7)), Err(Timestamp::MAX));
}
