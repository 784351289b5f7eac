//! How a session ends, and what the application does to it.

use super::Session;
use super::state::State;
use crate::event::{Event, EventKind};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::verdict::{Close, Outcome, Pressure, Verdict};

impl Session {
    /// Closes for `reason`; the answer holds the close frame to send. A session that is closing or
    /// closed stays as it is and gives the same close again.
    pub fn close(&mut self, reason: Reason, now: Timestamp) -> Outcome {
        if let State::Closing(close) | State::Closed(close) = self.cold.state {
            return Outcome::quiet(Verdict::Close(close));
        }
        let close = Close::new(reason, self.hot.rules.document.dialect);
        self.cold.state = State::Closing(close);
        self.cold.deadline = now.after(self.hot.rules.document.deadline.close.get());
        self.plan();
        let event = self.event(EventKind::Closed, Some(reason), now);
        Outcome { verdict: Verdict::Close(close), event: Some(event) }
    }

    /// The peer's close frame: the answer to ours, or its wish, which is echoed.
    pub(crate) fn peer_closed(&mut self, code: Option<u16>, now: Timestamp) -> Outcome {
        if let State::Closing(close) | State::Closed(close) = self.cold.state {
            self.cold.state = State::Closed(close);
            self.plan();
            return Outcome::quiet(Verdict::Close(close));
        }
        let (code, reason) = match code {
            None => (0, Reason::ClosedByPeer),
            Some(code) if may_be_sent(code) => (code, Reason::ClosedByPeer),
            Some(_) => (Reason::ProtocolError.close_code(self.hot.rules.document.dialect), Reason::ProtocolError),
        };
        let close = Close { code, reason };
        self.cold.state = State::Closed(close);
        self.plan();
        let event = self.event(EventKind::Closed, Some(reason), now);
        Outcome { verdict: Verdict::Close(close), event: Some(event) }
    }

    /// Says that the connection is gone. The event records it, if no close did before.
    pub fn lost(&mut self, now: Timestamp) -> Option<Event> {
        let known = match self.cold.state {
            State::Closing(close) | State::Closed(close) => Some(close),
            State::Pending { .. } | State::Open(_) | State::Expired { .. } => None,
        };
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
            let outcome = self.close(Reason::SlowConsumer, now);
            if let Verdict::Close(close) = outcome.verdict {
                return Pressure::Close(close, outcome.event);
            }
        }
        if self.cold.queued > soft { Pressure::Full } else { Pressure::Free }
    }

    /// Counts `bytes` that were sent.
    pub fn drained(&mut self, bytes: u64) {
        self.cold.queued = self.cold.queued.saturating_sub(bytes);
    }

    /// Enters one more channel.
    ///
    /// # Errors
    /// [`Reason::TooManyChannels`] when `cap.channels_per_connection` is reached.
    pub fn join(&mut self) -> Result<(), Reason> {
        if self.cold.channels >= self.hot.rules.document.cap.channels_per_connection {
            return Err(Reason::TooManyChannels);
        }
        self.cold.channels = self.cold.channels.saturating_add(1);
        Ok(())
    }

    /// Leaves a channel. What is still held when the session ends is given back with it.
    pub fn leave(&mut self) {
        self.cold.channels = self.cold.channels.saturating_sub(1);
    }
}

/// Whether a peer may send this status code (RFC 6455 section 7.4; IANA's registry up to 1014).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
