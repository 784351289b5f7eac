//! Whole upgrade requests, and what answers them.

use serde_json::{Map, Value, json};

use super::fields::{
    Wrong, bytes, encoded, flag, headers, in_policy, optional, optional_number, optional_text, remote, required, text,
};
use crate::guard::Guard;
use crate::handshake::{Admission, Answer, Need, Waiting};
use crate::host::Host;
use crate::http::{Head, HeadParser, Header, HttpVersion, Refusal, Remote, Request};
use crate::identity::Identity;
use crate::policy::Policy;
use crate::reason::{Reason, Retry};
use crate::time::{Now, Timestamp, UnixTime, nanos};

/// The civil time where a question says none: 2027-01-15T08:00:00Z.
pub(super) const UNIX: u64 = 1_800_000_000;

pub(super) fn request(question: &Value) -> Result<Value, Wrong> {
    let policy = policy(question)?;
    let asked = Asked::read(required(question, "request")?).map_err(|wrong| wrong.within("request"))?;
    decide(policy, &asked.request(), now(question)?, identity(question, "identity")?)
}

pub(super) fn head(question: &Value) -> Result<Value, Wrong> {
    let policy = policy(question)?;
    let bytes = bytes(question, "bytes")?;
    let (peer, tls) = (remote(question)?, flag(question, "tls", false)?);
    let (now, identity) = (now(question)?, identity(question, "identity")?);
    let transport = policy.document().transport.clone();
    match HeadParser::new(&transport).parse(&bytes) {
        Ok(Head::Incomplete) => Ok(json!({ "incomplete": true })),
        Ok(Head::Complete { head, consumed }) => {
            let mut answer = decide(policy, &head.request(peer, tls), now, identity)?;
            let rest = bytes.get(consumed..).unwrap_or_default();
            if let Some(answer) = answer.as_object_mut() {
                answer.insert("rest".into(), encoded(rest).into());
            }
            Ok(answer)
        }
        Err(reason) => Ok(refused(&Refusal::new(reason))),
    }
}

fn decide(policy: Policy, request: &Request<'_>, now: Now, identity: Option<Identity>) -> Result<Value, Wrong> {
    let guard = guard(policy, 0)?;
    let admitted = guard.screen(request, now).and_then(|candidate| candidate.admit(now));
    let admitted = admitted.and_then(|admission| resolve(admission, identity, now));
    Ok(match admitted {
        Ok(Admission::Open(session)) => {
            let response = session.response();
            json!({ "accept": true, "status": response.status(), "headers": pairs(response.headers()) })
        }
        Ok(Admission::Wait(waiting)) => Value::Object(need(waiting.need())),
        Err(refusal) => refused(&refusal),
    })
}

/// A guard of a host that can do everything. Its seed is the number, most significant byte first, and zeros.
pub(super) fn guard(policy: Policy, number: u64) -> Result<Guard, Wrong> {
    let mut seed = [0; 32];
    if let Some(first) = seed.first_chunk_mut() {
        *first = number.to_be_bytes();
    }
    Guard::new(policy, Host::SOCKET, &[], seed).map_err(|error| in_policy(&error))
}

/// Answers a need with the identity that the question brings, if it brings one.
fn resolve(admission: Admission, identity: Option<Identity>, now: Now) -> Result<Admission, Refusal> {
    match (admission, identity) {
        (Admission::Wait(waiting), Some(identity)) => Waiting::provide(waiting, Answer::Identity(identity), now),
        (admission, _) => Ok(admission),
    }
}

pub(super) fn refused(refusal: &Refusal) -> Value {
    let response = refusal.response();
    let mut answer = json!({
        "accept": false,
        "status": response.status(),
        "reason": refusal.reason().name(),
        "headers": pairs(response.headers()),
    });
    if let (Some(wait), Some(answer)) = (refusal.retry_after(), answer.as_object_mut()) {
        answer.insert("retry_after".into(), nanos(wait).into());
    }
    answer
}

