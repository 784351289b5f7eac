//! What every attack starts from: the target, and an address and a user of its own.

use std::cell::Cell;
use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::config::{Part, Place, Source, Target, Token};
use crate::outcome::Outcome;
use crate::peer::Peer;
use crate::request::{Answer, Request};
use crate::token::{Draft, encode};
use crate::wire::Endpoint;

/// So much later than promised a deadline may strike: the machine may be busy.
pub(crate) const SLACK: Duration = Duration::from_millis(2000);

/// A server that refuses after the 101 does so within this time.
const AFTER_101: Duration = Duration::from_millis(300);

/// The target and where it is.
pub(crate) struct Lab {
    pub(crate) target: Target,
    pub(crate) endpoint: Endpoint,
    /// Tells this run's users and addresses from those of an earlier one.
    run: u32,
}

impl Lab {
    /// Reads where the target is.
    pub(crate) fn new(target: Target) -> Result<Self, String> {
        let endpoint = Endpoint::of(&target)?;
        Ok(Self { target, endpoint, run: std::process::id() })
    }

    /// Whether attacks can run side by side without meeting in one address's limits.
    pub(crate) fn can_run_side_by_side(&self) -> bool {
        self.target.source == Source::Rotate && self.endpoint.can_rotate()
    }

    /// An attacker with a user of its own and, where the system can, an address of its own.
    pub(crate) fn probe(&self, number: usize) -> Probe<'_> {
        let [_, _, third, fourth] = u32::try_from(number + 257).unwrap_or(u32::MAX).to_be_bytes();
        let second = u8::try_from(self.run % 250).unwrap_or(0) + 2;
        let source = self.can_run_side_by_side().then(|| Ipv4Addr::new(127, second, third, fourth.max(1)));
        Probe { lab: self, source, subject: format!("attacker-{}-{number:03}", self.run), marks: Cell::new(0) }
    }
}

/// One attacker.
pub(crate) struct Probe<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) source: Option<Ipv4Addr>,
    pub(crate) subject: String,
    marks: Cell<u32>,
}

/// What a handshake led to.
pub(crate) enum Entry {
    Open(Box<Peer>),
    Refused(Outcome),
}

