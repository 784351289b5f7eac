//! What a message is charged: worked out once and then made, beside the plain form of the same.

use proptest::prelude::*;

use super::*;
use crate::limit::Lane;
use crate::session::receive::Refused;
use crate::{Session, Timestamp};

/// The plain form: every bucket is tested, then every bucket is charged, which tests it again.
fn charge_plainly(session: &mut Session, cost: u64, bytes: u64, now: Timestamp) -> Result<(), Refused> {
    let refused = session.test(cost, bytes, now);
    if let Err(Refused::Limit(until)) = refused {
        return Err(Refused::Limit(until));
    }
    let Session { hot, cold } = session;
    let quotas = &hot.rules.quotas;
    let (addresses, users) = hot.guard.ledgers();
    let mut windows = cold.windows.as_deref_mut();
    let charged = quotas
        .messages
        .charge_own(&mut hot.messages, windows.as_mut().map(|own| &mut own.messages), cost, now)
        .and_then(|()| quotas.bytes.charge_own(&mut hot.bytes, windows.map(|own| &mut own.bytes), bytes, now));
    charged.map_err(Refused::Limit)?;
    refused?;
    if let Some(user) = hot.user {
        users.charge(user, Lane::Messages, &quotas.user, cost, now).map_err(Refused::Limit)?;
    }
    addresses.charge(hot.address, Lane::Messages, &quotas.address.fine, cost, now).map_err(Refused::Crowd)?;
    let wide = |wide| addresses.charge(wide, Lane::Messages, &quotas.address.wide, cost, now);
    hot.wide.map_or(Ok(()), wide).map_err(Refused::Crowd)
}

/// Small and uneven, so that every one is met, and prices are no whole nanoseconds; sliding windows for the
/// connection, the user, the address where it says so.
fn policy([own, user, address]: [bool; 3]) -> String {
    let quota = |limit, burst, window| match window {
        true => format!("{{ limit = {burst}, per = \"3s\", kind = \"sliding-window\" }}"),
        false => format!("{{ limit = {limit}, per = \"3s\", burst = {burst} }}"),
    };
    let (own, user, address) = (quota(7, 5, own), quota(11, 7, user), quota(13, 8, address));
    format!(
        "credential.anonymous = true\ncap.per_user = 10\nmessage.max_bytes = 400\n\
         rate.connection = {{ messages = {own}, bytes = {{ limit = 1009, per = \"1s\", burst = 400 }} }}\n\
         rate.user.messages = {user}\nrate.address.messages = {address}"
    )
}

const KINDS: [[bool; 3]; 4] = [[false; 3], [true; 3], [true, false, false], [false, true, false]];

/// Three connections from one network: two of one user, over IPv4 or with a /48 around them, and a guest's.
fn sessions(kind: [bool; 3], peer: &str) -> (Story, Vec<Session>) {
    let story = Story::new(&policy(kind));
    let alice = Client::good(&story, "alice").from(peer);
    let sessions = [alice.clone(), alice, Client::stranger().from(peer)].iter().map(|who| story.open(who)).collect();
    (story, sessions)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Each sequence is charged in both forms, each to a server of its own: the answers are the same, with their
    /// times, and so is what every bucket then holds.
    #[test]
    fn what_is_planned_and_made_is_what_is_tested_and_charged(
        kind in 0..KINDS.len(),
        wide in any::<bool>(),
        steps in prop::collection::vec((0..3_usize, 0..4_u64, 0..450_u64, 0..900_000_000_u64), 1..80),
    ) {
        let peer = if wide { "2001:db8::7" } else { "198.51.100.7" };
        let ((story, mut planned), (_, mut plain)) = (sessions(KINDS[kind], peer), sessions(KINDS[kind], peer));
        let mut now = story.now.mono;
        for (who, cost, bytes, wait) in steps {
            now = now.after(Duration::from_nanos(wait));
            let (ours, theirs) = (&mut planned[who], &mut plain[who]);
            prop_assert_eq!(ours.charge(cost, bytes, now), charge_plainly(theirs, cost, bytes, now));
            prop_assert_eq!((ours.hot.messages, ours.hot.bytes), (theirs.hot.messages, theirs.hot.bytes));
            for (ours, theirs) in planned.iter().zip(&plain) {
                for (cost, bytes) in [(1, 0), (4, 0), (5, 300), (8, 0)] {
                    prop_assert_eq!(ours.test(cost, bytes, now), theirs.test(cost, bytes, now));
                }
            }
        }
    }
}

const WIDE: &str = r#"
cap.per_user = 10
rate.connection = { messages = { limit = 1000000, per = "1s" }, bytes = "900MB/s" }
rate.user.messages = { limit = 1000000, per = "1s" }
rate.address.messages = { limit = 1000000, per = "1s" }
"#;

/// One message too many never gets through, whatever two threads do at once; and here none too few.
#[test]
fn threads_that_share_a_user_share_its_burst() {
    const BURST: usize = 100_000;
    for shared in ["user", "address"] {
        let narrow = format!("rate.{shared}.messages = {{ limit = {BURST}, per = \"1h\", burst = {BURST} }}");
        let story = Story::new(&merged(WIDE, &narrow));
        let client = Client::good(&story, "alice");
        let together = std::sync::Barrier::new(4);
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let (mut session, now) = (story.open(&client), story.now.mono);
                    let together = &together;
                    scope.spawn(move || {
                        together.wait();
                        (0..BURST).filter(|_| session.charge(1, 10, now).is_ok()).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, BURST, "by {shared}");
    }
}

/// A race is lost where it was read, and the rest is charged as if it had been read anew.
#[test]
fn what_was_charged_before_a_lost_race_is_not_charged_again() {
    let story = Story::new(&policy(KINDS[0]));
    let client = Client::good(&story, "alice").from("2001:db8::7");
    let now = story.now.mono;
    // As told by what is left to the address: 8, less what the session has charged it.
    for (user, address, charged) in [(false, false, 1), (true, false, 1), (true, true, 0)] {
        let session = story.open(&client);
        let left = |session: &Session| (1..=8).rev().find(|cost| in_address(session, *cost, now)).unwrap_or(0);
        let before = left(&session);
        assert_eq!(session.charge_after_race(user, address, 1, now), Ok(()));
        assert_eq!(before - left(&session), charged, "user {user}, address {address}");
    }
}

fn in_address(session: &Session, cost: u64, now: Timestamp) -> bool {
    let (addresses, _) = session.hot.guard.ledgers();
    let quota = &session.hot.rules.quotas.address.fine;
    addresses.test(session.hot.address, Lane::Messages, quota, cost, now).is_ok()
}

/// A clock set back refills nothing and locks nobody out: an hour later is not when the next message passes.
#[test]
fn a_clock_set_back_does_not_lock_a_connection_out_of_its_own_limits() {
    for kind in KINDS {
        let (story, mut sessions) = sessions(kind, "198.51.100.7");
        let session = &mut sessions[0];
        let mut now = story.now.mono.after(3600 * SECOND);
        while session.charge(1, 80, now).is_ok() {}
        now = story.now.mono;
        assert!(session.charge(1, 80, now).is_err(), "nothing is refilled");
        let waits = (0..40).take_while(|_| {
            now = now.after(Duration::from_millis(100));
            session.charge(1, 80, now).is_err()
        });
        assert!(waits.count() <= 31, "{kind:?}");
    }
}
