//! Stories of a registry, and a model that it is compared with.

mod model;

use std::time::Duration;

use super::*;
use crate::story::{Client, POLICY, Story, merged};
use crate::{Action, Answer, Identity, Need, Revocation, UserKey};

/// Users by token or cookie, and room for many.
pub(super) const CROWD: &str = r#"
cap = { per_user = 10000, per_address = 10000, unauthenticated_per_address = 10000 }
rate.address.handshakes = { limit = 1000000, per = "1s" }
rate.address.messages = { limit = 1000000, per = "1s" }
rate.user.messages = { limit = 1000000, per = "1s" }
credential.sources = [
    { kind = "jwt", in = "header", name = "authorization" },
    { kind = "session", in = "cookie", name = "sid" },
]
"#;

pub(super) fn crowd(more: &str) -> (Story, Registry) {
    let story = Story::of(&merged(&merged(POLICY, CROWD), more));
    let registry = Registry::new(story.guard.clone(), story.now.mono);
    (story, registry)
}

/// A candidate whose host has to say who it is.
fn hold(story: &Story, registry: &mut Registry) -> Handle {
    let candidate = story.screen(&Client::stranger().header("cookie", "sid=abc")).unwrap();
    match registry.admit(candidate, story.now) {
        Admitted::Wait(handle) => handle,
        other => panic!("{other:?}"),
    }
}

/// A crowd of one user, opened with one token: signing is slow.
fn insert_many(story: &Story, registry: &mut Registry, subject: &str, count: usize) -> Vec<Handle> {
    let client = Client::good(story, subject);
    (0..count).map(|_| registry.insert(story.open(&client)).unwrap()).collect()
}

fn revoke(story: &Story, subject: &str) {
    let user = UserKey { namespace: "https://id.example.com".into(), tenant: "".into(), subject: subject.into() };
    let what = Revocation::User { user, issued_until: crate::UnixTime::MAX };
    let _ = story.guard.revoke(&what, Duration::MAX, story.now.unix).unwrap();
}

#[test]
fn a_handle_is_exact_in_every_language_and_never_zero() {
    let (story, mut registry) = crowd("");
    let handle = registry.insert(story.open_user("alice")).unwrap();
    assert_eq!(handle.number(), 1 << 24);
    let last = Handle::new(SLOTS - 1, GENERATIONS - 1).unwrap();
    assert_eq!(last.number(), (1 << 52) - 1);
    assert!((last.number() as f64 as u64) == last.number());
    assert_eq!((last.slot(), last.generation()), (SLOTS - 1, Some(GENERATIONS - 1)));
    assert_eq!(Handle::from_number(0), None);
    for forged in [1, 2 << 24, (1 << 24) + 1, u64::MAX] {
        assert!(registry.session(Handle::from_number(forged).unwrap()).is_err(), "{forged:#x}");
    }
}

#[test]
fn a_handle_of_what_is_gone_is_an_error_everywhere() {
    let (mut story, mut registry) = crowd("");
    let session = registry.insert(story.open_user("alice")).unwrap();
    let candidate = hold(&story, &mut registry);
    assert!(registry.waiting(session).is_err());
    assert!(registry.provide(session, Answer::Refused, story.now).is_err());
    assert!(registry.session(candidate).is_err() && registry.entry(candidate).is_err());
    assert_eq!(registry.len(), 2);

    assert!(registry.remove(session).unwrap().is_some(), "the session");
    assert!(registry.remove(candidate).unwrap().is_none(), "a candidate that is let go");
    for handle in [session, candidate] {
        assert!(registry.session(handle).is_err() && registry.waiting(handle).is_err());
        assert!(registry.entry(handle).is_err() && registry.remove(handle).is_err());
        assert!(registry.provide(handle, Answer::Refused, story.now).is_err());
        assert!(registry.receive(handle, Message::Text(b"{}"), &mut story.scratch, story.now.mono).is_err());
    }
    assert!(registry.is_empty());
    assert_eq!((registry.next_timeout(), story.guard.stats().connections), (None, 0));
}

