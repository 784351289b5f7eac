//! Stories of single-use tickets: minted over HTTPS, redeemed once at the upgrade or in a message.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::credential::ticket::{Binding, TicketFault};
use crate::story::{closed, delivered};
use crate::{Answer, Identity, Judgement, Need, Revocation, Secret, UserKey, Verdict};

const TICKETS: &str = r#"
[credential]
sources = [
  { kind = "ticket", in = "query", name = "ticket" },
  { kind = "ticket", in = "first-message", type = "auth", field = "ticket" },
]
[rate.address]
handshakes = { limit = 10000, per = "1s", burst = 10000 }
failures = { limit = 10000, per = "1s", burst = 10000 }
"#;
const SHARED: &str = r#"
[credential.ticket]
form = "signed"
spent = "host"
key = "q8Jm2vXz7LpR4tYw9KcB1nHf6GdS3aEu0oIiTjMkVbNxQrZs"
"#;
const HERE: Binding<'static> = Binding { path: "/chat", origin: Some(ORIGIN), address: None };

fn tickets(more: &str) -> Story {
    let base = POLICY.split("[credential.jwt]").next().unwrap();
    Story::of(&merged(&merged(base, TICKETS), more))
}

fn ann() -> Identity {
    Identity::assertion("ann").with_namespace("host").with_scopes(["chat:write"])
}

fn mint(story: &Story, number: u8) -> Secret {
    story.guard.mint_ticket(&ann(), &HERE, [number; 32], story.now).unwrap()
}

fn bearer(ticket: &Secret) -> Client {
    Client::stranger().to(&format!("/chat?ticket={}", ticket.expose_str().unwrap()))
}

#[test]
fn a_ticket_opens_one_connection_and_no_other() {
    for form in ["", "credential.ticket = { form = \"signed\", dangerous_single_process = true }"] {
        let mut story = tickets(form);
        let ticket = mint(&story, 1);
        let mut session = story.open(&bearer(&ticket));
        assert!(session.identity() == Some(&ann()), "all that the host said comes back");
        assert!(delivered(story.text(&mut session, "{}")));
        assert_eq!(story.refused(&bearer(&ticket)), Reason::CredentialInvalid);
        let late = mint(&story, 2);
        story.pass(30 * SECOND);
        assert_eq!(story.refused(&bearer(&late)), Reason::TokenExpired);
    }
}

#[test]
fn a_ticket_for_another_path_or_origin_is_used_up_and_opens_nothing() {
    let story = tickets("credential.ticket.bind = [\"path\", \"origin\", \"address\"]");
    let home = Binding { address: Some([198, 51, 100, 7].into()), ..HERE };
    let mint = |number| story.guard.mint_ticket(&ann(), &home, [number; 32], story.now).unwrap();
    let strays: [fn(Client) -> Client; 4] = [
        |client| Client { target: client.target.replace("/chat", "/admin"), ..client },
        |client| client.without("origin"),
        |client| client.from("198.51.100.8"),
        |client| Client { target: client.target.replace("/chat", "/Chat"), ..client },
    ];
    for (number, stray) in (1..).zip(strays) {
        let ticket = mint(number);
        assert_eq!(story.refused(&stray(bearer(&ticket))), Reason::CredentialInvalid);
        assert_eq!(story.refused(&bearer(&ticket)), Reason::CredentialInvalid, "whoever stole it had one try");
    }
    drop(story.open(&bearer(&mint(9))));
}

#[test]
fn a_host_is_told_why_there_is_no_ticket() {
    let story = tickets("credential.ticket = { outstanding = 3, per_user = 2 }");
    let ask = |identity: &Identity, number| story.guard.mint_ticket(identity, &HERE, [number; 32], story.now);
    assert_eq!(ask(&Identity::guest(), 1).unwrap_err(), TicketFault::Guest);
    assert_eq!(ask(&ann().with_expires(story.now.unix), 1).unwrap_err(), TicketFault::Expired);
    ask(&ann(), 1).unwrap();
    ask(&ann(), 2).unwrap();
    assert_eq!(ask(&ann(), 3).unwrap_err(), TicketFault::TooMany);
    ask(&Identity::assertion("bob"), 4).unwrap();
    assert_eq!(ask(&Identity::assertion("cid"), 5).unwrap_err(), TicketFault::Full);
    assert_eq!(story.guard.stats().tickets, 3);
    let no_tickets = Story::new("");
    let fault = no_tickets.guard.mint_ticket(&ann(), &HERE, [1; 32], no_tickets.now).unwrap_err();
    assert_eq!((fault, fault.reason()), (TicketFault::NoSource, Reason::Internal));
}

