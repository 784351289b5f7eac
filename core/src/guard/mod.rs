//! What the connections of one server share.

mod credentials;
mod judge;
mod knock;
mod ledgers;
mod members;
mod quotas;
mod reconcile;
mod rules;
mod seats;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use credentials::Credentials;
pub use credentials::GuardAction;
pub(crate) use judge::{Judged, Question};
pub use knock::Knock;
pub(crate) use ledgers::Ledgers;
use members::Members;
pub use members::{Affected, RevocationsFull};
pub(crate) use quotas::{Quotas, Windows};
pub use reconcile::Reconciled;
pub(crate) use seats::{Refused, Seats};

use aws_lc_rs::hmac;

use crate::credential::Revocation;
use crate::event::SessionId;
use crate::handshake::Peer;
use crate::host::{Gap, Host};
use crate::identity::Identity;
use crate::limit::Ledger;
use crate::message::Scratch;
use crate::policy::{Policy, PolicyError, Rules};
use crate::reason::Reason;
use crate::time::{Timestamp, UnixTime};

/// A policy, and what the connections of one server share under it: limits by user and address,
/// open slots, revocations. Cheap to clone; every clone is the same guard.
#[derive(Clone)]
pub struct Guard(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    policy: RwLock<Policy>,
    /// Grows whenever policy, revocations or drain change; sessions compare it with their own.
    epoch: AtomicU32,
    host: Host,
    waived: Box<[Gap]>,
    keys: Keys,
    pub(crate) ledgers: Ledgers,
    members: Mutex<Members>,
    credentials: Credentials,
    drain: RwLock<Option<Drain>>,
    counters: Counters,
}

/// What is derived from the seed; nothing of the seed itself is ever shown.
struct Keys {
    pings: hmac::Key,
    scratch: [u8; 16],
}

impl Keys {
    fn new(seed: &[u8; 32]) -> Self {
        let pings = hmac::Key::new(hmac::HMAC_SHA256, &derived::<32>(seed, b"pings"));
        Self { pings, scratch: derived(seed, b"scratch") }
    }
}

/// A key of its own for each use (HMAC as a pseudo-random function).
fn derived<const N: usize>(seed: &[u8; 32], label: &[u8]) -> [u8; N] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, seed), label);
    tag.as_ref().first_chunk().copied().unwrap_or([0; N])
}

/// A going-down: every session closes at its own point of the stretch.
#[derive(Clone, Copy, Debug)]
struct Drain {
    from: Timestamp,
    over: Duration,
}

/// What has happened so far.
struct Counters {
    opened: AtomicU64,
    refused: [AtomicU64; 256],
}

/// A guard's state in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that hold a slot: sessions, candidates, and requests being judged.
    pub connections: u32,
    /// Those of them that have not shown a good credential.
    pub unauthenticated: u32,
    /// Sessions.
    pub sessions: u64,
    /// Sessions opened since the guard was made.
    pub opened: u64,
    /// Requests refused since the guard was made, by reason.
    pub refused: Vec<(Reason, u64)>,
    /// Addresses the limiter remembers.
    pub addresses: u32,
    /// Users the limiter remembers.
    pub users: u32,
    /// Tickets kept: unused ones, or used ones where they are signed.
    pub tickets: usize,
    /// Tokens that were found good and are remembered.
    pub cached_tokens: usize,
    /// Tokens that were judged in full since the guard was made; the others were remembered.
    pub judged_tokens: u64,
}

impl Guard {
    /// A guard that keeps `policy` on a host that can do what `host` says.
    ///
    /// `seed` is 32 bytes from the operating system's random source. It keys the tables' hashes, so
    /// that nobody can choose addresses, names or keys that collide; it must not be a constant.
    ///
    /// # Errors
    /// When the policy asks for what the host cannot do and `waived` does not name that gap.
    pub fn new(policy: Policy, host: Host, waived: &[Gap], seed: [u8; 32]) -> Result<Self, PolicyError> {
        host.can_keep(&policy, waived)?;
        let ledgers = Ledgers::new(&policy, &seed);
        let credentials = Credentials::new(&policy, &seed);
        let counters = Counters { opened: AtomicU64::new(0), refused: [const { AtomicU64::new(0) }; 256] };
        Ok(Self(Arc::new(Shared {
            policy: RwLock::new(policy),
            epoch: AtomicU32::new(0),
            host,
            waived: waived.into(),
            keys: Keys::new(&seed),
            ledgers,
            members: Mutex::new(Members::new()),
            credentials,
            drain: RwLock::new(None),
            counters,
        })))
    }

    /// Working memory for judging messages, 16 KiB: one for each thread is enough.
    pub fn scratch(&self) -> Box<Scratch> {
        Box::new(Scratch::with_seed(self.0.keys.scratch))
    }

