//! Stories of heartbeats, deadlines and ends.

use super::*;

#[test]
fn a_peer_that_answers_pings_lives_and_one_that_does_not_is_closed_and_cut() {
    let mut story = Story::new("");
    let mut session = story.open_user("alice");
    for _ in 0..3 {
        let due = story.next_due(&mut session, MINUTE).unwrap();
        let Action::Ping(payload) = due.action else { panic!("{due:?}") };
        story.pass(Duration::from_millis(40));
        let _ = session.receive(Message::Pong(&payload), &mut story.scratch, story.now.mono);
        assert_eq!(session.latency(), Some(Duration::from_millis(40)));
    }
    let pinged = story.next_due(&mut session, MINUTE).unwrap();
    assert!(matches!(pinged.action, Action::Ping(_)));
    let began = story.now.mono;
    let due = story.next_due(&mut session, MINUTE).unwrap();
    assert!(matches!(due.action, Action::Close(close) if close.code == 4408 && close.reason == Reason::PingTimeout));
    assert_eq!(story.now.mono.since(began), 10 * SECOND);
    let due = story.next_due(&mut session, MINUTE).unwrap();
    assert_eq!(due.action, Action::Terminate);
    assert_eq!(story.now.mono.since(began), 15 * SECOND);
    assert_eq!(session.next_timeout(), None);
}

#[test]
fn t65_a_pong_nobody_asked_for_or_with_another_payload_is_no_sign_of_life() {
    let mut story = Story::new("rate.connection.control = { limit = 100, per = \"1s\", burst = 100 }");
    let mut session = story.open_user("alice");
    let Some(Action::Ping(payload)) = story.next_due(&mut session, MINUTE).map(|due| due.action) else { panic!() };
    for wrong in [&b""[..], b"12345678", &payload[..7]] {
        let _ = session.receive(Message::Pong(wrong), &mut story.scratch, story.now.mono);
    }
    let due = story.next_due(&mut session, MINUTE).unwrap();
    assert!(matches!(due.action, Action::Close(close) if close.reason == Reason::PingTimeout));
}

