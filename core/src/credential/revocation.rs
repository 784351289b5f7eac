//! What was taken back before it ran out: tokens, a user's tokens up to a moment, sessions.

use std::collections::BTreeSet;
use std::fmt;

use super::digest::{Digest, DigestMap};
use crate::identity::{Identity, UserKey};
use crate::time::UnixTime;

/// What is taken back. Ids are an issuer's own, so each goes with its namespace: the JWT's issuer,
/// or the host's name for its session store.
#[derive(Clone, PartialEq, Eq)]
pub enum Revocation {
    /// The token with this `jti`.
    Token {
        /// Whose id it is.
        namespace: Box<str>,
        /// The id.
        id: Box<str>,
    },
    /// All of a user's credentials issued up to a moment, that moment's whole second included,
    /// since `iat` counts in seconds. A credential that does not say when it was issued is covered:
    /// it cannot show that it is newer.
    User {
        /// The user.
        user: UserKey,
        /// The last moment that is covered.
        issued_until: UnixTime,
    },
    /// All credentials of a host's session (`sid`).
    Session {
        /// Whose id it is.
        namespace: Box<str>,
        /// The id.
        id: Box<str>,
    },
}

/// Names people and sessions, so it tells only the kind.
impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token { .. } => "Token(..)",
            Self::User { .. } => "User(..)",
            Self::Session { .. } => "Session(..)",
        })
    }
}

/// The list of revocations has no room for another: an entry that still counts is never dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// All revocations in force; new handshakes are checked against it, and refreshes.
pub struct Revocations {
    capacity: usize,
    entries: DigestMap<Entry>,
    /// The same, by when they may be forgotten.
    ends: BTreeSet<(UnixTime, Digest)>,
}

#[derive(Clone, Copy)]
struct Entry {
    until: UnixTime,
    /// For a user; a token or session is covered whenever it was issued.
    issued_until: Option<UnixTime>,
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Revocations {
    /// An empty list with room for `capacity` revocations, some 150 bytes each.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, entries: DigestMap::default(), ends: BTreeSet::new() }
    }

    /// Takes something back until `until`, which must be no sooner than the last credential that
    /// it covers ends. The same thing again extends what is there.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn revoke(&mut self, what: &Revocation, until: UnixTime, now: UnixTime) -> Result<(), NoRoom> {
        while let Some((end, id)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            self.ends.remove(&(end, id));
            self.entries.remove(&id);
        }
        let (id, mut entry) = (what.id(), Entry { until, issued_until: what.issued_until() });
        if let Some(had) = self.entries.get(&id) {
            self.ends.remove(&(had.until, id));
            entry = Entry { until: entry.until.max(had.until), issued_until: entry.issued_until.max(had.issued_until) };
        } else if self.entries.len() >= self.capacity {
            return Err(NoRoom);
        }
        self.ends.insert((entry.until, id));
        self.entries.insert(id, entry);
        Ok(())
    }

    /// Whether a credential was taken back.
    pub fn covers(&self, identity: &Identity, now: UnixTime) -> bool {
        if self.entries.is_empty() {
            return false;
        }
        let in_force = |id: Digest| self.entries.get(&id).filter(|entry| entry.until > now);
        ids(identity).into_iter().flatten().filter_map(in_force).any(|entry| entry.reaches(identity.issued_at()))
    }

    /// How many revocations are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    fn reaches(self, issued: Option<UnixTime>) -> bool {
        // Whole seconds: an `iat` says no more.
        let seconds = |at: UnixTime| at.as_secs();
        match (self.issued_until, issued) {
            (Some(until), Some(issued)) => seconds(issued) <= seconds(until),
            _ => true,
        }
    }
}

impl Revocation {
    fn id(&self) -> Digest {
        match self {
            Self::Token { namespace, id } => digest(b"token", namespace, "", id),
            Self::User { user, .. } => digest(b"user", &user.namespace, &user.tenant, &user.subject),
            Self::Session { namespace, id } => digest(b"session", namespace, "", id),
        }
    }

    fn issued_until(&self) -> Option<UnixTime> {
        match self {
            Self::User { issued_until, .. } => Some(*issued_until),
            _ => None,
        }
    }
}

/// The names under which an identity can be taken back.
fn ids(identity: &Identity) -> [Option<Digest>; 3] {
    let Some(user) = identity.user() else { return [None; 3] };
    [
        Some(digest(b"user", &user.namespace, &user.tenant, &user.subject)),
        identity.token_id().map(|id| digest(b"token", &user.namespace, "", id)),
        identity.session_id().map(|id| digest(b"session", &user.namespace, "", id)),
    ]
}

fn digest(kind: &[u8], namespace: &str, tenant: &str, name: &str) -> Digest {
    Digest::of(&[kind, namespace.as_bytes(), tenant.as_bytes(), name.as_bytes()])
}

/// Which open sessions go by which name, so that a revocation finds those that must close without
/// asking all of them. The caller numbers the sessions.
#[derive(Default)]
pub struct SessionIndex(DigestMap<Vec<Member>>);

#[derive(Clone, Copy)]
struct Member {
    session: u64,
    issued: Option<UnixTime>,
}

impl fmt::Debug for SessionIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionIndex").field("names", &self.0.len()).finish()
    }
}

impl SessionIndex {
    /// Enters a session when it opens.
    pub fn insert(&mut self, session: u64, identity: &Identity) {
        for id in ids(identity).into_iter().flatten() {
            // Most names have one session; a list that grows from none would take room for four.
            self.0
                .entry(id)
                .or_insert_with(|| Vec::with_capacity(1))
                .push(Member { session, issued: identity.issued_at() });
        }
    }

    /// Takes a session out when it ends; `identity` is the one it was entered with.
    pub fn remove(&mut self, session: u64, identity: &Identity) {
        for id in ids(identity).into_iter().flatten() {
            let Some(members) = self.0.get_mut(&id) else { continue };
            if let Some(at) = members.iter().position(|member| member.session == session) {
                members.swap_remove(at);
            }
            if members.is_empty() {
                self.0.remove(&id);
            }
        }
    }

    /// Moves a session on to a refreshed credential: from then on the old token's revocation does
    /// not close it.
    pub fn replace(&mut self, session: u64, old: &Identity, new: &Identity) {
        self.remove(session, old);
        self.insert(session, new);
    }

    /// The sessions that must close.
    pub fn affected(&self, what: &Revocation) -> Vec<u64> {
        let entry = Entry { until: UnixTime::default(), issued_until: what.issued_until() };
        let members = self.0.get(&what.id()).map(Vec::as_slice).unwrap_or_default();
        members.iter().filter(|member| entry.reaches(member.issued)).map(|member| member.session).collect()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no session is entered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
