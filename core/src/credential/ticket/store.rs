//! Tickets that are random numbers, and the table that knows what they mean.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::{Binding, TicketFault, TicketRules};
use crate::credential::digest::{Digest, DigestMap};
use crate::identity::{Identity, UserKey};
use crate::secret::Secret;
use crate::time::{Now, Timestamp};

/// The unused tickets of one server. It holds digests only: a copy of its memory is no ticket.
pub struct TicketStore {
    rules: TicketRules,
    tickets: DigestMap<Ticket>,
    /// The same, by when they run out.
    queue: BTreeSet<(Timestamp, Digest)>,
    /// How many of them each user has.
    users: DigestMap<u32>,
}

struct Ticket {
    identity: Identity,
    user: Digest,
    binding: Digest,
    expires: Timestamp,
}

impl fmt::Debug for TicketStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketStore").field("tickets", &self.tickets.len()).finish_non_exhaustive()
    }
}

impl TicketStore {
    /// An empty store.
    pub fn new(rules: &TicketRules) -> Self {
        Self {
            rules: rules.clone(),
            tickets: DigestMap::default(),
            queue: BTreeSet::new(),
            users: DigestMap::default(),
        }
    }

    /// Makes a ticket; see [`Tickets::mint`](super::Tickets::mint).
    ///
    /// # Errors
    /// As there. When the store is full nobody's ticket is dropped: a flood of mints must not log
    /// others out.
    pub fn mint(
        &mut self,
        identity: &Identity,
        binding: &Binding<'_>,
        entropy: [u8; 32],
        now: Now,
    ) -> Result<Secret, TicketFault> {
        let user = user_digest(identity.user().ok_or(TicketFault::Guest)?);
        if identity.expires().is_some_and(|at| at <= now.unix) {
            return Err(TicketFault::Expired);
        }
        self.expire(now.mono);
        if self.tickets.len() >= usize::try_from(self.rules.outstanding).unwrap_or(usize::MAX) {
            return Err(TicketFault::Full);
        }
        if self.users.get(&user).is_some_and(|count| *count >= self.rules.per_user) {
            return Err(TicketFault::TooMany);
        }
        let text = BASE64_URL_SAFE_NO_PAD.encode(entropy);
        let (id, expires) = (Digest::of_one(text.as_bytes()), now.mono.after(self.rules.ttl));
        if self.tickets.contains_key(&id) {
            // The caller's entropy repeats: the second ticket would be the first user's.
            return Err(TicketFault::Full);
        }
        let count = self.users.entry(user).or_default();
        *count = count.saturating_add(1);
        self.queue.insert((expires, id));
        let binding = binding.digest(&self.rules);
        self.tickets.insert(id, Ticket { identity: identity.clone(), user, binding, expires });
        Ok(text.into())
    }

    /// Takes a ticket; see [`Tickets::redeem`](super::Tickets::redeem). It is taken out before it is
    /// judged: between a look and a mark a second client would get in.
    ///
    /// # Errors
    /// As there.
    pub fn redeem(&mut self, ticket: &[u8], binding: &Binding<'_>, now: Now) -> Result<Identity, TicketFault> {
        let found = self.remove(&Digest::of_one(ticket)).ok_or(TicketFault::Unknown)?;
        if found.expires <= now.mono || found.identity.expires().is_some_and(|at| at <= now.unix) {
            return Err(TicketFault::Expired);
        }
        let same: bool = found.binding.as_bytes().ct_eq(binding.digest(&self.rules).as_bytes()).into();
        if same { Ok(found.identity) } else { Err(TicketFault::Bound) }
    }

    /// Goes on by other rules.
    pub(super) fn reload(&mut self, rules: &TicketRules) {
        self.rules = rules.clone();
    }

    /// How many unused tickets there are.
    pub fn len(&self) -> usize {
        self.tickets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.queue.first().copied() {
            if at > now {
                break;
            }
            self.remove(&id);
            self.queue.remove(&(at, id));
        }
    }

    fn remove(&mut self, id: &Digest) -> Option<Ticket> {
        let ticket = self.tickets.remove(id)?;
        self.queue.remove(&(ticket.expires, *id));
        if let Some(count) = self.users.get_mut(&ticket.user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.users.remove(&ticket.user);
            }
        }
        Some(ticket)
    }
}

fn user_digest(user: &UserKey) -> Digest {
    Digest::of(&[user.namespace.as_bytes(), user.tenant.as_bytes(), user.subject.as_bytes()])
}
