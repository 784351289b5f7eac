//! What a message is charged to: its connection, its user, its address.

use super::Session;
use super::receive::Refused;
use super::state::Hot;
use crate::limit::{Lane, Planned};
use crate::time::Timestamp;

/// What a message makes of every bucket, worked out before one of them is touched.
struct Plan<'a> {
    messages: u64,
    bytes: u64,
    user: Option<Planned<'a>>,
    address: Planned<'a>,
    wide: Option<Planned<'a>>,
}

impl Session {
    /// Charges a message to connection, user and address, or says until when to wait.
    ///
    /// All buckets are read before one is charged. A race lost afterwards refuses and leaves the
    /// earlier ones charged: one message too few may get through, never one too many.
    #[inline(always)]
    pub(super) fn charge(&mut self, cost: u64, bytes: u64, now: Timestamp) -> Result<(), Refused> {
        let hot = &mut self.hot;
        let Some(Plan { messages, bytes: carried, user, address, wide }) = plan(hot, cost, bytes, now) else {
            return self.charge_or_refuse(cost, bytes, now);
        };
        let user = user.is_none_or(Planned::commit);
        let address = user && address.commit();
        let wide = address && wide.is_none_or(Planned::commit);
        (hot.messages, hot.bytes) = (messages, carried);
        if wide {
            return Ok(());
        }
        self.charge_after_race(user, address, cost, now)
    }

    /// Somebody else has charged a shared bucket since it was read: those that are left are read again.
    #[cold]
    pub(super) fn charge_after_race(
        &self,
        user: bool,
        address: bool,
        cost: u64,
        now: Timestamp,
    ) -> Result<(), Refused> {
        if !user {
            self.charge_user(cost, now)?;
        }
        if !address {
            self.charge_address(cost, now)?;
        }
        self.charge_wide(cost, now)
    }

    /// The same where it is not as simple as that: a bucket is empty, a clock was set back, or a quota is a sliding
    /// window.
    #[cold]
    pub(super) fn charge_or_refuse(&mut self, cost: u64, bytes: u64, now: Timestamp) -> Result<(), Refused> {
        let refused = self.test(cost, bytes, now);
        let Self { hot, cold } = self;
        let quotas = &hot.rules.quotas;
        let mut windows = cold.windows.as_deref_mut();
        if let Err(Refused::Limit(until)) = refused {
            quotas.messages.settle_own(&mut hot.messages, windows.as_mut().map(|own| &mut own.messages), now);
            quotas.bytes.settle_own(&mut hot.bytes, windows.map(|own| &mut own.bytes), now);
            return Err(Refused::Limit(until));
        }
        // Charged even if the address is at its limit: who goes on regardless comes to his own.
        let charged = quotas
            .messages
            .charge_own(&mut hot.messages, windows.as_mut().map(|own| &mut own.messages), cost, now)
            .and_then(|()| quotas.bytes.charge_own(&mut hot.bytes, windows.map(|own| &mut own.bytes), bytes, now));
        charged.map_err(Refused::Limit)?;
        refused?;
        self.charge_user(cost, now)?;
        self.charge_address(cost, now)?;
        self.charge_wide(cost, now)
    }

    fn charge_user(&self, cost: u64, now: Timestamp) -> Result<(), Refused> {
        let Some(user) = self.hot.user else { return Ok(()) };
        let (_, users) = self.hot.guard.ledgers();
        let quota = &self.hot.rules.quotas.user;
        users.charge(user, Lane::Messages, quota, cost, now).map_err(Refused::Limit)
    }

    fn charge_address(&self, cost: u64, now: Timestamp) -> Result<(), Refused> {
        let (addresses, _) = self.hot.guard.ledgers();
        let quota = &self.hot.rules.quotas.address.fine;
        addresses.charge(self.hot.address, Lane::Messages, quota, cost, now).map_err(Refused::Crowd)
    }

    fn charge_wide(&self, cost: u64, now: Timestamp) -> Result<(), Refused> {
        let Some(wide) = self.hot.wide else { return Ok(()) };
        let (addresses, _) = self.hot.guard.ledgers();
        let quota = &self.hot.rules.quotas.address.wide;
        addresses.charge(wide, Lane::Messages, quota, cost, now).map_err(Refused::Crowd)
    }

    /// Whether a message could be charged, or until when not.
    pub(super) fn test(&self, cost: u64, bytes: u64, now: Timestamp) -> Result<(), Refused> {
        let Self { hot, cold } = self;
        let quotas = &hot.rules.quotas;
        let (addresses, users) = hot.guard.ledgers();
        let windows = cold.windows.as_deref();
        let own = [
            quotas.messages.test_own(hot.messages, windows.map(|own| &own.messages), cost, now),
            quotas.bytes.test_own(hot.bytes, windows.map(|own| &own.bytes), bytes, now),
            hot.user.map_or(Ok(()), |user| users.test(user, Lane::Messages, &quotas.user, cost, now)),
        ];
        let shared = [
            addresses.test(hot.address, Lane::Messages, &quotas.address.fine, cost, now),
            hot.wide.map_or(Ok(()), |wide| addresses.test(wide, Lane::Messages, &quotas.address.wide, cost, now)),
        ];
        let own = own.into_iter().filter_map(Result::err).max();
        let shared = shared.into_iter().filter_map(Result::err).max();
        match (own, shared) {
            (None, None) => Ok(()),
            (None, Some(until)) => Err(Refused::Crowd(until)),
            (Some(until), shared) => Err(Refused::Limit(until.max(shared.unwrap_or_default()))),
        }
    }
}

/// None: some bucket refuses, or is of a kind that has to be looked at more closely.
#[inline(always)]
fn plan(hot: &Hot, cost: u64, bytes: u64, now: Timestamp) -> Option<Plan<'_>> {
    let gcras = hot.rules.quotas.of_messages.as_ref()?;
    let (addresses, users) = hot.guard.ledgers();
    Some(Plan {
        messages: gcras.messages.admit(hot.messages, cost, now)?,
        bytes: gcras.bytes.admit(hot.bytes, bytes, now)?,
        user: match hot.user {
            Some(user) => Some(users.plan(user, Lane::Messages, &gcras.user, cost, now)?),
            None => None,
        },
        address: addresses.plan(hot.address, Lane::Messages, &gcras.address, cost, now)?,
        wide: match hot.wide {
            Some(wide) => Some(addresses.plan(wide, Lane::Messages, &gcras.wide, cost, now)?),
            None => None,
        },
    })
}
