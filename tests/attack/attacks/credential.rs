//! Step 2: who may connect, and where a credential may stand.

use std::time::{Duration, Instant};

use super::Attack;
use crate::config::{Part, Place};
use crate::lab::{Entry, Probe};
use crate::outcome::{Outcome, Tried};
use crate::token::Draft;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "credential.none",
        expect: "401|close 4408",
        about: "no token",
        run: |p| {
            p.token_rules()?;
            Ok(p.attempt(&p.bare())?)
        },
    },
    Attack { name: "credential.empty", expect: "401|400|close 4401", about: "an empty token", run: |p| token(p, "") },
    Attack {
        name: "credential.garbage",
        expect: "401|close 4401",
        about: "a token that is none",
        run: |p| token(p, "garbage"),
    },
    Attack {
        name: "credential.garbage-dots",
        expect: "401|close 4401",
        about: "three parts, none of them base64",
        run: |p| token(p, "!!.!!.!!"),
    },
    Attack {
        name: "credential.twice",
        expect: "400",
        about: "the same good token twice in one source",
        run: |p| twice(p, true),
    },
    Attack {
        name: "credential.twice-different",
        expect: "400",
        about: "a good and a forged token in one source",
        run: |p| twice(p, false),
    },
    Attack { name: "credential.two-sources", expect: "400", about: "a good token in two sources", run: two_sources },
    Attack {
        name: "credential.two-cookies",
        expect: "400",
        about: "two cookies of the token's name",
        run: |p| two_cookies(p, "; "),
    },
    Attack {
        name: "credential.two-cookie-headers",
        expect: "400",
        about: "the token's cookie in two Cookie fields",
        run: |p| two_cookies(p, "\r\nCookie: "),
    },
    Attack {
        name: "credential.fall-back-to-cookie",
        expect: "401|close 4401",
        about: "a forged explicit token beside a good cookie: the cookie does not help",
        run: fall_back,
    },
    Attack {
        name: "credential.header-not-allowed",
        expect: "401|403|close 4408",
        about: "a good token in the Authorization header, which is no source here",
        run: |p| elsewhere(p, Part::Header),
    },
    Attack {
        name: "credential.query-not-allowed",
        expect: "401|403|close 4408",
        about: "a good token in the query, which is no source here",
        run: |p| elsewhere(p, Part::Query),
    },
    Attack {
        name: "credential.cookie-not-allowed",
        expect: "401|403|close 4408",
        about: "a good token in a cookie, which is no source here",
        run: |p| elsewhere(p, Part::Cookie),
    },
    Attack {
        name: "credential.subprotocol-not-allowed",
        expect: "401|403|close 4408",
        about: "a good token in a subprotocol entry, which is no source here",
        run: |p| elsewhere(p, Part::Subprotocol),
    },
    Attack {
        name: "credential.other-scheme",
        expect: "401|400",
        about: "a good token as Basic, not Bearer",
        run: |p| {
            let place = p.place_in(Part::Header)?;
            if place.name.as_ref().is_some_and(|name| !name.eq_ignore_ascii_case("authorization")) {
                return Ok(Outcome::Skipped("the header has no scheme".into()));
            }
            let mut request = p.bare();
            request.add("Authorization", format!("Basic {}", good(p)?));
            Ok(p.attempt(&request)?)
        },
    },
    Attack {
        name: "credential.echoed",
        expect: "held",
        about: "the 101 does not select the entry that holds the token",
        run: echoed,
    },
    Attack {
        name: "credential.any-message-stops-the-clock",
        expect: "close 4401|close 4408",
        about: "a message that is no credential, in place of the first",
        run: |p| first_message(p, |p| p.message(&p.mark())),
    },
    Attack {
        name: "credential.long-first-message",
        expect: "close 1009|close 4401",
        about: "a first message larger than a token can be",
        run: |p| first_message(p, |_| format!(r#"{{"type":"auth","token":"{}"}}"#, "a".repeat(48 << 10))),
    },
    Attack {
        name: "credential.ping-stops-the-clock",
        expect: "close 4408",
        about: "pings while no token comes do not stop the deadline",
        run: ping_while_pending,
    },
];

fn good(p: &Probe<'_>) -> Result<String, Outcome> {
    Ok(Draft::good(p.token_rules()?, &p.subject).sign())
}

fn forged(p: &Probe<'_>) -> Result<String, Outcome> {
    Ok(Draft::good(p.token_rules()?, &p.subject).secret(b"not the secret that the server has").sign())
}

fn token(p: &Probe<'_>, token: &str) -> Tried {
    p.token_rules()?;
    Ok(p.attempt(&p.with_token(token))?)
}

fn twice(p: &Probe<'_>, same: bool) -> Tried {
    let good = good(p)?;
    let second = if same { good.clone() } else { forged(p)? };
    let places = &p.token_rules()?.places;
    let explicit = |place: &&Place| matches!(place.part, Part::Header | Part::Query);
    let place = places.iter().find(explicit).ok_or_else(|| Outcome::Skipped("no header or query".into()))?;
    let mut request = p.bare();
    p.put(&mut request, place, &good);
    p.put(&mut request, place, &second);
    Ok(p.attempt(&request)?)
}

fn two_sources(p: &Probe<'_>) -> Tried {
    let good = good(p)?;
    let explicit = [Part::Header, Part::Query, Part::Subprotocol];
    let places: Vec<&Place> =
        p.token_rules()?.places.iter().filter(|place| explicit.contains(&place.part)).take(2).collect();
    if places.len() < 2 {
        return Ok(Outcome::Skipped("fewer than two explicit sources".into()));
    }
    let mut request = p.bare();
    for place in places {
        p.put(&mut request, place, &good);
    }
    Ok(p.attempt(&request)?)
}

fn two_cookies(p: &Probe<'_>, between: &str) -> Tried {
    let place = p.place_in(Part::Cookie)?;
    let name = place.name.as_deref().unwrap_or("session");
    let mut request = p.bare();
    request.add("Cookie", format!("{name}={}{between}{name}={}", good(p)?, forged(p)?));
    Ok(p.attempt(&request)?)
}

fn fall_back(p: &Probe<'_>) -> Tried {
    let cookie = p.place_in(Part::Cookie)?;
    let explicit = p.place_in(Part::Header).or_else(|_| p.place_in(Part::Query))?;
    let mut request = p.bare();
    p.put(&mut request, explicit, &forged(p)?);
    p.put(&mut request, cookie, &good(p)?);
    Ok(p.attempt(&request)?)
}

fn elsewhere(p: &Probe<'_>, part: Part) -> Tried {
    if p.token_rules()?.places.iter().any(|place| place.part == part) {
        return Ok(Outcome::Skipped("a source of this target".into()));
    }
    let place = Place { part, name: None, message_type: None, field: None };
    let mut request = p.bare();
    p.put(&mut request, &place, &good(p)?);
    Ok(p.attempt(&request)?)
}

fn echoed(p: &Probe<'_>) -> Tried {
    let token = good(p)?;
    let place = Place { part: Part::Subprotocol, name: None, message_type: None, field: None };
    let mut request = p.bare();
    // Where subprotocols are no source, a good token beside it opens the door.
    if p.place_in(Part::Subprotocol).is_err() {
        request = p.with_token(&token);
    }
    p.put(&mut request, &place, &token);
    match p.enter(&request)? {
        Entry::Open(peer) if peer.head.contains("bearer.authorization") => {
            Ok(Outcome::In("the 101 carries the token".into()))
        }
        Entry::Open(_) => Ok(Outcome::Held("the token is not in the 101".into())),
        Entry::Refused(outcome) => Ok(Outcome::Held(format!("{outcome}, and the token is not in the answer"))),
    }
}

fn first_message(p: &Probe<'_>, message: fn(&Probe<'_>) -> String) -> Tried {
    p.place_in(Part::FirstMessage)?;
    let mut request = p.bare();
    request.first_message = Some(message(p));
    Ok(p.attempt(&request)?)
}

fn ping_while_pending(p: &Probe<'_>) -> Tried {
    p.place_in(Part::FirstMessage)?;
    let deadline = p.patience(Duration::from_millis(p.target().deadline.first_message_ms))?;
    let mut peer = match p.enter(&p.bare())? {
        Entry::Open(peer) => peer,
        Entry::Refused(outcome) => return Ok(outcome),
    };
    while Instant::now() < deadline {
        let _ = peer.send(&crate::frame::Frame::new(crate::frame::PING, b"still here").bytes());
        let pause = (Instant::now() + Duration::from_millis(300)).min(deadline);
        if let Some(end) = peer.end(pause)? {
            return Ok(end);
        }
    }
    Ok(Outcome::In("still open past the first message's deadline".into()))
}