/// Two connections with one number would let one client act as another.
#[test]
fn a_slot_whose_generations_are_used_up_is_never_used_again() {
    let (story, _) = crowd("");
    let mut registry = Registry::with_generations(story.guard.clone(), 4, story.now.mono);
    let client = Client::good(&story, "alice");
    let mut seen = std::collections::HashSet::new();
    for _ in 0..10 {
        let handle = registry.insert(story.open(&client)).unwrap();
        assert!(seen.insert(handle));
        drop(registry.remove(handle).unwrap());
    }
    assert_eq!(seen.iter().map(|handle| handle.slot()).max(), Some(3), "three uses a slot");
    assert!(seen.iter().all(|handle| handle.generation() < Some(4)));
}

#[test]
fn t13_a_candidate_whose_host_does_not_answer_is_refused_and_gives_its_slots_back() {
    let (mut story, mut registry) = crowd("");
    let handle = hold(&story, &mut registry);
    assert!(matches!(registry.waiting(handle).unwrap().need(), Need::Identity(_)));
    assert_eq!(story.guard.stats().unauthenticated, 1);
    story.pass(Duration::from_secs(10) - Duration::from_nanos(1));
    assert!(registry.tick(story.now.mono).is_none());
    assert!(registry.next_timeout().unwrap() <= story.now.mono.after(Duration::from_nanos(1)));
    story.pass(Duration::from_nanos(1));
    let Some(Tick::Refused(refused, refusal)) = registry.tick(story.now.mono) else { panic!("not refused") };
    assert_eq!((refused, refusal.reason(), refusal.response().status()), (handle, Reason::HandshakeTimeout, 408));
    let stats = story.guard.stats();
    assert_eq!((stats.connections, stats.unauthenticated), (0, 0));
    assert!(stats.refused.contains(&(Reason::HandshakeTimeout, 1)));
    assert!(registry.provide(handle, Answer::Identity(Identity::assertion("late")), story.now).is_err());
}

#[test]
fn an_answer_opens_the_session_under_the_same_handle_or_refuses_it() {
    let (mut story, mut registry) = crowd("");
    let (good, bad) = (hold(&story, &mut registry), hold(&story, &mut registry));
    let answer = Answer::Identity(Identity::assertion("alice"));
    assert!(matches!(registry.provide(good, answer, story.now), Ok(Admitted::Open(handle)) if handle == good));
    assert_eq!(registry.session(good).unwrap().identity().and_then(Identity::subject), Some("alice"));
    let refused = registry.provide(bad, Answer::Refused, story.now);
    assert!(matches!(refused, Ok(Admitted::Refused(refusal)) if refusal.reason() == Reason::CredentialInvalid));
    assert_eq!(registry.len(), 1);
    story.pass(Duration::from_secs(25));
    let tick = registry.tick(story.now.mono);
    assert!(matches!(tick, Some(Tick::Due(handle, due)) if handle == good && matches!(due.action, Action::Ping(_))));
}

#[test]
fn an_entry_brings_a_deadline_nearer() {
    let (mut story, mut registry) = crowd("");
    let handle = registry.insert(story.open_user("alice")).unwrap();
    let _ = registry.entry(handle).unwrap().close(Reason::ClosedByHost, story.now.mono);
    story.pass(Duration::from_secs(5));
    let tick = registry.tick(story.now.mono);
    assert!(matches!(tick, Some(Tick::Due(_, due)) if due.action == Action::Terminate));
    assert_eq!(registry.next_timeout(), None);
    // So does a message that closes.
    let handle = registry.insert(story.open_user("alice")).unwrap();
    let _ = registry.receive(handle, Message::Text(b"\xff"), &mut story.scratch, story.now.mono).unwrap();
    story.pass(Duration::from_secs(5));
    assert!(matches!(registry.tick(story.now.mono), Some(Tick::Due(_, due)) if due.action == Action::Terminate));
}

/// How many calls of `tick` until nothing is due, and what they brought.
fn settle(registry: &mut Registry, now: Timestamp) -> (usize, Vec<Tick>) {
    let mut ticks = Vec::new();
    for calls in 1..100_000 {
        match registry.tick(now) {
            Some(tick) => ticks.push(tick),
            None if registry.next_timeout().is_none_or(|at| at > now) => return (calls, ticks),
            None => {}
        }
    }
    panic!("the ticks do not end");
}

