//! Step 5: limits that hold, whatever the client does to start afresh.

use std::time::{Duration, Instant};

use super::Attack;
use crate::config::Quota;
use crate::frame::{Frame, PING, PONG};
use crate::lab::{Entry, Probe};
use crate::outcome::{Outcome, Stop, Tried};
use crate::peer::{Peer, Seen};
use crate::token::Draft;

/// No attack sends more messages or opens more connections than this.
const MOST: u64 = 2000;

/// So long a server may take for a flood.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "rate.messages",
        expect: "reply|silence|close 4429",
        about: "three times the messages that a connection may send at once",
        run: |p| {
            let quota = quota(p.target().limits.connection_messages, "connection_messages")?;
            let mut flood = Flood::new(p, quota);
            let seen = flood.on(&mut *p.open()?, (3 * quota.burst()).min(MOST))?;
            Ok(flood.outcome(Some(seen)))
        },
    },
    Attack {
        name: "rate.bytes",
        expect: "reply|silence|close 4429",
        about: "twice the bytes that a connection may send at once, in large messages",
        run: bytes,
    },
    Attack {
        name: "rate.reconnect",
        expect: "reply|silence|close 4429|429|held",
        about: "a new connection does not bring a new allowance",
        run: reconnect,
    },
    Attack {
        name: "rate.one-of-two-closes",
        expect: "reply|silence|close 4429|429|held",
        about: "closing one of a user's two sockets does not reset the user's limit",
        run: one_of_two,
    },
    Attack {
        name: "rate.one-of-two-resets",
        expect: "reply|silence|close 4429|429|held",
        about: "nor does cutting it without a close frame",
        run: |p| two_sockets(p, Peer::reset),
    },
    Attack {
        name: "rate.users-of-one-address",
        expect: "reply|silence|close 4429|429|held",
        about: "many users of one address share the address's limit",
        run: users_of_one_address,
    },
    Attack { name: "rate.pings", expect: "close 4429|held", about: "a flood of pings", run: |p| control(p, PING) },
    Attack { name: "rate.pongs", expect: "close 4429", about: "a flood of pongs", run: |p| control(p, PONG) },
    Attack {
        name: "rate.errors",
        expect: "close 4400",
        about: "invalid messages without end",
        run: |p| {
            let budget = p.target().limits.errors;
            let budget = budget.ok_or_else(|| Outcome::Skipped("no limit on errors described".into()))?;
            let (count, end) = errors_until_closed(p, &mut *p.open()?, budget + 5)?;
            Ok(end.unwrap_or_else(|| Outcome::In(format!("{count} invalid messages were borne"))))
        },
    },
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
];

fn quota(quota: Option<Quota>, name: &str) -> Result<Quota, Outcome> {
    quota.ok_or_else(|| Outcome::Skipped(format!("no {name} described")))
}

/// What got through of a flood, over several connections, against one quota.
struct Flood<'a> {
    probe: &'a Probe<'a>,
    quota: Quota,
    began: Instant,
    delivered: u64,
}

impl<'a> Flood<'a> {
    fn new(probe: &'a Probe<'a>, quota: Quota) -> Self {
        Self { probe, quota, began: Instant::now(), delivered: 0 }
    }

    /// Sends so many valid messages at once, and counts those that come back.
    fn on(&mut self, peer: &mut Peer, count: u64) -> Result<Seen, Stop> {
        let mark = self.probe.mark();
        let frame = Frame::new(crate::frame::TEXT, self.probe.message(&mark).as_bytes()).bytes();
        // A server that has closed may still have answers for us to read.
        let _ = peer.send(&frame.repeat(usize::try_from(count).unwrap_or(0)));
        let rules = &self.probe.target().message;
        let mut seen = peer.settle(&mark, &rules.error, PATIENCE)?;
        if !rules.echo {
            // Nothing comes back from what is delivered: all that is not answered by an error counts.
            seen.delivered = if seen.end.is_some() { 0 } else { count.saturating_sub(seen.replies) };
        }
        self.delivered += seen.delivered;
        Ok(seen)
    }

    fn outcome(&self, last: Option<Seen>) -> Outcome {
        let most = self.quota.most_in(self.began.elapsed());
        if self.delivered > most {
            return Outcome::In(format!("{} delivered where {most} are allowed", self.delivered));
        }
        match last {
            None => Outcome::Held(format!("{} delivered, {most} allowed", self.delivered)),
            Some(Seen { end: Some(end), .. }) => end,
            Some(seen) if seen.replies > 0 => Outcome::Reply,
            Some(_) => Outcome::Silence,
        }
    }
}

