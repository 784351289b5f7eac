//! The guard of one server, with a clock, a timer, and whom to ask and tell.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use wswarden_core::credential::ticket::{Binding, TicketFault};
use wswarden_core::{
    Affected, Answer, Event, Host, Identity, Need, Peer, Policy, PolicyError, Revocation, RevocationsFull, Session,
    SessionId, Stats,
};

use crate::clock;
use crate::fetch::Fetch;
use crate::resolve::{Nobody, Resolve, Resolving};
use crate::signal::Signal;
use crate::timer::Timer;

/// The guard of one server. Cheap to clone; every clone is the same guard.
#[derive(Clone)]
pub struct Guard<T: Timer> {
    pub(crate) core: wswarden_core::Guard,
    pub(crate) timer: T,
    pub(crate) resolve: Arc<dyn Resolve>,
    pub(crate) fetch: Option<Arc<dyn Fetch>>,
    /// Something is due that the task of [`run`](Self::run) does.
    pub(crate) asked: Signal,
    /// Keys were fetched, or could not be.
    pub(crate) arrived: Signal,
    audit: Option<Arc<dyn Audit>>,
    /// The tasks of open connections: woken when the guard changes.
    wakers: Arc<Mutex<HashMap<SessionId, Waker>>>,
}

/// A record for the audit: what happened, and on which session.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What happened.
    pub event: Event,
    /// On which session; it says who and where.
    pub session: &'a Session,
}

trait Audit: Send + Sync {
    fn record(&self, record: Record<'_>);
}

impl<F: Fn(Record<'_>) + Send + Sync> Audit for F {
    fn record(&self, record: Record<'_>) {
        self(record);
    }
}

impl<T: Timer> Guard<T> {
    /// A guard that keeps `policy`, sleeping by `timer`.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(policy: Policy, timer: T) -> Result<Self, PolicyError> {
        let mut seed = [0; 32];
        aws_lc_rs::rand::fill(&mut seed)
            .map_err(|_| PolicyError::new("", "the operating system gave no random bytes"))?;
        Ok(Self {
            core: wswarden_core::Guard::new(policy, Host::SOCKET, &[], seed)?,
            timer,
            resolve: Arc::new(Nobody),
            fetch: None,
            asked: Signal::default(),
            arrived: Signal::default(),
            audit: None,
            wakers: Arc::default(),
        })
    }

    /// Sets who resolves session tokens.
    #[must_use]
    pub fn resolve_with(mut self, resolve: impl Resolve) -> Self {
        self.resolve = Arc::new(resolve);
        self
    }

    /// Sets who is told what happens. Called on the connection's task: it must not block.
    #[must_use]
    pub fn audit_with(mut self, audit: impl Fn(Record<'_>) + Send + Sync + 'static) -> Self {
        self.audit = Some(Arc::new(audit));
        self
    }

    /// The core's guard, for its statistics and everything else that needs no task woken.
    pub fn core(&self) -> &wswarden_core::Guard {
        &self.core
    }

    /// Puts another policy in force, also for the connections that are open.
    ///
    /// # Errors
    /// When this host cannot keep it; the old policy then stays.
    pub fn reload(&self, policy: Policy) -> Result<(), PolicyError> {
        let affected = self.core.reload(policy)?;
        self.asked.happen();
        self.wake(&affected);
        Ok(())
    }

    /// Makes a single-use ticket for a user whom your HTTPS endpoint knows: URL-safe text, which the
    /// client puts where the policy has a source of kind `ticket`. `binding` says for which path, from
    /// which page and address the connection will come. Answer with `Cache-Control: no-store`.
    ///
    /// # Errors
    /// Why there is none; [`TicketFault::reason`] has the status to answer with.
    pub fn mint_ticket(&self, identity: &Identity, binding: &Binding<'_>) -> Result<String, TicketFault> {
        let mut entropy = [0; 32];
        aws_lc_rs::rand::fill(&mut entropy).map_err(|_| TicketFault::NoEntropy)?;
        let ticket = self.core.mint_ticket(identity, binding, entropy, clock::now())?;
        Ok(String::from_utf8_lossy(ticket.expose()).into_owned())
    }

    /// Refuses credentials from now on and closes the connections opened with them. Gives their
    /// number. It is kept for as long as `lasts` says: no shorter than the longest life of a
    /// credential that it covers.
    ///
    /// # Errors
    /// When 100,000 revocations are in force already: the open connections close all the same, but
    /// new handshakes are not refused.
    pub fn revoke(&self, what: &Revocation, lasts: Duration) -> Result<usize, RevocationsFull> {
        let revoked = self.core.revoke(what, lasts, clock::now().unix);
        self.wake(revoked.as_ref().unwrap_or_else(|full| &full.affected));
        revoked.map(|affected| affected.ids.len())
    }

    /// Refuses new connections and closes the open ones, spread evenly over the policy's
    /// `deadline.drain`.
    pub fn drain(&self) {
        let affected = self.core.drain(clock::mono());
        self.wake(&affected);
    }

    /// The guard's state in numbers.
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    /// Finds what a need asks for. `arrived` is that signal's count from before the need came up.
    pub(crate) fn find(&self, need: &Need, peer: &Peer, arrived: u64) -> Resolving {
        match need {
            Need::Keys(_) => {
                self.asked.happen();
                let keys = self.arrived.since(arrived);
                Box::pin(async move {
                    keys.await;
                    Answer::Keys
                })
            }
            other => self.resolve.resolve(other.clone(), peer),
        }
    }

    pub(crate) fn record(&self, event: Option<Event>, session: &Session) {
        if let (Some(audit), Some(event)) = (&self.audit, event) {
            audit.record(Record { event, session });
        }
    }

    /// Has `waker` woken when something changes for the session.
    pub(crate) fn watch(&self, id: SessionId, waker: Waker) {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner).insert(id, waker);
    }

    pub(crate) fn forget(&self, id: SessionId) {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn wake(&self, affected: &Affected) {
        let wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        for waker in affected.ids.iter().filter_map(|id| wakers.get(id)) {
            waker.wake_by_ref();
        }
    }
}

impl<T: Timer> fmt::Debug for Guard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("core", &self.core).finish_non_exhaustive()
    }
}