#[test]
fn a_reload_applies_at_the_next_message_and_closes_what_is_no_longer_allowed() {
    let mut story = Story::new("");
    let mut session = story.open_user("alice");
    let smaller = crate::story::merged(crate::story::POLICY, "message.max_bytes = 10");
    let affected = story.guard.reload(crate::Policy::from_toml(&smaller).unwrap()).unwrap();
    assert_eq!(affected.ids, [session.id()]);
    assert_eq!(closed(story.text(&mut session, r#"{"a":"bcdefgh"}"#)).unwrap().reason, Reason::MessageTooBig);

    let mut session = story.open_user("alice");
    let elsewhere = crate::story::merged(crate::story::POLICY, "origin.allow = [\"https://other.example.com\"]");
    let _ = story.guard.reload(crate::Policy::from_toml(&elsewhere).unwrap()).unwrap();
    assert_eq!(closed(story.text(&mut session, "{}")).unwrap().reason, Reason::PolicyChanged);
}

#[test]
fn a_drain_refuses_newcomers_and_spreads_the_closes() {
    let story = Story::new(&format!("{SELDOM}\ncap = {{ per_user = 1000, per_address = 1000 }}"));
    let mut sessions: Vec<_> = (0..200).map(|_| story.open_user("alice")).collect();
    let affected = story.guard.drain(story.now.mono);
    assert_eq!(affected.ids.len(), 200);
    assert_eq!(story.refused(&Client::good(&story, "bob")), Reason::Draining);
    let began = story.now.mono;
    let mut ends: Vec<_> = Vec::new();
    for session in &mut sessions {
        assert_eq!(session.handle_timeout(began), None);
        let at = session.next_timeout().unwrap();
        assert!(matches!(session.handle_timeout(at).unwrap().action, Action::Close(close) if close.code == 1012));
        ends.push(at.since(began));
    }
    assert!(ends.iter().all(|end| *end <= 30 * SECOND));
    for third in 0..3 {
        let in_third = ends.iter().filter(|end| end.as_secs() / 10 == third).count();
        assert!((50..=84).contains(&in_third), "{in_third} of 200 in third {third}");
    }
}

#[test]
fn a_consumer_that_does_not_read_is_closed_at_the_hard_mark() {
    let story = Story::new("");
    let mut session = story.open_user("alice");
    let now = story.now.mono;
    assert_eq!(session.queued(256 << 10, now), Pressure::Free);
    assert_eq!(session.queued(1, now), Pressure::Full);
    session.drained(1);
    assert_eq!(session.queued(0, now), Pressure::Free);
    let Pressure::Close(close, Some(_)) = session.queued(1 << 20, now) else { panic!() };
    assert_eq!((close.code, close.reason), (4408, Reason::SlowConsumer));
}

#[test]
fn channels_are_capped_and_given_back() {
    let story = Story::new("cap.channels_per_connection = 2");
    let mut session = story.open_user("alice");
    assert_eq!(session.join("lobby"), Ok(true));
    assert_eq!(session.join("lobby"), Ok(false));
    assert_eq!(session.join("games"), Ok(true));
    assert_eq!(session.join("third"), Err(Reason::TooManyChannels));
    // Leaving what it is not in makes no room.
    assert!(!session.leave("third") && !session.leave("third"));
    assert_eq!(session.join("third"), Err(Reason::TooManyChannels));
    assert!(session.leave("lobby"));
    assert_eq!(session.join("third"), Ok(true));
    assert_eq!(session.channels().collect::<Vec<_>>(), ["games", "third"]);
    assert!(session.leave("third"));
    assert_eq!(session.join(&"x".repeat(257)), Err(Reason::TooManyChannels));
}

#[test]
fn the_peers_close_is_echoed_and_a_forbidden_code_is_a_protocol_error() {
    let mut story = Story::new("");
    for (code, echoed) in [(Some(1000), 1000), (Some(4999), 4999), (None, 0), (Some(1005), 1002), (Some(999), 1002)] {
        let mut session = story.open_user("alice");
        let outcome = session.receive(Message::Close(code), &mut story.scratch, story.now.mono);
        assert_eq!(closed(outcome).unwrap().code, echoed, "{code:?}");
        assert_eq!(session.handle_timeout(story.now.mono).map(|due| due.action), Some(Action::Terminate));
        assert_eq!(session.next_timeout(), None);
    }
}

#[test]
fn the_peers_answer_to_our_close_ends_the_wait_for_it() {
    let mut story = Story::new("");
    let mut session = story.open_user("alice");
    assert!(closed(session.close(Reason::ClosedByHost, story.now.mono)).is_some());
    assert_eq!(session.next_timeout(), Some(story.now.mono.after(5 * SECOND)));
    let answer = session.receive(Message::Close(Some(1000)), &mut story.scratch, story.now.mono);
    assert_eq!(answer.verdict, Verdict::Ignore);
    assert_eq!(session.next_timeout(), Some(story.now.mono));
    assert_eq!(session.handle_timeout(story.now.mono).map(|due| due.action), Some(Action::Terminate));
}

#[test]
fn lifetime_and_idle_are_kept() {
    let mut story = Story::new(&format!("{SELDOM}\ndeadline = {{ lifetime = \"2h\", idle = \"20s\" }}"));
    let mut session = story.open_user("alice");
    story.pass(19 * SECOND);
    assert!(delivered(story.text(&mut session, "{}")));
    let began = story.now.mono;
    let due = story.next_due(&mut session, MINUTE).unwrap();
    assert!(matches!(due.action, Action::Close(close) if close.reason == Reason::IdleTimeout));
    assert_eq!(story.now.mono.since(began), 20 * SECOND);
}

#[test]
fn everything_is_given_back_exactly_once_on_every_exit() {
    let mut story = Story::new(credentials::FIRST_MESSAGE);
    for exit in 0..4 {
        let mut session = story.open(&Client::stranger());
        match exit {
            0 => drop(session.lost(story.now.mono)),
            1 => drop(session.close(Reason::ClosedByHost, story.now.mono)),
            2 => drop(session.receive(Message::Close(None), &mut story.scratch, story.now.mono)),
            _ => {}
        }
        assert_eq!(story.guard.stats().connections, 1);
        drop(session);
        let stats = story.guard.stats();
        assert_eq!((stats.connections, stats.unauthenticated, stats.sessions), (0, 0, 0));
    }
}