fn bytes(p: &Probe<'_>) -> Tried {
    let quota = quota(p.target().limits.connection_bytes, "connection_bytes")?;
    let size = p.target().message.max_bytes.saturating_sub(16).max(1);
    let count = (2 * quota.burst() / u64::try_from(size).unwrap_or(u64::MAX) + 1).min(MOST);
    if p.target().limits.connection_messages.is_some_and(|messages| count > messages.burst()) {
        return Ok(Outcome::Skipped("the limit on messages comes first".into()));
    }
    let mark = p.mark();
    let text = p.message(&mark);
    let padded = format!("{text}{}", " ".repeat(size.saturating_sub(text.len())));
    let mut peer = p.open()?;
    let began = Instant::now();
    let _ = peer
        .send(&Frame::new(crate::frame::TEXT, padded.as_bytes()).bytes().repeat(usize::try_from(count).unwrap_or(0)));
    let seen = peer.settle(&mark, &p.target().message.error, PATIENCE)?;
    let delivered = seen.delivered * u64::try_from(size).unwrap_or(0);
    if delivered > quota.most_in(began.elapsed()) {
        return Ok(Outcome::In(format!("{delivered} bytes delivered")));
    }
    Ok(match seen.end {
        Some(end) => end,
        None if seen.replies > 0 => Outcome::Reply,
        None if p.target().message.echo => Outcome::Silence,
        None => Outcome::In("no objection".into()),
    })
}

/// What one connection may send at once without breaking its own limit.
fn polite(p: &Probe<'_>, user: Quota) -> u64 {
    p.target().limits.connection_messages.map_or(user.burst() / 2, |quota| quota.burst()).clamp(1, MOST)
}

fn reconnect(p: &Probe<'_>) -> Tried {
    let user = quota(p.target().limits.user_messages, "user_messages")?;
    let each = polite(p, user);
    let mut flood = Flood::new(p, user);
    let mut last = None;
    for _ in 0..(3 * user.burst() / each + 2).min(200) {
        let mut peer = match p.enter(&p.good())? {
            Entry::Open(peer) => peer,
            // Shut out: that holds too.
            Entry::Refused(outcome) if flood.delivered > 0 => return Ok(outcome),
            Entry::Refused(outcome) => return Err(refused_at_once(&outcome)),
        };
        last = Some(flood.on(&mut peer, each)?);
        peer.close();
    }
    Ok(flood.outcome(last))
}

fn one_of_two(p: &Probe<'_>) -> Tried {
    two_sockets(p, Peer::close)
}

/// Uses up a user's limit over two sockets, ends one, and goes on with the other and with new ones.
fn two_sockets(p: &Probe<'_>, end: fn(Peer)) -> Tried {
    let user = quota(p.target().limits.user_messages, "user_messages")?;
    let each = polite(p, user);
    let mut flood = Flood::new(p, user);
    let mut stays = p.open()?;
    let mut last = flood.on(&mut stays, each)?;
    for _ in 0..(3 * user.burst() / each + 2).min(200) {
        let mut goes = match p.enter(&p.good())? {
            Entry::Open(peer) => peer,
            Entry::Refused(outcome) => return Ok(outcome),
        };
        flood.on(&mut goes, each)?;
        // The one that stays must answer its pings meanwhile.
        if let Some(ended) = stays.end(Instant::now() + Duration::from_millis(20))? {
            return Ok(ended);
        }
        end(*goes);
        last = flood.on(&mut stays, 2)?;
        if last.end.is_some() {
            break;
        }
    }
    Ok(flood.outcome(Some(last)))
}

fn users_of_one_address(p: &Probe<'_>) -> Tried {
    let address = quota(p.target().limits.address_messages, "address_messages")?;
    let each = polite(p, address);
    if address.burst() > MOST {
        return Ok(Outcome::Skipped("the limit is too large to try".into()));
    }
    let mut flood = Flood::new(p, address);
    let mut last = None;
    for number in 0..(2 * address.burst() / each + 2).min(400) {
        let user = p.as_user(&number.to_string());
        let mut peer = match user.enter(&user.good())? {
            Entry::Open(peer) => peer,
            Entry::Refused(outcome) if flood.delivered > 0 => return Ok(outcome),
            Entry::Refused(outcome) => return Err(refused_at_once(&outcome)),
        };
        let seen = flood.on(&mut peer, each)?;
        let limited = seen.replies > 0 || seen.end.is_some();
        last = Some(seen);
        peer.close();
        if limited {
            break;
        }
    }
    Ok(flood.outcome(last))
}

fn control(p: &Probe<'_>, opcode: u8) -> Tried {
    let quota = quota(p.target().limits.connection_control, "connection_control")?;
    let count = (20 * quota.burst()).min(MOST);
    let mut peer = p.open()?;
    let began = Instant::now();
    let _ = peer.send(&Frame::new(opcode, b"flood").bytes().repeat(usize::try_from(count).unwrap_or(0)));
    let seen = peer.settle(&p.mark(), &p.target().message.error, PATIENCE)?;
    let most = quota.most_in(began.elapsed());
    Ok(match seen.end {
        Some(end) => end,
        None if opcode == PING && seen.pongs <= most => Outcome::Held(format!("{} of {count} answered", seen.pongs)),
        None => Outcome::In(format!("{count} control frames were taken, {most} allowed")),
    })
}

/// Sends invalid messages until the server has had enough.
fn errors_until_closed(p: &Probe<'_>, peer: &mut Peer, most: u64) -> Result<(u64, Option<Outcome>), Stop> {
    for count in 1..=most {
        let _ = peer.text("{");
        let seen = peer.settle(&p.mark(), &p.target().message.error, Duration::from_secs(2))?;
        if seen.end.is_some() {
            return Ok((count, seen.end));
        }
    }
    Ok((most, None))
}

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

fn refused_at_once(outcome: &Outcome) -> Stop {
    std::io::Error::other(format!("a good client is not let in: {outcome}")).into()
}
