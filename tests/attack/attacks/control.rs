//! Not attacks: what a good client does must work, before, during and after.

use std::time::{Duration, Instant};

use super::Attack;
use crate::config::Part;
use crate::lab::{Entry, Probe};
use crate::outcome::{Outcome, Tried};
use crate::peer::Event;
use crate::token::Draft;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "control.header",
        expect: "in",
        about: "a good token in its header",
        run: |p| enter(p, Part::Header),
    },
    Attack { name: "control.query", expect: "in", about: "a good token in the query", run: |p| enter(p, Part::Query) },
    Attack {
        name: "control.cookie",
        expect: "in",
        about: "a good token in its cookie",
        run: |p| enter(p, Part::Cookie),
    },
    Attack {
        name: "control.subprotocol",
        expect: "in",
        about: "a good token in a subprotocol entry, which is not echoed",
        run: |p| enter(p, Part::Subprotocol),
    },
    Attack {
        name: "control.first-message",
        expect: "in",
        about: "a good token in the first message",
        run: |p| enter(p, Part::FirstMessage),
    },
    Attack { name: "control.messages", expect: "in", about: "each valid message is delivered", run: messages },
    Attack {
        name: "control.without-origin",
        expect: "in",
        about: "a client that is no browser, with an explicit token",
        run: without_origin,
    },
    Attack { name: "control.heartbeat", expect: "in", about: "a peer that answers its pings lives on", run: heartbeat },
];

pub(super) const AFTERWARDS: &[Attack] =
    &[Attack { name: "control.afterwards", expect: "in", about: "after all that, a good client chats", run: messages }];

fn enter(p: &Probe<'_>, part: Part) -> Tried {
    let place = p.place_in(part)?;
    let mut request = p.bare();
    p.put(&mut request, place, &Draft::good(p.token_rules()?, &p.subject).sign());
    if let Part::Subprotocol = part
        && let Entry::Open(peer) = p.enter(&request)?
        && peer.head.contains("bearer")
    {
        return Err(std::io::Error::other("the token was echoed").into());
    }
    Ok(p.attempt(&request)?)
}

fn messages(p: &Probe<'_>) -> Tried {
    let rules = &p.target().message;
    let mut peer = p.open()?;
    for valid in &rules.valid {
        let mark = p.mark();
        peer.text(&valid.replace("$MARK", &mark))?;
        let seen = peer.settle(&mark, &rules.error, Duration::from_secs(5))?;
        if let Some(end) = seen.end {
            return Ok(end);
        }
        if seen.replies > 0 {
            return Ok(Outcome::Reply);
        }
        if rules.echo && valid.contains("$MARK") && seen.delivered == 0 {
            return Ok(Outcome::Silence);
        }
    }
    peer.close();
    Ok(Outcome::In(format!("{} messages", rules.valid.len())))
}

fn without_origin(p: &Probe<'_>) -> Tried {
    if p.place().is_none_or(|place| place.part == Part::Cookie) {
        return Ok(Outcome::Skipped("the usual credential is ambient".into()));
    }
    let mut request = p.good();
    request.remove("Origin");
    Ok(p.attempt(&request)?)
}

fn heartbeat(p: &Probe<'_>) -> Tried {
    let beat = p.target().heartbeat.ok_or_else(|| Outcome::Skipped("no heartbeat described".into()))?;
    let wait = Duration::from_millis(2 * beat.interval_ms + beat.timeout_ms) + Duration::from_millis(500);
    p.patience(wait)?;
    let deadline = Instant::now() + wait;
    let mut peer = p.open()?;
    let mut pings = 0;
    loop {
        match peer.next(deadline)? {
            Event::Ping(_) => pings += 1,
            Event::Close(code) => return Ok(Outcome::Close(code)),
            Event::Cut => return Ok(Outcome::Cut),
            Event::Nothing if pings < 2 => return Err(std::io::Error::other(format!("{pings} pings came")).into()),
            Event::Nothing => return Ok(Outcome::In(format!("alive after {pings} pings"))),
            Event::Message(_) | Event::Pong(_) => {}
        }
    }
}
