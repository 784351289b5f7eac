//! What is taken back, and whom it closes.

use proptest::prelude::*;

use super::*;
use crate::identity::UserKey;

fn ada() -> Identity {
    Identity::assertion("ada")
        .with_namespace("https://id.test")
        .with_issued_at(NOON)
        .with_token_id("t-1")
        .with_session_id("s-1")
}

fn user(identity: &Identity, issued_until: UnixTime) -> Revocation {
    Revocation::User { user: identity.user().unwrap().clone(), issued_until }
}

fn token_id(id: &str) -> Revocation {
    Revocation::Token { namespace: "https://id.test".into(), id: id.into() }
}

fn session(id: &str) -> Revocation {
    Revocation::Session { namespace: "https://id.test".into(), id: id.into() }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(NOON.as_secs() + seconds)
}

fn revoked(what: &Revocation, identity: &Identity) -> bool {
    let mut list = Revocations::new(10);
    list.revoke(what, at(3600), NOON).unwrap();
    list.covers(identity, NOON)
}

#[test]
fn each_kind_covers_its_own() {
    assert!(revoked(&token_id("t-1"), &ada()) && !revoked(&token_id("t-2"), &ada()));
    assert!(revoked(&session("s-1"), &ada()) && !revoked(&session("s-2"), &ada()));
    assert!(!revoked(&session("t-1"), &ada()) && !revoked(&token_id("s-1"), &ada()), "kinds are apart");
    assert!(revoked(&user(&ada(), at(0)), &ada()));
    for other in [
        ada().with_tenant("acme"),
        ada().with_namespace("https://other.test"),
        Identity::assertion("bob").with_namespace("https://id.test"),
    ] {
        assert!(!revoked(&user(&other, at(0)), &ada()), "the whole tuple counts");
    }
    let foreign = Revocation::Token { namespace: "https://other.test".into(), id: "t-1".into() };
    assert!(!revoked(&foreign, &ada()), "ids are an issuer's own");
    let mut list = Revocations::new(10);
    list.revoke(&user(&ada(), at(0)), at(9), NOON).unwrap();
    assert!(!list.covers(&Identity::guest(), NOON));
}

#[test]
fn a_cut_off_spares_what_was_issued_later() {
    assert!(revoked(&user(&ada(), at(0)), &ada().with_issued_at(at(0))));
    assert!(revoked(&user(&ada(), UnixTime::from_nanos(NOON.as_nanos() + 1)), &ada().with_issued_at(at(0))));
    assert!(revoked(&user(&ada(), at(0)), &ada().with_issued_at(UnixTime::from_nanos(NOON.as_nanos() + 999_999_999))));
    assert!(!revoked(&user(&ada(), at(0)), &ada().with_issued_at(at(1))));
    assert!(
        revoked(&user(&ada(), at(0)), &Identity::assertion("ada").with_namespace("https://id.test")),
        "no iat, no mercy"
    );
}

#[test]
fn it_is_kept_as_long_as_it_must_be_and_no_longer() {
    let mut list = Revocations::new(2);
    list.revoke(&token_id("t-1"), at(100), NOON).unwrap();
    list.revoke(&token_id("t-2"), at(200), NOON).unwrap();
    assert!(list.covers(&ada(), at(99)) && !list.covers(&ada(), at(100)));
    assert_eq!(list.revoke(&token_id("t-3"), at(300), at(99)), Err(NoRoom), "none that counts is dropped");
    assert!(list.covers(&ada(), at(99)));
    list.revoke(&token_id("t-1"), at(500), at(99)).unwrap();
    assert!(list.covers(&ada(), at(499)), "again is longer, and needs no room");
    list.revoke(&token_id("t-1"), at(50), at(99)).unwrap();
    assert!(list.covers(&ada(), at(499)), "and never shorter");
    list.revoke(&token_id("t-3"), at(300), at(200)).unwrap();
    assert_eq!(list.len(), 2);
}

#[test]
fn who_must_close() {
    let mut index = SessionIndex::default();
    let later = ada().with_issued_at(at(60)).with_token_id("t-2");
    index.insert(1, &ada());
    index.insert(2, &ada());
    index.insert(3, &later);
    index.insert(4, &Identity::assertion("bob").with_namespace("https://id.test"));
    index.insert(5, &Identity::guest());
    assert_eq!(index.affected(&token_id("t-1")), [1, 2]);
    assert_eq!(index.affected(&session("s-1")), [1, 2, 3]);
    assert_eq!(index.affected(&user(&ada(), at(0))), [1, 2]);
    assert_eq!(index.affected(&user(&ada(), at(60))), [1, 2, 3]);
    assert!(index.affected(&token_id("t-9")).is_empty());
    // Rotation moves a session on without closing it.
    index.replace(1, &ada(), &later);
    assert_eq!(index.affected(&token_id("t-1")), [2]);
    assert_eq!(index.affected(&token_id("t-2")), [3, 1]);
    for (id, identity) in
        [(1, later.clone()), (2, ada()), (3, later), (4, Identity::assertion("bob").with_namespace("https://id.test"))]
    {
        index.remove(id, &identity);
    }
    assert!(index.is_empty());
}

#[test]
fn nobody_is_named_in_print() {
    assert_eq!(format!("{:?} {:?}", user(&ada(), NOON), token_id("canary")), "User(..) Token(..)");
    let key = UserKey { namespace: "canary".into(), tenant: "canary".into(), subject: "canary".into() };
    assert!(!format!("{key:?}").contains("canary"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Against a plain list; nothing is ever forgotten early, and the bound holds.
    #[test]
    fn agrees_with_a_plain_list(steps in proptest::collection::vec((0_u64..50, 0_u8..4, 0_u64..300), 1..100)) {
        let (mut list, mut model, mut now) = (Revocations::new(3), Vec::<(u8, UnixTime)>::new(), at(0));
        for (wait, id, length) in steps {
            now = now.after(std::time::Duration::from_secs(wait));
            let until = now.after(std::time::Duration::from_secs(length));
            model.retain(|(_, until)| *until > now);
            let known = model.iter().any(|(have, _)| *have == id);
            let expected = known || model.iter().map(|(id, _)| id).collect::<std::collections::BTreeSet<_>>().len() < 3;
            prop_assert_eq!(list.revoke(&token_id(&id.to_string()), until, now).is_ok(), expected);
            if expected {
                model.push((id, until));
            }
            for id in 0..4 {
                let covered = model.iter().any(|(have, until)| *have == id && *until > now);
                prop_assert_eq!(list.covers(&ada().with_token_id(id.to_string()), now), covered);
            }
            prop_assert!(list.len() <= 3);
        }
    }
}
