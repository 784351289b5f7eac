//! Step 5: how many may try, and how many may be here at once.

use std::time::{Duration, Instant};

use super::Attack;
use super::rate::{MOST, errors_until_closed, quota};
use crate::frame::{Frame, PING};
use crate::lab::{Entry, Probe};
use crate::outcome::{Outcome, Tried};
use crate::peer::Peer;
use crate::token::Draft;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "rate.handshakes",
        expect: "429",
        about: "handshakes without a token, from one address",
        run: |p| handshakes(p, "address_handshakes", |_, _, _| {}),
    },
    Attack {
        name: "rate.handshakes-spoofed",
        expect: "429",
        about: "the same, each with another X-Forwarded-For",
        run: |p| {
            handshakes(p, "address_handshakes", |_, request, number| {
                request.add("X-Forwarded-For", format!("192.0.2.{}", number % 250));
                request.add("Forwarded", format!("for=192.0.2.{}", number % 250));
                request.add("X-Real-IP", format!("192.0.2.{}", number % 250));
            })
        },
    },
    Attack {
        name: "rate.failures",
        expect: "429",
        about: "guesses at a token, from one address",
        run: |p| {
            handshakes(p, "address_failures", |p, request, number| {
                let guess = p.target().token.as_ref().map(|rules| {
                    Draft::good(rules, &p.subject)
                        .secret(format!("guess number {number}, padded to 32 bytes").as_bytes())
                });
                if let (Some(guess), Some(place)) = (guess, p.place()) {
                    p.put(request, place, &guess.sign());
                }
            })
        },
    },
    Attack {
        name: "cap.per-user",
        expect: "429|close 4429",
        about: "one socket more than a user may have",
        run: |p| cap(p, p.target().limits.per_user, |p, _| p.as_user("one")),
    },
    Attack {
        name: "cap.per-address",
        expect: "429|close 4429",
        about: "one socket more than an address may have, each of another user",
        run: |p| cap(p, p.target().limits.per_address, |p, number| p.as_user(&number.to_string())),
    },
    Attack {
        name: "cap.given-back",
        expect: "held",
        about: "a user's slots come back on every way out: close, reset, violation",
        run: given_back,
    },
    Attack {
        name: "rate.ban",
        expect: "429",
        about: "back at once after being closed for violations again and again",
        run: ban,
    },
    Attack {
        name: "cap.churn",
        expect: "held",
        about: "hundreds of connections cut before, in and after their handshake leave nothing behind",
        run: churn,
    },
];

fn handshakes(p: &Probe<'_>, name: &str, change: fn(&Probe<'_>, &mut crate::request::Request, u64)) -> Tried {
    let limits = &p.target().limits;
    let quota =
        quota(if name == "address_failures" { limits.address_failures } else { limits.address_handshakes }, name)?;
    p.token_rules()?;
    let began = Instant::now();
    for number in 0..MOST {
        let mut request = p.bare();
        change(p, &mut request, number);
        match p.attempt(&request)? {
            Outcome::Status(429) => return Ok(Outcome::Status(429)),
            Outcome::In(how) => return Ok(Outcome::In(how)),
            _ if number > quota.most_in(began.elapsed()) => {
                return Ok(Outcome::In(format!("{number} were answered without a pause")));
            }
            _ => {}
        }
    }
    Ok(Outcome::In(format!("{MOST} were answered without a pause")))
}

fn cap<'a>(p: &Probe<'a>, cap: Option<usize>, user: fn(&Probe<'a>, usize) -> Probe<'a>) -> Tried {
    let cap = cap.ok_or_else(|| Outcome::Skipped("no such cap described".into()))?.min(1000);
    let mut peers = Vec::new();
    for number in 0..cap {
        peers.push(user(p, number).open()?);
    }
    let one_more = user(p, cap);
    Ok(one_more.attempt(&one_more.good())?)
}

fn given_back(p: &Probe<'_>) -> Tried {
    let cap = p.target().limits.per_user.ok_or_else(|| Outcome::Skipped("no per_user described".into()))?;
    // One violation only: more of them would be answered by a ban, and rightly.
    let violate = |mut peer: Peer| {
        let _ = peer.send(&Frame { masked: false, ..Frame::new(PING, b"") }.bytes());
        let _ = peer.end(Instant::now() + Duration::from_secs(2));
    };
    let ways: [[fn(Peer); 2]; 3] = [[Peer::close, Peer::close], [Peer::reset, Peer::reset], [violate, Peer::reset]];
    for [first, others] in ways {
        let mut peers = Vec::new();
        // A slot may take a moment to come back: the server has to notice first.
        let patient = Instant::now() + Duration::from_secs(3);
        while peers.len() < cap {
            match p.enter(&p.good())? {
                Entry::Open(peer) => peers.push(peer),
                Entry::Refused(outcome) if Instant::now() > patient => {
                    return Ok(Outcome::In(format!("a slot is lost: {outcome}")));
                }
                Entry::Refused(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        let mut way = first;
        for peer in peers {
            way(*peer);
            way = others;
        }
    }
    p.open()?.close();
    Ok(Outcome::Held(format!("{cap} slots came back three times")))
}

fn ban(p: &Probe<'_>) -> Tried {
    let after = p.target().limits.ban_after.ok_or_else(|| Outcome::Skipped("no ban_after described".into()))?;
    let most = p.target().limits.errors.unwrap_or(20) + 5;
    for _ in 0..after.min(20) {
        let mut peer = match p.enter(&p.good())? {
            Entry::Open(peer) => peer,
            Entry::Refused(outcome) => return Ok(outcome),
        };
        if errors_until_closed(p, &mut peer, most)?.1.is_none() {
            return Ok(Outcome::In("not even closed".into()));
        }
    }
    Ok(p.attempt(&p.good())?)
}

fn churn(p: &Probe<'_>) -> Tried {
    let head = p.good().bytes();
    for number in 0..300 {
        let mut wire = match number % 3 {
            0 => p.lab.endpoint.connect_plain(p.source, p.lab.endpoint.port)?,
            _ => p.lab.endpoint.connect(p.source)?,
        };
        if number % 3 == 2 {
            let _ = wire.send(&head[..head.len() - 2]);
        }
        wire.reset();
    }
    for _ in 0..50 {
        match p.enter(&p.good())? {
            Entry::Open(peer) => peer.reset(),
            // The server has not noticed yet that the ones before are gone.
            Entry::Refused(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    p.open()?.close();
    Ok(Outcome::Held("a good client still gets in".into()))
}