impl<'a> Probe<'a> {
    /// The target's description.
    pub(crate) fn target(&self) -> &'a Target {
        &self.lab.target
    }

    /// The same attacker as another user.
    pub(crate) fn as_user(&self, suffix: &str) -> Self {
        Probe { lab: self.lab, source: self.source, subject: format!("{}-{suffix}", self.subject), marks: Cell::new(0) }
    }

    /// A text that no other message contains.
    pub(crate) fn mark(&self) -> String {
        self.marks.set(self.marks.get() + 1);
        format!("{}-{:05}", self.subject, self.marks.get())
    }

    /// A valid message that contains the mark.
    pub(crate) fn message(&self, mark: &str) -> String {
        self.target().message.valid.first().map_or_else(|| mark.to_owned(), |text| text.replace("$MARK", mark))
    }

    /// How tokens are made; an attack that needs them is skipped where there are none.
    pub(crate) fn token_rules(&self) -> Result<&'a Token, Outcome> {
        self.target().token.as_ref().ok_or_else(|| Outcome::Skipped("the target takes no tokens".into()))
    }

    /// The place where tokens stand unless told otherwise.
    pub(crate) fn place(&self) -> Option<&'a Place> {
        self.target().token.as_ref().and_then(|token| token.places.first())
    }

    /// The first allowed place of this kind.
    pub(crate) fn place_in(&self, part: Part) -> Result<&'a Place, Outcome> {
        let places = &self.token_rules()?.places;
        places.iter().find(|place| place.part == part).ok_or_else(|| Outcome::Skipped(format!("no token in {part:?}")))
    }

    /// A good request without a credential.
    pub(crate) fn bare(&self) -> Request {
        let mut request = Request::new(&self.lab.endpoint.path, &self.lab.endpoint.authority());
        if let Some(origin) = &self.target().origin {
            request.add("Origin", origin);
        }
        if let Some(subprotocol) = &self.target().subprotocol {
            request.add("Sec-WebSocket-Protocol", subprotocol);
        }
        request
    }

    /// A good request with this token in the usual place.
    pub(crate) fn with_token(&self, token: &str) -> Request {
        let mut request = self.bare();
        if let Some(place) = self.place() {
            self.put(&mut request, place, token);
        }
        request
    }

    /// A request that must be let in.
    pub(crate) fn good(&self) -> Request {
        match &self.target().token {
            Some(token) => self.with_token(&Draft::good(token, &self.subject).sign()),
            None => self.bare(),
        }
    }

    /// Puts a token in its place, beside whatever is there.
    pub(crate) fn put(&self, request: &mut Request, place: &Place, token: &str) {
        let name = |usual: &str| place.name.clone().unwrap_or_else(|| usual.to_owned());
        match place.part {
            Part::Header => match name("authorization") {
                name if name.eq_ignore_ascii_case("authorization") => request.add(&name, format!("Bearer {token}")),
                name => request.add(&name, token),
            },
            Part::Query => request.query(&name("token"), token),
            Part::Cookie => request.add("Cookie", format!("{}={token}", name("session"))),
            Part::Subprotocol => {
                let entry = format!("base64url.bearer.authorization.k8s.io.{}", encode(token));
                let offered = self.target().subprotocol.as_deref().unwrap_or("chat");
                request.set("Sec-WebSocket-Protocol", format!("{entry}, {offered}"));
            }
            Part::FirstMessage => {
                let message = serde_json::json!({
                    self.target().message.discriminator.as_str(): place.message_type.as_deref().unwrap_or("auth"),
                    place.field.as_deref().unwrap_or("token"): token,
                });
                request.first_message = Some(message.to_string());
            }
        }
    }

    /// Sends a request and reads what comes of it.
    pub(crate) fn enter(&self, request: &Request) -> io::Result<Entry> {
        let mut wire = self.lab.endpoint.connect(self.source)?;
        // A server that refuses early may not read the rest; what it answered is still there to be read.
        let sent = wire.send(&request.bytes());
        let answer = Answer::read(&mut wire, self.head_deadline())?;
        if let Some(refusal) = answer.refusal() {
            return match (refusal, sent) {
                (Outcome::Cut, Err(error)) if !crate::outcome::is_cut(&error) => Err(error),
                (refusal, _) => Ok(Entry::Refused(refusal)),
            };
        }
        let mut peer = Peer::new(wire, answer.head, answer.rest);
        if let Some(message) = &request.first_message {
            peer.text(message)?;
        }
        Ok(Entry::Open(Box::new(peer)))
    }

    /// What comes of a request that must be refused. A close right after the 101 is a refusal too.
    pub(crate) fn attempt(&self, request: &Request) -> io::Result<Outcome> {
        let mut peer = match self.enter(request)? {
            Entry::Refused(outcome) => return Ok(outcome),
            Entry::Open(peer) => peer,
        };
        let by_message = self.place().is_some_and(|place| place.part == Part::FirstMessage);
        let wait = match &request.first_message {
            None if by_message => Duration::from_millis(self.target().deadline.first_message_ms) + SLACK,
            None => AFTER_101,
            Some(_) => AFTER_101 * 2,
        };
        Ok(peer.end(Instant::now() + wait)?.unwrap_or_else(|| Outcome::In("101 Switching Protocols".into())))
    }

    /// A connection of a good client. That it is refused is an error: the attack has not begun.
    pub(crate) fn open(&self) -> io::Result<Box<Peer>> {
        match self.enter(&self.good())? {
            Entry::Open(peer) => Ok(peer),
            Entry::Refused(outcome) => Err(io::Error::other(format!("a good client is not let in: {outcome}"))),
        }
    }

    /// When a server that keeps its head deadline has answered or cut.
    pub(crate) fn head_deadline(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.target().deadline.head_ms) + SLACK
    }

    /// Skips an attack that would take longer than the target's description allows.
    pub(crate) fn patience(&self, needed: Duration) -> Result<Instant, Outcome> {
        if needed > Duration::from_millis(self.target().deadline.patience_ms) {
            return Err(Outcome::Skipped(format!("would take {} s", needed.as_secs())));
        }
        Ok(Instant::now() + needed + SLACK)
    }
}
