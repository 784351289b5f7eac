//! Stories of published keys: fetched when they are needed, kept while their source is down.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use serde_json::json;

use super::*;
use crate::story::closed;
use crate::{Answer, GuardAction, Identity, Judgement, Need, Timestamp, Waiting};

const URL: &str = "https://id.example.com/keys";
const PUBLISHED: &str = r#"
[origin]
allow = ["https://app.example.com"]
[credential]
sources = [{ kind = "jwt", in = "header", name = "authorization" }]
refresh = { type = "auth", field = "token" }
[credential.jwt]
jwks = { url = "https://id.example.com/keys", algs = ["EdDSA"] }
issuer = ["https://id.example.com"]
audience = ["chat"]
[rate.address]
failures = { limit = 5, per = "60s", burst = 5 }
[cap]
unauthenticated_per_address = 30
"#;

/// An issuer with a pair for each key id.
struct Issuer(Vec<(&'static str, Ed25519KeyPair)>);

impl Issuer {
    fn with(kids: &[&'static str]) -> Self {
        Self(kids.iter().map(|kid| (*kid, Ed25519KeyPair::generate().unwrap())).collect())
    }

    fn published(&self) -> Vec<u8> {
        let jwk = |(kid, pair): &(&str, Ed25519KeyPair)| json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": B64.encode(pair.public_key()) });
        serde_json::to_vec(&json!({ "keys": self.0.iter().map(jwk).collect::<Vec<_>>() })).unwrap()
    }

    fn token(&self, story: &Story, kid: &str) -> String {
        let (_, pair) = self.0.iter().find(|(have, _)| *have == kid).unwrap();
        sign(story, pair, kid)
    }
}

fn sign(story: &Story, pair: &Ed25519KeyPair, kid: &str) -> String {
    let expires = story.now.unix.as_secs() + 7200;
    let claims = json!({ "iss": "https://id.example.com", "aud": "chat", "sub": "ann", "exp": expires });
    let header = json!({ "alg": "EdDSA", "kid": kid });
    let signed = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
    format!("{signed}.{}", B64.encode(pair.sign(signed.as_bytes())))
}

fn bearer(token: &str) -> Client {
    Client::stranger().header("authorization", format!("Bearer {token}"))
}

fn waits(story: &Story, client: &Client) -> Waiting {
    match story.admit(client) {
        Ok(Admission::Wait(waiting)) => {
            assert_eq!(waiting.need(), &Need::Keys(URL.into()));
            waiting
        }
        other => panic!("{other:?}"),
    }
}

/// Whether something is to be fetched now; nothing but these keys ever is.
fn fetches(story: &Story) -> bool {
    match story.guard.handle_timeout(story.now.mono) {
        None => false,
        Some(GuardAction::FetchKeys { url, within, max_bytes }) => {
            assert_eq!((&*url, within, max_bytes), (URL, 5 * SECOND, 256 << 10));
            assert_eq!(story.guard.handle_timeout(story.now.mono), None, "it is said once");
            true
        }
    }
}

fn arrive(story: &Story, issuer: &Issuer) {
    story.guard.keys_fetched(URL, &issuer.published(), story.now.mono).unwrap();
}

#[test]
fn the_keys_are_fetched_before_anybody_needs_them() {
    let (story, issuer) = (Story::of(PUBLISHED), Issuer::with(&["a"]));
    assert_eq!(story.guard.next_timeout(), Some(Timestamp::ZERO));
    assert!(fetches(&story));
    arrive(&story, &issuer);
    drop(story.open(&bearer(&issuer.token(&story, "a"))));
    assert_eq!(Story::new("").guard.next_timeout(), None, "a policy without such keys fetches nothing");
}

#[test]
fn whoever_comes_first_waits_for_one_fetch_and_then_gets_in() {
    let (story, issuer) = (Story::of(PUBLISHED), Issuer::with(&["a"]));
    let good = bearer(&issuer.token(&story, "a"));
    let crowd: Vec<_> = (0..5).map(|_| waits(&story, &good)).collect();
    assert_eq!(story.guard.next_timeout(), Some(Timestamp::ZERO), "the host is told at once");
    assert!(fetches(&story), "and for all of them once");
    arrive(&story, &issuer);
    for waiting in crowd {
        let Ok(Admission::Open(session)) = waiting.provide(Answer::Keys, story.now) else { panic!() };
        assert_eq!(session.identity().and_then(Identity::subject), Some("ann"));
    }
}

#[test]
fn a_forged_token_still_fails_when_the_keys_are_there_and_is_charged() {
    let (story, issuer, forger) = (Story::of(PUBLISHED), Issuer::with(&["a"]), Issuer::with(&["a"]));
    let waiting = waits(&story, &bearer(&forger.token(&story, "a")));
    assert!(fetches(&story));
    arrive(&story, &issuer);
    let refusal = waiting.provide(Answer::Keys, story.now).unwrap_err();
    assert_eq!((refusal.reason(), refusal.detail()), (Reason::CredentialInvalid, Some("bad_signature")));
    for _ in 0..4 {
        assert_eq!(story.refused(&bearer(&forger.token(&story, "a"))), Reason::CredentialInvalid);
    }
    // Failures are limited before the costly check: not even the right token is looked at now.
    assert_eq!(story.refused(&bearer(&issuer.token(&story, "a"))), Reason::RateLimited);
}

#[test]
fn no_other_answer_opens_what_waits_for_keys() {
    let (story, issuer) = (Story::of(PUBLISHED), Issuer::with(&["a"]));
    let good = bearer(&issuer.token(&story, "a"));
    for (answer, reason) in [
        (Answer::Identity(Identity::assertion("mallory")), Reason::Internal),
        (Answer::Unused, Reason::Internal),
        (Answer::Refused, Reason::CredentialInvalid),
        (Answer::Unavailable, Reason::IdentityUnavailable),
    ] {
        assert_eq!(waits(&story, &good).provide(answer, story.now).unwrap_err().reason(), reason);
    }
    let waiting = waits(&story, &good);
    assert!(fetches(&story));
    story.guard.keys_failed(URL);
    let refusal = waiting.provide(Answer::Keys, story.now).unwrap_err();
    assert_eq!((refusal.reason(), refusal.detail()), (Reason::IdentityUnavailable, Some("no_keys")));
}

#[test]
fn random_key_ids_drive_no_fetches() {
    let (mut story, issuer) = (Story::of(PUBLISHED), Issuer::with(&["a"]));
    assert!(fetches(&story));
    arrive(&story, &issuer);
    let pair = Ed25519KeyPair::generate().unwrap();
    let mut fetched = 0;
    for number in 0..200_u64 {
        story.pass(SECOND);
        let stranger = bearer(&sign(&story, &pair, &number.to_string())).from(&format!("192.0.2.{}", number % 250));
        let admitted = story.admit(&stranger);
        if fetches(&story) {
            fetched += 1;
            arrive(&story, &issuer);
        }
        match admitted {
            Ok(Admission::Wait(waiting)) => {
                assert_eq!(waiting.provide(Answer::Keys, story.now).unwrap_err().reason(), Reason::CredentialInvalid);
            }
            other => assert_eq!(other.unwrap_err().reason(), Reason::CredentialInvalid),
        }
        drop(story.open(&bearer(&issuer.token(&story, "a")).from("203.0.113.5")));
    }
    assert!(fetched <= 200 / 30 + 1, "{fetched} fetches in 200 s: the cooldown is 30 s");
}

#[test]
fn a_new_key_is_found_by_its_first_token_and_the_old_one_goes_with_the_set() {
    let (mut story, issuer) = (Story::of(PUBLISHED), Issuer::with(&["old", "both"]));
    assert!(fetches(&story));
    arrive(&story, &issuer);
    let (old, both) = (issuer.token(&story, "old"), issuer.token(&story, "both"));
    drop(story.open(&bearer(&old)));
    drop(story.open(&bearer(&both)));
    assert_eq!(story.guard.stats().cached_tokens, 2);
    story.pass(31 * SECOND);

    let mut pairs = Issuer::with(&["new"]).0;
    pairs.extend(issuer.0.into_iter().filter(|(kid, _)| *kid == "both"));
    let rotated = Issuer(pairs);
    let new = rotated.token(&story, "new");
    let waiting = waits(&story, &bearer(&new));
    drop(story.open(&bearer(&old)));
    assert!(fetches(&story));
    arrive(&story, &rotated);
    assert_eq!(story.guard.stats().cached_tokens, 0, "what was judged by the old set is judged anew");
    assert!(matches!(waiting.provide(Answer::Keys, story.now), Ok(Admission::Open(_))));
    drop(story.open(&bearer(&both)));
    assert_eq!(story.refused(&bearer(&old)), Reason::CredentialInvalid, "though the cache knew it");
}

/// An issuer that puts another key in the old one's place, under its id.
#[test]
fn a_key_replaced_under_its_id_is_fetched_at_the_first_signature_that_fails() {
    let (mut story, old, new) = (Story::of(PUBLISHED), Issuer::with(&["a"]), Issuer::with(&["a"]));
    assert!(fetches(&story));
    arrive(&story, &old);
    let early = bearer(&new.token(&story, "a"));
    assert_eq!(story.refused(&early), Reason::CredentialInvalid);
    assert!(!fetches(&story), "the cooldown of the first fetch is not over");
    story.pass(31 * SECOND);
    let waiting = waits(&story, &early);
    assert_eq!(story.refused(&early), Reason::CredentialInvalid, "only one waits: no crowd of forgeries holds slots");
    assert!(fetches(&story));
    arrive(&story, &new);
    assert!(matches!(waiting.provide(Answer::Keys, story.now), Ok(Admission::Open(_))));
    drop(story.open(&early));
    assert_eq!(story.refused(&bearer(&old.token(&story, "a"))), Reason::CredentialInvalid);
}

#[test]
fn bad_signatures_drive_no_more_fetches_than_one_a_cooldown_and_none_without_a_published_key() {
    let (mut story, issuer, forger) = (Story::of(PUBLISHED), Issuer::with(&["a"]), Issuer::with(&["a"]));
    assert!(fetches(&story));
    let mut fetched = 0;
    arrive(&story, &issuer);
    for number in 0..300_u64 {
        story.pass(SECOND);
        let address = format!("192.0.2.{}", number % 250);
        let admitted = story.admit(&bearer(&forger.token(&story, "a")).from(&address));
        if fetches(&story) {
            fetched += 1;
            // Whatever comes of it: the cooldown was written down before.
            match number % 3 {
                0 => story.guard.keys_failed(URL),
                1 => drop(story.guard.keys_fetched(URL, b"nonsense", story.now.mono)),
                _ => arrive(&story, &issuer),
            }
        }
        let judged = match admitted {
            Ok(Admission::Wait(waiting)) => waiting.provide(Answer::Keys, story.now),
            other => other,
        };
        assert_eq!(judged.unwrap_err().reason(), Reason::CredentialInvalid);
    }
    assert!((9..=10).contains(&fetched), "{fetched} fetches in 300 s: the cooldown is 30 s");
    drop(story.open(&bearer(&issuer.token(&story, "a")).from("203.0.113.5")));

    // A signature that only a key of the policy itself could have made says nothing of the source.
    let own = PUBLISHED.replace(
        "jwks =",
        "keys = [{ alg = \"HS256\", kid = \"h\", secret = \"a key for the stories, of 32 bytes or more\" }]\njwks =",
    );
    let mut story = Story::of(&own);
    assert!(fetches(&story));
    arrive(&story, &issuer);
    story.pass(31 * SECOND);
    let mut forged = story.token("ann", 600);
    forged.replace_range(forged.len() - 20..forged.len() - 10, "AAAAAAAAAA");
    assert_eq!(story.refused(&bearer(&forged)), Reason::CredentialInvalid);
    assert!(!fetches(&story));
}

#[test]
fn while_the_source_is_down_keys_go_on_counting_for_a_bounded_time() {
    let (mut story, issuer) = (Story::of(PUBLISHED), Issuer::with(&["a"]));
    assert!(fetches(&story));
    arrive(&story, &issuer);
    let (began, mut asked) = (story.now.mono, 0);
    let known = bearer(&issuer.token(&story, "a"));
    loop {
        let since = story.now.mono.since(began);
        let token = bearer(&issuer.token(&story, "a"));
        if since < 70 * MINUTE {
            drop(story.open(&token));
            drop(story.open(&known));
        } else {
            let refused = |client| story.admit(client).map(|_| ()).map_err(|refusal| refusal.reason());
            assert_eq!(refused(&token), Err(Reason::IdentityUnavailable), "at {since:?}");
            assert_eq!(refused(&known), Err(Reason::IdentityUnavailable), "a remembered token needs its key, too");
            break;
        }
        story.pass(10 * SECOND);
        if fetches(&story) {
            asked += 1;
            story.guard.keys_failed(URL);
        }
    }
    assert!((100..=121).contains(&asked), "it is asked again every 30 s once the keys are stale: {asked}");
    story.pass(30 * SECOND);
    assert!(fetches(&story));
    arrive(&story, &issuer);
    drop(story.open(&bearer(&issuer.token(&story, "a"))));
}

#[test]
fn what_is_no_key_set_changes_nothing() {
    let (story, issuer) = (Story::of(PUBLISHED), Issuer::with(&["a"]));
    assert!(fetches(&story));
    arrive(&story, &issuer);
    let large = vec![b' '; (256 << 10) + 1];
    for body in [&b""[..], b"<html>", b"{}", br#"{"keys":[]}"#, br#"{"keys":{}}"#, &large] {
        assert_eq!(story.guard.keys_fetched(URL, body, story.now.mono).unwrap_err().place(), "keys");
        drop(story.open(&bearer(&issuer.token(&story, "a"))));
    }
    story.guard.keys_fetched("https://evil.example/keys", &Issuer::with(&["b"]).published(), story.now.mono).unwrap();
    drop(story.open(&bearer(&issuer.token(&story, "a"))));
}

#[test]
fn a_refresh_may_wait_for_keys_too() {
    let (mut story, issuer) = (Story::of(PUBLISHED), Issuer::with(&["a", "b"]));
    let first = Issuer(issuer.0.into_iter().collect());
    assert!(fetches(&story));
    let mut only_a: serde_json::Value = serde_json::from_slice(&first.published()).unwrap();
    only_a["keys"].as_array_mut().unwrap().truncate(1);
    story.guard.keys_fetched(URL, only_a.to_string().as_bytes(), story.now.mono).unwrap();
    let mut session = story.open(&bearer(&first.token(&story, "a")));
    story.pass(31 * SECOND);
    let message = json!({ "type": "auth", "token": first.token(&story, "b") }).to_string();
    let mut renew = |story: &Story| session.authenticate(message.as_bytes(), story.now);
    assert!(matches!(renew(&story), Judgement::Wait(Need::Keys(_))));
    assert!(fetches(&story));
    arrive(&story, &first);
    let Judgement::Done(done) = session.provide(Answer::Keys, story.now) else { panic!() };
    assert_eq!((closed(done), done.event.unwrap().kind.name()), (None, "refreshed"));
    assert!(session.is_open());
    let Judgement::Done(again) = session.provide(Answer::Keys, story.now) else { panic!() };
    assert_eq!(closed(again).unwrap().reason, Reason::Internal, "an answer nobody asked for");
}

#[test]
fn a_reload_keeps_the_keys_of_sources_that_stay_and_forgets_the_others() {
    let (story, issuer) = (Story::of(PUBLISHED), Issuer::with(&["a"]));
    assert!(fetches(&story));
    arrive(&story, &issuer);
    let good = bearer(&issuer.token(&story, "a"));
    drop(story.guard.reload(Story::of(PUBLISHED).guard.policy()).unwrap());
    drop(story.open(&good));
    let moved = PUBLISHED.replace("id.example.com/keys", "id.example.com/new");
    drop(story.guard.reload(Story::of(&moved).guard.policy()).unwrap());
    assert_eq!(story.guard.next_timeout(), Some(Timestamp::ZERO), "the new one is to be fetched");
    assert!(matches!(story.admit(&good), Ok(Admission::Wait(_))));
}

#[test]
fn t10_a_token_that_is_good_on_one_path_is_not_for_that_good_on_another() {
    let story = Story::new("route = [{ path = \"/admin\", credential.jwt.audience = [\"admin\"] }]");
    let client = Client::good(&story, "ann");
    drop(story.open(&client));
    assert_eq!(story.guard.stats().cached_tokens, 1);
    assert_eq!(story.refused(&client.clone().to("/admin")), Reason::CredentialInvalid);
    drop(story.open(&client));
}

/// A hundred thousand clients lose their connections at once and come back, twice: each signature
/// is checked once.
#[test]
fn a_reconnect_storm_pays_for_each_signature_once() {
    const CLIENTS: usize = 100_000;
    let mut story = Story::new(
        r#"
        cap = { total = 200000, per_address = 200000, unauthenticated_per_address = 1000 }
        rate.address.handshakes = { limit = 1000000, per = "1s", burst = 1000000 }
        "#,
    );
    let tokens: Vec<_> = (0..CLIENTS).map(|number| story.token(&format!("user-{number}"), 3600)).collect();
    let come = |story: &Story| {
        for token in &tokens {
            drop(story.open(&bearer(token)));
        }
    };
    come(&story);
    assert_eq!(story.guard.stats().cached_tokens, CLIENTS, "every one was judged, and is remembered");
    for _ in 0..2 {
        story.pass(SECOND);
        let judged = story.guard.stats().judged_tokens;
        come(&story);
        assert_eq!(story.guard.stats().judged_tokens, judged, "nobody's signature was checked again");
    }
    story.pass(2 * 3600 * SECOND);
    assert_eq!(story.refused(&bearer(&tokens[0])), Reason::TokenExpired, "never past its expiry");
}
