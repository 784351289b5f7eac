//! What the stories in the tests share: a guard, a virtual clock, a client with a token.

use std::time::Duration;

use jsonwebtoken::{EncodingKey, encode};
use serde_json::{Value, json};

use crate::http::{Header, HttpVersion, Remote, Request};
use crate::message::Scratch;
use crate::{
    Admission, Affected, Candidate, Close, Due, Guard, Host, Message, Now, Outcome, Policy, Reason, Refusal,
    Revocation, Session, Timestamp, UnixTime, Verdict,
};

const KEY: &str = "a key for the stories, of 32 bytes or more";
pub(crate) const ORIGIN: &str = "https://app.example.com";
pub(crate) const POLICY: &str = r#"
[origin]
allow = ["https://app.example.com"]
[credential.jwt]
keys = [{ alg = "HS256", secret = "a key for the stories, of 32 bytes or more" }]
issuer = ["https://id.example.com"]
audience = ["chat"]
"#;

/// A server with a virtual clock. It begins some way into both clocks' lives.
pub(crate) struct Story {
    pub(crate) guard: Guard,
    pub(crate) now: Now,
    pub(crate) scratch: Box<Scratch>,
}

/// One client's request.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) peer: Remote,
    pub(crate) tls: bool,
}

impl Client {
    /// One that may come in: TLS, the right page, a token for `subject` that ends in an hour.
    pub(crate) fn good(story: &Story, subject: &str) -> Self {
        Self::stranger().header("authorization", format!("Bearer {}", story.token(subject, 3600)))
    }

    /// The same without any credential.
    pub(crate) fn stranger() -> Self {
        let fixed = [
            ("host", "chat.example.com"),
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
            ("origin", ORIGIN),
        ];
        let headers = fixed.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { target: "/chat".into(), headers, peer: Remote::Address([198, 51, 100, 7].into()), tls: true }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(have, _)| *have != name);
        self
    }

    pub(crate) fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        self.without(name).header(name, value)
    }

    pub(crate) fn from(mut self, peer: &str) -> Self {
        self.peer = Remote::Address(peer.parse().unwrap());
        self
    }

    pub(crate) fn to(mut self, target: &str) -> Self {
        self.target = target.into();
        self
    }
}

impl Story {
    /// A server with the stories' policy and `more`, in TOML.
    pub(crate) fn new(more: &str) -> Self {
        Self::of(&merged(POLICY, more))
    }

    /// A server with this policy.
    pub(crate) fn of(policy: &str) -> Self {
        let policy = Policy::from_toml(policy).unwrap_or_else(|error| panic!("{error}"));
        let now = Now { mono: Timestamp::from_secs(1000), unix: UnixTime::from_secs(1_800_000_000) };
        let guard = Guard::new(policy, Host::SOCKET, &[], [7; 32]).unwrap();
        let scratch = guard.scratch();
        Self { guard, now, scratch }
    }

    /// Lets time go by, on both clocks.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = Now { mono: self.now.mono.after(time), unix: self.now.unix.after(time) };
    }

    pub(crate) fn token(&self, subject: &str, lives: i64) -> String {
        self.token_with(subject, lives, json!({}))
    }

    pub(crate) fn token_with(&self, subject: &str, lives: i64, more: Value) -> String {
        let expires = i64::try_from(self.now.unix.as_secs()).unwrap() + lives;
        let mut claims =
            json!({ "sub": subject, "iss": "https://id.example.com", "aud": "chat", "exp": expires, "jti": subject });
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        encode(&jsonwebtoken::Header::default(), &claims, &EncodingKey::from_secret(KEY.as_bytes())).unwrap()
    }

    pub(crate) fn admit(&self, client: &Client) -> Result<Admission, Refusal> {
        self.screen(client)?.admit(self.now)
    }

    pub(crate) fn screen(&self, client: &Client) -> Result<Candidate, Refusal> {
        let headers: Vec<_> =
            client.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let request = Request {
            method: "GET",
            target: &client.target,
            version: HttpVersion::Http11,
            headers: &headers,
            peer: client.peer,
            tls: client.tls,
        };
        self.guard.screen(&request, self.now)
    }

    /// Lets a client in that must be let in.
    pub(crate) fn open(&self, client: &Client) -> Session {
        match self.admit(client) {
            Ok(Admission::Open(session)) => session,
            other => panic!("not let in: {other:?}"),
        }
    }

    /// Lets in a user that must be let in.
    pub(crate) fn open_user(&self, subject: &str) -> Session {
        self.open(&Client::good(self, subject))
    }

    /// Why a client is refused that must be refused.
    pub(crate) fn refused(&self, client: &Client) -> Reason {
        match self.admit(client) {
            Err(refusal) => refusal.reason(),
            Ok(admission) => panic!("let in: {admission:?}"),
        }
    }

    /// Takes something back for an hour.
    pub(crate) fn revoke(&self, what: Revocation) -> Affected {
        self.guard.revoke(&what, Duration::from_secs(3600), self.now.unix).unwrap()
    }

    pub(crate) fn text(&mut self, session: &mut Session, text: &str) -> Outcome {
        session.receive(Message::Text(text.as_bytes()), &mut self.scratch, self.now.mono)
    }

    /// What happens next on a session, with the clock moved to it; none within `within`.
    pub(crate) fn next_due(&mut self, session: &mut Session, within: Duration) -> Option<Due> {
        let end = self.now.mono.after(within);
        loop {
            let at = session.next_timeout().filter(|at| *at <= end)?;
            self.pass(at.since(self.now.mono));
            if let Some(due) = session.handle_timeout(self.now.mono) {
                return Some(due);
            }
            assert!(
                session.next_timeout().is_none_or(|next| next > at || next == Timestamp::ZERO),
                "the same timeout twice"
            );
        }
    }
}

/// Whether a message was delivered.
pub(crate) fn delivered(outcome: Outcome) -> bool {
    matches!(outcome.verdict, Verdict::Deliver(_))
}

/// The close an outcome asks for.
pub(crate) fn closed(outcome: Outcome) -> Option<Close> {
    match outcome.verdict {
        Verdict::Close(close) => Some(close),
        _ => None,
    }
}

/// One TOML document over another: tables are merged.
pub(crate) fn merged(base: &str, more: &str) -> String {
    fn merge(base: &mut toml::Table, more: toml::Table) {
        for (key, value) in more {
            match (base.get_mut(&key), value) {
                (Some(toml::Value::Table(base)), toml::Value::Table(more)) => merge(base, more),
                (_, value) => {
                    base.insert(key, value);
                }
            }
        }
    }
    let mut table: toml::Table = base.parse().unwrap();
    merge(&mut table, more.parse().unwrap());
    table.to_string()
}
