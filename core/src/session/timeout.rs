//! What time brings: the heartbeat and every deadline.

use std::time::Duration;

use super::Session;
use super::state::{Beat, State};
use crate::event::EventKind;
use crate::policy::HeartbeatMode;
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::verdict::{Action, Due, Outcome, Verdict};

impl Session {
    /// Does what is due at `now`; none when nothing is. Calling too early costs nothing; call again
    /// until it answers none.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Option<Due> {
        if let Some(outcome) = self.sync(now).or_else(|| self.overdue(now)) {
            return due(outcome);
        }
        match self.cold.state {
            State::Closing(close) if now >= self.cold.deadline => {
                self.cold.state = State::Closed(close);
                Some(Due { action: Action::Terminate, event: None })
            }
            State::Open(beat) => self.beat(beat, now),
            State::Expired { told: false, beat } => {
                self.cold.state = State::Expired { told: true, beat };
                let event = self.event(EventKind::Expired, Some(Reason::TokenExpired), now);
                Some(Due { action: Action::Expired, event: Some(event) })
            }
            State::Pending { .. } | State::Expired { .. } | State::Closing(_) | State::Closed(_) => None,
        }
    }

    /// Deadlines that no message path may pass, whether or not the host's timer was on time.
    pub(crate) fn overdue(&mut self, now: Timestamp) -> Option<Outcome> {
        let document = &self.hot.rules.document;
        let can_refresh = document.credential.refresh.is_some();
        let grace = document.deadline.expiry_grace.get();
        let lifetime = document.deadline.lifetime.get().map(|lifetime| self.cold.opened.after(lifetime.get()));
        match self.cold.state {
            State::Closing(_) | State::Closed(_) => return None,
            State::Pending { .. } if now >= self.cold.deadline => return Some(self.close(Reason::AuthTimeout, now)),
            _ => {}
        }
        if now >= self.cold.drain {
            return Some(self.close(Reason::Draining, now));
        }
        // The host was asked about a renewed credential and does not answer: fail closed.
        if now >= self.cold.deadline && self.cold.state.asked() == Some(&mut true) {
            return Some(self.close(Reason::IdentityUnavailable, now));
        }
        if lifetime.is_some_and(|end| now >= end) {
            return Some(self.close(Reason::MaxLifetime, now));
        }
        if now >= self.cold.expires && (!can_refresh || now >= self.cold.expires.after(grace)) {
            return Some(self.close(Reason::TokenExpired, now));
        }
        if now >= self.cold.expires
            && let State::Open(beat) = self.cold.state
        {
            self.cold.state = State::Expired { told: false, beat };
            self.plan();
        }
        None
    }

    /// An open session: is the peer alive, is the identity still good, is there anything to do?
    fn beat(&mut self, beat: Beat, now: Timestamp) -> Option<Due> {
        let document = &self.hot.rules.document;
        let heartbeat = &document.heartbeat;
        let answer_by = self.cold.beat.after(heartbeat.timeout.get());
        let ping_at = self.cold.beat.after(heartbeat.interval.get());
        let silent_at = self.hot.heard.after(heartbeat.interval.get()).after(heartbeat.timeout.get());
        let idle_at = document.deadline.idle.get().map(|idle| self.hot.heard.after(idle.get()));
        let answer_identity_by = self.cold.revalidate.after(document.deadline.admit.get());
        if idle_at.is_some_and(|at| now >= at) {
            return due(self.close(Reason::IdleTimeout, now));
        }
        if beat.revalidating && now >= answer_identity_by {
            return due(self.close(Reason::IdentityUnavailable, now));
        }
        if self.beats_by_message() {
            if now >= silent_at {
                return due(self.close(Reason::PingTimeout, now));
            }
        } else if beat.awaiting_pong {
            if now >= answer_by {
                return due(self.close(Reason::PingTimeout, now));
            }
        } else if now >= ping_at {
            self.cold.ping = self.hot.guard.ping_payload(self.cold.seats.session, self.cold.ping, now);
            self.cold.beat = now;
            self.cold.state = State::Open(Beat { awaiting_pong: true, ..beat });
            return Some(Due { action: Action::Ping(self.cold.ping.to_be_bytes()), event: None });
        }
        if now >= self.cold.revalidate && !beat.revalidating {
            self.cold.revalidate = now;
            self.cold.state = State::Open(Beat { revalidating: true, ..beat });
            return Some(Due { action: Action::Revalidate, event: None });
        }
        None
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); none when nothing is due, ever.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let (hot, cold) = (&self.hot, &self.cold);
        // The guard has changed, perhaps while this was still a candidate and nobody's to wake.
        if hot.epoch != hot.guard.epoch() && self.closed().is_none() {
            return Some(Timestamp::ZERO);
        }
        let document = &hot.rules.document;
        let heartbeat = &document.heartbeat;
        let at = match cold.state {
            State::Closed(_) => return None,
            State::Closing(_) => cold.deadline,
            State::Pending { .. } => cold.deadline.min(cold.drain).min(cold.hard_stop(&hot.rules)),
            State::Expired { told: false, .. } => Timestamp::ZERO,
            State::Expired { told: true, .. } => {
                let end = cold.expires.after(document.deadline.expiry_grace.get());
                let aged = document.deadline.lifetime.get().map(|lifetime| cold.opened.after(lifetime.get()));
                end.min(cold.drain).min(aged.unwrap_or(Timestamp::MAX)).min(cold.answer_by())
            }
            State::Open(beat) => {
                let alive = match heartbeat.mode {
                    HeartbeatMode::Message => hot.heard.after(heartbeat.interval.get()).after(heartbeat.timeout.get()),
                    HeartbeatMode::Frame if beat.awaiting_pong => cold.beat.after(heartbeat.timeout.get()),
                    HeartbeatMode::Frame => cold.beat.after(heartbeat.interval.get()),
                };
                let waits = if beat.revalidating { document.deadline.admit.get() } else { Duration::ZERO };
                let idle = document.deadline.idle.get().map(|idle| hot.heard.after(idle.get()));
                let idle = idle.unwrap_or(Timestamp::MAX);
                cold.hard_stop(&hot.rules).min(alive).min(cold.revalidate.after(waits)).min(idle).min(cold.answer_by())
            }
        };
        (at < Timestamp::MAX).then_some(at)
    }
}

fn due(outcome: Outcome) -> Option<Due> {
    match outcome.verdict {
        Verdict::Close(close) => Some(Due { action: Action::Close(close), event: outcome.event }),
        _ => None,
    }
}
