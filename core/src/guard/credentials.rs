//! What judging credentials shares between connections: tickets, published keys, and the tokens
//! that were found good.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::judge::Judged;
use super::{Guard, derived};
use crate::credential::ticket::{Binding, TicketFault, Tickets};
use crate::credential::{KeySources, TokenCache};
use crate::http::Refusal;
use crate::identity::Identity;
use crate::policy::{CredentialKind, Policy, PolicyError};
use crate::reason::Reason;
use crate::secret::Secret;
use crate::time::{Now, Timestamp};

/// What the host must do for a guard, as [`Guard::handle_timeout`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardAction {
    /// Fetch the key set that is published at `url`, and hand what came to [`Guard::keys_fetched`] or
    /// say [`Guard::keys_failed`]. Only over verified TLS, without following redirects, and with
    /// no credentials: whoever could change the answer could sign for anybody.
    FetchKeys {
        /// The URL, `https://` always.
        url: Box<str>,
        /// How long it may take in all; after that it has failed.
        within: Duration,
        /// How large the body may be, in bytes; one that is larger has failed.
        max_bytes: usize,
    },
}

/// Shared by all connections of one guard.
pub(crate) struct Credentials {
    /// Seals signed tickets where the policy has no key for that.
    seal: [u8; 32],
    tickets: Mutex<Tickets>,
    sources: Mutex<KeySources>,
    pub(crate) tokens: TokenCache,
}

impl Credentials {
    pub(crate) fn new(policy: &Policy, seed: &[u8; 32]) -> Self {
        let seal = derived(seed, b"tickets");
        let plan = policy.ticket_plan();
        let mut sources = KeySources::default();
        sources.reload(policy.key_sources());
        Self {
            seal,
            tickets: Mutex::new(Tickets::new(&plan.rules, plan.key.as_ref().unwrap_or(&seal))),
            sources: Mutex::new(sources),
            tokens: TokenCache::new(cached_tokens(policy), &derived(seed, b"tokens")),
        }
    }

    /// Keeps what the new policy still has a use for.
    pub(crate) fn reload(&self, policy: &Policy) {
        let plan = policy.ticket_plan();
        self.tickets().reload(&plan.rules, plan.key.as_ref().unwrap_or(&self.seal));
        self.sources().reload(policy.key_sources());
        self.tokens.reload(cached_tokens(policy));
    }

    pub(crate) fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sources(&self) -> MutexGuard<'_, KeySources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cached_tokens(policy: &Policy) -> usize {
    usize::try_from(policy.document().cap.cached_tokens).unwrap_or(usize::MAX)
}

impl Guard {
    /// Makes a single-use ticket for a user whom the host knows by the usual credential of its HTTPS
    /// endpoint: URL-safe text, which the client puts where the policy has a source of kind
    /// `ticket`. It opens one connection to `binding.path`, within `credential.ticket.ttl`.
    ///
    /// `entropy` is 32 bytes from the operating system's random source, fresh for each ticket. The
    /// answer that carries a ticket must not be cached (`Cache-Control: no-store`).
    ///
    /// # Errors
    /// Why there is none; [`TicketFault::reason`] has the status to answer with.
    pub fn mint_ticket(
        &self,
        identity: &Identity,
        binding: &Binding<'_>,
        entropy: [u8; 32],
        now: Now,
    ) -> Result<Secret, TicketFault> {
        let policy = self.policy();
        let sources = &policy.rules(binding.path).document.credential.sources;
        if sources.iter().all(|source| source.kind != CredentialKind::Ticket) {
            return Err(TicketFault::NoSource);
        }
        if self.is_revoked(identity, now.unix) {
            return Err(TicketFault::Revoked);
        }
        self.0.credentials.tickets().mint(identity, binding, entropy, now)
    }

    /// Judges a token by the keys and claims of the policy for `path`: for the host's own endpoints, such as
    /// the one that mints tickets, which has to know who asks. Nothing is charged: such an endpoint has
    /// limits of its own.
    ///
    /// # Errors
    /// The refusal to answer with; [`Reason::IdentityUnavailable`] while the keys are being fetched.
    pub fn verify_token(&self, path: &str, token: Secret, now: Now) -> Result<Arc<Identity>, Refusal> {
        let policy = self.policy();
        match self.judge_bare(policy.rules(path), token, now)? {
            Judged::Identity(identity) if self.is_revoked(&identity, now.unix) => Err(Reason::Revoked.into()),
            Judged::Identity(identity) => Ok(identity),
            Judged::Ask(..) => Err(Reason::IdentityUnavailable.into()),
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); none where the policy needs nothing
    /// fetched. A candidate that answers [`Need::Keys`](crate::Need::Keys), and a reload, may bring it
    /// nearer: ask again then.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.0.credentials.sources().next_timeout()
    }

    /// What is due at `now`; call it until it answers none. It says each thing once.
    pub fn handle_timeout(&self, now: Timestamp) -> Option<GuardAction> {
        self.0.credentials.sources().handle_timeout(now)
    }

    /// Takes the key set that was fetched from `url`. Those who wait for it are answered with
    /// [`Answer::Keys`](crate::Answer::Keys).
    ///
    /// # Errors
    /// What is wrong with it, for the log. It counts as a failure then: the keys at hand stay.
    pub fn keys_fetched(&self, url: &str, body: &[u8], now: Timestamp) -> Result<(), PolicyError> {
        let fetched = self.0.credentials.sources().fetched(url, body, now)?;
        if fetched {
            self.0.credentials.tokens.clear();
        }
        Ok(())
    }

    /// Takes note that `url` could not be fetched. The keys at hand go on counting for a bounded
    /// time; the next try is made when the policy's `cooldown` is over. Those who wait are answered
    /// with [`Answer::Keys`](crate::Answer::Keys), too.
    pub fn keys_failed(&self, url: &str) {
        self.0.credentials.sources().failed(url);
    }
}
