//! How a session ends, and what the application does to it.

use super::Session;
use super::state::State;
use crate::event::{Event, EventKind};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::verdict::{Close, Outcome, Pressure, Verdict};

/// Names of channels are the client's choice; with the cap on their number this bounds their memory.
const LONGEST_CHANNEL: usize = 256;

impl Session {
    /// Closes for `reason`; the answer holds the close frame to send. A session that is closing or
    /// closed already stays as it is.
    pub fn close(&mut self, reason: Reason, now: Timestamp) -> Outcome {
        let close = Close::new(reason, self.hot.rules.document.dialect);
        let deadline = now.after(self.hot.rules.document.deadline.close.get());
        self.begin_close(close, deadline, now)
    }

    /// Takes back a message that was delivered, as a validator of the application's own has found fault
    /// with it: it is answered, counted and recorded like one that the schema refuses.
    pub fn refuse_delivered(&mut self, now: Timestamp) -> Outcome {
        self.over().unwrap_or_else(|| self.fault(Reason::SchemaViolation, now))
    }

    /// The peer's close frame: the answer to ours, or its wish, which is echoed. Either way nothing
    /// more is waited for.
    pub(crate) fn peer_closed(&mut self, code: Option<u16>, now: Timestamp) -> Outcome {
        if self.closed().is_some() {
            self.cold.deadline = self.cold.deadline.min(now);
            return Outcome::quiet(Verdict::Ignore);
        }
        let (code, reason) = match code {
            None => (0, Reason::ClosedByPeer),
            Some(code) if may_be_sent(code) => (code, Reason::ClosedByPeer),
            Some(_) => (Reason::ProtocolError.close_code(self.hot.rules.document.dialect), Reason::ProtocolError),
        };
        self.begin_close(Close { code, reason }, now, now)
    }

    /// Says once which close frame to send; by `deadline` the connection is cut.
    fn begin_close(&mut self, close: Close, deadline: Timestamp, now: Timestamp) -> Outcome {
        if let Some(drop) = self.over() {
            return drop;
        }
        self.cold.state = State::Closing(close);
        self.cold.deadline = deadline;
        self.plan();
        let event = self.event(EventKind::Closed, Some(close.reason), now);
        Outcome { verdict: Verdict::Close(close), event: Some(event) }
    }

    /// The answer to everything that comes after a close.
    pub(crate) fn over(&self) -> Option<Outcome> {
        self.closed().map(|close| Outcome::quiet(Verdict::Drop(close.reason)))
    }

    /// Says that the connection is gone. The event records it, if no close did before.
    pub fn lost(&mut self, now: Timestamp) -> Option<Event> {
        let known = self.closed();
        let close = known.unwrap_or(Close::new(Reason::ConnectionLost, self.hot.rules.document.dialect));
        self.cold.state = State::Closed(close);
        self.plan();
        known.is_none().then(|| self.event(EventKind::Closed, Some(Reason::ConnectionLost), now))
    }

    /// Counts `bytes` that wait to be sent.
    pub fn queued(&mut self, bytes: u64, now: Timestamp) -> Pressure {
        self.cold.queued = self.cold.queued.saturating_add(bytes);
        let marks = &self.hot.rules.document.queue;
        let (soft, hard) = (marks.soft.bytes(), marks.hard.bytes());
        if self.cold.queued > hard {
            let event = self.close(Reason::SlowConsumer, now).event;
            if let Some(close) = self.closed() {
                return Pressure::Close(close, event);
            }
        }
        if self.cold.queued > soft { Pressure::Full } else { Pressure::Free }
    }

    /// Counts `bytes` that were sent.
    pub fn drained(&mut self, bytes: u64) {
        self.cold.queued = self.cold.queued.saturating_sub(bytes);
    }

    /// Enters a channel; false when it was in it already.
    ///
    /// # Errors
    /// [`Reason::TooManyChannels`] when `cap.channels_per_connection` is reached, or the name is
    /// longer than 256 bytes.
    pub fn join(&mut self, channel: &str) -> Result<bool, Reason> {
        let cap = usize::try_from(self.hot.rules.document.cap.channels_per_connection).unwrap_or(usize::MAX);
        let channels = &mut self.cold.rare.get_or_insert_default().channels;
        if channels.contains(channel) {
            return Ok(false);
        }
        if channels.len() >= cap || channel.len() > LONGEST_CHANNEL {
            return Err(Reason::TooManyChannels);
        }
        Ok(channels.insert(channel.into()))
    }

    /// Leaves a channel; false when it was not in it. What is still held when the session ends is
    /// given back with it.
    pub fn leave(&mut self, channel: &str) -> bool {
        self.cold.rare.as_mut().is_some_and(|rare| rare.channels.remove(channel))
    }

    /// The channels it is in, in the order of their names.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.cold.rare.iter().flat_map(|rare| rare.channels.iter().map(|channel| &**channel))
    }
}

/// Whether a peer may send this status code (RFC 6455 section 7.4; IANA's registry up to 1014).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
