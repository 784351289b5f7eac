//! Verdicts, actions and events as JSON.

use serde_json::{Map, Value, json};

use crate::conform::fields::encoded;
use crate::conform::request::{self, has_wait};
use crate::event::Event;
use crate::handshake::Judgement;
use crate::http::Refusal;
use crate::session::Session;
use crate::time::{Timestamp, nanos};
use crate::verdict::{Action, Close, Outcome, Pressure, Reply, Verdict};

pub(super) type Words = Map<String, Value>;

pub(super) fn words<const N: usize>(pairs: [(&str, Value); N]) -> Words {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn verdict(name: &str) -> Words {
    words([("verdict", name.into())])
}

/// Nobody has the handle that a step is about.
pub(super) fn stale() -> Words {
    verdict("stale")
}

pub(super) fn opened(session: &Session) -> Words {
    let mut said = verdict("open");
    said.insert("status".into(), session.response().status().into());
    match session.identity() {
        Some(identity) => said.insert("subject".into(), identity.subject().into()),
        None => said.insert("pending".into(), session.is_pending().into()),
    };
    said
}

pub(super) fn refused(refusal: &Refusal) -> Words {
    let mut said = verdict("refuse");
    said.insert("status".into(), refusal.reason().http_status().into());
    said.insert("reason".into(), refusal.reason().name().into());
    if let Some(wait) = refusal.retry_after() {
        said.insert("retry_after".into(), nanos(wait).into());
    }
    said
}

/// `payload` is what a pong sends back.
pub(super) fn outcome(outcome: Outcome, session: &Session, payload: &[u8], now: Timestamp) -> Words {
    let wait = session.retry_after(now).map(nanos);
    let (mut said, reason) = match outcome.verdict {
        Verdict::Deliver(index) => {
            let kind = session.type_name(index).map(|name| ("type".to_owned(), name.into()));
            (verdict("deliver").into_iter().chain(kind).collect(), None)
        }
        Verdict::Reply(reply) => {
            let mut buffer = [0; Reply::MAX];
            let text = encoded(reply.write(&mut buffer));
            (words([("verdict", "reply".into()), ("bytes", text.into())]), Some(reply.reason))
        }
        Verdict::Drop(reason) => (verdict("drop"), Some(reason)),
        Verdict::Close(close) => {
            (words([("verdict", "close".into()), ("code", close.code.into())]), Some(close.reason))
        }
        Verdict::Authenticate => (verdict("authenticate"), None),
        Verdict::Pong => (words([("verdict", "pong".into()), ("bytes", encoded(payload).into())]), None),
        Verdict::Ignore => (verdict("ignore"), None),
    };
    if let Some(reason) = reason {
        said.insert("reason".into(), reason.name().into());
        if let Some(wait) = wait.filter(|_| has_wait(reason)) {
            said.insert("retry_after".into(), wait.into());
        }
    }
    event(&mut said, outcome.event.as_ref());
    said
}

pub(super) fn judgement(judgement: &Judgement, session: &Session, now: Timestamp) -> Words {
    match judgement {
        Judgement::Done(done) => {
            let mut said = outcome(*done, session, &[], now);
            if let (Verdict::Ignore, Some(identity)) = (done.verdict, session.identity()) {
                said.insert("subject".into(), identity.subject().into());
            }
            said
        }
        Judgement::Wait(need) => {
            let mut said = verdict("wait");
            said.extend(request::need(need));
            said
        }
    }
}

pub(super) fn action(action: Action) -> Words {
    match action {
        Action::Ping(payload) => words([("action", "ping".into()), ("bytes", encoded(&payload).into())]),
        Action::Close(close) => closing("action", close),
        Action::Revalidate => words([("action", "revalidate".into())]),
        Action::Expired => words([("action", "expired".into())]),
        Action::Terminate => words([("action", "terminate".into())]),
    }
}

pub(super) fn pressure(pressure: Pressure) -> Words {
    match pressure {
        Pressure::Free => words([("pressure", "free".into())]),
        Pressure::Full => words([("pressure", "full".into())]),
        Pressure::Close(close, recorded) => {
            let mut said = closing("pressure", close);
            event(&mut said, recorded.as_ref());
            said
        }
    }
}

fn closing(what: &str, close: Close) -> Words {
    words([(what, "close".into()), ("code", close.code.into()), ("reason", close.reason.name().into())])
}

/// What goes to the audit, by its kind; with how many were left out before it, if any were.
pub(super) fn event(said: &mut Words, event: Option<&Event>) {
    let Some(event) = event else { return };
    said.insert("event".into(), event.kind.name().into());
    if event.suppressed > 0 {
        said.insert("suppressed".into(), json!(event.suppressed));
    }
}
