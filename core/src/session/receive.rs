//! The message path.

use std::time::Duration;

use super::state::{Beat, State};
use super::{Message, Session};
use crate::event::{Event, EventKind};
use crate::message::{Explanation, Fault, Scratch, Tape, TypeIndex};
use crate::policy::{HeartbeatMode, MessageKind, OnFault};
use crate::reason::Reason;
use crate::time::{Timestamp, nanos};
use crate::verdict::{Outcome, Reply, Verdict};

/// Repeated violations of one session are recorded this often.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// A first message may be longer than its token by this much: the JSON around it.
const AROUND_TOKEN: u64 = 1024;

/// Why a message is not delivered, and whom that concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The message: it is answered or dropped, and the connection goes on.
    Message(Reason),
    /// The sender's rate: so is this, until the time given.
    Limit(Timestamp),
    /// The rate of its whole address, which others may have used up.
    Crowd(Timestamp),
    /// The connection: it closes.
    Connection(Reason),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        match fault.reason {
            // RFC 6455 section 8.1: text that is not UTF-8 fails the connection; section 7.4.1 has a
            // code of its own for a kind of message that is not taken.
            Reason::InvalidUtf8 | Reason::WrongFrameType => Self::Connection(fault.reason),
            reason => Self::Message(reason),
        }
    }
}

impl Session {
    /// Judges a frame or message. `scratch` is the caller's, one for each thread.
    ///
    /// The order is: closed? - policy and revocations changed? - size - kind - rate - UTF-8, JSON
    /// and schema - the type's cost - the type's scopes. The first fault decides. On an open
    /// session nothing is allocated or locked on the way to [`Verdict::Deliver`].
    #[inline]
    pub fn receive(&mut self, message: Message<'_>, scratch: &mut Scratch, now: Timestamp) -> Outcome {
        self.receive_with(message, None, scratch, now)
    }

