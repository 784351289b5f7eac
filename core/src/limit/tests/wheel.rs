use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Random, ms, ns};
use crate::Timestamp;
use crate::limit::Wheel;

/// A caller as the wheel wants one: it knows when each slot is really due, and when handed one
/// that is not yet, inserts it again. Gives the slots that were due, in the order handed out.
fn tick(wheel: &mut Wheel, due: &mut BTreeMap<u32, u64>, now: u64) -> Vec<u32> {
    let mut fired = Vec::new();
    for looks in 0.. {
        let Some(slot) = wheel.advance(ns(now)) else { break };
        assert!(looks < 10_000, "a tick that does not end");
        match due.get(&slot) {
            Some(at) if *at > now => wheel.insert(slot, ns(*at)),
            Some(_) => {
                due.remove(&slot);
                fired.push(slot);
            }
            None => panic!("slot {slot} was removed, and handed out"),
        }
    }
    fired
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32, u64),
    Later(u32, u64),
    Remove(u32),
    Tick(u64),
    TickWhenTold,
}

/// Times of every scale: each level of the wheel, beyond its reach, the end of time.
fn span() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..5000, 0u64..20_000_000, 0u64..100_000_000_000, any::<u64>()]
}

fn step() -> impl Strategy<Value = Step> {
    let slot = 0u32..24;
    prop_oneof![
        4 => (slot.clone(), span()).prop_map(|(slot, at)| Step::Insert(slot, at)),
        2 => (slot.clone(), span()).prop_map(|(slot, at)| Step::Later(slot, at)),
        1 => slot.prop_map(Step::Remove),
        3 => prop_oneof![0u64..5000, 0u64..20_000_000, 0u64..100_000_000_000].prop_map(Step::Tick),
        1 => (1u64 << 40..1 << 62).prop_map(Step::Tick),
        3 => Just(Step::TickWhenTold),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Against a sorted map: at every tick, exactly what is due is handed out, and none later
    /// than it was promised; before the time told by `next`, nothing is due.
    #[test]
    fn hands_out_exactly_what_is_due(start in span(), steps in prop::collection::vec(step(), 1..120)) {
        let mut now = start / 2;
        let mut wheel = Wheel::new(ns(now));
        let mut due = BTreeMap::new();
        for step in steps {
            match step {
                Step::Insert(slot, wait) => {
                    let at = now.saturating_add(wait).min(u64::MAX - 1);
                    wheel.insert(slot, ns(at));
                    due.insert(slot, at);
                }
                // What a pong does: the true deadline moves, the wheel is not told.
                Step::Later(slot, wait) => {
                    if let Some(at) = due.get_mut(&slot) {
                        *at = at.saturating_add(wait).min(u64::MAX - 1);
                    }
                }
                Step::Remove(slot) => {
                    wheel.remove(slot);
                    due.remove(&slot);
                }
                Step::Tick(wait) => now = now.saturating_add(wait),
                Step::TickWhenTold => now = wheel.next().map_or(now, |at| at.as_nanos().max(now)),
            }
            if let Some(first) = due.values().min() {
                let told = wheel.next().expect("something is waited for").as_nanos();
                prop_assert!(told <= *first.max(&now), "told {told}, due {first}");
            }
            let expected: Vec<u32> = due.iter().filter(|(_, at)| **at <= now).map(|(slot, _)| *slot).collect();
            let mut fired = tick(&mut wheel, &mut due, now);
            fired.sort_unstable();
            prop_assert_eq!(fired, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A caller who takes a few slots at a time, while the clock goes on and others are inserted: every
    /// slot is handed out once it is due, none is forgotten, and few are looked at in vain.
    #[test]
    fn nothing_is_lost_when_the_caller_stops_half_way(
        steps in prop::collection::vec((0u32..40, span(), 0usize..6, 0u64..30_000_000_000), 1..150),
    ) {
        let (mut now, mut looks) = (0_u64, 0);
        let mut wheel = Wheel::new(ns(now));
        let mut due = BTreeMap::new();
        for (slot, wait, calls, pass) in &steps {
            let at = now.saturating_add(wait % 200_000_000_000);
            wheel.insert(*slot, ns(at));
            due.insert(*slot, at);
            now += pass;
            for slot in (0..*calls).map_while(|_| wheel.advance(ns(now))).collect::<Vec<_>>() {
                looks += 1;
                match due[&slot] {
                    at if at > now => wheel.insert(slot, ns(at)),
                    _ => drop(due.remove(&slot)),
                }
            }
            if let Some(first) = due.values().min() {
                prop_assert!(wheel.next().expect("something is waited for") <= ns(*first.max(&now)));
            }
        }
        // Each is early at most once a level and once for each minute it is ahead, and once for a
        // bucket that it shares with an earlier time.
        prop_assert!(looks <= steps.len() * 12, "{looks} looks for {} slots", steps.len());
        let expected: Vec<u32> = due.iter().filter(|(_, at)| **at <= now).map(|(slot, _)| *slot).collect();
        let mut fired = tick(&mut wheel, &mut due, now);
        fired.sort_unstable();
        prop_assert_eq!(fired, expected);
    }
}

/// A host that sleeps until `next` and then ticks sees each deadline at its very nanosecond.
#[test]
fn next_leads_to_the_exact_nanosecond_in_few_steps() {
    let mut random = Random(77);
    for _ in 0..2000 {
        let start = random.below(1 << 50);
        let wait = random.below(60_000_000_000) + 1;
        let mut wheel = Wheel::new(ns(start));
        let mut due = BTreeMap::from([(9, start + wait)]);
        wheel.insert(9, ns(start + wait));
        let mut wakes = 0;
        let mut now = start;
        while tick(&mut wheel, &mut due, now).is_empty() {
            now = wheel.next().unwrap().as_nanos();
            wakes += 1;
        }
        assert_eq!(now, start + wait);
        assert!(wakes <= 3, "{wakes} wakes");
    }
}

#[test]
fn what_is_far_ahead_is_looked_at_once_in_a_minute() {
    let mut wheel = Wheel::new(ms(0));
    let day = 86_400_000_000_000;
    let mut due = BTreeMap::from([(0, day)]);
    wheel.insert(0, ns(day));
    let mut wakes = 0;
    let mut now = 0;
    while tick(&mut wheel, &mut due, now).is_empty() {
        now = wheel.next().unwrap().as_nanos();
        wakes += 1;
    }
    assert_eq!(now, day);
    assert!(wakes < 1300, "{wakes} wakes in a day");
}

#[test]
fn one_call_hands_out_one_slot_however_many_are_due() {
    let mut wheel = Wheel::new(ms(0));
    (0..1000).for_each(|slot| wheel.insert(slot, ms(u64::from(slot))));
    let later = Timestamp::from_secs(1 << 30);
    for _ in 0..5 {
        assert!(wheel.advance(later).is_some());
    }
    assert_eq!(wheel.next(), Some(later), "the rest is due, and waits");
    assert_eq!((0..2000).filter(|_| wheel.advance(later).is_some()).count(), 995);
    assert_eq!(wheel.next(), None);
}

#[test]
fn a_clock_that_stands_still_or_goes_back_hands_out_nothing_early() {
    let mut wheel = Wheel::new(ms(1000));
    wheel.insert(3, ms(1500));
    for _ in 0..3 {
        assert_eq!(wheel.advance(ms(1000)), None);
        assert_eq!(wheel.advance(ms(0)), None);
    }
    wheel.insert(4, ms(500));
    assert_eq!(wheel.advance(ms(0)), Some(4), "it was due by the latest time known");
}

#[test]
fn never_is_not_a_time() {
    let mut wheel = Wheel::new(ms(0));
    wheel.insert(1, ms(10));
    wheel.insert(1, Timestamp::MAX);
    wheel.insert(u32::MAX, ms(1));
    assert_eq!(wheel.next(), None);
    assert_eq!(wheel.advance(Timestamp::MAX), None);
    wheel.remove(u32::MAX - 1);
    wheel.remove(1 << 31);
}
