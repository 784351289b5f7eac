//! What the connections of one server share: counted, and counted again.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::http::Remote;
use crate::story::{Client, Story, delivered};
use crate::{Answer, Candidate, Identity, Session, Waiting};

#[test]
fn stats_count_what_is_open_and_what_was_refused() {
    let story = Story::new("");
    let alice = story.open_user("alice");
    let bob = story.open_user("bob");
    for _ in 0..3 {
        assert_eq!(story.refused(&Client::stranger().from("192.0.2.1")), Reason::CredentialMissing);
    }
    let stats = story.guard.stats();
    assert_eq!((stats.connections, stats.unauthenticated, stats.sessions, stats.opened), (2, 0, 2, 2));
    assert_eq!((stats.addresses, stats.users), (2, 2));
    assert_eq!(stats.refused, [(Reason::CredentialMissing, 3)]);
    drop((alice, bob));
    let stats = story.guard.stats();
    assert_eq!((stats.connections, stats.sessions, stats.opened), (0, 0, 2));
}

#[test]
fn reconcile_finds_a_slot_that_nobody_holds() {
    let story = Story::new("");
    let session = story.open(&Client::good(&story, "alice").from("2001:db8::1"));
    let sound = story.guard.reconcile();
    assert!(sound.agrees());
    assert_eq!((sound.connections, sound.address_slots, sound.sessions, sound.user_slots), (1, 1, 1, 1));
    assert_eq!((sound.address_references, sound.user_references), (2, 1), "the /64 and the /48");
    let ledgers = &story.guard.0.ledgers;

    assert!(ledgers.try_open(100));
    assert!(!story.guard.reconcile().agrees(), "one more in all");
    ledgers.close();
    ledgers.stranger_came();
    assert!(!story.guard.reconcile().agrees(), "one more stranger");
    ledgers.stranger_left();
    let policy = story.guard.policy();
    let user = session.identity().and_then(Identity::user).expect("a user's session");
    let place = ledgers.enter_user(policy.rules("/chat"), user, story.now.mono);
    assert!(!story.guard.reconcile().agrees(), "one reference that nobody gives back");
    ledgers.users.leave(place);
    ledgers.users.close(place);
    assert!(!story.guard.reconcile().agrees(), "one slot given back twice");
    assert!(ledgers.users.try_open(place, 10));
    assert!(story.guard.reconcile().agrees());

    drop(session);
    let empty = story.guard.reconcile();
    assert!(empty.agrees());
    assert_eq!((empty.connections, empty.address_references, empty.user_references), (0, 0, 0));
}

/// Slowloris: sockets that stay silent, or say a word now and then, take no more than one address's share,
/// and take it from nobody else.
#[test]
fn t13_an_address_has_few_sockets_that_ask_for_nothing() {
    let story = Story::new("transport.trusted_proxies = [\"10.0.0.0/8\"]");
    let knock = |address: &str| story.guard.knock(Remote::Address(address.parse().unwrap()), story.now.mono);
    let mut silent: Vec<_> = (0..8).map(|_| knock("192.0.2.1").unwrap()).collect();
    let refusal = knock("192.0.2.1").unwrap_err();
    assert_eq!(refusal.reason(), Reason::TooManyConnections);
    assert_eq!(story.guard.stats().refused, [(Reason::TooManyConnections, 1)]);
    let _neighbour = knock("192.0.2.2").unwrap();
    let _network: Vec<_> = (0..8).map(|host| knock(&format!("2001:db8::{host}")).unwrap()).collect();
    assert!(knock("2001:db8::9").is_err(), "a /64 is one address");
    let _proxies: Vec<_> = (0..100).map(|_| knock("10.0.0.1").unwrap()).collect();
    let _local: Vec<_> = (0..100).map(|_| story.guard.knock(Remote::Unix, story.now.mono).unwrap()).collect();

    // Whoever asks is judged by what he asks, whatever else his address holds open.
    assert!(story.admit(&Client::good(&story, "alice").from("192.0.2.1")).is_ok());
    assert!(story.guard.reconcile().agrees());
    silent.pop();
    assert!(knock("192.0.2.1").is_ok());
}

/// Whoever holds something of the guard.
enum Holder {
    Knock(Knock),
    Candidate(Candidate),
    Waiting(Waiting),
    Session(Session),
}