    /// [`receive`](Self::receive), and lists the values of a message that is delivered on `tape`, in
    /// the same pass: from it a binding builds its own objects without reading the JSON again. The tape of
    /// a message that is not delivered means nothing.
    pub fn receive_tape(
        &mut self,
        message: Message<'_>,
        tape: &mut Tape,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Outcome {
        tape.clear();
        self.receive_with(message, Some(tape), scratch, now)
    }

    /// Says in words why a message is refused; none if its content is not why. It runs the pure
    /// validator again and charges nothing: for whoever asks, not for each message. Nothing of the
    /// message's content is in the answer.
    pub fn explain(&self, message: Message<'_>, scratch: &mut Scratch) -> Option<Explanation> {
        let (kind, bytes) = match message {
            Message::Text(bytes) => (MessageKind::Text, bytes),
            Message::Binary(bytes) => (MessageKind::Binary, bytes),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return None,
        };
        self.hot.rules.messages.explain(kind, bytes, scratch)
    }

    #[inline]
    fn receive_with(
        &mut self,
        message: Message<'_>,
        tape: Option<&mut Tape>,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Outcome {
        let delivered = match message {
            Message::Text(bytes) => self.deliver(MessageKind::Text, bytes, tape, scratch, now),
            Message::Binary(bytes) => self.deliver(MessageKind::Binary, bytes, tape, scratch, now),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return self.control(message, now),
        };
        delivered.map_or_else(|outcome| outcome, |index| Outcome::quiet(Verdict::Deliver(index)))
    }

    /// The type of a message to deliver, which is what nearly every message is; else all there is to say. An
    /// [`Outcome`] is large: on the way to a delivery none is made.
    #[inline(always)]
    pub(crate) fn deliver(
        &mut self,
        kind: MessageKind,
        bytes: &[u8],
        tape: Option<&mut Tape>,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Result<TypeIndex, Outcome> {
        let is_plain = now < self.hot.until && self.hot.epoch == self.hot.guard.epoch();
        if !is_plain && let Some(outcome) = self.unusual(kind, bytes, scratch, now) {
            return Err(outcome);
        }
        match self.judge(kind, bytes, tape, scratch, now) {
            Ok(index) if index != TypeIndex::AUTH => Ok(index),
            other => Err(self.answer(other.err(), now)),
        }
    }

    /// Judges a message on an open session. Nothing here allocates, locks or hashes.
    #[inline(always)]
    fn judge(
        &mut self,
        kind: MessageKind,
        bytes: &[u8],
        tape: Option<&mut Tape>,
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Result<TypeIndex, Refused> {
        let length = length(bytes);
        if length > self.hot.rules.document.message.max_bytes.bytes() {
            return Err(Refused::Connection(Reason::MessageTooBig));
        }
        self.charge(1, length, now)?;
        self.hot.heard = now;
        let messages = &self.hot.rules.messages;
        let index = match tape {
            None => messages.judge(kind, bytes, scratch)?,
            Some(tape) => messages.judge_tape(kind, bytes, tape, scratch)?,
        };
        let cost = messages.cost(index);
        let permitted = self.permits(index);
        if cost > 1 {
            self.charge_more(cost.into(), length, now)?;
        }
        if permitted { Ok(index) } else { Err(Refused::Message(Reason::Forbidden)) }
    }

    /// Charges what a message of a costly type costs beyond one.
    #[inline(never)]
    fn charge_more(&mut self, cost: u64, length: u64, now: Timestamp) -> Result<(), Refused> {
        let more = self.charge(cost.saturating_sub(1), 0, now);
        // The one that was charged already is the price of having been looked at. The next try
        // pays the whole cost, so it is the whole cost that has to be waited for.
        more.map_err(|refused| self.test(cost, length, now).err().unwrap_or(refused))
    }

    /// Whether the sender may send messages of this type. For a type that is everybody's, the sender is not looked at.
    #[inline(always)]
    fn permits(&self, index: TypeIndex) -> bool {
        self.hot.rules.messages.permits(index, |_| false)
            || match 1_u64.checked_shl(index.number().into()) {
                Some(bit) => self.cold.permitted & bit != 0,
                None => self.has_scopes_for(index),
            }
    }

    /// The same by the scopes' names. A message that carries a credential needs none: it is for no one but us.
    fn has_scopes_for(&self, index: TypeIndex) -> bool {
        let identity = self.cold.identity.as_deref();
        let has_scope = |scope: &str| identity.is_some_and(|identity| identity.has_scope(scope));
        index == TypeIndex::AUTH || self.hot.rules.messages.permits(index, has_scope)
    }

    /// Notes what the identity may send by these rules, so that no message compares names. To be called whenever
    /// one of both changes.
    pub(super) fn note_permissions(&mut self) {
        let types = (0..u64::BITS).filter_map(|number| TypeIndex::from_number(u16::try_from(number).ok()?));
        let permitted = types.filter(|index| self.has_scopes_for(*index));
        self.cold.permitted = permitted.fold(0, |bits, index| bits | 1_u64.wrapping_shl(index.number().into()));
    }

    /// What follows where a message is not delivered: it is refused, or, if not, it carries a credential.
    #[cold]
    fn answer(&mut self, refused: Option<Refused>, now: Timestamp) -> Outcome {
        match refused {
            None => Outcome::quiet(Verdict::Authenticate),
            Some(Refused::Message(reason)) => self.fault(reason, now),
            Some(Refused::Limit(until)) => self.excess(until, now),
            Some(Refused::Crowd(until)) => self.crowded(until, now),
            Some(Refused::Connection(reason)) => self.violated(reason, now),
        }
    }

    /// A message that came when the session was not plainly open, or after the guard changed. None: the session is open
    /// after all, and the message is judged as usual.
    #[cold]
    fn unusual(&mut self, kind: MessageKind, bytes: &[u8], scratch: &mut Scratch, now: Timestamp) -> Option<Outcome> {
        if let Some(close) = self.sync(now) {
            return Some(close);
        }
        // A host's timer may be late; what was due must not depend on that (threat 51).
        if let Some(outcome) = self.overdue(now) {
            return Some(outcome);
        }
        match self.cold.state {
            State::Open(_) => None,
            State::Pending { asked } => Some(self.first_message(asked, kind, bytes, scratch, now)),
            State::Expired { .. } => Some(self.after_expiry(kind, bytes, scratch, now)),
            State::Closing(_) | State::Closed(_) => self.over(),
        }
    }

    /// Before the credential: one message of the auth type, no longer than a token needs; anything
    /// else closes, so that a stranger cannot use the connection or keep it busy.
    fn first_message(
        &mut self,
        asked: bool,
        kind: MessageKind,
        bytes: &[u8],
        scratch: &mut Scratch,
        now: Timestamp,
    ) -> Outcome {
        let rules = &*self.hot.rules;
        let longest = rules.max_token().saturating_add(AROUND_TOKEN);
        if length(bytes) > longest.min(rules.document.message.max_bytes.bytes()) {
            return self.violated(Reason::MessageTooBig, now);
        }
        let is_auth = !asked
            && kind == MessageKind::Text
            && matches!(rules.messages.judge(kind, bytes, scratch), Ok(TypeIndex::AUTH));
        if is_auth {
            return Outcome::quiet(Verdict::Authenticate);
        }
        self.violated(Reason::AuthenticationRequired, now)
    }

    /// After expiry only a refresh message is taken; others are told why, at the price of a fault.
    fn after_expiry(&mut self, kind: MessageKind, bytes: &[u8], scratch: &mut Scratch, now: Timestamp) -> Outcome {
        match self.judge(kind, bytes, None, scratch, now) {
            Ok(index) if index != TypeIndex::AUTH => self.fault(Reason::TokenExpired, now),
            other => self.answer(other.err(), now),
        }
    }

    /// Ping, pong and close frames. They are metered too: a flood of pings is a flood (threat 65).
    #[inline(never)]
    pub(crate) fn control(&mut self, message: Message<'_>, now: Timestamp) -> Outcome {
        // The peer's close comes first: whatever else has changed, it ends the connection.
        if let Message::Close(code) = message {
            return self.peer_closed(code, now);
        }
        if let Some(outcome) = self.sync(now).or_else(|| self.over()) {
            return outcome;
        }
        let rules = &*self.hot.rules;
        let own = self.cold.windows.as_deref_mut().map(|own| &mut own.control);
        if let Err(until) = rules.quotas.control.charge_own(&mut self.cold.control, own, 1, now) {
            self.cold.refused_until = until;
            return self.violated(Reason::RateLimited, now);
        }
        match message {
            Message::Ping(_) => Outcome::quiet(Verdict::Pong),
            Message::Pong(payload) => self.pong(payload, now),
            Message::Text(_) | Message::Binary(_) | Message::Close(_) => Outcome::quiet(Verdict::Ignore),
        }
    }

    /// Only the last ping's payload is a sign of life: a stuck proxy or an attacker may send pongs
    /// nobody asked for (RFC 6455 section 5.5.3 allows them).
    fn pong(&mut self, payload: &[u8], now: Timestamp) -> Outcome {
        if let State::Open(beat @ Beat { awaiting_pong: true, .. }) = self.cold.state
            && payload == self.cold.ping.to_be_bytes()
        {
            self.cold.latency = nanos(now.since(self.cold.beat)).max(1);
            self.cold.beat = now;
            self.cold.state = State::Open(Beat { awaiting_pong: false, ..beat });
        }
        Outcome::quiet(Verdict::Ignore)
    }

    /// A message over a rate limit.
    fn excess(&mut self, until: Timestamp, now: Timestamp) -> Outcome {
        self.cold.refused_until = until;
        let on_excess = self.hot.rules.document.rate.on_excess;
        self.refuse(Reason::RateLimited, EventKind::Limited, on_excess, now)
    }

    /// A message over a limit that the whole address shares. It is not delivered, and it is no fault:
    /// a neighbour who uses the address up must not get others closed or banned.
    pub(crate) fn crowded(&mut self, until: Timestamp, now: Timestamp) -> Outcome {
        self.cold.refused_until = until;
        let document = &self.hot.rules.document;
        let reason = Reason::RateLimited;
        let verdict = match document.rate.on_excess {
            OnFault::Drop => Verdict::Drop(reason),
            OnFault::Reply | OnFault::Close => {
                Verdict::Reply(Reply::new(reason, self.cold.retry_after(now), document.dialect))
            }
        };
        Outcome { verdict, event: self.report(EventKind::Limited, reason, now) }
    }

    /// A message that is invalid or not permitted.
    pub(crate) fn fault(&mut self, reason: Reason, now: Timestamp) -> Outcome {
        self.cold.refused_until = Timestamp::ZERO;
        let on_invalid = self.hot.rules.document.message.on_invalid;
        self.refuse(reason, EventKind::Violation, on_invalid, now)
    }

    /// The ladder: so many faults are answered or dropped, the next one closes.
    fn refuse(&mut self, reason: Reason, kind: EventKind, answer: OnFault, now: Timestamp) -> Outcome {
        let rules = &*self.hot.rules;
        let borne = rules.quotas.faults.charge(&mut self.cold.faults, 1, now).is_ok();
        let verdict = match answer {
            _ if !borne => {
                let last = if kind == EventKind::Limited { Reason::RateLimited } else { Reason::TooManyErrors };
                return self.violated(last, now);
            }
            OnFault::Close => return self.violated(reason, now),
            OnFault::Drop => Verdict::Drop(reason),
            OnFault::Reply => {
                let retry_after = self.cold.retry_after(now);
                Verdict::Reply(Reply::new(reason, retry_after, rules.document.dialect))
            }
        };
        Outcome { verdict, event: self.report(kind, reason, now) }
    }

    /// Closes for a violation, which counts towards a ban.
    fn violated(&mut self, reason: Reason, now: Timestamp) -> Outcome {
        self.cold.seats.strike(&self.hot.rules, now);
        self.close(reason, now)
    }

    /// An event, unless one was recorded a moment ago.
    fn report(&mut self, kind: EventKind, reason: Reason, now: Timestamp) -> Option<Event> {
        if self.cold.reported != Timestamp::ZERO && now < self.cold.reported.after(REPORT_EVERY) {
            self.cold.suppressed = self.cold.suppressed.saturating_add(1);
            return None;
        }
        self.cold.reported = now;
        Some(self.event(kind, Some(reason), now))
    }

    /// An event that is always recorded; it carries the count of those that were not.
    pub(crate) fn event(&mut self, kind: EventKind, reason: Option<Reason>, now: Timestamp) -> Event {
        let suppressed = std::mem::take(&mut self.cold.suppressed);
        Event { kind, reason, session: self.cold.seats.session, at: now, suppressed }
    }

    /// Whether messages are what shows that the peer lives.
    pub(crate) fn beats_by_message(&self) -> bool {
        self.hot.rules.document.heartbeat.mode == HeartbeatMode::Message
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
