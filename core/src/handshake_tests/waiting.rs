//! A candidate whose credential the host looks up: it is late, refuses, cannot tell, or the client
//! has gone meanwhile.

use super::*;
use crate::{Answer, Candidate, Identity, Need, Waiting};

const OPAQUE: &str = r#"
[origin]
allow = ["https://app.example.com"]
[credential]
sources = [{ kind = "session", in = "cookie", name = "sid" }]
[cap]
unauthenticated_per_address = 2
"#;

fn client() -> Client {
    Client::stranger().header("cookie", "sid=secret-canary")
}

fn waiting(story: &Story) -> Waiting {
    match story.admit(&client()) {
        Ok(Admission::Wait(waiting)) => waiting,
        other => panic!("{other:?}"),
    }
}

fn screened(story: &Story) -> Candidate {
    let client = client();
    let headers: Vec<_> = client.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let request = Request {
        method: "GET",
        target: "/chat",
        version: HttpVersion::Http11,
        headers: &headers,
        peer: client.peer,
        tls: true,
    };
    story.guard.screen(&request, story.now).unwrap()
}

fn held(story: &Story) -> (u32, u32) {
    assert!(story.guard.reconcile().agrees());
    let stats = story.guard.stats();
    (stats.connections, stats.unauthenticated)
}

#[test]
fn a_good_answer_opens_and_frees_the_unauthenticated_slot() {
    let story = Story::of(OPAQUE);
    let waiting = waiting(&story);
    assert_eq!(waiting.need(), &Need::Identity("secret-canary".into()));
    assert!(!format!("{waiting:?} {:?}", waiting.need()).contains("canary"), "Debug shows the token");
    assert_eq!(held(&story), (1, 1));
    let admitted = waiting.provide(Answer::Identity(Identity::assertion("alice")), story.now);
    let Ok(Admission::Open(session)) = admitted else { panic!() };
    assert_eq!(held(&story), (1, 0));
    assert_eq!(session.identity().and_then(Identity::subject), Some("alice"));
}

#[test]
fn t13_the_deadline_is_total_whoever_is_slow() {
    let mut story = Story::of(OPAQUE);
    let (candidate, late) = (screened(&story), waiting(&story));
    assert_eq!(candidate.deadline(), story.now.mono.after(10 * SECOND));
    assert_eq!(late.deadline(), candidate.deadline());
    story.pass(10 * SECOND);
    let refused = candidate.admit(story.now).unwrap_err();
    assert_eq!((refused.reason(), refused.response().status()), (Reason::HandshakeTimeout, 408));
    let refused = late.provide(Answer::Identity(Identity::assertion("alice")), story.now).unwrap_err();
    assert_eq!(refused.reason(), Reason::HandshakeTimeout);
    assert_eq!(held(&story), (0, 0));

    let in_time = waiting(&story);
    story.pass(10 * SECOND - Duration::from_nanos(1));
    assert!(in_time.provide(Answer::Identity(Identity::assertion("alice")), story.now).is_ok());
}

#[test]
fn an_answer_that_is_no_answer_refuses() {
    let story = Story::of(OPAQUE);
    let refused = waiting(&story).provide(Answer::Unavailable, story.now).unwrap_err();
    assert_eq!((refused.reason(), refused.response().status()), (Reason::IdentityUnavailable, 503));
    let refused = waiting(&story).provide(Answer::Refused, story.now).unwrap_err();
    assert_eq!((refused.reason(), refused.response().status()), (Reason::CredentialInvalid, 401));
    assert_eq!(held(&story), (0, 0));
    // Only the token that is nobody's is a failure of the client's.
    for _ in 0..9 {
        let _ = waiting(&story).provide(Answer::Refused, story.now);
    }
    assert_eq!(story.refused(&client()), Reason::RateLimited);
}

#[test]
fn an_answer_that_has_expired_or_was_revoked_opens_nothing() {
    let story = Story::of(OPAQUE);
    let expired = Identity::assertion("alice").with_expires(story.now.unix);
    let refused = waiting(&story).provide(Answer::Identity(expired), story.now).unwrap_err();
    assert_eq!(refused.reason(), Reason::TokenExpired);
    let session = crate::Revocation::Session { namespace: "app".into(), id: "s1".into() };
    // The client waits while its session is signed out.
    let waiting = waiting(&story);
    assert_eq!(story.revoke(session).ids, []);
    let revoked = Identity::assertion("alice").with_namespace("app").with_session_id("s1");
    let refused = waiting.provide(Answer::Identity(revoked), story.now).unwrap_err();
    assert_eq!((refused.reason(), refused.response().status()), (Reason::Revoked, 401));
    assert_eq!(held(&story), (0, 0));
}

/// The client leaves while its credential is looked up: the host drops what it holds, and that is
/// all there is to do.
#[test]
fn t20_who_leaves_while_he_waits_gives_his_slots_back() {
    let story = Story::of(OPAQUE);
    for _ in 0..10 {
        let (first, second) = (screened(&story), waiting(&story));
        assert_eq!(held(&story), (2, 2));
        assert_eq!(story.refused(&client()), Reason::TooManyConnections, "two may wait, no third");
        drop((first, second));
        assert_eq!(held(&story), (0, 0));
    }
}
