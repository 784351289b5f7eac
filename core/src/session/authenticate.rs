//! A credential on a live connection: the first message, a refresh, a revalidation, and what
//! follows when the guard's policy or revocations change.

use std::sync::Arc;

use super::Session;
use super::state::{JudgedBy, State};
use crate::event::EventKind;
use crate::guard::{Judged, Question};
use crate::handshake::{Answer, Judgement};
use crate::http::Refusal;
use crate::identity::Identity;
use crate::reason::Reason;
use crate::secret::Secret;
use crate::time::{Now, Timestamp};
use crate::verdict::{Outcome, Verdict};

impl Session {
    /// Judges the credential in a message that [`receive`](Self::receive) answered with
    /// [`Verdict::Authenticate`]; `message` is that message.
    pub fn authenticate(&mut self, message: &[u8], now: Now) -> Judgement {
        if let Some(outcome) = self.sync(now.mono).or_else(|| self.overdue(now.mono)) {
            return Judgement::Done(outcome);
        }
        if let Some(drop) = self.over() {
            return Judgement::Done(drop);
        }
        // One question at a time: a second answer must not be taken for the first.
        if self.cold.state.asked() == Some(&mut true) {
            return Judgement::Done(self.close(Reason::CredentialAmbiguous, now.mono));
        }
        let rules = Arc::clone(&self.hot.rules);
        if self.cold.identity.is_some() && rules.document.credential.refresh.is_none() {
            return Judgement::Done(self.fault(Reason::UnknownType, now.mono));
        }
        let Some(token) = rules.messages.auth_token(message).map(|token| Secret::new(token.as_bytes())) else {
            return Judgement::Done(self.rejected(Reason::CredentialInvalid, now.mono));
        };
        // Failures are limited before the costly check, so that guessing is not free. They are the
        // whole address's: a client whose old credential still holds is asked to wait, not closed.
        if let Err(until) = self.cold.seats.may_try(&rules, now.mono) {
            self.cold.refused_until = until;
            let known = self.cold.identity.is_some();
            return Judgement::Done(if known {
                self.crowded(until, now.mono)
            } else {
                self.close(Reason::RateLimited, now.mono)
            });
        }
        let kind = rules.message_credential();
        let judged = self.hot.guard.judge(&rules, &self.cold.peer, kind, token, now);
        if matches!(judged, Ok(Judged::Ask(..))) && !self.cold.is_pending() {
            self.cold.deadline = now.mono.after(rules.document.deadline.admit.get());
        }
        self.judged(judged, JudgedBy::Core, now)
    }

    fn judged(&mut self, judged: Result<Judged, Refusal>, by: JudgedBy, now: Now) -> Judgement {
        match judged {
            Ok(Judged::Identity(identity)) => Judgement::Done(self.accepted(identity, by, now)),
            Ok(Judged::Ask(need, question)) => {
                if let Some(asked) = self.cold.state.asked() {
                    *asked = true;
                }
                self.cold.rare.get_or_insert_default().question = Some(question);
                Judgement::Wait(need)
            }
            // Nobody could tell whether it is good: that is no fault of the peer's, but no reason to
            // go on with it either.
            Err(refusal) if !refusal.is_a_failure() => Judgement::Done(self.close(refusal.reason(), now.mono)),
            Err(refusal) => Judgement::Done(self.rejected(refusal.reason(), now.mono)),
        }
    }

    /// Takes the host's answer to the need that [`authenticate`](Self::authenticate) gave.
    pub fn provide(&mut self, answer: Answer, now: Now) -> Judgement {
        if let Some(outcome) = self.sync(now.mono).or_else(|| self.overdue(now.mono)) {
            return Judgement::Done(outcome);
        }
        if let Some(drop) = self.over() {
            return Judgement::Done(drop);
        }
        // An answer nobody asked for: the host's mistake, and no reason to trust it.
        let asked = self.cold.state.asked().is_some_and(std::mem::take);
        let question = self.cold.rare.as_mut().and_then(|rare| rare.question.take());
        let Some(question) = question.filter(|_| asked) else {
            return Judgement::Done(self.close(Reason::Internal, now.mono));
        };
        let by = if matches!(question, Question::Owner) { JudgedBy::Host } else { JudgedBy::Core };
        let rules = Arc::clone(&self.hot.rules);
        let judged = self.hot.guard.answered(&rules, question, answer, now);
        self.judged(judged, by, now)
    }

