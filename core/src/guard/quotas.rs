//! A policy's quotas, prepared for charging.

use std::time::Duration;

use crate::limit::{Gcra, Meter, Stamps};
use crate::policy::{Document, Quota, Span};
use crate::time::Timestamp;

/// A /48 of IPv6 has so many times the quota of a /64 in it: enough for a site, and not for one
/// customer who rotates through all its 65,536 networks.
const WIDE: u64 = 16;

/// The quotas of one set of rules.
#[derive(Debug)]
pub(crate) struct Quotas {
    pub(crate) messages: Meter,
    pub(crate) bytes: Meter,
    pub(crate) control: Meter,
    /// How many faults are borne.
    pub(crate) faults: Gcra,
    pub(crate) user: Meter,
    pub(crate) address: Blocks,
    pub(crate) handshakes: Blocks,
    pub(crate) failures: Blocks,
    /// Those a message is charged to, if none of them is a sliding window.
    pub(crate) of_messages: Option<MessageGcras>,
}

/// What a message is charged to, side by side, where one word is all the state there is.
#[derive(Debug)]
pub(crate) struct MessageGcras {
    pub(crate) messages: Gcra,
    pub(crate) bytes: Gcra,
    pub(crate) user: Gcra,
    pub(crate) address: Gcra,
    pub(crate) wide: Gcra,
}

/// What an address is charged, and what the /48 around it.
#[derive(Debug)]
pub(crate) struct Blocks {
    pub(crate) fine: Meter,
    pub(crate) wide: Meter,
}

impl Blocks {
    fn new(quota: Quota) -> Self {
        Self { fine: Meter::new(quota), wide: Meter::times(quota, WIDE) }
    }
}

impl Quotas {
    pub(crate) fn new(document: &Document) -> Self {
        let rate = &document.rate;
        let errors = document.message.errors;
        let (messages, bytes) = (Meter::new(rate.connection.messages), Meter::new(rate.connection.bytes));
        let (user, address) = (Meter::new(rate.user.messages), Blocks::new(rate.address.messages));
        let of_messages = match [messages, bytes, user, address.fine, address.wide] {
            [Meter::Gcra(messages), Meter::Gcra(bytes), Meter::Gcra(user), Meter::Gcra(address), Meter::Gcra(wide)] => {
                Some(MessageGcras { messages, bytes, user, address, wide })
            }
            _ => None,
        };
        Self {
            messages,
            bytes,
            control: Meter::new(rate.connection.control),
            faults: Gcra::new(Quota::gcra(u64::from(errors.limit), errors.per, u64::from(errors.limit))),
            user,
            address,
            handshakes: Blocks::new(rate.address.handshakes),
            failures: Blocks::new(rate.address.failures),
            of_messages,
        }
    }

    /// The longest any shared bucket takes to refill.
    pub(crate) fn longest(&self) -> Duration {
        let blocks = [&self.address, &self.handshakes, &self.failures];
        let meters = blocks.into_iter().flat_map(|blocks| [&blocks.fine, &blocks.wide]).chain([&self.user]);
        meters.map(Meter::refill).max().unwrap_or_default()
    }
}

/// The longest a policy's bans last.
pub(crate) fn longest_ban(document: &Document) -> Duration {
    document.rate.ban.get().map_or(Duration::ZERO, |ban| Span::get(ban.duration))
}

/// The states of a connection's sliding windows, for policies that have some.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    pub(crate) messages: Stamps,
    pub(crate) bytes: Stamps,
    pub(crate) control: Stamps,
}

impl Windows {
    /// Room for the windows, where there are any.
    pub(crate) fn new(quotas: &Quotas) -> Option<Box<Self>> {
        let meters = [&quotas.messages, &quotas.bytes, &quotas.control];
        let any = meters.into_iter().any(|meter| matches!(meter, Meter::Window(_)));
        any.then(Box::default)
    }
}

impl Meter {
    /// Whether a charge would pass on one connection's own state; charges nothing.
    #[inline]
    pub(crate) fn test_own(
        &self,
        word: u64,
        stamps: Option<&Stamps>,
        cost: u64,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        match (self, stamps) {
            (Self::Gcra(gcra), _) => gcra.test(word, cost, now).map(|_| ()),
            (Self::Window(window), Some(stamps)) => window.test(stamps, cost, now),
            // A window without its state is a mistake of ours: fail closed.
            (Self::Window(_), None) => Err(Timestamp::MAX),
        }
    }

    /// Charges one connection's own state.
    #[inline]
    pub(crate) fn charge_own(
        &self,
        word: &mut u64,
        stamps: Option<&mut Stamps>,
        cost: u64,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        match (self, stamps) {
            (Self::Gcra(gcra), _) => gcra.charge(word, cost, now),
            (Self::Window(window), Some(stamps)) => window.charge(stamps, cost, now),
            (Self::Window(_), None) => Err(Timestamp::MAX),
        }
    }

    /// Brings near what a clock set back has left far ahead on one connection's own state. It belongs to a refusal:
    /// else the clock set back would refuse for as long as it was set back.
    pub(crate) fn settle_own(&self, word: &mut u64, stamps: Option<&mut Stamps>, now: Timestamp) {
        match (self, stamps) {
            (Self::Gcra(gcra), _) => *word = gcra.settled(*word, now),
            (Self::Window(window), Some(stamps)) => window.settle(stamps, now),
            (Self::Window(_), None) => {}
        }
    }
}
