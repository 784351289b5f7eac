//! How often and how many: who is charged for what.

use super::*;
use crate::story::closed;
use crate::{Message, Session};

fn wait(refusal: &Refusal) -> Duration {
    refusal.retry_after().expect("a limit says when")
}

#[test]
fn strangers_get_thirty_handshakes_a_minute_and_are_told_when_the_next_is_free() {
    let mut story = Story::new("");
    for _ in 0..30 {
        assert_eq!(story.refused(&Client::stranger()), Reason::CredentialMissing);
    }
    let refused = refusal(&story, &Client::stranger());
    assert_eq!((refused.reason(), refused.response().status()), (Reason::RateLimited, 429));
    assert_eq!(refused.response().header("retry-after"), Some("2"));
    // Not even a good credential is looked at; another address does not notice.
    assert_eq!(story.refused(&Client::good(&story, "alice")), Reason::RateLimited);
    drop(story.open(&Client::good(&story, "alice").from("198.51.100.8")));
    story.pass(wait(&refused) - Duration::from_nanos(1));
    assert_eq!(story.refused(&Client::stranger()), Reason::RateLimited);
    story.pass(Duration::from_nanos(1));
    assert_eq!(story.refused(&Client::stranger()), Reason::CredentialMissing);
}

/// After a restart everybody comes back at once, again and again, some behind one address.
#[test]
fn an_honest_storm_of_reconnects_locks_nobody_out() {
    let story = Story::new("");
    let clients: Vec<_> = ["alice", "bob", "carol"].iter().map(|user| Client::good(&story, user)).collect();
    for _ in 0..100 {
        let sessions: Vec<_> = clients.iter().map(|client| story.open(client)).collect();
        drop(sessions);
    }
    // And it buys strangers nothing.
    for _ in 0..30 {
        assert_eq!(story.refused(&Client::stranger()), Reason::CredentialMissing);
    }
    assert_eq!(story.refused(&Client::stranger()), Reason::RateLimited);
}

#[test]
fn guests_are_charged_as_strangers_are() {
    let story = Story::new("credential.anonymous = true");
    for _ in 0..30 {
        drop(story.open(&Client::stranger()));
    }
    assert_eq!(story.refused(&Client::stranger()), Reason::RateLimited);
}

#[test]
fn bad_credentials_are_limited_before_the_next_one_is_judged() {
    let mut story = Story::new("");
    for _ in 0..10 {
        let guess = Client::stranger().header("authorization", "Bearer a.b.c");
        assert_eq!(story.refused(&guess), Reason::CredentialInvalid);
    }
    // A good one is not judged either: the answer must not tell a guesser that he has hit.
    let refused = refusal(&story, &Client::good(&story, "alice"));
    assert_eq!(refused.reason(), Reason::RateLimited);
    assert_eq!(wait(&refused), 6 * SECOND);
    drop(story.open(&Client::good(&story, "alice").from("198.51.100.8")));
    story.pass(6 * SECOND);
    drop(story.open(&Client::good(&story, "alice")));
}

#[test]
fn caps_hold_for_a_user_an_address_and_all_and_a_closed_connection_makes_room() {
    let story = Story::new("cap = { per_user = 2, per_address = 3, total = 4, unauthenticated_per_address = 3 }");
    let client = |user: &str, address: &str| Client::good(&story, user).from(address);
    let mut sessions: Vec<Session> = Vec::new();
    sessions.push(story.open(&client("alice", "192.0.2.1")));
    sessions.push(story.open(&client("alice", "192.0.2.1")));
    // The user's cap holds wherever he comes from.
    let refused = refusal(&story, &client("alice", "192.0.2.2"));
    assert_eq!((refused.reason(), refused.response().status()), (Reason::TooManyConnections, 429));
    assert!(refused.response().header("retry-after").is_some());
    sessions.push(story.open(&client("bob", "192.0.2.1")));
    assert_eq!(story.refused(&client("carol", "192.0.2.1")), Reason::TooManyConnections);
    sessions.push(story.open(&client("bob", "192.0.2.2")));
    let refused = refusal(&story, &client("carol", "192.0.2.3"));
    assert_eq!((refused.reason(), refused.response().status()), (Reason::Overloaded, 503));

    drop(sessions.remove(0));
    sessions.push(story.open(&client("alice", "192.0.2.2")));
    assert_eq!(story.refused(&client("alice", "192.0.2.2")), Reason::Overloaded);
    assert!(story.guard.reconcile().agrees());
    drop(sessions);
    assert_eq!(story.guard.stats().connections, 0);
}

/// Closes a session for its faults.
fn misbehave(story: &mut Story, mut session: Session) {
    for _ in 0..10 {
        if closed(story.text(&mut session, "{")).is_some() {
            return;
        }
    }
    panic!("not closed");
}