/// A revocation must reach a socket that sends nothing, within a bounded number of calls.
#[test]
fn t51_a_revocation_is_shown_to_every_session_though_others_follow_without_end() {
    let (story, mut registry) = crowd("heartbeat.interval = \"1h\"");
    let bystanders = insert_many(&story, &mut registry, "alice", 1500);
    let mallory = registry.insert(story.open_user("mallory")).unwrap();
    revoke(&story, "mallory");
    assert_eq!(registry.next_timeout(), Some(Timestamp::ZERO));
    let (calls, ticks) = settle(&mut registry, story.now.mono);
    assert!(calls <= 1501 / 64 + 3, "{calls} calls");
    let [Tick::Due(handle, due)] = &ticks[..] else { panic!("{ticks:?}") };
    assert_eq!(*handle, mallory);
    assert!(matches!(due.action, Action::Close(close) if close.reason == Reason::Revoked));

    // Somebody is revoked before every call: a round that began again each time would never end.
    let last = *bystanders.last().unwrap();
    revoke(&story, "alice");
    let mut closed = 0;
    for call in 0.. {
        revoke(&story, &format!("user {call}"));
        closed += u32::from(registry.tick(story.now.mono).is_some());
        if registry.session(last).unwrap().closed().is_some() {
            break;
        }
        assert!(call < 1600, "the last session was put off {call} times");
    }
    assert!(closed > 0);
}

#[test]
fn a_drain_reaches_a_session_that_was_not_yet_inserted_when_it_began() {
    let (mut story, mut registry) = crowd("heartbeat.interval = \"1h\"");
    let session = story.open_user("alice");
    let _ = story.guard.drain(story.now.mono);
    let _ = settle(&mut registry, story.now.mono);
    assert_eq!(registry.next_timeout(), None);
    let handle = registry.insert(session).unwrap();
    let _ = settle(&mut registry, story.now.mono);
    story.pass(Duration::from_secs(30));
    let (_, ticks) = settle(&mut registry, story.now.mono);
    assert!(
        matches!(&ticks[..], [Tick::Due(_, due)] if matches!(due.action, Action::Close(close) if close.code == 1012))
    );
    assert!(registry.session(handle).unwrap().closed().is_some());
}

/// A host has one thread: a million timers that run out together must not stop it.
#[test]
fn one_call_looks_at_a_bounded_number_of_connections() {
    let (mut story, mut registry) = crowd("heartbeat.mode = \"message\"");
    let handles = insert_many(&story, &mut registry, "alice", 1000);
    story.pass(Duration::from_secs(30));
    for handle in &handles {
        let _ = registry.receive(*handle, Message::Text(b"{}"), &mut story.scratch, story.now.mono).unwrap();
    }
    // The wheel still knows the old deadlines; none of them holds any more.
    story.pass(Duration::from_secs(5));
    assert!(registry.tick(story.now.mono).is_none());
    assert!(registry.next_timeout().unwrap() <= story.now.mono, "936 are still to be looked at");
    let (calls, ticks) = settle(&mut registry, story.now.mono);
    assert!((15..19).contains(&calls) && ticks.is_empty(), "{calls} calls, {} ticks", ticks.len());
    story.pass(Duration::from_secs(30));
    assert_eq!(settle(&mut registry, story.now.mono).1.len(), 1000);
}

