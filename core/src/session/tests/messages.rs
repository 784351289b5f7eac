//! Stories of messages and their limits.

use super::*;

#[test]
fn a_message_of_a_good_client_is_delivered() {
    let mut story = Story::new("");
    let mut session = story.open_user("alice");
    assert_eq!(session.identity().and_then(Identity::subject), Some("alice"));
    assert_eq!(session.response().status(), 101);
    assert!(delivered(story.text(&mut session, r#"{"type":"chat"}"#)));
}

#[test]
fn a_message_that_the_application_refuses_counts_like_one_that_the_schema_refuses() {
    let mut story = Story::new("message.errors = { limit = 1, per = \"60s\" }");
    let mut session = story.open_user("alice");
    assert!(delivered(story.text(&mut session, "{}")));
    let refused = session.refuse_delivered(story.now.mono);
    assert!(matches!(refused.verdict, Verdict::Reply(reply) if reply.reason == Reason::SchemaViolation));
    assert!(delivered(story.text(&mut session, "{}")));
    let last = session.refuse_delivered(story.now.mono);
    assert_eq!(closed(last).map(|close| close.reason), Some(Reason::TooManyErrors));
    assert_eq!(session.refuse_delivered(story.now.mono).verdict, Verdict::Drop(Reason::TooManyErrors));
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
        assert!(
            matches!(story.text(&mut session, "{").verdict, Verdict::Reply(reply) if reply.reason == Reason::InvalidJson)
        );
    }
    let close = closed(story.text(&mut session, "{")).unwrap();
    assert_eq!((close.code, close.reason), (4400, Reason::TooManyErrors));
    let after = story.text(&mut session, "{}").verdict;
    assert_eq!(after, Verdict::Drop(Reason::TooManyErrors), "a closed session stays closed, and says so once");
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
fn a_neighbour_who_uses_the_address_up_gets_nobody_else_closed_or_banned() {
    let mut story = Story::new(
        r#"
        rate.address.messages = { limit = 6, per = "60s", burst = 6 }
        message.errors = { limit = 2, per = "60s" }
        "#,
    );
    let mut noisy = story.open_user("mallory");
    for _ in 0..6 {
        assert!(delivered(story.text(&mut noisy, "{}")));
    }
    let mut honest = story.open_user("alice");
    for _ in 0..10 {
        let verdict = story.text(&mut honest, "{}").verdict;
        assert!(
            matches!(verdict, Verdict::Reply(reply) if reply.reason == Reason::RateLimited && reply.retry_after.is_some())
        );
    }
    story.pass(MINUTE);
    assert!(delivered(story.text(&mut honest, "{}")));
}

/// What closes at once counts towards the ban, too: else a client could send one message too large, or one that is
/// not text, for each connection and never be shut out.
#[test]
fn floods_that_close_at_once_ban() {
    let large = format!("\"{}\"", "x".repeat(70_000));
    let floods: [fn(&str) -> Vec<Message<'_>>; 3] = [
        |large| vec![Message::Text(large.as_bytes())],
        |_| vec![Message::Text(b"\"\xff\"")],
        |_| vec![Message::Ping(b""); 20],
    ];
    for (number, flood) in floods.iter().enumerate() {
        let mut story = Story::new("");
        let name = format!("user {number}");
        for _ in 0..3 {
            let mut session = story.open_user(&name);
            let closes = flood(&large)
                .into_iter()
                .any(|message| closed(session.receive(message, &mut story.scratch, story.now.mono)).is_some());
            assert!(closes, "{number}");
        }
        assert_eq!(story.refused(&Client::good(&story, &name)), Reason::Banned, "{number}");
    }
}

#[test]
fn a_users_violations_ban_the_user_and_not_the_address() {
    let mut story = Story::new("message.errors = { limit = 1, per = \"60s\" }");
    for _ in 0..3 {
        let mut session = story.open_user("mallory");
        let _ = story.text(&mut session, "{");
        assert_eq!(closed(story.text(&mut session, "{")).unwrap().reason, Reason::TooManyErrors);
    }
    assert_eq!(story.refused(&Client::good(&story, "mallory")), Reason::Banned);
    let _alice = story.open_user("alice");
}

#[test]
fn a_costly_message_is_refused_until_exactly_when_its_whole_cost_is_there() {
    let mut story = Story::new(
        r#"
        rate.connection.messages = { limit = 4, per = "4s", burst = 4 }
        message.types.search = { cost = 3 }
        "#,
    );
    let mut session = story.open_user("alice");
    let search = r#"{"type":"search"}"#;
    assert!(delivered(story.text(&mut session, search)));
    assert!(!delivered(story.text(&mut session, search)));
    let wait = session.retry_after(story.now.mono).unwrap();
    assert_eq!(wait, 3 * SECOND, "one is left and spent on the look; three have to come back");
    story.pass(wait);
    assert!(delivered(story.text(&mut session, search)));
}