    /// The policy in force.
    pub fn policy(&self) -> Policy {
        self.0.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another policy in force: for new connections at once, for open ones at their next
    /// message or timeout. Limits apply to what is already stored.
    ///
    /// # Errors
    /// When the host cannot keep it; the old policy then stays.
    pub fn reload(&self, policy: Policy) -> Result<Affected, PolicyError> {
        self.0.host.can_keep(&policy, &self.0.waived)?;
        self.0.ledgers.reload(&policy);
        self.0.credentials.reload(&policy);
        *self.0.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
        self.bump();
        Ok(self.members().all())
    }

    /// Refuses credentials from now on, and closes the sessions that were opened with them: those
    /// the answer names should be woken; every one notices by itself at its next message or timeout.
    ///
    /// It is kept for as long as `lasts` says: no shorter than the longest life of a credential that
    /// it covers.
    ///
    /// # Errors
    /// When 100,000 revocations are in force already: the open sessions close all the same, and are
    /// in the error; new handshakes are not refused.
    pub fn revoke(&self, what: &Revocation, lasts: Duration, now: UnixTime) -> Result<Affected, RevocationsFull> {
        let revoked = self.members().revoke(what, now.after(lasts), now);
        self.0.credentials.tokens.clear();
        self.bump();
        revoked
    }

    /// Refuses new connections and closes the open ones, spread evenly over the policy's
    /// `deadline.drain`, so that their clients do not all come back in the same instant.
    pub fn drain(&self, now: Timestamp) -> Affected {
        let over = self.policy().document().deadline.drain.get();
        *self.0.drain.write().unwrap_or_else(PoisonError::into_inner) = Some(Drain { from: now, over });
        self.bump();
        self.members().all()
    }

    /// The guard's state in numbers.
    pub fn stats(&self) -> Stats {
        let counters = &self.0.counters;
        let refused = Reason::ALL.iter().filter_map(|&reason| {
            let count = counters.refused.get(usize::from(reason.number()))?.load(Ordering::Relaxed);
            (count > 0).then_some((reason, count))
        });
        Stats {
            connections: self.0.ledgers.connections(),
            unauthenticated: self.0.ledgers.unauthenticated(),
            sessions: self.members().count(),
            opened: counters.opened.load(Ordering::Relaxed),
            refused: refused.collect(),
            addresses: self.0.ledgers.addresses.tracked(),
            users: self.0.ledgers.users.tracked(),
            tickets: self.0.credentials.tickets().len(),
            cached_tokens: self.0.credentials.tokens.len(),
            judged_tokens: self.0.credentials.tokens.judged(),
        }
    }

    /// The tables of addresses and users.
    #[inline]
    pub(crate) fn ledgers(&self) -> (&Ledger, &Ledger) {
        (&self.0.ledgers.addresses, &self.0.ledgers.users)
    }

    #[inline]
    pub(crate) fn epoch(&self) -> u32 {
        self.0.epoch.load(Ordering::Acquire)
    }

    fn bump(&self) {
        self.0.epoch.fetch_add(1, Ordering::AcqRel);
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.0.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules for a connection that is open already.
    pub(crate) fn rules(&self, peer: &Peer) -> Arc<Rules> {
        Arc::clone(self.policy().rules(&peer.path))
    }

    pub(crate) fn is_revoked(&self, identity: &Identity, now: UnixTime) -> bool {
        self.members().is_revoked(identity, now)
    }

    /// Whether a revocation has reached this session since it was entered.
    pub(crate) fn must_close(&self, id: SessionId) -> bool {
        self.members().must_close(id)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.drain.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// When the drain, if there is one, reaches this session: ids are spread evenly over it.
    pub(crate) fn drain_of(&self, id: SessionId) -> Timestamp {
        let Some(drain) = *self.0.drain.read().unwrap_or_else(PoisonError::into_inner) else {
            return Timestamp::MAX;
        };
        // Fibonacci hashing: consecutive ids land far apart.
        let share = id.number().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let nanos = drain.over.as_nanos().saturating_mul(u128::from(share)) >> 32;
        drain.from.after(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// Enters a session under its user, token and host session.
    pub(crate) fn enter(&self, identity: Option<&Arc<Identity>>, now: UnixTime) -> SessionId {
        self.0.counters.opened.fetch_add(1, Ordering::Relaxed);
        self.members().enter(identity, now)
    }

    /// Enters what a session's identity has become.
    pub(crate) fn enlist(&self, id: SessionId, identity: Option<&Arc<Identity>>, now: UnixTime) {
        self.members().enlist(id, identity, now);
    }

    pub(crate) fn leave(&self, id: SessionId) {
        self.members().leave(id);
    }

    pub(crate) fn count_refusal(&self, reason: Reason) {
        if let Some(counter) = self.0.counters.refused.get(usize::from(reason.number())) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The next ping's payload: different for every ping, so that an old pong answers nothing, and
    /// not to be told from earlier ones, so that a peer that does not read cannot answer.
    pub(crate) fn ping_payload(&self, id: SessionId, last: u64, now: Timestamp) -> u64 {
        let mut context = hmac::Context::with_key(&self.0.keys.pings);
        for part in [id.number(), last, now.as_nanos()] {
            context.update(&part.to_be_bytes());
        }
        context.sign().as_ref().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}