#[test]
fn a_revoked_user_gets_no_ticket_and_an_older_one_opens_nothing() {
    let story = tickets("");
    let ticket = mint(&story, 1);
    let user = UserKey { namespace: "host".into(), tenant: "".into(), subject: "ann".into() };
    let _affected = story.revoke(Revocation::User { user, issued_until: story.now.unix });
    assert_eq!(story.refused(&bearer(&ticket)), Reason::Revoked);
    let again = story.guard.mint_ticket(&ann(), &HERE, [2; 32], story.now).unwrap_err();
    assert_eq!((again, again.reason()), (TicketFault::Revoked, Reason::Revoked));
}

#[test]
fn a_ticket_in_the_first_message_opens_a_pending_session() {
    let mut story = tickets("");
    let ticket = mint(&story, 1);
    let message = format!(r#"{{"type":"auth","ticket":"{}"}}"#, ticket.expose_str().unwrap());
    let open = |story: &mut Story| {
        let mut session = story.open(&Client::stranger());
        assert!(session.is_pending());
        assert_eq!(story.text(&mut session, &message).verdict, Verdict::Authenticate);
        let judged = session.authenticate(message.as_bytes(), story.now);
        (session, judged)
    };
    let (session, _) = open(&mut story);
    assert!(session.is_open() && session.identity() == Some(&ann()));
    let (_, judged) = open(&mut story);
    let Judgement::Done(outcome) = judged else { panic!("{judged:?}") };
    assert_eq!(closed(outcome).unwrap().reason, Reason::CredentialInvalid);
}

#[test]
fn with_a_store_that_servers_share_only_who_marks_the_ticket_first_gets_in() {
    // Two servers with one key, and a store of the host's that both ask.
    let (one, other) = (tickets(SHARED), tickets(SHARED));
    let ticket = mint(&one, 1);
    let mut store = std::collections::BTreeSet::new();
    let mut admit = |story: &Story| {
        let Ok(Admission::Wait(waiting)) = story.admit(&bearer(&ticket)) else { panic!("nobody was asked") };
        let Need::Ticket { id, until } = *waiting.need() else { panic!("{waiting:?}") };
        assert_eq!(until, story.now.unix.after(30 * SECOND));
        let answer = if store.insert(id) { Answer::Unused } else { Answer::Refused };
        waiting.provide(answer, story.now).map(|_| ()).map_err(|refusal| refusal.reason())
    };
    assert_eq!(admit(&other), Ok(()), "the other server can read it");
    assert_eq!(admit(&one), Err(Reason::CredentialInvalid));
    assert_eq!(admit(&other), Err(Reason::CredentialInvalid));
}

#[test]
fn an_answer_to_another_question_lets_nobody_in() {
    let story = tickets(SHARED);
    let wrong = [Answer::Identity(Identity::assertion("mallory")), Answer::Keys, Answer::Unavailable, Answer::Refused];
    let reasons = [Reason::Internal, Reason::Internal, Reason::IdentityUnavailable, Reason::CredentialInvalid];
    for (number, (answer, reason)) in (1..).zip(wrong.into_iter().zip(reasons)) {
        let ticket = mint(&story, number);
        let Ok(Admission::Wait(waiting)) = story.admit(&bearer(&ticket)) else { panic!() };
        assert_eq!(waiting.provide(answer, story.now).unwrap_err().reason(), reason);
    }
    assert_eq!(story.guard.stats().connections, 0);
}

#[test]
fn a_reload_keeps_tickets_that_still_can_be_read() {
    let story = tickets("");
    let (kept, lost) = (mint(&story, 1), mint(&story, 2));
    let reload = |more: &str| drop(story.guard.reload(tickets(more).guard.policy()).unwrap());
    reload("credential.ticket.ttl = \"10s\"");
    drop(story.open(&bearer(&kept)));
    reload("credential.ticket = { form = \"signed\", dangerous_single_process = true }");
    assert_eq!(story.refused(&bearer(&lost)), Reason::CredentialInvalid);
    let sealed = mint(&story, 3);
    reload("credential.ticket = { form = \"signed\", dangerous_single_process = true, ttl = \"5s\" }");
    drop(story.open(&bearer(&sealed)));
    assert_eq!(story.refused(&bearer(&sealed)), Reason::CredentialInvalid, "it is still known to be used");
}

/// A store keeps what was used until the ticket ends: an answer from after that says nothing.
#[test]
fn an_answer_that_comes_after_the_tickets_end_is_too_late() {
    let mut story = tickets(SHARED);
    let ticket = mint(&story, 1);
    story.pass(29 * SECOND);
    let wait = |story: &Story| match story.admit(&bearer(&ticket)) {
        Ok(Admission::Wait(waiting)) => waiting,
        other => panic!("{other:?}"),
    };
    let (in_time, late) = (wait(&story), wait(&story));
    assert!(matches!(in_time.provide(Answer::Unused, story.now), Ok(Admission::Open(_))));
    story.pass(SECOND);
    assert_eq!(late.provide(Answer::Unused, story.now).unwrap_err().reason(), Reason::TokenExpired);
}

/// Of two clients at the same instant exactly one gets in; ten thousand times over for each form, on
/// two threads that begin each round together.
#[test]
fn of_two_clients_with_one_ticket_exactly_one_gets_in() {
    const ROUNDS: u32 = 10_000;
    let room = "cap = { total = 20000, per_user = 20000, per_address = 20000, unauthenticated_per_address = 99 }";
    for form in ["", "form = \"signed\"\ndangerous_single_process = true"] {
        let story = tickets(&format!("{room}\n[credential.ticket]\nper_user = {ROUNDS}\n{form}"));
        let minted = |round: u32| {
            let mut entropy = [0; 32];
            entropy[..4].copy_from_slice(&round.to_be_bytes());
            bearer(&story.guard.mint_ticket(&ann(), &HERE, entropy, story.now).unwrap())
        };
        let clients: Vec<Client> = (0..ROUNDS).map(minted).collect();
        let arrived = AtomicUsize::new(0);
        let won = |(round, client): (usize, &Client)| {
            arrived.fetch_add(1, Ordering::SeqCst);
            while arrived.load(Ordering::SeqCst) < 2 * (round + 1) {
                std::thread::yield_now();
            }
            matches!(story.admit(client), Ok(Admission::Open(_)))
        };
        let all = || clients.iter().enumerate().map(won).collect::<Vec<_>>();
        let (mine, other) = std::thread::scope(|scope| {
            let other = scope.spawn(all);
            (all(), other.join().unwrap())
        });
        for (round, (mine, other)) in mine.iter().zip(&other).enumerate() {
            assert!(mine ^ other, "round {round} of {form:?}: {mine} {other}");
        }
        let share = mine.iter().filter(|won| **won).count();
        assert!((1..clients.len()).contains(&share), "no race at all: one thread won {share} of {ROUNDS}");
    }
}

#[test]
fn the_hosts_own_endpoints_may_ask_whose_a_token_is() {
    let story = Story::new("");
    let ask = |token: String| story.guard.verify_token("/chat", Secret::from(token), story.now);
    let alice = ask(story.token("alice", 60)).unwrap();
    assert_eq!(alice.subject(), Some("alice"));
    assert_eq!(ask(story.token("alice", -60)).unwrap_err().reason(), Reason::TokenExpired);
    assert_eq!(ask("no.token.at all".into()).unwrap_err().reason(), Reason::CredentialInvalid);
    let user = alice.user().unwrap().clone();
    let _none_open = story.revoke(Revocation::User { user, issued_until: story.now.unix });
    assert_eq!(ask(story.token("alice", 60)).unwrap_err().reason(), Reason::Revoked);
    let no_keys = tickets("");
    let asked = no_keys.guard.verify_token("/chat", Secret::from(story.token("alice", 60)), story.now);
    assert_eq!(asked.unwrap_err().reason(), Reason::Internal, "a policy without keys");
}
