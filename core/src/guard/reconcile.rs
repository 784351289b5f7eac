//! Whether everything that was taken is held by somebody: the books against the slots.

use super::Guard;
use crate::limit::Census;

/// What a guard's counters say beside what is really held, as [`Guard::reconcile`] found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciled {
    /// Connections that hold a slot, by the guard's counter: sessions, and candidates.
    pub connections: u64,
    /// Slots that all addresses together hold: one for each connection.
    pub address_slots: u64,
    /// Connections without a good credential, by the guard's counter.
    pub unauthenticated: u64,
    /// Unauthenticated slots that all addresses together hold: one for each of those.
    pub unauthenticated_slots: u64,
    /// Sessions that were entered: no more than connections.
    pub sessions: u64,
    /// Those of them that belong to a user.
    pub user_sessions: u64,
    /// Slots that all users together hold: one for each of those.
    pub user_slots: u64,
    /// References to the records of addresses: one for each connection, and another one for each
    /// that came over IPv6. A record that is held can never be used for another address.
    pub address_references: u64,
    /// References to the records of users: one for each session of a user.
    pub user_references: u64,
}

impl Reconciled {
    /// Whether nothing has drifted. While connections come and go on other threads, an honest
    /// difference of as many as there are threads is possible.
    pub fn agrees(&self) -> bool {
        let twice = self.connections.saturating_mul(2);
        self.address_slots == self.connections
            && self.unauthenticated_slots == self.unauthenticated
            && self.unauthenticated <= self.connections
            && self.sessions <= self.connections
            && self.user_slots == self.user_sessions
            && self.user_references == self.user_sessions
            && (self.connections..=twice).contains(&self.address_references)
    }
}

impl Guard {
    /// Counts one by one what the limiter's tables and the sessions hold, to be compared with what
    /// the counters of [`stats`](Self::stats) say. For debugging: it takes time in proportion to
    /// the addresses and users that are remembered and the sessions that are open, and holds up
    /// admissions meanwhile. It changes nothing.
    pub fn reconcile(&self) -> Reconciled {
        let members = self.members();
        let ledgers = &self.0.ledgers;
        let (addresses, users): (Census, Census) = (ledgers.addresses.census(), ledgers.users.census());
        Reconciled {
            connections: ledgers.connections().into(),
            address_slots: addresses.open,
            unauthenticated: ledgers.unauthenticated().into(),
            unauthenticated_slots: addresses.pending,
            sessions: members.count(),
            user_sessions: members.count_users(),
            user_slots: users.open,
            address_references: addresses.held,
            user_references: users.held,
        }
    }
}
