//! Step 6: dead peers are found, and no connection outlives its right to be there.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Attack;
use crate::config::Heartbeat;
use crate::frame::{BINARY, Frame, PING, PONG, TEXT};
use crate::lab::{Entry, Probe};
use crate::outcome::{Outcome, Tried};
use crate::peer::{Event, Peer};
use crate::token::{Draft, unix_now};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "heartbeat.silent",
        expect: "close 4408",
        about: "never answers a ping",
        run: |p| unanswered(p, |_, _| Vec::new(), ""),
    },
    Attack {
        name: "heartbeat.unsolicited-pongs",
        expect: "close 4408",
        about: "sends empty pongs that answer nothing",
        run: |p| unanswered(p, |_, _| Vec::new(), "pong"),
    },
    Attack {
        name: "heartbeat.wrong-payload",
        expect: "close 4408",
        about: "answers each ping with another payload",
        run: |p| unanswered(p, |_, _| Frame::new(PONG, b"wrong").bytes(), ""),
    },
    Attack {
        name: "heartbeat.old-payload",
        expect: "close 4408",
        about: "answers each ping with the payload of the first",
        run: |p| unanswered(p, |first, _| Frame::new(PONG, first).bytes(), ""),
    },
    Attack {
        name: "heartbeat.longer-payload",
        expect: "close 4408",
        about: "answers each ping with its payload and more",
        run: |p| unanswered(p, |_, ping| Frame::new(PONG, &[ping, b"x"].concat()).bytes(), ""),
    },
    Attack {
        name: "heartbeat.own-pings",
        expect: "close 4408",
        about: "sends pings in place of pongs: any byte is no sign of life",
        run: |p| unanswered(p, |_, _| Vec::new(), "ping"),
    },
    Attack {
        name: "heartbeat.messages",
        expect: "close 4408",
        about: "sends messages in place of pongs",
        run: |p| unanswered(p, |_, _| Vec::new(), "message"),
    },
    Attack {
        name: "lifecycle.close-ignored",
        expect: "held",
        about: "does not answer the close frame and keeps the socket: it is cut",
        run: close_ignored,
    },
    Attack {
        name: "lifecycle.ends-after-1003",
        expect: "held",
        about: "both have closed: the server ends the connection at once (RFC 6455 section 7.1.1), not at its deadline",
        run: |p| ends_after_close(p, |_| Frame::new(BINARY, b"{}").bytes()),
    },
    Attack {
        name: "lifecycle.ends-after-1007",
        expect: "held",
        about: "the same after a text that is no UTF-8",
        run: |p| ends_after_close(p, |_| Frame::new(TEXT, b"\xff").bytes()),
    },
    Attack {
        name: "lifecycle.ends-after-1009",
        expect: "held",
        about: "the same after a message that is too big",
        run: |p| ends_after_close(p, |max| Frame::new(TEXT, " ".repeat(max + 1).as_bytes()).bytes()),
    },
    Attack {
        name: "lifecycle.expires",
        expect: "close 4401",
        about: "the token expires while the connection is open",
        run: expires,
    },
    Attack {
        name: "lifecycle.expires-while-talking",
        expect: "close 4401",
        about: "talking does not put the expiry off, and nothing is delivered after it",
        run: expires_talking,
    },
];

fn heartbeat(p: &Probe<'_>) -> Result<Heartbeat, Outcome> {
    p.target().heartbeat.ok_or_else(|| Outcome::Skipped("no heartbeat described".into()))
}

/// Answers pings with what is made from the first ping and this one, and talks of its own besides.
fn unanswered(p: &Probe<'_>, answer: fn(&[u8], &[u8]) -> Vec<u8>, talk: &str) -> Tried {
    let beat = heartbeat(p)?;
    // The answer of `old-payload` is right once: then one more beat may pass.
    let deadline = p.patience(Duration::from_millis(2 * beat.interval_ms + beat.timeout_ms))?;
    let pause = Duration::from_millis((beat.timeout_ms / 2).clamp(100, 2000));
    let mut peer = p.open()?;
    peer.answers_pings = false;
    let mut first: Option<Vec<u8>> = None;
    loop {
        match peer.next((Instant::now() + pause).min(deadline))? {
            Event::Ping(payload) => {
                let reply = answer(first.get_or_insert_with(|| payload.clone()), &payload);
                let _ = peer.send(&reply);
            }
            Event::Close(code) => return Ok(Outcome::Close(code)),
            Event::Cut => return Ok(Outcome::Cut),
            Event::Nothing if Instant::now() >= deadline => {
                return Ok(Outcome::In(if first.is_some() { "still alive".into() } else { "no ping came".into() }));
            }
            Event::Nothing => {
                let _ = match talk {
                    "pong" => peer.send(&Frame::new(PONG, b"").bytes()),
                    "ping" => peer.send(&Frame::new(PING, b"").bytes()),
                    "message" => peer.text(&p.message(&p.mark())),
                    _ => Ok(()),
                };
            }
            Event::Message(_) | Event::Pong(_) => {}
        }
    }
}

