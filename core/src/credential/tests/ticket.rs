//! Single-use tickets, in both forms.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::super::ticket::{
    Binding, Redeemed, SpentTickets, TicketBinding, TicketFault, TicketForm, TicketRules, TicketSealer, Tickets,
};
use super::*;
use crate::secret::Secret;
use crate::time::{Now, Timestamp};

const FORMS: [TicketForm; 2] = [TicketForm::Stored, TicketForm::Signed];
const HERE: Binding<'_> = Binding { path: "/chat", origin: Some("https://app.test"), address: None };

fn tickets(form: TicketForm) -> Tickets {
    Tickets::new(&TicketRules { form, ..TicketRules::default() }, &[7; 32])
}

fn at(seconds: u64) -> Now {
    Now { mono: Timestamp::from_secs(500 + seconds), unix: UnixTime::from_secs(NOON.as_secs() + seconds) }
}

fn entropy(number: u32) -> [u8; 32] {
    let mut bytes = [9; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn ada() -> Identity {
    let scopes = ["chat:read", "chat:write"];
    let ada =
        Identity::assertion("ada@id.test").with_namespace("https://id.test").with_tenant("acme").with_scopes(scopes);
    ada.with_expires(at(900).unix).with_issued_at(at(0).unix).with_token_id("t-1").with_session_id("s-1")
}

fn mint(tickets: &mut Tickets, number: u32, now: Now) -> Secret {
    tickets.mint(&ada(), &HERE, entropy(number), now).unwrap()
}

#[test]
fn a_ticket_lets_its_user_in_once() {
    for form in FORMS {
        let mut tickets = tickets(form);
        let ticket = mint(&mut tickets, 1, at(0));
        let identity = tickets.redeem(ticket.expose(), &HERE, at(29)).unwrap();
        assert!(identity == Redeemed::Identity(ada()), "all of it comes back");
        for second in [29, 30, 1000] {
            assert!(tickets.redeem(ticket.expose(), &HERE, at(second)).is_err());
        }
        assert!(
            ticket.expose().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)),
            "safe in a URL"
        );
    }
}

#[test]
fn two_clients_with_one_ticket_at_once() {
    for form in FORMS {
        let tickets = Mutex::new(tickets(form));
        for number in 0..500 {
            let now = at(u64::from(number));
            let ticket = mint(&mut tickets.lock().unwrap(), number, now);
            let let_in = AtomicU32::new(0);
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let redeemed = tickets.lock().unwrap().redeem(ticket.expose(), &HERE, now);
                        let_in.fetch_add(u32::from(redeemed.is_ok()), Ordering::Relaxed);
                    });
                }
            });
            assert_eq!(let_in.into_inner(), 1);
        }
    }
}

#[test]
fn a_ticket_runs_out_at_its_thirtieth_second() {
    for form in FORMS {
        let mut tickets = tickets(form);
        let (early, late) = (mint(&mut tickets, 1, at(0)), mint(&mut tickets, 2, at(0)));
        let just = Now {
            mono: Timestamp::from_nanos(at(30).mono.as_nanos() - 1),
            unix: UnixTime::from_nanos(at(30).unix.as_nanos() - 1),
        };
        assert!(tickets.redeem(early.expose(), &HERE, just).is_ok());
        assert_eq!(tickets.redeem(late.expose(), &HERE, at(30)), Err(TicketFault::Expired));
    }
}

#[test]
fn what_a_shared_store_is_asked_about_is_in_order_already() {
    let rules = TicketRules { form: TicketForm::Signed, ..TicketRules::default() };
    let (sealer, mut spent) = (TicketSealer::new(&rules, &[7; 32]), SpentTickets::new(&rules));
    let ticket = sealer.seal(&ada(), &HERE, entropy(1), at(0)).unwrap();
    assert_eq!(sealer.open(ticket.expose(), &HERE, at(30).unix).unwrap_err(), TicketFault::Expired);
    let opened = sealer.open(ticket.expose(), &HERE, at(29).unix).unwrap();
    let again = sealer.open(ticket.expose(), &HERE, at(29).unix).unwrap();
    assert_eq!((opened.id(), opened.expires), (again.id(), at(30).unix), "one id for one ticket");
    assert_eq!(spent.spend(&opened, at(29)), Ok(()));
    assert_eq!(spent.spend(&again, at(29)), Err(TicketFault::Used));
}

#[test]
fn a_ticket_does_not_outlive_the_credential_behind_it() {
    for form in FORMS {
        let mut tickets = tickets(form);
        let short = Identity::assertion("ada").with_expires(at(10).unix);
        let mut mint = |number, now| tickets.mint(&short, &HERE, entropy(number), now);
        let (first, second) = (mint(1, at(0)).unwrap(), mint(2, at(0)).unwrap());
        assert!(tickets.redeem(first.expose(), &HERE, at(9)).is_ok());
        assert_eq!(tickets.mint(&short, &HERE, entropy(3), at(10)), Err(TicketFault::Expired));
        assert_eq!(tickets.redeem(second.expose(), &HERE, at(10)), Err(TicketFault::Expired));
    }
}

