//! The ledger against a map that does everything the plain way.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::ns;
use crate::limit::{Gcra, Key, Lane, Ledger, Meter, Place};
use crate::policy::{Quota, Span};

const SECOND: u64 = 1_000_000_000;
const LANE: Lane = Lane::Handshakes;

/// What the model knows of a key.
#[derive(Debug, Default)]
struct Known {
    refs: u32,
    word: u64,
    forget_at: u64,
}

impl Known {
    fn is_live(&self, now: u64) -> bool {
        self.refs > 0 || self.word > now || self.forget_at > now
    }
}

#[derive(Clone, Debug)]
enum Step {
    Enter(usize),
    Leave(usize),
    Charge(usize, u64),
    Check(usize, u64),
    Strike(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0usize..14;
    prop_oneof![
        4 => key.clone().prop_map(Step::Enter),
        3 => key.clone().prop_map(Step::Leave),
        3 => (key.clone(), 1u64..6).prop_map(|(key, cost)| Step::Charge(key, cost)),
        2 => (key.clone(), 1u64..6).prop_map(|(key, cost)| Step::Check(key, cost)),
        1 => key.prop_map(Step::Strike),
        3 => (0..2 * SECOND).prop_map(Step::Wait),
    ]
}

/// Keys of every shape: empty, all ones, one bit apart, the same bits in another scope.
fn key(n: usize) -> Key {
    let bits =
        [0, 1, 2, 3, 1 << 32, 1 << 63, 1 << 64, 1 << 127, u128::MAX, u128::MAX << 64, u128::from(u64::MAX), 0, 0, 1];
    let scopes = [0, 0, 0, 0, 0, 0, 0, 0, u32::MAX, 0, 0, 1, u32::MAX, u32::MAX];
    Key::new(bits[n], scopes[n])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn t88_answers_as_a_plain_map_and_never_evicts_a_live_key(
        capacity in prop_oneof![Just(0u32), Just(1), Just(2), 3u32..16],
        seed: [u8; 16],
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let gcra = Gcra::new(Quota::gcra(5, Span::from_secs(1), 5));
        let meter = Meter::Gcra(gcra);
        let ledger = Ledger::new(capacity, seed, Duration::from_secs(3));
        let mut known: BTreeMap<usize, Known> = BTreeMap::new();
        let mut held: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
        let mut now = 1;
        for step in steps {
            match step {
                Step::Enter(n) => {
                    let place = ledger.enter(key(n), key(0), ns(now));
                    settle(&ledger, &mut known, n, now, capacity)?;
                    prop_assert_eq!(ledger.is_shared(place), !known.contains_key(&n));
                    if let Some(known) = known.get_mut(&n) {
                        known.refs += 1;
                    }
                    held.entry(n).or_default().push(place);
                }
                Step::Leave(n) => {
                    let Some(place) = held.get_mut(&n).and_then(Vec::pop) else { continue };
                    ledger.leave(place);
                    if let Some(known) = known.get_mut(&n).filter(|_| !ledger.is_shared(place)) {
                        known.refs -= 1;
                    }
                }
                Step::Charge(n, cost) => {
                    let Some(place) = held.get(&n).and_then(|places| places.last().copied()) else { continue };
                    let answer = ledger.charge(place, LANE, &meter, cost, ns(now));
                    if let Some(known) = known.get_mut(&n).filter(|_| !ledger.is_shared(place)) {
                        prop_assert_eq!(answer, gcra.charge(&mut known.word, cost, ns(now)));
                    }
                }
                Step::Check(n, cost) => {
                    let answer = ledger.check(key(n), key(0), LANE, &meter, cost, ns(now));
                    settle(&ledger, &mut known, n, now, capacity)?;
                    if let Some(known) = known.get_mut(&n) {
                        prop_assert_eq!(answer, gcra.charge(&mut known.word, cost, ns(now)));
                    }
                }
                Step::Strike(n) => {
                    let Some(place) = held.get(&n).and_then(|places| places.last().copied()) else { continue };
                    ledger.strike(place, 1000, Duration::from_secs(3), ns(now));
                    if let Some(known) = known.get_mut(&n).filter(|_| !ledger.is_shared(place)) {
                        known.forget_at = now + 3 * SECOND;
                    }
                }
                Step::Wait(nanos) => now += nanos,
            }
            for (n, known) in &known {
                let place = ledger.peek(key(*n));
                prop_assert!(place.is_some(), "key {n} has gone: {known:?}");
                let wait = ledger.test(place.unwrap(), LANE, &meter, 5, ns(now)).err();
                prop_assert_eq!(wait, gcra.test(known.word, 5, ns(now)).err());
            }
            prop_assert!(ledger.tracked() <= capacity);
        }
    }
}

/// Brings the model up to what the ledger did to let key `n` in, if it was allowed to do that.
fn settle(
    ledger: &Ledger,
    known: &mut BTreeMap<usize, Known>,
    n: usize,
    now: u64,
    capacity: u32,
) -> Result<(), TestCaseError> {
    if known.contains_key(&n) {
        prop_assert!(ledger.peek(key(n)).is_some());
        return Ok(());
    }
    let gone: Vec<usize> = known.keys().copied().filter(|n| ledger.peek(key(*n)).is_none()).collect();
    if ledger.peek(key(n)).is_none() {
        // It shares: then there was no record to be had.
        prop_assert!(known.len() == capacity as usize && known.values().all(|known| known.is_live(now)));
        prop_assert!(gone.is_empty());
        return Ok(());
    }
    prop_assert!(gone.len() <= 1, "one newcomer, {} gone", gone.len());
    for gone in gone {
        let gone = known.remove(&gone).unwrap();
        prop_assert!(!gone.is_live(now), "evicted while live: {gone:?}");
    }
    known.insert(n, Known::default());
    Ok(())
}