/// The bound is one for all calls until there is none, whatever comes of the looks: a host that does all that it is
/// told before it serves its sockets again is not held for longer by many pings than by many idle looks.
#[test]
fn all_calls_until_none_look_at_a_bounded_number_of_connections() {
    let (mut story, mut registry) = crowd("");
    let handles = insert_many(&story, &mut registry, "alice", 1000);
    story.pass(Duration::from_secs(25));
    let mut pinged = std::collections::HashSet::new();
    for round in 1..=16 {
        while let Some(tick) = registry.tick(story.now.mono) {
            assert!(
                matches!(tick, Tick::Due(handle, due) if matches!(due.action, Action::Ping(_)) && pinged.insert(handle))
            );
        }
        assert_eq!(pinged.len(), (round * 64).min(1000));
        assert_eq!(registry.next_timeout().unwrap() <= story.now.mono, round < 16, "the rest is due at once");
    }
    assert!(handles.iter().all(|handle| pinged.contains(handle)));

    // A host that stops sooner has the rest of its round left; connections that come and go meanwhile change nothing.
    story.pass(Duration::from_secs(10));
    for _ in 0..40 {
        let Some(Tick::Due(handle, _)) = registry.tick(story.now.mono) else { panic!("a close is due") };
        drop(registry.remove(handle).unwrap());
    }
    let more = insert_many(&story, &mut registry, "alice", 100);
    assert_eq!(std::iter::from_fn(|| registry.tick(story.now.mono)).count(), 24);
    let (_, ticks) = settle(&mut registry, story.now.mono);
    assert_eq!(ticks.len(), 1000 - 64);
    assert!(more.iter().all(|handle| registry.session(*handle).unwrap().is_open()));
}

/// Some 60 connections fall due with every step of the clock, in several rounds or one: each is pinged at the first
/// step after its time, and none twice.
#[test]
fn no_ping_is_late_by_more_than_the_hosts_own_step() {
    let (mut story, mut registry) = crowd("");
    let client = Client::good(&story, "alice");
    let mut due = std::collections::HashMap::new();
    for number in 0..6000_u64 {
        story.now.mono = story.now.mono.after(Duration::from_nanos(number * 7919 % 133_333));
        let session = story.open(&client);
        due.insert(registry.insert(session).unwrap(), story.now.mono.after(Duration::from_secs(25)));
    }
    let step = Duration::from_millis(4);
    story.pass(Duration::from_secs(24));
    while !due.is_empty() {
        story.pass(step);
        let now = story.now.mono;
        for tick in settle(&mut registry, now).1 {
            let Tick::Due(handle, _) = tick else { panic!("nobody waits") };
            let at = due.remove(&handle).expect("pinged once");
            assert!(at <= now && now.since(at) < step, "{:?} late", now.since(at));
        }
        assert!(due.values().all(|at| *at > now), "one was passed over");
    }
}

#[test]
fn memory_of_connections_that_are_gone_is_given_back() {
    let (story, mut registry) = crowd("");
    let handles = insert_many(&story, &mut registry, "alice", 3000);
    for handle in handles {
        drop(registry.remove(handle).unwrap());
    }
    assert_eq!(registry.slots.held_memory(), 256 << 10, "the one chunk that is kept");
    let _ = insert_many(&story, &mut registry, "alice", 1);
    assert_eq!(registry.slots.held_memory(), 256 << 10);
}

#[test]
fn the_message_path_speaks_in_numbers_and_keeps_what_they_cannot_hold() {
    let mut story = Story::new("");
    let mut registry = Registry::new(story.guard.clone(), story.now.mono);
    let handle = registry.insert(story.open_user("alice")).unwrap().number();
    let now = story.now.mono;
    let mut receive = |handle, opcode, payload: &[u8]| {
        let number = registry.receive_number(handle, opcode, payload, &mut story.scratch, now);
        (number, registry.last())
    };
    assert_eq!(receive(handle, 1, b"{}"), (1, None));
    let (number, last) = receive(handle, 1, b"{");
    let Some(outcome) = last else { panic!("nothing was kept") };
    assert_eq!((number & 0xff, number), (2, outcome.number()));
    assert!(matches!(outcome.verdict, Verdict::Reply(reply) if reply.reason == Reason::InvalidJson));
    // Half a close code, and an opcode that is reserved, break the protocol.
    let (number, last) = receive(handle, 8, b"\x03");
    assert_eq!(number & 0xffff, 4 | u32::from(Reason::ProtocolError.number()) << 8);
    assert!(last.is_some_and(|outcome| outcome.event.is_some()));
    assert_eq!(receive(handle, 3, b"").0 & 0xff, 3, "a close is said once");
    for stale in [0, handle + 1, u64::MAX] {
        assert_eq!(receive(stale, 1, b"{}"), (0, None));
    }
}
