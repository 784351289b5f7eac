//! Stories of what is taken back: it reaches every session it concerns, and no other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::story::Client;
use crate::{Admission, Session};

const HOUR: Duration = Duration::from_secs(3600);

fn all_of(subject: &str, story: &Story) -> Revocation {
    let user = UserKey { namespace: "https://id.example.com".into(), tenant: "".into(), subject: subject.into() };
    Revocation::User { user, issued_until: story.now.unix }
}

fn is_open(session: &mut Session, story: &Story) -> bool {
    session.handle_timeout(story.now.mono);
    session.is_open()
}

/// The tokens of these stories say nothing of when they were issued, so that a revocation of their
/// user covers them, and a lapsed one must not.
#[test]
fn a_lapsed_revocation_closes_no_session_that_came_after_it() {
    let mut story = Story::new("");
    let mut before = story.open_user("ann");
    let what = all_of("ann", &story);
    let _affected = story.guard.revoke(&what, Duration::from_secs(60), story.now.unix).unwrap();
    assert_eq!(story.refused(&Client::good(&story, "ann")), Reason::Revoked);
    story.pass(Duration::from_secs(61));
    let mut after = story.open_user("ann");
    drop(story.guard.reload(story.guard.policy()).unwrap());
    assert!(is_open(&mut after, &story), "it was let in when nothing was revoked any more");
    assert!(!is_open(&mut before, &story), "it noticed late, and was revoked all the same");
    assert_eq!(before.closed().unwrap().reason, Reason::Revoked);
}

#[test]
fn when_the_list_is_full_open_sessions_close_all_the_same() {
    let mut story = Story::new("");
    let (mut ann, mut bob) = (story.open_user("ann"), story.open_user("bob"));
    let token = |id: u32| Revocation::Token { namespace: "https://id.example.com".into(), id: id.to_string().into() };
    for id in 0..100_000 {
        let _none = story.guard.revoke(&token(id), HOUR, story.now.unix).unwrap();
    }
    let full = story.guard.revoke(&all_of("ann", &story), HOUR, story.now.unix).unwrap_err();
    assert_eq!(full.affected.ids, [ann.id()]);
    assert!(!is_open(&mut ann, &story));
    assert!(is_open(&mut bob, &story));
    story.pass(HOUR);
    let _freed = story.guard.revoke(&all_of("bob", &story), HOUR, story.now.unix).unwrap();
    assert!(!is_open(&mut bob, &story));
}

/// A revocation on one thread while a session opens on another: whichever comes first, the session
/// is refused, or closes at the very next look at its timer.
#[test]
fn a_revocation_between_the_check_and_the_opening_is_not_lost() {
    for _ in 0..300 {
        let story = Story::new("");
        let (client, what) = (Client::good(&story, "ann"), all_of("ann", &story));
        let candidate = story.screen(&client).unwrap();
        let go = AtomicBool::new(false);
        let admitted = std::thread::scope(|scope| {
            let (guard, now, go) = (story.guard.clone(), story.now, &go);
            let revoking = scope.spawn(move || {
                while !go.load(Ordering::Acquire) {}
                guard.revoke(&what, HOUR, now.unix).unwrap()
            });
            go.store(true, Ordering::Release);
            let admitted = candidate.admit(story.now);
            let _affected = revoking.join().unwrap();
            admitted
        });
        match admitted {
            Ok(Admission::Open(mut session)) => assert!(!is_open(&mut session, &story), "it was lost"),
            refused => assert_eq!(refused.map(|_| ()).unwrap_err().reason(), Reason::Revoked),
        }
    }
}

#[test]
fn what_was_revoked_before_a_session_is_entered_finds_it_there() {
    let story = Story::new("");
    let what = all_of("ann", &story);
    let _none = story.guard.revoke(&what, HOUR, story.now.unix).unwrap();
    // As a session would be entered whose credential was checked a moment before the revocation.
    let identity = std::sync::Arc::new(crate::Identity::assertion("ann").with_namespace("https://id.example.com"));
    let entered = story.guard.enter(Some(&identity), story.now.unix);
    assert!(story.guard.must_close(entered));
    story.guard.leave(entered);
    assert!(!story.guard.must_close(entered), "and nothing of it stays behind");
}