#[test]
fn a_ticket_is_bound_to_path_origin_and_network() {
    let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    let home = Binding { address: address("192.0.2.77"), ..HERE };
    let home6 = Binding { address: address("2001:db8:1:2::1"), ..HERE };
    for form in FORMS {
        let all = vec![TicketBinding::Path, TicketBinding::Origin, TicketBinding::Address];
        let rules = TicketRules { form, bind: all, prefix4: 24, per_user: 1000, ..TicketRules::default() };
        let mut tickets = Tickets::new(&rules, &[7; 32]);
        let mut number = 0;
        let mut fits = |minted: Binding<'_>, used: Binding<'_>| {
            number += 1;
            let ticket = tickets.mint(&ada(), &minted, entropy(number), at(0)).unwrap();
            let good = tickets.redeem(ticket.expose(), &used, at(1));
            assert!(good.is_ok() || matches!(good, Err(TicketFault::Bound | TicketFault::Unknown)));
            good.is_ok()
        };
        assert!(fits(home, home) && fits(home6, home6));
        assert!(fits(home, Binding { address: address("192.0.2.1"), ..home }));
        assert!(fits(home, Binding { address: address("::ffff:192.0.2.1"), ..home }), "IPv4 in IPv6");
        assert!(fits(home6, Binding { address: address("2001:db8:1:2:ffff::"), ..home }));
        for used in [
            Binding { path: "/admin", ..home },
            Binding { path: "/chat/", ..home },
            Binding { origin: None, ..home },
            Binding { origin: Some(""), ..home },
            Binding { origin: Some("https://app.test.evil"), ..home },
            Binding { address: address("192.0.3.77"), ..home },
            Binding { address: None, ..home },
            home6,
        ] {
            assert!(!fits(home, used));
        }
        assert!(!fits(home6, Binding { address: address("2001:db8:1:3::1"), ..home6 }));
    }
}

#[test]
fn a_stolen_stored_ticket_gets_one_try() {
    let mut tickets = tickets(TicketForm::Stored);
    let ticket = mint(&mut tickets, 1, at(0));
    assert_eq!(tickets.redeem(ticket.expose(), &Binding { origin: None, ..HERE }, at(1)), Err(TicketFault::Bound));
    assert_eq!(tickets.redeem(ticket.expose(), &HERE, at(1)), Err(TicketFault::Unknown));
}

#[test]
fn guests_have_no_tickets() {
    for form in FORMS {
        assert_eq!(tickets(form).mint(&Identity::guest(), &HERE, entropy(1), at(0)), Err(TicketFault::Guest));
    }
}

#[test]
fn one_user_cannot_fill_the_store_and_nobody_is_pushed_out() {
    let rules = TicketRules { outstanding: 10, per_user: 4, ..TicketRules::default() };
    let mut tickets = Tickets::new(&rules, &[7; 32]);
    let mut mint = |user: &str, number, now| tickets.mint(&Identity::assertion(user), &HERE, entropy(number), now);
    let first = mint("ada", 0, at(0)).unwrap();
    for number in 1..4 {
        mint("ada", number, at(0)).unwrap();
    }
    assert_eq!(mint("ada", 4, at(0)), Err(TicketFault::TooMany));
    for number in 10..16 {
        mint(&number.to_string(), number, at(0)).unwrap();
    }
    assert_eq!(mint("eve", 20, at(0)), Err(TicketFault::Full));
    assert_eq!(mint("eve", 20, at(29)), Err(TicketFault::Full));
    let late = mint("eve", 20, at(30)).unwrap();
    assert_eq!(tickets.redeem(first.expose(), &HERE, at(30)), Err(TicketFault::Unknown), "run out and forgotten");
    assert!(tickets.redeem(late.expose(), &HERE, at(30)).is_ok());
    let Tickets::Stored(store) = tickets else { unreachable!() };
    assert!(store.is_empty());
}

#[test]
fn the_list_of_used_tickets_is_full_rather_than_forgetful() {
    let rules = TicketRules { form: TicketForm::Signed, outstanding: 3, ..TicketRules::default() };
    let mut tickets = Tickets::new(&rules, &[7; 32]);
    let made: Vec<Secret> = (0..4).map(|number| mint(&mut tickets, number, at(0))).collect();
    for ticket in &made[..3] {
        assert!(tickets.redeem(ticket.expose(), &HERE, at(1)).is_ok());
    }
    assert_eq!(tickets.redeem(made[3].expose(), &HERE, at(1)), Err(TicketFault::Full));
    assert_eq!(tickets.redeem(made[0].expose(), &HERE, at(29)), Err(TicketFault::Used));
    let fresh = mint(&mut tickets, 9, at(30));
    assert!(tickets.redeem(fresh.expose(), &HERE, at(30)).is_ok(), "room again when they have run out");
}

