//! The open sessions, found by user, token or host session; and what has been revoked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::SessionId;
use crate::identity::{Identity, UserKey};
use crate::time::UnixTime;

/// What to refuse from now on.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// One token, by its issuer and `jti`.
    Token {
        /// The issuer, or the host's name for its session store.
        namespace: Box<str>,
        /// The token's id.
        id: Box<str>,
    },
    /// Every credential of a user that was issued before a point in time, or does not say when it
    /// was issued.
    User {
        /// The user.
        user: UserKey,
        /// Credentials issued at this point or later stay good.
        issued_before: UnixTime,
    },
    /// Every credential of one of the host's sessions, by namespace and `sid`.
    Session {
        /// The issuer, or the host's name for its session store.
        namespace: Box<str>,
        /// The session's id.
        id: Box<str>,
    },
}

/// The sessions that a change concerns. Their owner wakes them by calling
/// [`handle_timeout`](crate::Session::handle_timeout) on each; until then each notices by itself at
/// its next message or timeout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "the named sessions should be woken"]
pub struct Affected {
    /// Their numbers, ascending.
    pub ids: Vec<SessionId>,
}

/// What a session is found by. B-trees, because their cost does not depend on what names an
/// attacker chooses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Tag {
    User(UserKey),
    Token(Box<str>, Box<str>),
    Session(Box<str>, Box<str>),
}

/// The open sessions and the revocations of one guard.
#[derive(Default)]
pub(crate) struct Members {
    last: u64,
    sessions: BTreeMap<SessionId, Option<Arc<Identity>>>,
    tagged: BTreeSet<(Tag, SessionId)>,
    revoked: BTreeMap<Tag, UnixTime>,
}

impl Members {
    pub(crate) fn enter(&mut self, identity: Option<&Arc<Identity>>) -> SessionId {
        self.last = self.last.saturating_add(1);
        let id = SessionId::new(self.last);
        self.enlist(id, identity);
        id
    }

    /// Enters a session, or what its identity has become.
    pub(crate) fn enlist(&mut self, id: SessionId, identity: Option<&Arc<Identity>>) {
        self.leave(id);
        for tag in identity.map(|identity| tags(identity)).into_iter().flatten() {
            self.tagged.insert((tag, id));
        }
        self.sessions.insert(id, identity.cloned());
    }

    pub(crate) fn leave(&mut self, id: SessionId) {
        let Some(Some(identity)) = self.sessions.remove(&id) else { return };
        for tag in tags(&identity) {
            self.tagged.remove(&(tag, id));
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

    pub(crate) fn revoke(&mut self, revocation: Revocation) -> Affected {
        let (tag, before) = match revocation {
            Revocation::Token { namespace, id } => (Tag::Token(namespace, id), UnixTime::MAX),
            Revocation::Session { namespace, id } => (Tag::Session(namespace, id), UnixTime::MAX),
            Revocation::User { user, issued_before } => (Tag::User(user), issued_before),
        };
        let cutoff = self.revoked.entry(tag.clone()).or_default();
        *cutoff = before.max(*cutoff);
        let from = (tag.clone(), SessionId::default());
        let ids = self.tagged.range(from..).take_while(|(found, _)| *found == tag).map(|(_, id)| *id);
        let ids = ids.filter(|id| self.sessions.get(id).is_some_and(|held| held.as_deref().is_some_and(|held| self.is_revoked(held))));
        Affected { ids: ids.collect() }
    }

    pub(crate) fn is_revoked(&self, identity: &Identity) -> bool {
        let issued = identity.issued().unwrap_or_default();
        !self.revoked.is_empty() && tags(identity).any(|tag| self.revoked.get(&tag).is_some_and(|before| issued < *before))
    }
}

fn tags(identity: &Identity) -> impl Iterator<Item = Tag> {
    let user = identity.user().cloned();
    let namespace = user.as_ref().map(|user| user.namespace.clone()).unwrap_or_default();
    let token = identity.token().map(|id| Tag::Token(namespace.clone(), id.into()));
    let session = identity.host_session().map(|id| Tag::Session(namespace, id.into()));
    [user.map(Tag::User), token, session].into_iter().flatten()
}
