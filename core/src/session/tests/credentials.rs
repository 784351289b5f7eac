//! Stories of credentials on live connections.

use super::*;

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
    assert!(
        matches!(story.text(&mut session, "{}").verdict, Verdict::Reply(reply) if reply.reason == Reason::TokenExpired)
    );

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
        let story = Story::new(REFRESH);
        let token = story.token_with("alice", 600, scopes("read write"));
        let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {token}")));
        let narrower = auth_message(&story.token_with("alice", 900, scopes("read write")));
        assert!(
            matches!(session.authenticate(narrower.as_bytes(), story.now), Judgement::Done(o) if o.verdict == Verdict::Ignore)
        );
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

pub(super) const FIRST_MESSAGE: &str = r#"
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
    assert!(
        matches!(session.authenticate(message.as_bytes(), story.now), Judgement::Done(o) if o.verdict == Verdict::Ignore)
    );
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
    let Judgement::Done(outcome) = session.provide(Answer::Identity(Identity::assertion("eve")), story.now) else {
        panic!()
    };
    assert_eq!(closed(outcome).unwrap().reason, Reason::Internal);
}

#[test]
fn a_revocation_closes_the_sessions_it_names_and_refuses_the_credential() {
    let mut story = Story::new("");
    let mut alice = story.open_user("alice");
    let mut bob = story.open_user("bob");
    let user = |subject: &str| UserKey {
        namespace: "https://id.example.com".into(),
        tenant: "".into(),
        subject: subject.into(),
    };
    let affected = story.revoke(Revocation::User { user: user("alice"), issued_until: story.now.unix });
    assert_eq!(affected.ids, [alice.id()]);
    assert_eq!(closed(story.text(&mut alice, "{}")).unwrap().reason, Reason::Revoked);
    assert!(delivered(story.text(&mut bob, "{}")));
    assert_eq!(story.refused(&Client::good(&story, "alice")), Reason::Revoked);

    let token = Revocation::Token { namespace: "https://id.example.com".into(), id: "bob".into() };
    assert_eq!(story.revoke(token).ids, [bob.id()]);
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
    let affected = story.revoke(Revocation::User { user, issued_until: UnixTime::from_secs(issued - 1) });
    assert!(affected.ids.is_empty());
    assert_eq!(story.refused(&open(&story, issued - 1)), Reason::Revoked);
    let mut session = story.open(&open(&story, issued));
    assert!(delivered(story.text(&mut session, "{}")));
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
        let Ok(crate::Admission::Wait(waiting)) = story.admit(&Client::stranger().header("cookie", "sid=abc")) else {
            panic!()
        };
        assert_eq!(waiting.need(), &Need::Identity("abc".into()));
        match waiting.provide(Answer::Identity(Identity::assertion("alice").with_scopes(["read"])), story.now) {
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
fn refreshing_often_does_not_put_off_the_question_to_the_host() {
    let mut story = Story::new(&format!("{REFRESH}\ncredential.revalidate = \"60s\""));
    let token = story.token("alice", 3600);
    let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {token}")));
    story.pass(50 * SECOND);
    assert!(session_opened(session.authenticate(auth_message(&token).as_bytes(), story.now)));
    let due = story.next_due(&mut session, 10 * SECOND).unwrap();
    assert_eq!(due.action, Action::Revalidate);
}

#[test]
fn a_host_that_only_says_still_good_lifts_neither_the_end_nor_the_id() {
    let mut story = Story::new(&format!("{SELDOM}\ncredential.revalidate = \"10s\""));
    let token = story.token("alice", 60);
    let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {token}")));
    assert_eq!(story.next_due(&mut session, MINUTE).unwrap().action, Action::Revalidate);
    let same = Identity::assertion("alice").with_namespace("https://id.example.com");
    assert_eq!(session.revalidated(Answer::Identity(same), story.now).verdict, Verdict::Ignore);
    assert_eq!(session.identity().and_then(Identity::token_id), Some("alice"));
    assert!(session.identity().unwrap().expires().is_some());
}

#[test]
fn without_a_refresh_in_the_policy_a_first_message_renews_nothing_later() {
    let mut story = Story::new(FIRST_MESSAGE);
    let mut session = story.open(&Client::stranger());
    let message = auth_message(&story.token("alice", 60));
    assert!(session_opened(session.authenticate(message.as_bytes(), story.now)));
    let later = auth_message(&story.token("alice", 3600));
    let Judgement::Done(outcome) = session.authenticate(later.as_bytes(), story.now) else { panic!() };
    assert!(matches!(outcome.verdict, Verdict::Reply(reply) if reply.reason == Reason::UnknownType));
    story.pass(90 * SECOND);
    assert_eq!(closed(story.text(&mut session, "{}")).unwrap().reason, Reason::TokenExpired);
}

#[test]
fn guests_go_when_a_reload_wants_none() {
    let mut story = Story::new("credential.anonymous = true");
    let mut guest = story.open(&Client::stranger());
    assert!(delivered(story.text(&mut guest, "{}")));
    let _ = story.guard.reload(crate::Policy::from_toml(crate::story::POLICY).unwrap()).unwrap();
    assert_eq!(closed(story.text(&mut guest, "{}")).unwrap().reason, Reason::PolicyChanged);
}

#[test]
fn a_token_that_the_host_resolves_to_nobody_opens_nothing() {
    let source = r#"
        origin.allow = ["https://app.example.com"]
        credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
    "#;
    let story = Story::of(source);
    let Ok(crate::Admission::Wait(waiting)) = story.admit(&Client::stranger().header("cookie", "sid=a")) else {
        panic!()
    };
    let refusal = waiting.provide(Answer::Identity(Identity::guest()), story.now).unwrap_err();
    assert_eq!(refusal.reason(), Reason::CredentialInvalid);
}

#[test]
fn a_routes_rules_are_not_left_by_another_spelling_of_its_path() {
    let story = Story::of(
        r#"
        origin.allow = ["https://app.example.com"]
        credential.anonymous = true
        [[route]]
        path = "/admin"
        [route.credential]
        anonymous = false
        [route.credential.jwt]
        keys = [{ alg = "HS256", secret = "a key for the stories, of 32 bytes or more" }]
        issuer = ["https://id.example.com"]
        audience = ["chat"]
        "#,
    );
    let _guest = story.open(&Client::stranger().to("/chat"));
    for path in ["/admin", "/Admin", "/admin/", "/admin;x=1", "/ADMIN/;y"] {
        assert_eq!(story.refused(&Client::stranger().to(path)), Reason::CredentialMissing, "{path}");
    }
}

#[test]
fn a_refresh_that_the_host_does_not_answer_closes() {
    let source = r#"
        origin.allow = ["https://app.example.com"]
        credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
        credential.refresh = { type = "auth", field = "token" }
        heartbeat.interval = "1h"
    "#;
    let mut story = Story::of(source);
    let Ok(crate::Admission::Wait(waiting)) = story.admit(&Client::stranger().header("cookie", "sid=a")) else {
        panic!()
    };
    let admitted = waiting.provide(Answer::Identity(Identity::assertion("alice")), story.now);
    let Ok(crate::Admission::Open(mut session)) = admitted else { panic!() };
    assert!(matches!(session.authenticate(auth_message("b").as_bytes(), story.now), Judgement::Wait(_)));
    let began = story.now.mono;
    let due = story.next_due(&mut session, MINUTE).unwrap();
    assert!(matches!(due.action, Action::Close(close) if close.reason == Reason::IdentityUnavailable));
    assert_eq!(story.now.mono.since(began), 10 * SECOND);
}

#[test]
fn a_drain_that_begins_while_the_host_looks_up_refuses_the_candidate() {
    let source = r#"
        origin.allow = ["https://app.example.com"]
        credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
    "#;
    let story = Story::of(source);
    let Ok(crate::Admission::Wait(waiting)) = story.admit(&Client::stranger().header("cookie", "sid=a")) else {
        panic!()
    };
    let _ = story.guard.drain(story.now.mono);
    let refusal = waiting.provide(Answer::Identity(Identity::assertion("alice")), story.now).unwrap_err();
    assert_eq!(refusal.reason(), Reason::Draining);
}

/// A refresh that the host still looks up when the old credential ends is not lost.
#[test]
fn an_answer_that_comes_within_the_grace_renews_the_session() {
    let source = r#"
        origin.allow = ["https://app.example.com"]
        credential.sources = [{ kind = "session", in = "cookie", name = "sid" }]
        credential.refresh = { type = "auth", field = "token" }
        heartbeat.interval = "1h"
        deadline.admit = "2min"
    "#;
    for asked_when_expired in [false, true] {
        let mut story = Story::of(source);
        let identity = Identity::assertion("alice");
        let expires = story.now.unix.after(Duration::from_secs(60));
        let Ok(crate::Admission::Wait(waiting)) = story.admit(&Client::stranger().header("cookie", "sid=a")) else {
            panic!()
        };
        let admitted = waiting.provide(Answer::Identity(identity.clone().with_expires(expires)), story.now);
        let Ok(crate::Admission::Open(mut session)) = admitted else { panic!() };
        let message = r#"{"type":"auth","token":"b"}"#;
        if asked_when_expired {
            assert_eq!(story.next_due(&mut session, Duration::from_secs(90)).unwrap().action, Action::Expired);
        }
        assert_eq!(story.text(&mut session, message).verdict, Verdict::Authenticate);
        assert!(matches!(session.authenticate(message.as_bytes(), story.now), Judgement::Wait(_)));
        if !asked_when_expired {
            assert_eq!(story.next_due(&mut session, Duration::from_secs(90)).unwrap().action, Action::Expired);
        }
        assert!(session.next_timeout().unwrap() > story.now.mono, "nothing is due before the grace ends");
        let answer = Answer::Identity(identity.with_expires(expires.after(Duration::from_secs(60))));
        let Judgement::Done(outcome) = session.provide(answer, story.now) else { panic!() };
        assert_eq!(outcome.verdict, Verdict::Ignore);
        assert!(matches!(story.text(&mut session, "{}").verdict, Verdict::Deliver(_)));
        assert!(story.now.mono < Timestamp::from_secs(1000).after(85 * SECOND));
    }
}