    /// Takes the host's answer to [`Action::Revalidate`](crate::Action::Revalidate).
    pub fn revalidated(&mut self, answer: Answer, now: Now) -> Outcome {
        if let Some(outcome) = self.sync(now.mono).or_else(|| self.overdue(now.mono)) {
            return outcome;
        }
        if let Some(drop) = self.over() {
            return drop;
        }
        if !self.cold.state.revalidating().is_some_and(std::mem::take) {
            return self.close(Reason::Internal, now.mono);
        }
        match answer {
            Answer::Identity(identity) => {
                // What the answer leaves out stays as it is: a host that only says "still good" must
                // not lift the credential's end, nor put it out of a revocation's reach.
                let held = self.cold.identity.as_deref();
                let identity = held.map_or(identity.clone(), |held| identity.continuing(held));
                self.accepted(Arc::new(identity), JudgedBy::Host, now)
            }
            Answer::Refused => self.close(Reason::Revoked, now.mono),
            Answer::Unavailable => self.close(Reason::IdentityUnavailable, now.mono),
            Answer::Keys | Answer::Unused => self.close(Reason::Internal, now.mono),
        }
    }

    /// A good credential. On a pending session it opens it; on an open one it may renew what the
    /// session has, for the same user and no wider (RFC 8725's spirit: no exchange of subjects).
    fn accepted(&mut self, identity: Arc<Identity>, by: JudgedBy, now: Now) -> Outcome {
        let rules = Arc::clone(&self.hot.rules);
        if let Some(held) = self.cold.identity.as_deref()
            && !held.may_become(&identity)
        {
            return self.close(Reason::IdentityChanged, now.mono);
        }
        let first = self.cold.identity.is_none();
        if let Err(refusal) = self.cold.seats.admit(&rules, &identity, now) {
            self.cold.refused_until = refusal.until;
            return self.close(refusal.reason, now.mono);
        }
        self.hot.guard.enlist(self.cold.seats.session, Some(&identity), now.unix);
        self.adopt(identity, by, now);
        let kind = if first { EventKind::Authenticated } else { EventKind::Refreshed };
        let event = self.event(kind, None, now.mono);
        Outcome { verdict: Verdict::Ignore, event: Some(event) }
    }

    /// A bad credential. A stranger is closed; a client whose old credential still holds is told.
    fn rejected(&mut self, reason: Reason, now: Timestamp) -> Outcome {
        let rules = Arc::clone(&self.hot.rules);
        self.cold.seats.failed(&rules, now);
        match self.cold.state {
            State::Pending { .. } => self.close(reason, now),
            _ => self.fault(reason, now),
        }
    }

    /// Reads policy and revocations again if the guard has changed since they were last read.
    pub(crate) fn sync(&mut self, now: Timestamp) -> Option<Outcome> {
        let epoch = self.hot.guard.epoch();
        if epoch == self.hot.epoch {
            return None;
        }
        if matches!(self.cold.state, State::Closing(_) | State::Closed(_)) {
            return None;
        }
        self.hot.epoch = epoch;
        let guard = self.hot.guard.clone();
        let rules = guard.rules(&self.cold.peer);
        if !Arc::ptr_eq(&rules, &self.hot.rules) {
            if !rules.still_allows(&self.cold.peer) {
                return Some(self.close(Reason::PolicyChanged, now));
            }
            let guest = self.cold.identity.as_deref().is_some_and(|identity| identity.user().is_none());
            if guest && !rules.document.credential.anonymous {
                return Some(self.close(Reason::PolicyChanged, now));
            }
            self.cold.reread(&rules, now);
            self.hot.rules = rules;
            self.note_permissions();
        }
        if guard.must_close(self.cold.seats.session) {
            return Some(self.close(Reason::Revoked, now));
        }
        self.cold.drain = guard.drain_of(self.cold.seats.session);
        self.plan();
        None
    }
}