#[test]
fn three_closes_for_violations_ban_the_address_and_the_user_for_five_minutes() {
    let mut story = Story::new("");
    for _ in 0..3 {
        let session = story.open_user("mallory");
        misbehave(&mut story, session);
    }
    let elsewhere = Client::good(&story, "mallory").from("192.0.2.44");
    for banned in [&Client::stranger(), &Client::good(&story, "alice"), &elsewhere] {
        let refused = refusal(&story, banned);
        assert_eq!((refused.reason(), refused.response().status()), (Reason::Banned, 429));
        assert_eq!(refused.response().header("retry-after"), Some("300"));
    }
    drop(story.open(&Client::good(&story, "alice").from("192.0.2.44")));
    story.pass(5 * MINUTE - Duration::from_nanos(1));
    assert_eq!(story.refused(&elsewhere), Reason::Banned);
    story.pass(Duration::from_nanos(1));
    drop(story.open(&elsewhere));
    drop(story.open_user("alice"));
}

#[test]
fn t89_a_ban_outlives_every_connection_and_a_flood_of_newcomers() {
    let mut story = Story::new("cap = { tracked_addresses = 4, tracked_users = 4 }");
    for _ in 0..3 {
        let session = story.open_user("mallory");
        misbehave(&mut story, session);
    }
    for other in 1..=200 {
        let _ = story.admit(&Client::stranger().from(&format!("192.0.2.{other}")));
    }
    story.pass(MINUTE);
    assert_eq!(story.refused(&Client::stranger()), Reason::Banned);
}

#[test]
fn t85_who_rotates_through_the_networks_of_one_site_shares_its_budget() {
    let story = Story::new("");
    // One /64 is one client, whatever its lower half.
    for host in 0..30 {
        let client = Client::stranger().from(&format!("2001:db8:1:1::{host:x}"));
        assert_eq!(story.refused(&client), Reason::CredentialMissing);
    }
    assert_eq!(story.refused(&Client::stranger().from("2001:db8:1:1:ffff::1")), Reason::RateLimited);
    // A /48 has sixteen times as many.
    for net in 0..450 {
        let client = Client::stranger().from(&format!("2001:db8:1:{:x}::1", net + 0x100));
        assert_eq!(story.refused(&client), Reason::CredentialMissing, "network {net}");
    }
    assert_eq!(story.refused(&Client::stranger().from("2001:db8:1:eeee::1")), Reason::RateLimited);
    assert_eq!(story.refused(&Client::stranger().from("2001:db8:2:eeee::1")), Reason::CredentialMissing);
}

#[test]
fn t84_every_spelling_of_an_ipv4_address_is_one_client() {
    let story = Story::new("cap.per_address = 1\ncap.unauthenticated_per_address = 1");
    let _session = story.open(&Client::good(&story, "alice").from("192.0.2.1"));
    assert_eq!(story.refused(&Client::good(&story, "bob").from("::ffff:192.0.2.1")), Reason::TooManyConnections);
    assert_eq!(story.refused(&Client::good(&story, "bob").from("::ffff:c000:201")), Reason::TooManyConnections);
}

#[test]
fn a_route_with_limits_of_its_own_has_buckets_of_its_own() {
    let story = Story::new(
        r#"
        [[route]]
        path = "/admin"
        cap = { per_user = 1, per_address = 1, unauthenticated_per_address = 1 }
        "#,
    );
    let user = Client::good(&story, "alice");
    let _admin = story.open(&user.clone().to("/admin"));
    assert_eq!(story.refused(&user.clone().to("/admin?x=1")), Reason::TooManyConnections);
    let _others: Vec<_> = (0..10).map(|_| story.open(&user)).collect();
    assert_eq!(story.refused(&user), Reason::TooManyConnections);
}

#[test]
fn all_sessions_of_an_address_share_its_messages_and_a_user_his() {
    let mut story = Story::new(
        r#"
        rate.user.messages = { limit = 3, per = "60s", burst = 3 }
        rate.address.messages = { limit = 5, per = "60s", burst = 5 }
        "#,
    );
    let mut sessions: Vec<_> = ["alice", "alice", "bob"].iter().map(|user| story.open_user(user)).collect();
    let mut delivered = [0; 3];
    for _ in 0..4 {
        for (session, count) in sessions.iter_mut().zip(&mut delivered) {
            let message = Message::Text(b"{}");
            let outcome = session.receive(message, &mut story.scratch, story.now.mono);
            *count += u32::from(crate::story::delivered(outcome));
        }
    }
    assert_eq!(delivered, [2, 1, 2], "three for alice, five for the address");
}
