//! The open sessions, found by user, token or host session; and what has been revoked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::credential::{Revocation, Revocations, SessionIndex};
use crate::event::SessionId;
use crate::identity::Identity;
use crate::time::UnixTime;

/// So many revocations are kept at once, some 150 bytes each. One that still counts is never
/// dropped for another: what was taken back must not come back.
const REVOCATIONS: usize = 100_000;

/// The sessions that a change concerns. Their owner wakes them by calling
/// [`handle_timeout`](crate::Session::handle_timeout) on each; until then each notices by itself at
/// its next message or timeout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "the named sessions should be woken"]
pub struct Affected {
    /// Their numbers, ascending.
    pub ids: Vec<SessionId>,
}

/// There is no room for another revocation, and one that still counts is never dropped for it.
///
/// The sessions that were open close all the same. New handshakes with what was to be revoked are
/// not refused: make sure that it is not good any more, for example by taking its key away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationsFull {
    /// The sessions that close: to be woken as after any revocation.
    pub affected: Affected,
}

impl fmt::Display for RevocationsFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list of revocations is full")
    }
}

impl std::error::Error for RevocationsFull {}

/// The open sessions and the revocations of one guard.
pub(crate) struct Members {
    last: u64,
    sessions: BTreeMap<SessionId, Option<Arc<Identity>>>,
    index: SessionIndex,
    revoked: Revocations,
    /// Sessions that a revocation has reached and that have not closed yet. Each is marked when it
    /// happens, so that what a session notices late, or after the revocation has lapsed, still counts.
    closing: BTreeSet<SessionId>,
}

impl Members {
    pub(crate) fn new() -> Self {
        let revoked = Revocations::new(REVOCATIONS);
        Self { last: 0, sessions: BTreeMap::new(), index: SessionIndex::default(), revoked, closing: BTreeSet::new() }
    }

    pub(crate) fn enter(&mut self, identity: Option<&Arc<Identity>>, now: UnixTime) -> SessionId {
        self.last = self.last.saturating_add(1);
        let id = SessionId::new(self.last);
        self.enlist(id, identity, now);
        id
    }

    /// Enters a session, or what its identity has become.
    pub(crate) fn enlist(&mut self, id: SessionId, identity: Option<&Arc<Identity>>, now: UnixTime) {
        self.leave(id);
        if let Some(identity) = identity {
            self.index.insert(id.number(), identity);
            // What was revoked between the check and this moment found nobody here to be closed.
            if self.revoked.covers(identity, now) {
                self.closing.insert(id);
            }
        }
        self.sessions.insert(id, identity.cloned());
    }

    pub(crate) fn leave(&mut self, id: SessionId) {
        self.closing.remove(&id);
        if let Some(Some(identity)) = self.sessions.remove(&id) {
            self.index.remove(id.number(), &identity);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.sessions.len()).unwrap_or(u64::MAX)
    }

    /// How many of the sessions belong to a user.
    pub(crate) fn count_users(&self) -> u64 {
        let users = self.sessions.values().filter(|held| held.as_ref().is_some_and(|held| held.user().is_some()));
        u64::try_from(users.count()).unwrap_or(u64::MAX)
    }

    pub(crate) fn all(&self) -> Affected {
        Affected { ids: self.sessions.keys().copied().collect() }
    }

    pub(crate) fn revoke(
        &mut self,
        what: &Revocation,
        until: UnixTime,
        now: UnixTime,
    ) -> Result<Affected, RevocationsFull> {
        let mut ids: Vec<_> = self.index.affected(what).into_iter().map(SessionId::new).collect();
        ids.sort_unstable();
        self.closing.extend(&ids);
        let affected = Affected { ids };
        match self.revoked.revoke(what, until, now) {
            Ok(()) => Ok(affected),
            Err(_full) => Err(RevocationsFull { affected }),
        }
    }

    pub(crate) fn must_close(&self, id: SessionId) -> bool {
        self.closing.contains(&id)
    }

    pub(crate) fn is_revoked(&self, identity: &Identity, now: UnixTime) -> bool {
        self.revoked.covers(identity, now)
    }
}
