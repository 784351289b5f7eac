//! Step 1: encrypted transport only.

use std::time::{Duration, Instant};

use super::Attack;
use crate::lab::{Probe, SLACK};
use crate::outcome::{Outcome, Tried};
use crate::request::{Answer, Request};

/// So many connections are held open at once by the attacks that do nothing else.
const HALF_OPEN: usize = 40;

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        name: "transport.plain-to-tls-port",
        expect: "cut|400|403",
        about: "ws:// to the port that speaks TLS",
        run: |p| {
            if !p.lab.endpoint.is_secure() {
                return Ok(Outcome::Skipped("the target does not speak TLS".into()));
            }
            plain(p, p.lab.endpoint.port, &p.good())
        },
    },
    Attack {
        name: "transport.plain-port",
        expect: "403|cut",
        about: "ws:// to the plain port: refused, not redirected",
        run: |p| plain(p, plain_port(p)?, &p.good()),
    },
    Attack {
        name: "transport.plain-port-forwarded",
        expect: "403|cut",
        about: "ws:// with X-Forwarded-Proto: https from a peer that is no proxy",
        run: |p| {
            let mut request = p.good();
            request.add("X-Forwarded-Proto", "https");
            request.add("Forwarded", "proto=https;for=192.0.2.1");
            plain(p, plain_port(p)?, &request)
        },
    },
    Attack {
        name: "transport.silent-before-tls",
        expect: "cut|408",
        about: "connects and says nothing: cut at the head deadline",
        run: |p| {
            let deadline = p.patience(Duration::from_millis(p.target().deadline.head_ms))? + SLACK;
            let mut wire = p.lab.endpoint.connect_plain(p.source, p.lab.endpoint.port)?;
            let answer = Answer::read(&mut wire, deadline)?;
            Ok(answer.refusal().unwrap_or_else(|| Outcome::In("101".into())))
        },
    },
    Attack {
        name: "transport.slow-head",
        expect: "408|cut",
        about: "sends its head byte by byte: the deadline is for the whole head",
        run: slow_head,
    },
    Attack {
        name: "transport.half-open",
        expect: "408|cut",
        about: "holds many half-sent heads: good clients are served meanwhile, and all are cut",
        run: half_open,
    },
];

fn plain_port(p: &Probe<'_>) -> Result<u16, Outcome> {
    p.target().plain_port.ok_or_else(|| Outcome::Skipped("no plain port described".into()))
}

fn plain(p: &Probe<'_>, port: u16, request: &Request) -> Tried {
    let mut wire = p.lab.endpoint.connect_plain(p.source, port)?;
    wire.send(&request.bytes())?;
    let answer = Answer::read(&mut wire, p.head_deadline() + SLACK)?;
    Ok(answer.refusal().unwrap_or_else(|| Outcome::In("101 over plain TCP".into())))
}

fn slow_head(p: &Probe<'_>) -> Tried {
    let deadline = p.patience(Duration::from_millis(p.target().deadline.head_ms))?;
    let head = p.good().bytes();
    let mut wire = p.lab.endpoint.connect(p.source)?;
    let mut got = [0; 1024];
    for byte in head {
        if Instant::now() >= deadline {
            return Ok(Outcome::In("the head may take as long as it likes".into()));
        }
        if wire.send(&[byte]).is_err() {
            return Ok(Outcome::Cut);
        }
        let pause = Instant::now() + Duration::from_millis(100);
        match wire.receive(&mut got, pause)? {
            Some(0) => return Ok(Outcome::Cut),
            Some(count) => {
                let text = String::from_utf8_lossy(&got[..count]);
                let status = text.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3)?.parse().ok());
                return Ok(status.map_or(Outcome::Cut, Outcome::Status));
            }
            None => {}
        }
    }
    Ok(Outcome::In("the whole head was taken".into()))
}

fn half_open(p: &Probe<'_>) -> Tried {
    let deadline = p.patience(Duration::from_millis(p.target().deadline.head_ms))?;
    let head = p.good().bytes();
    let half = &head[..head.len() / 2];
    let mut wires = Vec::new();
    for _ in 0..HALF_OPEN {
        // Refusing further connections of one address is a fair answer.
        let Ok(mut wire) = p.lab.endpoint.connect(p.source) else { break };
        if wire.send(half).is_err() {
            break;
        }
        wires.push(wire);
    }
    // A good client of another address is not to suffer.
    p.lab.probe(9_000).open()?.close();
    let mut last = Outcome::Cut;
    // The last of them began later than the first.
    let deadline = deadline + Duration::from_secs(3);
    for mut wire in wires {
        let answer = Answer::read(&mut wire, deadline)?;
        match answer.refusal() {
            Some(Outcome::In(_)) | None => return Ok(Outcome::In("a half-sent head is held open".into())),
            Some(outcome) => last = outcome,
        }
    }
    Ok(last)
}
