//! What holds whatever happens to sessions, in whatever order.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use crate::story::{Client, ORIGIN, POLICY, Story, merged};
use crate::{
    Action, Admission, Answer, Close, Event, EventKind, Identity, Judgement, Message, Outcome, Policy, Pressure,
    Reason, Revocation, Session, Timestamp, UserKey, Verdict,
};

/// Burst and refill, per minute: small, so that random steps meet them.
const CONNECTION: (u64, u64) = (4, 60);
const USER: (u64, u64) = (6, 60);
const ADDRESS: (u64, u64) = (7, 60);
const LEEWAY: Duration = Duration::from_secs(30);

const LIMITS: &str = r#"
message.max_bytes = 200
message.errors = { limit = 3, per = "60s" }
rate.connection.messages = { limit = 60, per = "60s", burst = 4 }
rate.user.messages = { limit = 60, per = "60s", burst = 6 }
rate.address.messages = { limit = 60, per = "60s", burst = 7 }
rate.connection.control = { limit = 10, per = "1s", burst = 10 }
rate.ban = "off"
"#;

/// One policy for each way in which sessions differ.
const MODES: [&str; 5] = [
    "",
    "credential.sources = [{ kind = \"jwt\", in = \"first-message\", type = \"auth\", field = \"token\" }]",
    "credential.refresh = { type = \"auth\", field = \"token\" }\ncredential.revalidate = \"40s\"",
    "heartbeat.mode = \"message\"\ndeadline = { idle = \"50s\", lifetime = \"5min\" }",
    "rate.on_excess = \"drop\"\nmessage.on_invalid = \"close\"\ndeadline.lifetime = \"70s\"",
];