#[test]
fn t57_a_clock_set_back_brings_no_used_ticket_back() {
    let mut tickets = tickets(TicketForm::Signed);
    let ticket = mint(&mut tickets, 1, at(0));
    assert!(tickets.redeem(ticket.expose(), &HERE, at(1)).is_ok());
    let other = mint(&mut tickets, 2, at(100));
    assert!(tickets.redeem(other.expose(), &HERE, at(100)).is_ok(), "the first is forgotten by now");
    let back = Now { mono: at(101).mono, unix: at(2).unix };
    assert_eq!(tickets.redeem(ticket.expose(), &HERE, back), Err(TicketFault::Expired));
}

#[test]
fn sealed_tickets_are_one_servers_and_show_nobody() {
    let mut ours = tickets(TicketForm::Signed);
    let ticket = mint(&mut ours, 1, at(0));
    let mut theirs = Tickets::new(&TicketRules { form: TicketForm::Signed, ..TicketRules::default() }, &[8; 32]);
    assert_eq!(theirs.redeem(ticket.expose(), &HERE, at(1)), Err(TicketFault::Unknown));
    let bytes = B64.decode(ticket.expose()).unwrap();
    assert!(!bytes.windows(3).any(|window| window == b"ada"), "a URL stands in logs");
    let again = mint(&mut ours, 1, at(0));
    let other = mint(&mut ours, 2, at(0));
    assert!(again == ticket && other != ticket);
    assert!(!format!("{ours:?} {ticket:?}").contains("ada"));
    let long = Identity::assertion("x".repeat(4000));
    assert_eq!(ours.mint(&long, &HERE, entropy(3), at(0)), Err(TicketFault::Full));
    let wide = Identity::assertion("x").with_scopes((0..257).map(|n| n.to_string()));
    assert_eq!(ours.mint(&wide, &HERE, entropy(4), at(0)), Err(TicketFault::Full));
}

#[test]
fn repeated_entropy_is_noticed() {
    let mut tickets = tickets(TicketForm::Stored);
    mint(&mut tickets, 1, at(0));
    assert_eq!(tickets.mint(&Identity::assertion("eve"), &HERE, entropy(1), at(0)), Err(TicketFault::Full));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changed_or_made_up_tickets_are_unknown(bytes in proptest::collection::vec(any::<u8>(), 0..300), place in any::<usize>(), to in any::<u8>()) {
        for form in FORMS {
            let mut tickets = tickets(form);
            let mut ticket = mint(&mut tickets, 1, at(0)).expose().to_vec();
            prop_assert_eq!(tickets.redeem(&bytes, &HERE, at(1)), Err(TicketFault::Unknown));
            let place = place % ticket.len();
            prop_assume!(ticket[place] != to);
            ticket[place] = to;
            prop_assert_eq!(tickets.redeem(&ticket, &HERE, at(1)), Err(TicketFault::Unknown));
        }
    }

    /// Whatever is minted and redeemed when: each ticket at most once, never after 30 s, and the
    /// bounds hold.
    #[test]
    fn at_most_once_in_any_order(steps in proptest::collection::vec((0_u64..10, any::<bool>(), 0_usize..20), 1..120), signed in any::<bool>()) {
        let form = if signed { TicketForm::Signed } else { TicketForm::Stored };
        let rules = TicketRules { form, outstanding: 8, per_user: 5, ..TicketRules::default() };
        let (mut tickets, mut second, mut made) = (Tickets::new(&rules, &[7; 32]), 0, Vec::<(Secret, u64, bool)>::new());
        for (number, (wait, mints, which)) in (0..).zip(steps) {
            second += wait;
            if mints {
                let user = Identity::assertion(format!("user {}", number % 3));
                if let Ok(ticket) = tickets.mint(&user, &HERE, entropy(number), at(second)) {
                    made.push((ticket, second, false));
                }
            } else if !made.is_empty() {
                let place = which % made.len();
                let (ticket, minted, used) = &mut made[place];
                let redeemed = tickets.redeem(ticket.expose(), &HERE, at(second));
                if redeemed.is_ok() {
                    prop_assert!(!*used && Duration::from_secs(second - *minted) < Duration::from_secs(30));
                    *used = true;
                } else if !*used && second - *minted < 30 {
                    prop_assert_eq!(redeemed, Err(TicketFault::Full));
                    prop_assert!(signed);
                }
            }
            if let Tickets::Stored(store) = &tickets {
                prop_assert!(store.len() <= 8);
            }
        }
    }
}
