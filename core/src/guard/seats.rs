//! The slots one connection holds, given back exactly once.

use std::net::IpAddr;
use std::time::Duration;

use super::Guard;
use crate::event::SessionId;
use crate::http::Refusal;
use crate::identity::Identity;
use crate::limit::{Lane, Place};
use crate::policy::Rules;
use crate::reason::Reason;
use crate::time::{Now, Timestamp};

/// The slots of one connection: in all, of its address, of its user. An affine value: whatever the
/// exit path, they are given back when it is dropped, and only then.
#[derive(Debug)]
pub(crate) struct Seats {
    guard: Guard,
    address: Place,
    wide: Option<Place>,
    user: Option<Place>,
    /// The session it has become.
    pub(crate) session: SessionId,
    /// A slot in all is held.
    counted: bool,
    /// A slot of the address is held.
    open: bool,
    /// An unauthenticated slot of the address is held.
    pending: bool,
}

/// Why a credential that is good opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    /// When another try can succeed; zero when that is not known.
    pub(crate) until: Timestamp,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, until: Timestamp::ZERO }
    }
}

impl Refused {
    pub(crate) fn until(reason: Reason, until: Timestamp) -> Self {
        Self { reason, until }
    }

    /// The answer to an upgrade request.
    pub(crate) fn at(self, now: Timestamp) -> Refusal {
        if self.until == Timestamp::ZERO || self.until == Timestamp::MAX {
            return Refusal::new(self.reason);
        }
        Refusal::after(self.reason, self.until.since(now))
    }
}

impl Seats {
    /// Takes the slots a stranger needs, and charges the handshake: ban, rate, caps.
    pub(crate) fn take(guard: &Guard, rules: &Rules, address: Option<IpAddr>, now: Timestamp) -> Result<Self, Refused> {
        let ledgers = &guard.0.ledgers;
        if guard.is_draining() {
            return Err(Refused::until(Reason::Draining, now.after(rules.document.deadline.drain.get())));
        }
        let (place, wide) = ledgers.enter_address(rules, address, now);
        let mut seats = Self::none(guard, place, wide);
        if let Some(until) = ledgers.addresses.banned_until(place, now) {
            return Err(Refused::until(Reason::Banned, until));
        }
        seats.charge_handshake(rules, now).map_err(|until| Refused::until(Reason::RateLimited, until))?;
        seats.sit(rules, now)?;
        Ok(seats)
    }

    /// Takes the slots of a socket whose request has not come, apart from those of requests: who may
    /// not ask is told so when he has asked.
    pub(crate) fn wait(guard: &Guard, rules: &Rules, address: IpAddr, now: Timestamp) -> Result<Self, Refused> {
        let mut seats = Self::none(guard, guard.0.ledgers.enter_socket(rules, address, now), None);
        seats.sit(rules, now)?;
        Ok(seats)
    }

    fn none(guard: &Guard, address: Place, wide: Option<Place>) -> Self {
        let session = SessionId::default();
        Self { guard: guard.clone(), address, wide, user: None, session, counted: false, open: false, pending: false }
    }

    /// Takes a stranger's slots: in all, and of its address.
    fn sit(&mut self, rules: &Rules, now: Timestamp) -> Result<(), Refused> {
        let cap = &rules.document.cap;
        let ledgers = &self.guard.0.ledgers;
        self.counted = ledgers.try_open(cap.total);
        if !self.counted {
            return Err(Refused::until(Reason::Overloaded, now.after(freed_in(rules))));
        }
        let addresses = &ledgers.addresses;
        self.open = addresses.try_open(self.address, cap.per_address);
        self.pending = self.open && addresses.try_open_pending(self.address, cap.unauthenticated_per_address);
        if !self.pending {
            return Err(Refused::until(Reason::TooManyConnections, now.after(freed_in(rules))));
        }
        ledgers.stranger_came();
        Ok(())
    }

    /// The address's record.
    pub(crate) fn address(&self) -> Place {
        self.address
    }

    /// The record of the /48 around it.
    pub(crate) fn wide(&self) -> Option<Place> {
        self.wide
    }

    /// The user's record.
    pub(crate) fn user(&self) -> Option<Place> {
        self.user
    }

    /// Whether another credential may be tried, or from when on: too many of this address were bad.
    pub(crate) fn may_try(&self, rules: &Rules, now: Timestamp) -> Result<(), Timestamp> {
        let addresses = &self.guard.0.ledgers.addresses;
        addresses.test(self.address, Lane::Failures, &rules.quotas.failures.fine, 1, now)?;
        let wide = |wide| addresses.test(wide, Lane::Failures, &rules.quotas.failures.wide, 1, now);
        self.wide.map_or(Ok(()), wide)
    }

