//! Stories of sessions, with a virtual clock.

use std::time::Duration;

use crate::story::{Client, Story, closed, delivered, merged};
use crate::{
    Action, Answer, Identity, Judgement, Message, Need, Pressure, Reason, Revocation, Timestamp, UnixTime, UserKey,
    Verdict,
};

/// Pings so seldom that none comes in between.
const SELDOM: &str = "heartbeat.interval = \"1h\"";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_message_of_a_good_client_is_delivered() {
    let mut story = Story::new("");
    let mut session = story.open_user("alice");
    assert_eq!(session.identity().and_then(Identity::subject), Some("alice"));
    assert_eq!(session.response().status(), 101);
    assert!(delivered(story.text(&mut session, r#"{"type":"chat"}"#)));
}

#[test]
fn a_burst_is_refused_until_exactly_the_time_it_is_told() {
    let mut story = Story::new("rate.on_excess = \"drop\"\nmessage.errors = { limit = 100, per = \"60s\" }");
    let mut session = story.open_user("alice");
    for _ in 0..40 {
        assert!(delivered(story.text(&mut session, "{}")));
    }
    let refused = story.text(&mut session, "{}");
    assert_eq!(refused.verdict, Verdict::Drop(Reason::RateLimited));
    let wait = session.retry_after(story.now.mono).unwrap();
    story.pass(wait - Duration::from_nanos(1));
    assert!(!delivered(story.text(&mut session, "{}")));
    story.pass(Duration::from_nanos(1));
    assert!(delivered(story.text(&mut session, "{}")));
}

#[test]
fn the_guides_window_is_ten_in_any_second_and_reconnecting_does_not_reset_it() {
    let mut story = Story::new(
        r#"
        dialect = "guide"
        rate.user.messages = { limit = 10, per = "1s", kind = "sliding-window" }
        "#,
    );
    let mut first = story.open_user("alice");
    let mut second = story.open_user("alice");
    for _ in 0..5 {
        assert!(delivered(story.text(&mut first, "{}")));
        assert!(delivered(story.text(&mut second, "{}")));
    }
    let Verdict::Reply(reply) = story.text(&mut first, "{}").verdict else { panic!("no reply") };
    assert_eq!(reply.write(&mut [0; 256]), br#"{"error":"Rate limit exceeded"}"#);

    // The guide deletes the user's stamps when any of his sockets closes.
    drop(second);
    assert!(!delivered(story.text(&mut first, "{}")));
    drop(first);
    let mut again = story.open_user("alice");
    assert!(!delivered(story.text(&mut again, "{}")));
    story.pass(SECOND);
    assert!(delivered(story.text(&mut again, "{}")));
}

#[test]
fn t86_users_of_two_tenants_share_nothing() {
    let mut story = Story::new(
        r#"
        credential.jwt.tenant = "org"
        rate.user.messages = { limit = 1, per = "60s", burst = 1 }
        "#,
    );
    let open = |story: &Story, subject: &str, tenant: &str| {
        let token = story.token_with(subject, 3600, serde_json::json!({ "org": tenant }));
        story.open(&Client::stranger().header("authorization", format!("Bearer {token}")))
    };
    // Joined into one string, these two would be the same user.
    let mut first = open(&story, "c", "ab");
    let mut second = open(&story, "bc", "a");
    assert!(delivered(story.text(&mut first, "{}")));
    assert!(delivered(story.text(&mut second, "{}")));
    assert!(!delivered(story.text(&mut first, "{}")));
}

#[test]
fn so_many_faults_are_answered_and_the_next_one_closes() {
    let mut story = Story::new("");
    let mut session = story.open_user("alice");
    for _ in 0..5 {
        assert!(matches!(story.text(&mut session, "{").verdict, Verdict::Reply(reply) if reply.reason == Reason::InvalidJson));
    }
    let close = closed(story.text(&mut session, "{")).unwrap();
    assert_eq!((close.code, close.reason), (4400, Reason::TooManyErrors));
    assert_eq!(closed(story.text(&mut session, "{}")), Some(close), "a closed session stays closed");
}

#[test]
fn violations_are_recorded_once_a_second_and_the_rest_are_counted() {
    let mut story = Story::new("message.errors = { limit = 1000, per = \"60s\" }");
    let mut session = story.open_user("alice");
    assert!(story.text(&mut session, "{").event.is_some());
    for _ in 0..3 {
        assert!(story.text(&mut session, "{").event.is_none());
    }
    story.pass(SECOND);
    let event = story.text(&mut session, "{").event.unwrap();
    assert_eq!((event.reason, event.suppressed), (Some(Reason::InvalidJson), 3));
}

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
fn t65_a_flood_of_pings_closes() {
    let mut story = Story::new("");
    let mut session = story.open_user("alice");
    let mut receive = |story: &mut Story| session.receive(Message::Ping(b"x"), &mut story.scratch, story.now.mono);
    for _ in 0..10 {
        assert_eq!(receive(&mut story).verdict, Verdict::Pong);
    }
    assert_eq!(closed(receive(&mut story)).unwrap().reason, Reason::RateLimited);
}

#[test]
fn t51_nothing_is_delivered_after_expiry_even_if_the_hosts_timer_is_late() {
    let mut story = Story::new("");
    let token = story.token("alice", 60);
    let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {token}")));
    // exp is 60 s away, the leeway is 30 s.
    story.pass(90 * SECOND - Duration::from_nanos(1));
    assert!(delivered(story.text(&mut session, "{}")));
    story.pass(Duration::from_nanos(1));
    let close = closed(story.text(&mut session, "{}")).unwrap();
    assert_eq!((close.code, close.reason), (4401, Reason::TokenExpired));
}

#[test]
fn t57_a_civil_clock_that_is_set_back_extends_nothing() {
    let mut story = Story::new("");
    let token = story.token("alice", 60);
    let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {token}")));
    story.now.unix = UnixTime::from_secs(story.now.unix.as_secs() - 3600);
    story.now.mono = story.now.mono.after(90 * SECOND);
    assert_eq!(closed(story.text(&mut session, "{}")).unwrap().reason, Reason::TokenExpired);
}

const REFRESH: &str = r#"
credential.refresh = { type = "auth", field = "token" }
heartbeat = { interval = "1h", timeout = "10s" }
"#;

fn auth_message(token: &str) -> String {
    serde_json::json!({ "type": "auth", "token": token }).to_string()
}

#[test]
fn an_expired_session_takes_only_a_refresh_for_as_long_as_the_grace() {
    let mut story = Story::new(REFRESH);
    let token = story.token("alice", 60);
    let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {token}")));
    let due = story.next_due(&mut session, 2 * MINUTE).unwrap();
    assert_eq!(due.action, Action::Expired);
    assert!(matches!(story.text(&mut session, "{}").verdict, Verdict::Reply(reply) if reply.reason == Reason::TokenExpired));

    let refresh = auth_message(&story.token("alice", 600));
    assert_eq!(story.text(&mut session, &refresh).verdict, Verdict::Authenticate);
    let judgement = session.authenticate(refresh.as_bytes(), story.now);
    assert!(matches!(judgement, Judgement::Done(outcome) if outcome.verdict == Verdict::Ignore));
    assert!(delivered(story.text(&mut session, "{}")));

    let due = story.next_due(&mut session, 20 * MINUTE).unwrap();
    assert_eq!(due.action, Action::Expired);
    let began = story.now.mono;
    let due = story.next_due(&mut session, 20 * MINUTE).unwrap();
    assert!(matches!(due.action, Action::Close(close) if close.reason == Reason::TokenExpired));
    assert_eq!(story.now.mono.since(began), 25 * SECOND);
}

#[test]
fn a_refresh_for_another_user_or_for_more_scopes_closes() {
    let scopes = |list: &str| serde_json::json!({ "scope": list });
    for (subject, scope) in [("mallory", "read"), ("alice", "read admin")] {
        let mut story = Story::new(REFRESH);
        let token = story.token_with("alice", 600, scopes("read write"));
        let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {token}")));
        let narrower = auth_message(&story.token_with("alice", 900, scopes("read write")));
        assert!(matches!(session.authenticate(narrower.as_bytes(), story.now), Judgement::Done(o) if o.verdict == Verdict::Ignore));
        let wider = auth_message(&story.token_with(subject, 900, scopes(scope)));
        let Judgement::Done(outcome) = session.authenticate(wider.as_bytes(), story.now) else { panic!() };
        assert_eq!(closed(outcome).unwrap().reason, Reason::IdentityChanged);
    }
}

#[test]
fn a_bad_refresh_is_told_and_leaves_the_session_as_it_was() {
    let mut story = Story::new(REFRESH);
    let mut session = story.open_user("alice");
    let before = session.next_timeout();
    let bad = auth_message("not.a.token");
    let Judgement::Done(outcome) = session.authenticate(bad.as_bytes(), story.now) else { panic!() };
    assert!(matches!(outcome.verdict, Verdict::Reply(reply) if reply.reason == Reason::CredentialInvalid));
    assert_eq!(session.next_timeout(), before);
    assert!(delivered(story.text(&mut session, "{}")));
}

const FIRST_MESSAGE: &str = r#"
credential.sources = [{ kind = "jwt", in = "first-message", type = "auth", field = "token" }]
"#;

#[test]
fn before_the_first_messages_credential_nothing_else_is_taken() {
    let mut story = Story::new(FIRST_MESSAGE);
    let mut session = story.open(&Client::stranger());
    assert!(session.is_pending() && session.identity().is_none());
    assert_eq!(closed(story.text(&mut session, r#"{"type":"chat"}"#)).unwrap().reason, Reason::AuthenticationRequired);

    let mut session = story.open(&Client::stranger());
    let message = auth_message(&story.token("alice", 60));
    assert_eq!(story.text(&mut session, &message).verdict, Verdict::Authenticate);
    assert!(matches!(session.authenticate(message.as_bytes(), story.now), Judgement::Done(o) if o.verdict == Verdict::Ignore));
    assert!(delivered(story.text(&mut session, "{}")));
    assert_eq!(session.identity().and_then(Identity::subject), Some("alice"));
}

#[test]
fn t14_only_a_good_credential_stops_the_first_messages_deadline() {
    let mut story = Story::new(FIRST_MESSAGE);
    let mut session = story.open(&Client::stranger());
    story.pass(4 * SECOND);
    let _ = session.receive(Message::Ping(b""), &mut story.scratch, story.now.mono);
    let due = story.next_due(&mut session, MINUTE).unwrap();
    assert!(matches!(due.action, Action::Close(close) if close.reason == Reason::AuthTimeout && close.code == 4408));
    assert_eq!(story.now.mono, Timestamp::from_secs(1005));
}

#[test]
fn a_pending_session_holds_an_unauthenticated_slot_and_an_open_one_does_not() {
    let mut story = Story::new(&format!("{FIRST_MESSAGE}\ncap.unauthenticated_per_address = 2"));
    let mut first = story.open(&Client::stranger());
    let _second = story.open(&Client::stranger());
    assert_eq!(story.refused(&Client::stranger()), Reason::TooManyConnections);
    assert_eq!(story.guard.stats().unauthenticated, 2);
    let message = auth_message(&story.token("alice", 60));
    assert_eq!(story.text(&mut first, &message).verdict, Verdict::Authenticate);
    let _ = session_opened(first.authenticate(message.as_bytes(), story.now));
    assert_eq!(story.guard.stats().unauthenticated, 1);
    let _third = story.open(&Client::stranger());
}

fn session_opened(judgement: Judgement) -> bool {
    matches!(judgement, Judgement::Done(outcome) if outcome.verdict == Verdict::Ignore)
}

#[test]
fn an_opaque_first_message_waits_for_the_host_and_a_second_one_closes() {
    let source = r#"
        origin.allow = ["https://app.example.com"]
        credential.sources = [{ kind = "session", in = "first-message", type = "auth", field = "token" }]
    "#;
    let mut story = Story::of(source);
    let mut session = story.open(&Client::stranger());
    let message = auth_message("opaque");
    assert_eq!(story.text(&mut session, &message).verdict, Verdict::Authenticate);
    let Judgement::Wait(Need::Identity(secret)) = session.authenticate(message.as_bytes(), story.now) else { panic!() };
    assert_eq!(secret.expose(), b"opaque");
    assert!(session_opened(session.provide(Answer::Identity(Identity::assertion("alice")), story.now)));
    assert!(delivered(story.text(&mut session, "{}")));

    let mut session = story.open(&Client::stranger());
    assert!(matches!(session.authenticate(message.as_bytes(), story.now), Judgement::Wait(_)));
    assert_eq!(closed(story.text(&mut session, &message)).unwrap().reason, Reason::AuthenticationRequired);

    // An answer nobody asked for never opens a session.
    let mut session = story.open(&Client::stranger());
    let Judgement::Done(outcome) = session.provide(Answer::Identity(Identity::assertion("eve")), story.now) else { panic!() };
    assert_eq!(closed(outcome).unwrap().reason, Reason::Internal);
}

#[test]
fn a_revocation_closes_the_sessions_it_names_and_refuses_the_credential() {
    let mut story = Story::new("");
    let mut alice = story.open_user("alice");
    let mut bob = story.open_user("bob");
    let user = |subject: &str| UserKey { namespace: "https://id.example.com".into(), tenant: "".into(), subject: subject.into() };
    let affected = story.guard.revoke(Revocation::User { user: user("alice"), issued_before: story.now.unix });
    assert_eq!(affected.ids, [alice.id()]);
    assert_eq!(closed(story.text(&mut alice, "{}")).unwrap().reason, Reason::Revoked);
    assert!(delivered(story.text(&mut bob, "{}")));
    assert_eq!(story.refused(&Client::good(&story, "alice")), Reason::Revoked);

    let token = Revocation::Token { namespace: "https://id.example.com".into(), id: "bob".into() };
    assert_eq!(story.guard.revoke(token).ids, [bob.id()]);
    let due = bob.handle_timeout(story.now.mono).unwrap();
    assert!(matches!(due.action, Action::Close(close) if close.reason == Reason::Revoked));
}

#[test]
fn a_cut_off_spares_credentials_issued_after_it() {
    let mut story = Story::new("");
    let issued = story.now.unix.as_secs();
    let open = |story: &Story, issued: u64| {
        let token = story.token_with("alice", 3600, serde_json::json!({ "iat": issued }));
        Client::stranger().header("authorization", format!("Bearer {token}"))
    };
    let user = UserKey { namespace: "https://id.example.com".into(), tenant: "".into(), subject: "alice".into() };
    let affected = story.guard.revoke(Revocation::User { user, issued_before: UnixTime::from_secs(issued) });
    assert!(affected.ids.is_empty());
    assert_eq!(story.refused(&open(&story, issued - 1)), Reason::Revoked);
    let mut session = story.open(&open(&story, issued));
    assert!(delivered(story.text(&mut session, "{}")));
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
    let mut story = Story::new(&format!("{SELDOM}\ncap = {{ per_user = 1000, per_address = 1000 }}"));
    let mut sessions: Vec<_> = (0..200).map(|_| story.open_user("alice")).collect();
    let affected = story.guard.drain(30 * SECOND, story.now.mono);
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
    assert_eq!(session.join(), Ok(()));
    assert_eq!(session.join(), Ok(()));
    assert_eq!(session.join(), Err(Reason::TooManyChannels));
    session.leave();
    assert_eq!(session.join(), Ok(()));
}

#[test]
fn the_peers_close_is_echoed_and_a_forbidden_code_is_a_protocol_error() {
    let mut story = Story::new("");
    for (code, echoed) in [(Some(1000), 1000), (Some(4999), 4999), (None, 0), (Some(1005), 1002), (Some(999), 1002)] {
        let mut session = story.open_user("alice");
        let outcome = session.receive(Message::Close(code), &mut story.scratch, story.now.mono);
        assert_eq!(closed(outcome).unwrap().code, echoed, "{code:?}");
        assert_eq!(session.next_timeout(), None);
    }
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
fn a_revalidation_that_is_not_answered_closes() {
    let source = r#"
        origin.allow = ["https://app.example.com"]
        credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
        credential.revalidate = "10s"
    "#;
    let mut story = Story::of(&merged(source, SELDOM));
    let open = |story: &Story| {
        let Ok(crate::Admission::Wait(waiting)) = story.admit(&Client::stranger().header("cookie", "sid=abc")) else { panic!() };
        assert_eq!(waiting.need(), &Need::Identity("abc".into()));
        match waiting.provide(Answer::Identity(Identity::assertion("alice").scopes(["read"])), story.now) {
            Ok(crate::Admission::Open(session)) => session,
            other => panic!("{other:?}"),
        }
    };
    let mut session = open(&story);
    assert_eq!(story.next_due(&mut session, MINUTE).unwrap().action, Action::Revalidate);
    let outcome = session.revalidated(Answer::Identity(Identity::assertion("alice")), story.now);
    assert_eq!(outcome.verdict, Verdict::Ignore);
    assert!(!session.identity().unwrap().has_scope("read"), "an answer may narrow");
    assert_eq!(story.next_due(&mut session, MINUTE).unwrap().action, Action::Revalidate);
    let due = story.next_due(&mut session, MINUTE).unwrap();
    assert!(matches!(due.action, Action::Close(close) if close.reason == Reason::IdentityUnavailable));

    let mut session = open(&story);
    assert_eq!(story.next_due(&mut session, MINUTE).unwrap().action, Action::Revalidate);
    assert_eq!(closed(session.revalidated(Answer::Refused, story.now)).unwrap().reason, Reason::Revoked);
}

#[test]
fn everything_is_given_back_exactly_once_on_every_exit() {
    let mut story = Story::new(FIRST_MESSAGE);
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