fn close_ignored(p: &Probe<'_>) -> Tried {
    let wait = Duration::from_millis(p.target().deadline.close_ms);
    p.patience(wait)?;
    let mut peer = p.open()?;
    peer.answers_close = false;
    // Whatever the server objects to will do: it is the one that must begin to close.
    peer.send(&Frame::new(BINARY, b"\0").bytes())?;
    peer.send(&Frame { masked: false, ..Frame::new(PING, b"") }.bytes())?;
    let Some(Outcome::Close(code)) = peer.end(Instant::now() + Duration::from_secs(5))? else {
        return Err(std::io::Error::other("the server did not begin to close").into());
    };
    let began = Instant::now();
    match cut(&mut peer, began + wait + crate::lab::SLACK)? {
        true => Ok(Outcome::Held(format!("cut {} ms after close {code}", began.elapsed().as_millis()))),
        false => Ok(Outcome::In("the socket is still open".into())),
    }
}

fn ends_after_close(p: &Probe<'_>, violation: fn(usize) -> Vec<u8>) -> Tried {
    let promised = Duration::from_millis(p.target().deadline.close_ms);
    let mut peer = p.open()?;
    let _ = peer.send(&violation(p.target().message.max_bytes));
    match peer.end(Instant::now() + Duration::from_secs(5))? {
        Some(Outcome::Close(_)) => {}
        _ => return Err(std::io::Error::other("the server did not close").into()),
    }
    let answered = Instant::now();
    cut(&mut peer, answered + promised + crate::lab::SLACK)?;
    let took = answered.elapsed();
    if took > promised / 2 {
        return Ok(Outcome::In(format!("held open for {} ms after both had closed", took.as_millis())));
    }
    Ok(Outcome::Held(format!("ended after {} ms", took.as_millis())))
}

fn cut(peer: &mut Peer, deadline: Instant) -> std::io::Result<bool> {
    loop {
        match peer.next(deadline)? {
            Event::Cut => return Ok(true),
            Event::Nothing => return Ok(false),
            Event::Message(_) | Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
        }
    }
}

/// A connection whose token expires soon, and when it must be gone.
fn short_lived(p: &Probe<'_>) -> Result<(Box<Peer>, Instant), crate::outcome::Stop> {
    let rules = p.token_rules()?;
    let life = Duration::from_secs(2);
    let deadline = p.patience(life + Duration::from_millis(rules.leeway_ms))?;
    let exp = unix_now() + i64::try_from(life.as_secs()).unwrap_or(0);
    let token = Draft::good(rules, &p.subject).claim("exp", json!(exp)).sign();
    match p.enter(&p.with_token(&token))? {
        Entry::Open(peer) => Ok((peer, deadline)),
        Entry::Refused(outcome) => {
            Err(std::io::Error::other(format!("a token that is still good is not let in: {outcome}")).into())
        }
    }
}

fn expires(p: &Probe<'_>) -> Tried {
    let (mut peer, deadline) = short_lived(p)?;
    Ok(peer.end(deadline)?.unwrap_or_else(|| Outcome::In("still open after the token's expiry".into())))
}

fn expires_talking(p: &Probe<'_>) -> Tried {
    let (mut peer, deadline) = short_lived(p)?;
    while Instant::now() < deadline {
        let _ = peer.text(&p.message(&p.mark()));
        let pause = (Instant::now() + Duration::from_millis(500)).min(deadline);
        if let Some(end) = peer.end(pause)? {
            return Ok(end);
        }
    }
    Ok(Outcome::In("still open after the token's expiry".into()))
}