    /// Counts a bad credential.
    pub(crate) fn failed(&self, rules: &Rules, now: Timestamp) {
        let addresses = &self.guard.0.ledgers.addresses;
        // Over the limit there is nothing left to charge.
        addresses.charge(self.address, Lane::Failures, &rules.quotas.failures.fine, 1, now).ok();
        if let Some(wide) = self.wide {
            addresses.charge(wide, Lane::Failures, &rules.quotas.failures.wide, 1, now).ok();
        }
    }

    /// Counts a connection that was closed for violations: against its user, or a stranger's address.
    pub(crate) fn strike(&self, rules: &Rules, now: Timestamp) {
        let Some(ban) = rules.document.rate.ban.get() else { return };
        let ledgers = &self.guard.0.ledgers;
        // A known user answers for itself: one bad neighbour must not shut out everybody behind the
        // same address translator.
        match self.user {
            Some(user) => ledgers.users.strike(user, ban.after, ban.duration.get(), now),
            None => ledgers.addresses.strike(self.address, ban.after, ban.duration.get(), now),
        };
    }

    /// Takes the slots of an identity: it has not expired, is not revoked or banned, and its user
    /// has a connection left. What the stranger held and was charged is given back.
    pub(crate) fn admit(&mut self, rules: &Rules, identity: &Identity, now: Now) -> Result<(), Refused> {
        if identity.user().is_none() && !rules.document.credential.anonymous {
            // A host that resolves a token to nobody has not found a user.
            return Err(Reason::CredentialInvalid.into());
        }
        if identity.expires().is_some_and(|at| now.unix >= at.after(rules.leeway())) {
            return Err(Reason::TokenExpired.into());
        }
        if self.guard.is_revoked(identity, now.unix) {
            return Err(Reason::Revoked.into());
        }
        if let (Some(user), None) = (identity.user(), self.user) {
            let users = &self.guard.0.ledgers.users;
            let place = self.guard.0.ledgers.enter_user(rules, user, now.mono);
            let banned = users.banned_until(place, now.mono);
            if banned.is_some() || !users.try_open(place, rules.document.cap.per_user) {
                users.leave(place);
                return Err(match banned {
                    Some(until) => Refused::until(Reason::Banned, until),
                    None => Refused::until(Reason::TooManyConnections, now.mono.after(freed_in(rules))),
                });
            }
            self.user = Some(place);
        }
        self.become_known(rules, identity.user().is_some());
        Ok(())
    }

    fn become_known(&mut self, rules: &Rules, is_user: bool) {
        if !std::mem::take(&mut self.pending) {
            return;
        }
        let ledgers = &self.guard.0.ledgers;
        let addresses = &ledgers.addresses;
        addresses.close_pending(self.address);
        ledgers.stranger_left();
        if !is_user {
            return;
        }
        // Honest users who come back all at once, after a restart, must not lock themselves out.
        addresses.refund(self.address, Lane::Handshakes, &rules.quotas.handshakes.fine, 1);
        if let Some(wide) = self.wide {
            addresses.refund(wide, Lane::Handshakes, &rules.quotas.handshakes.wide, 1);
        }
    }

    fn charge_handshake(&self, rules: &Rules, now: Timestamp) -> Result<(), Timestamp> {
        let addresses = &self.guard.0.ledgers.addresses;
        let quotas = &rules.quotas.handshakes;
        if let Some(wide) = self.wide {
            addresses.test(wide, Lane::Handshakes, &quotas.wide, 1, now)?;
        }
        addresses.charge(self.address, Lane::Handshakes, &quotas.fine, 1, now)?;
        let wide = |wide| addresses.charge(wide, Lane::Handshakes, &quotas.wide, 1, now);
        self.wide.map_or(Ok(()), wide)
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        let ledgers = &self.guard.0.ledgers;
        if self.pending {
            ledgers.addresses.close_pending(self.address);
            ledgers.stranger_left();
        }
        if self.open {
            ledgers.addresses.close(self.address);
        }
        if self.counted {
            ledgers.close();
        }
        if let Some(user) = self.user {
            ledgers.users.close(user);
            ledgers.users.leave(user);
        }
        if let Some(wide) = self.wide {
            ledgers.addresses.leave(wide);
        }
        ledgers.addresses.leave(self.address);
        if self.session != SessionId::default() {
            self.guard.leave(self.session);
        }
    }
}

/// When a slot may have come free: by then dead connections have been found.
fn freed_in(rules: &Rules) -> Duration {
    let heartbeat = &rules.document.heartbeat;
    heartbeat.interval.get().saturating_add(heartbeat.timeout.get())
}
