//! What all records together hold, counted one by one: for debugging drift.

use std::sync::atomic::Ordering;

use super::Ledger;

/// The sums over all records of a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Open slots.
    pub(crate) open: u64,
    /// Unauthenticated ones among them.
    pub(crate) pending: u64,
    /// References by which records are held.
    pub(crate) held: u64,
}

impl Ledger {
    /// Counts what all records hold: O(n), and exact only while nobody comes or goes.
    pub(crate) fn census(&self) -> Census {
        let mut census = Census::default();
        for record in self.records.all() {
            census.open = census.open.saturating_add(record.open().load(Ordering::Relaxed).into());
            census.held = census.held.saturating_add(record.references().into());
        }
        for standing in self.standings.all() {
            census.pending = census.pending.saturating_add(standing.pending().load(Ordering::Relaxed).into());
        }
        census
    }
}