const MIXED: &str = r#"
cap = { per_user = 3, per_address = 6, unauthenticated_per_address = 4, total = 12, tracked_addresses = 3, tracked_users = 2 }
rate.address.handshakes = { limit = 1000, per = "1s" }
credential.sources = [
    { kind = "jwt", in = "first-message", type = "auth", field = "token" },
    { kind = "session", in = "cookie", name = "sid" },
]
"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Tables of three addresses and two users: most newcomers share records.
    #[test]
    fn after_any_coming_and_going_the_books_agree(
        steps in prop::collection::vec((0..7_u8, 0..16_usize, 0..6_u8), 1..150),
    ) {
        let mut story = Story::new(MIXED);
        let mut held: Vec<Holder> = Vec::new();
        for (step, which, who) in steps {
            let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8:1:1::1", "2001:db8:1:2::1", "203.0.113.1", "203.0.113.2"];
            let client = Client::stranger().from(addresses[usize::from(who)]);
            let cookie = client.clone().header("cookie", "sid=abc");
            let subject = format!("user {}", who % 4);
            let at = which % held.len().max(1);
            match step {
                0 | 1 => held.extend(story.screen(if step == 0 { &client } else { &cookie }).map(Holder::Candidate)),
                2 if !held.is_empty() => drop(held.swap_remove(at)),
                3 if !held.is_empty() => match held.swap_remove(at) {
                    Holder::Candidate(candidate) => match candidate.admit(story.now) {
                        Ok(crate::Admission::Open(session)) => held.push(Holder::Session(session)),
                        Ok(crate::Admission::Wait(waiting)) => held.push(Holder::Waiting(waiting)),
                        Err(_) => {}
                    },
                    Holder::Knock(knock) => drop(knock),
                    Holder::Waiting(waiting) => {
                        let answer = if who == 0 { Answer::Refused } else { Answer::Identity(Identity::assertion(subject)) };
                        if let Ok(crate::Admission::Open(session)) = waiting.provide(answer, story.now) {
                            held.push(Holder::Session(session));
                        }
                    }
                    Holder::Session(mut session) => {
                        let message = format!(r#"{{"type":"auth","token":"{}"}}"#, story.token(&subject, 60));
                        let _ = session.authenticate(message.as_bytes(), story.now);
                        held.push(Holder::Session(session));
                    }
                },
                4 => {
                    if let Some(Holder::Session(session)) = held.get_mut(at) {
                        let _ = session.close(Reason::ClosedByHost, story.now.mono);
                    }
                }
                5 => held.extend(story.guard.knock(client.peer, story.now.mono).map(Holder::Knock)),
                _ => story.pass(Duration::from_secs(u64::from(who))),
            }
            let reconciled = story.guard.reconcile();
            prop_assert!(reconciled.agrees(), "{reconciled:?}");
            prop_assert_eq!(reconciled.connections, held.len() as u64);
            let sessions = held.iter().filter(|holder| matches!(holder, Holder::Session(_))).count();
            prop_assert_eq!(reconciled.sessions, sessions as u64);
        }
        held.clear();
        let empty = story.guard.reconcile();
        prop_assert!(empty.agrees());
        prop_assert_eq!((empty.connections, empty.address_references, empty.user_references), (0, 0, 0));
    }
}

/// The tables are shared by threads without a lock on the message path: no slot is lost or made,
/// and no more messages get through than one thread could have sent.
#[test]
fn threads_that_come_and_go_leave_nothing_behind() {
    let story = Story::new(
        r#"
        cap = { per_user = 5, per_address = 20, total = 20, tracked_addresses = 8, tracked_users = 4 }
        rate.address.handshakes = { limit = 1000000, per = "1s" }
        rate.user.messages = { limit = 1000, per = "3600s", burst = 1000 }
        "#,
    );
    let clients: Vec<_> = (0..4).map(|user| Client::good(&story, &format!("user {user}"))).collect();
    let passed = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (guard, now, clients, passed) = (story.guard.clone(), story.now, &clients, &passed);
            scope.spawn(move || {
                let scratch = guard.scratch();
                let mut story = Story { guard, now, scratch };
                let mut held = Vec::new();
                for round in 0..400_usize {
                    let client = clients[(thread + round) % 4].clone().from(&format!("192.0.2.{}", round % 16));
                    if let Ok(crate::Admission::Open(session)) = story.admit(&client) {
                        held.push(session);
                    }
                    for session in &mut held {
                        let good = delivered(story.text(session, "{}"));
                        passed.fetch_add(
                            u32::from(good && session.identity().unwrap().subject() == Some("user 0")),
                            Ordering::Relaxed,
                        );
                    }
                    if !held.is_empty() && (round % 3 == 0 || held.len() > 4) {
                        drop(held.swap_remove(round % held.len()));
                    }
                }
            });
        }
    });
    assert!((1..=1000).contains(&passed.load(Ordering::Relaxed)), "{passed:?}");
    let empty = story.guard.reconcile();
    assert!(empty.agrees());
    assert_eq!((empty.connections, empty.address_references, empty.user_references), (0, 0, 0));
    assert!(story.guard.stats().opened > 100);
}
