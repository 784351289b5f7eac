//! Which sealed tickets were used.

use std::collections::BTreeSet;
use std::fmt;

use super::{OpenedTicket, TicketFault, TicketRules};
use crate::credential::digest::Digest;
use crate::time::{Now, UnixTime};

/// Which sealed tickets were used, for as long as they could be used again.
pub struct SpentTickets {
    capacity: usize,
    spent: BTreeSet<(UnixTime, Digest)>,
    /// The latest civil time seen. A clock that is set back must not bring back tickets that were
    /// used and forgotten (threat 57).
    latest: UnixTime,
}

impl fmt::Debug for SpentTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpentTickets").field("spent", &self.spent.len()).finish_non_exhaustive()
    }
}

impl SpentTickets {
    /// Remembers up to `rules.outstanding` tickets.
    pub fn new(rules: &TicketRules) -> Self {
        let capacity = usize::try_from(rules.outstanding).unwrap_or(usize::MAX);
        Self { capacity, spent: BTreeSet::new(), latest: UnixTime::default() }
    }

    /// Marks a ticket as used.
    ///
    /// # Errors
    /// [`TicketFault::Used`]; [`TicketFault::Expired`]; [`TicketFault::Full`], as an entry that still
    /// counts is never dropped.
    pub fn spend(&mut self, ticket: &OpenedTicket, now: Now) -> Result<(), TicketFault> {
        let latest = self.not_before(now);
        while self.spent.first().is_some_and(|(until, _)| *until <= latest) {
            self.spent.pop_first();
        }
        let entry = (ticket.expires, ticket.digest);
        if ticket.expires <= latest {
            return Err(TicketFault::Expired);
        }
        if self.spent.contains(&entry) {
            return Err(TicketFault::Used);
        }
        if self.spent.len() >= self.capacity {
            return Err(TicketFault::Full);
        }
        self.spent.insert(entry);
        Ok(())
    }

    /// Goes on by other rules.
    pub(super) fn reload(&mut self, rules: &TicketRules) {
        self.capacity = usize::try_from(rules.outstanding).unwrap_or(usize::MAX);
    }

    /// How many used tickets are remembered.
    pub fn len(&self) -> usize {
        self.spent.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.spent.is_empty()
    }

    /// The civil time tickets are judged at: `now`, or the latest seen before.
    pub(super) fn not_before(&mut self, now: Now) -> UnixTime {
        self.latest = self.latest.max(now.unix);
        self.latest
    }
}