/// A need in words; the token is shown, because the host is handed it.
pub(super) fn need(need: &Need) -> Map<String, Value> {
    let words: [(&str, Value); 2] = match need {
        Need::Identity(token) => {
            [("need", "identity".into()), ("token", String::from_utf8_lossy(token.expose()).into())]
        }
        Need::Revalidate(identity) => [("need", "revalidate".into()), ("subject", identity.subject().into())],
        Need::Keys(url) => [("need", "keys".into()), ("url", (&**url).into())],
        Need::Ticket { id, .. } => [("need", "ticket".into()), ("id", encoded(id).into())],
    };
    words.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Whether an answer for this reason may say how long to wait.
pub(super) fn has_wait(reason: Reason) -> bool {
    reason.retry() == Retry::AfterDelay
}

fn pairs<'a>(headers: impl Iterator<Item = (&'static str, &'a str)>) -> Vec<[String; 2]> {
    headers.map(|(name, value)| [name.to_owned(), value.to_owned()]).collect()
}

/// A request as a question describes it.
pub(super) struct Asked<'a> {
    method: &'a str,
    target: &'a str,
    version: HttpVersion,
    headers: Vec<Header<'a>>,
    peer: Remote,
    tls: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn read(from: &'a Value) -> Result<Self, Wrong> {
        let version = match optional_text(from, "version")? {
            None | Some("1.1") => HttpVersion::Http11,
            Some("1.0") => HttpVersion::Http10,
            Some("2") => HttpVersion::Http2,
            Some(_) => return Err(Wrong::new("version: expected \"1.0\", \"1.1\" or \"2\"")),
        };
        Ok(Self {
            method: optional_text(from, "method")?.unwrap_or("GET"),
            target: text(from, "target")?,
            version,
            headers: headers(from, "headers")?,
            peer: remote(from)?,
            tls: flag(from, "tls", false)?,
        })
    }

    pub(super) fn request(&self) -> Request<'_> {
        let Self { method, target, version, ref headers, peer, tls } = *self;
        Request { method, target, version, headers, peer, tls }
    }
}

pub(super) fn policy(question: &Value) -> Result<Policy, Wrong> {
    Policy::from_value(required(question, "policy")?.clone()).map_err(|error| in_policy(&error))
}

fn now(question: &Value) -> Result<Now, Wrong> {
    let mono = Timestamp::from_nanos(optional_number(question, "mono")?.unwrap_or(0));
    Ok(Now { mono, unix: UnixTime::from_secs(optional_number(question, "unix")?.unwrap_or(UNIX)) })
}

/// Who an opaque credential stands for: a subject, or an object with all that an identity has.
pub(super) fn identity(from: &Value, name: &str) -> Result<Option<Identity>, Wrong> {
    let Some(value) = optional(from, name) else { return Ok(None) };
    match value {
        Value::String(subject) => Ok(Some(Identity::assertion(subject.as_str()))),
        Value::Object(_) => whole_identity(value).map(Some).map_err(|wrong| wrong.within(name)),
        _ => Err(Wrong::new(format!("{name}: expected a string or an object"))),
    }
}

fn whole_identity(from: &Value) -> Result<Identity, Wrong> {
    let mut identity = match optional_text(from, "subject")? {
        Some(subject) => Identity::assertion(subject),
        None => Identity::guest(),
    };
    if let Some(namespace) = optional_text(from, "namespace")? {
        identity = identity.with_namespace(namespace);
    }
    if let Some(tenant) = optional_text(from, "tenant")? {
        identity = identity.with_tenant(tenant);
    }
    if let Some(id) = optional_text(from, "token_id")? {
        identity = identity.with_token_id(id);
    }
    if let Some(id) = optional_text(from, "session_id")? {
        identity = identity.with_session_id(id);
    }
    if let Some(at) = optional_number(from, "expires")? {
        identity = identity.with_expires(UnixTime::from_secs(at));
    }
    if let Some(at) = optional_number(from, "issued_at")? {
        identity = identity.with_issued_at(UnixTime::from_secs(at));
    }
    Ok(identity.with_scopes(super::fields::texts(from, "scopes")?))
}