#[derive(Clone, Debug)]
enum Step {
    Good,
    Bad(&'static [u8]),
    Big,
    Binary,
    Ping,
    Pong(bool),
    PeerClose(Option<u16>),
    Pass(Duration),
    /// To the next deadline, whether or not it is then handled.
    PassToNext,
    Wake,
    Close,
    Lost,
    Queue(u64),
    Drained(u64),
    Authenticate {
        lives: i64,
        right: bool,
    },
    Provide {
        good: bool,
    },
    Revalidated {
        good: bool,
    },
    Revoke,
    Reload {
        mode: usize,
        elsewhere: bool,
    },
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    let bad = prop_oneof![Just(&b"{"[..]), Just(&b"\xff"[..]), Just(&b""[..]), Just(&b"{\"a\":1,\"a\":1}"[..])];
    prop_oneof![
        20 => Just(Step::Good),
        3 => bad.prop_map(Step::Bad),
        1 => Just(Step::Big),
        1 => Just(Step::Binary),
        2 => Just(Step::Ping),
        6 => any::<bool>().prop_map(Step::Pong),
        1 => prop_oneof![Just(None), Just(Some(1000)), Just(Some(1005))].prop_map(Step::PeerClose),
        10 => (0..3_000_u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        1 => (0..60_u64).prop_map(|secs| Step::Pass(Duration::from_secs(secs))),
        6 => Just(Step::PassToNext),
        8 => Just(Step::Wake),
        1 => Just(Step::Close),
        1 => Just(Step::Lost),
        2 => (0..600_000_u64).prop_map(Step::Queue),
        2 => (0..600_000_u64).prop_map(Step::Drained),
        6 => (30..120_i64, prop::bool::weighted(0.8)).prop_map(|(lives, right)| Step::Authenticate { lives, right }),
        1 => any::<bool>().prop_map(|good| Step::Provide { good }),
        4 => prop::bool::weighted(0.9).prop_map(|good| Step::Revalidated { good }),
        1 => Just(Step::Revoke),
        2 => (0..MODES.len(), prop::bool::weighted(0.1)).prop_map(|(mode, elsewhere)| Step::Reload { mode, elsewhere }),
        1 => Just(Step::Drain),
    ]
}

/// What is known of one session from outside.
struct Seen {
    session: Session,
    user: &'static str,
    /// No message may be delivered from here on, whatever the policy.
    expires: Timestamp,
    ping: [u8; 8],
    closed: Option<Close>,
    closed_events: u32,
    delivered: Vec<Timestamp>,
}

struct Server {
    story: Story,
    sessions: Vec<Seen>,
    /// By user: all credentials are refused.
    revoked: HashMap<&'static str, ()>,
    drained_by: Timestamp,
}

fn policy(mode: usize) -> String {
    merged(&merged(POLICY, LIMITS), MODES[mode])
}

fn user(subject: &str) -> UserKey {
    UserKey { namespace: "https://id.example.com".into(), tenant: "".into(), subject: subject.into() }
}

impl Server {
    fn new(mode: usize) -> Self {
        let story = Story::of(&policy(mode));
        let mut server = Self { story, sessions: Vec::new(), revoked: HashMap::new(), drained_by: Timestamp::MAX };
        for user in ["alice", "alice", "bob"] {
            let first_message = mode == 1;
            let client = if first_message { Client::stranger() } else { Client::good(&server.story, user) };
            let session = match server.story.admit(&client) {
                Ok(Admission::Open(session)) => session,
                other => panic!("{other:?}"),
            };
            let expires = if first_message { Timestamp::MAX } else { server.after(Duration::from_secs(3600) + LEEWAY) };
            let seen =
                Seen { session, user, expires, ping: [0; 8], closed: None, closed_events: 0, delivered: Vec::new() };
            server.sessions.push(seen);
        }
        server
    }

    fn after(&self, by: Duration) -> Timestamp {
        self.story.now.mono.after(by)
    }

    fn step(&mut self, which: usize, step: &Step) {
        let now = self.story.now;
        let seen = &mut self.sessions[which];
        let pending = seen.session.is_pending();
        match step {
            Step::Good => {
                let outcome =
                    seen.session.receive(Message::Text(b"{\"type\":\"chat\"}"), &mut self.story.scratch, now.mono);
                if matches!(outcome.verdict, Verdict::Deliver(_)) {
                    assert!(!pending, "delivered before the credential");
                    assert_eq!(seen.closed, None, "delivered after the close");
                    assert!(now.mono < seen.expires, "delivered after expiry");
                    assert!(!self.revoked.contains_key(seen.user), "delivered after revocation");
                    assert!(now.mono < self.drained_by, "delivered after the drain");
                    seen.delivered.push(now.mono);
                }
                seen.took(outcome);
            }
            Step::Bad(bytes) => seen.refuses(Message::Text(bytes), &mut self.story),
            Step::Big => seen.refuses(Message::Text(&[b' '; 201]), &mut self.story),
            Step::Binary => seen.refuses(Message::Binary(b"{}"), &mut self.story),
            Step::Ping => seen.refuses(Message::Ping(b"x"), &mut self.story),
            Step::Pong(right) => {
                let payload = if *right { seen.ping } else { [9; 8] };
                seen.refuses(Message::Pong(&payload), &mut self.story);
            }
            Step::PeerClose(code) => {
                seen.refuses(Message::Close(*code), &mut self.story);
                let next = seen.session.next_timeout();
                assert!(next.is_none_or(|at| at <= now.mono), "after the peer's close nothing is waited for");
            }
            Step::Pass(by) => self.story.pass(*by),
            Step::PassToNext => {
                if let Some(at) = seen.session.next_timeout() {
                    self.story.pass(at.since(now.mono));
                }
            }
            Step::Wake => seen.wake(now.mono),
            Step::Close => {
                let outcome = seen.session.close(Reason::ClosedByHost, now.mono);
                seen.took(outcome);
            }
            Step::Lost => seen.lost(now.mono),
            Step::Queue(bytes) => {
                if let Pressure::Close(close, event) = seen.session.queued(*bytes, now.mono) {
                    seen.closes(close);
                    seen.event(event);
                }
            }
            Step::Drained(bytes) => seen.session.drained(*bytes),
            Step::Authenticate { lives, right } => {
                let subject = if *right { seen.user } else { "mallory" };
                let message =
                    serde_json::json!({ "type": "auth", "token": self.story.token(subject, *lives) }).to_string();
                // As a host does: only a message that was answered so is handed on.
                let outcome =
                    seen.session.receive(Message::Text(message.as_bytes()), &mut self.story.scratch, now.mono);
                seen.took(outcome);
                if outcome.verdict != Verdict::Authenticate {
                    return;
                }
                let judgement = seen.session.authenticate(message.as_bytes(), now);
                let Judgement::Done(outcome) = judgement else { panic!("a JWT needs nobody") };
                if outcome.verdict == Verdict::Ignore {
                    assert!(pending || *right, "another user took over a session");
                    assert_eq!(seen.closed, None);
                    let lives = u64::try_from(*lives).unwrap();
                    seen.expires = now.mono.after(Duration::from_secs(lives) + LEEWAY);
                }
                seen.took(outcome);
            }
            Step::Provide { good } => {
                let answer = if *good { Answer::Identity(Identity::assertion("eve")) } else { Answer::Unavailable };
                let Judgement::Done(outcome) = seen.session.provide(answer, now) else { panic!("nothing was asked") };
                assert!(
                    matches!(outcome.verdict, Verdict::Close(_) | Verdict::Drop(_)),
                    "an answer nobody asked for was taken"
                );
                seen.took(outcome);
            }
            Step::Revalidated { good } => {
                let expires = now.unix.after(Duration::from_secs(3600));
                let answer = match seen.session.identity() {
                    Some(identity) if *good => Answer::Identity(identity.clone().with_expires(expires)),
                    _ => Answer::Refused,
                };
                let outcome = seen.session.revalidated(answer, now);
                if outcome.verdict == Verdict::Ignore && seen.closed.is_none() {
                    assert!(good);
                    seen.expires = now.mono.after(Duration::from_secs(3600) + LEEWAY);
                }
                seen.took(outcome);
            }
            Step::Revoke => {
                let revocation = Revocation::User { user: user(seen.user), issued_until: crate::UnixTime::MAX };
                let affected = self.story.guard.revoke(&revocation, Duration::MAX, now.unix).unwrap();
                let open = seen.closed.is_none() && !pending;
                assert!(!open || affected.ids.contains(&seen.session.id()), "a revocation missed a session");
                self.revoked.insert(seen.user, ());
            }
            Step::Reload { mode, elsewhere } => {
                let mut text = policy(*mode);
                if *elsewhere {
                    text = text.replace(ORIGIN, "https://elsewhere.example.com");
                }
                let _ = self.story.guard.reload(Policy::from_toml(&text).unwrap()).unwrap();
            }
            Step::Drain => {
                let _ = self.story.guard.drain(now.mono);
                // A second drain replaces the first.
                self.drained_by = now.mono.after(Duration::from_secs(30));
            }
        }
    }

    /// What every step leaves true.
    fn check(&self) {
        for seen in &self.sessions {
            assert_eq!(seen.session.closed(), seen.closed);
            assert_eq!(seen.closed_events, u32::from(seen.closed.is_some()), "one event of closing");
        }
        let stats = self.story.guard.stats();
        let pending = self.sessions.iter().filter(|seen| seen.session.identity().is_none()).count();
        assert_eq!(stats.connections as usize, self.sessions.len());
        assert_eq!(stats.unauthenticated as usize, pending);
        assert!(self.story.guard.reconcile().agrees());
    }

    fn end(mut self) {
        let all: Vec<_> = self.sessions.iter().flat_map(|seen| seen.delivered.iter().copied()).collect();
        within(&all, ADDRESS);
        within(&self.sessions[..2].iter().flat_map(|seen| seen.delivered.iter().copied()).collect::<Vec<_>>(), USER);
        for mut seen in self.sessions.drain(..) {
            within(&seen.delivered, CONNECTION);
            seen.lost(self.story.now.mono);
            assert_eq!(seen.closed_events, 1);
        }
        let stats = self.story.guard.stats();
        assert_eq!((stats.connections, stats.unauthenticated, stats.sessions), (0, 0, 0));
        assert!(self.story.guard.reconcile().agrees());
    }
}

/// In no stretch of time were there more than the burst and what is refilled meanwhile.
fn within(times: &[Timestamp], (burst, per_minute): (u64, u64)) {
    let mut times: Vec<_> = times.iter().map(|at| u128::from(at.as_nanos())).collect();
    times.sort_unstable();
    for (first, from) in times.iter().enumerate() {
        for (last, to) in times.iter().enumerate().skip(first) {
            let count = (last - first + 1) as u128;
            let refilled = (to - from) * u128::from(per_minute) / 60_000_000_000;
            assert!(count <= u128::from(burst) + refilled, "{count} in {} ns", to - from);
        }
    }
}

impl Seen {
    fn refuses(&mut self, message: Message<'_>, story: &mut Story) {
        let outcome = self.session.receive(message, &mut story.scratch, story.now.mono);
        assert!(!matches!(outcome.verdict, Verdict::Deliver(_) | Verdict::Authenticate), "{outcome:?}");
        self.took(outcome);
    }

    fn took(&mut self, outcome: Outcome) {
        let number = outcome.number();
        assert!((1..=7).contains(&(number & 0xff)), "{number:#x}");
        assert_eq!(number >> 30 & 1 == 1, outcome.event.is_some());
        match (outcome.verdict, self.closed) {
            (Verdict::Close(close), None) => self.closes(close),
            (Verdict::Drop(reason), Some(close)) => assert_eq!(reason, close.reason),
            (Verdict::Ignore, Some(_)) | (_, None) => {}
            (_, Some(_)) => panic!("{outcome:?} after the close"),
        }
        self.event(outcome.event);
    }

    fn closes(&mut self, close: Close) {
        assert_eq!(*self.closed.get_or_insert(close), close, "a close stays as it is");
    }

    fn event(&mut self, event: Option<Event>) {
        if let Some(event) = event {
            assert_eq!(event.session, self.session.id());
            self.closed_events += u32::from(event.kind == EventKind::Closed);
        }
    }

    fn wake(&mut self, now: Timestamp) {
        for _ in 0..6 {
            let Some(due) = self.session.handle_timeout(now) else {
                let next = self.session.next_timeout();
                assert!(next.is_none_or(|at| at > now), "woken for nothing: {next:?} at {now:?}");
                return;
            };
            match due.action {
                Action::Ping(payload) => {
                    assert_ne!(payload, self.ping, "an old pong would answer a new ping");
                    assert_eq!(self.closed, None);
                    self.ping = payload;
                }
                Action::Close(close) => self.closes(close),
                Action::Terminate => assert!(self.closed.is_some() && self.session.next_timeout().is_none()),
                Action::Revalidate | Action::Expired => assert_eq!(self.closed, None),
            }
            self.event(due.event);
        }
        panic!("the timeouts of one instant do not end");
    }

    fn lost(&mut self, now: Timestamp) {
        let event = self.session.lost(now);
        assert_eq!(event.is_some(), self.closed.is_none());
        let close = self.session.closed().expect("what is lost is closed");
        self.closes(close);
        self.event(event);
        assert_eq!(self.session.next_timeout(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_session_keeps_its_promises(
        mode in 0..MODES.len(),
        steps in prop::collection::vec((0..3_usize, step()), 1..80),
    ) {
        let mut server = Server::new(mode);
        for (which, step) in &steps {
            server.step(*which, step);
            server.check();
        }
        server.end();
    }

    /// Without the ends: how long a stretch of good messages at random times is let through.
    #[test]
    fn no_stretch_of_time_sees_more_than_burst_and_rate(
        steps in prop::collection::vec((0..3_usize, 0..400_u64), 100..200),
    ) {
        let mut server = Server::new(4);
        for (which, millis) in &steps {
            server.story.pass(Duration::from_millis(*millis));
            server.step(*which, &Step::Good);
        }
        prop_assert!(server.sessions.iter().any(|seen| seen.delivered.len() > 1));
        server.end();
    }
}
