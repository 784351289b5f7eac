//! Single-use tickets: what an application fetches over HTTPS, with its usual credential, and puts
//! into the query of the upgrade. A browser's WebSocket can carry nothing better there, and whoever
//! reads the URL later finds a ticket that is used up (OWASP ASVS 4.4.4).

mod binding;
mod plan;
mod sealed;
mod spent;
mod store;

use std::fmt;
use std::time::Duration;

pub use binding::Binding;
pub(crate) use plan::TicketPlan;
pub use sealed::{OpenedTicket, TicketSealer};
pub use spent::SpentTickets;
pub use store::TicketStore;

use crate::identity::Identity;
pub use crate::policy::{TicketBinding, TicketForm, TicketSpent};
use crate::reason::Reason;
use crate::secret::Secret;
use crate::time::Now;

/// How tickets are made and judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRules {
    /// Where a ticket's meaning is kept.
    pub form: TicketForm,
    /// How long a ticket may be used.
    pub ttl: Duration,
    /// The most tickets kept: unused ones (stored) or used ones (signed).
    pub outstanding: u32,
    /// The most unused tickets of one user; stored form only. One user cannot fill the store.
    pub per_user: u32,
    /// What a ticket is bound to, besides its user.
    pub bind: Vec<TicketBinding>,
    /// Who keeps which signed tickets were used.
    pub spent: TicketSpent,
    /// The bits of an IPv4 address that must agree, with [`TicketBinding::Address`].
    pub prefix4: u8,
    /// The bits of an IPv6 address that must agree.
    pub prefix6: u8,
}

impl Default for TicketRules {
    fn default() -> Self {
        Self {
            form: TicketForm::Stored,
            ttl: Duration::from_secs(30),
            outstanding: 100_000,
            per_user: 32,
            bind: vec![TicketBinding::Path, TicketBinding::Origin],
            spent: TicketSpent::Process,
            prefix4: 32,
            prefix6: 64,
        }
    }
}

/// Why a ticket was not made, or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TicketFault {
    /// It is not a ticket of this server, or it was used before, or it ran out and was forgotten.
    Unknown,
    /// It was used before.
    Used,
    /// It, or the credential behind it, ran out.
    Expired,
    /// It was made for another path, origin or address.
    Bound,
    /// There is no room to remember another one; nothing is ever dropped to make room.
    Full,
    /// The user has too many unused ones.
    TooMany,
    /// A guest has no user to bind it to.
    Guest,
    /// The identity has been revoked.
    Revoked,
    /// The path's policy takes no tickets: it has no source of that kind.
    NoSource,
    /// The host has no random bytes to make one of.
    NoEntropy,
}

impl TicketFault {
    /// What the peer is told.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Unknown | Self::Used | Self::Bound => Reason::CredentialInvalid,
            Self::Expired => Reason::TokenExpired,
            Self::Full => Reason::Overloaded,
            Self::TooMany => Reason::RateLimited,
            Self::Guest => Reason::CredentialMissing,
            Self::Revoked => Reason::Revoked,
            Self::NoSource | Self::NoEntropy => Reason::Internal,
        }
    }

    /// The name in audit events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Bound => "bound",
            Self::Full => "full",
            Self::TooMany => "too_many",
            Self::Guest => "guest",
            Self::Revoked => "revoked",
            Self::NoSource => "no_source",
            Self::NoEntropy => "no_entropy",
        }
    }
}

impl fmt::Display for TicketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for TicketFault {}

/// What redeeming a ticket comes to.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Redeemed {
    /// It was unused, and is used now.
    Identity(Identity),
    /// It is in order, and must be marked as used in a store that several servers share. Only who
    /// marks it first may be let in.
    Opened(OpenedTicket),
}

/// The tickets of one server, in either form. Redeeming takes `&mut self`: whoever shares it holds
/// a lock, and of two clients with one ticket exactly one gets in.
#[derive(Debug)]
pub enum Tickets {
    /// Kept here.
    Stored(TicketStore),
    /// Kept by the client; the used ones here.
    Signed {
        /// Makes and reads tickets.
        sealer: TicketSealer,
        /// The used ones.
        spent: SpentTickets,
    },
}

impl Tickets {
    /// Tickets by these rules. `key` is 32 secret random bytes; processes that share it read each
    /// other's signed tickets, and must then share what was spent too.
    pub fn new(rules: &TicketRules, key: &[u8; 32]) -> Self {
        match rules.form {
            TicketForm::Stored => Self::Stored(TicketStore::new(rules)),
            TicketForm::Signed => {
                Self::Signed { sealer: TicketSealer::new(rules, key), spent: SpentTickets::new(rules) }
            }
        }
    }

    /// Makes a ticket for `identity`: URL-safe text. `entropy` is 32 fresh random bytes.
    ///
    /// # Errors
    /// [`TicketFault::Guest`], [`TicketFault::Expired`] when the identity has already ended,
    /// [`TicketFault::Full`], [`TicketFault::TooMany`].
    pub fn mint(
        &mut self,
        identity: &Identity,
        binding: &Binding<'_>,
        entropy: [u8; 32],
        now: Now,
    ) -> Result<Secret, TicketFault> {
        match self {
            Self::Stored(store) => store.mint(identity, binding, entropy, now),
            Self::Signed { sealer, spent } => {
                // A clock that was ahead for a while must not make every new ticket an expired one.
                let now = Now { unix: spent.not_before(now), ..now };
                sealer.seal(identity, binding, entropy, now)
            }
        }
    }

    /// Goes on by other rules. Tickets that are out stay good, as far as they can be read by them.
    pub fn reload(&mut self, rules: &TicketRules, key: &[u8; 32]) {
        match self {
            Self::Stored(store) if rules.form == TicketForm::Stored => store.reload(rules),
            Self::Signed { sealer, spent } if rules.form == TicketForm::Signed => {
                *sealer = TicketSealer::new(rules, key);
                spent.reload(rules);
            }
            _ => *self = Self::new(rules, key),
        }
    }

    /// How many are kept: unused ones (stored) or used ones (signed).
    pub fn len(&self) -> usize {
        match self {
            Self::Stored(store) => store.len(),
            Self::Signed { spent, .. } => spent.len(),
        }
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a ticket, once. It is used up even when its binding is wrong: whoever stole it gets
    /// one try.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn redeem(&mut self, ticket: &[u8], binding: &Binding<'_>, now: Now) -> Result<Redeemed, TicketFault> {
        match self {
            Self::Stored(store) => store.redeem(ticket, binding, now).map(Redeemed::Identity),
            Self::Signed { sealer, spent } => {
                let opened = sealer.open(ticket, binding, spent.not_before(now))?;
                if sealer.is_spent_elsewhere() {
                    return Ok(Redeemed::Opened(opened));
                }
                spent.spend(&opened, now)?;
                Ok(Redeemed::Identity(opened.identity))
            }
        }
    }
}
