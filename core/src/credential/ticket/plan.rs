//! The policy's table of tickets, checked and prepared.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use super::{TicketForm, TicketRules, TicketSpent};
use crate::credential::secrets::weakness;
use crate::policy::{Document, PolicyError, Ticket};

/// A ticket stands in a URL; the longer it is good, the more it is a token there.
const LONGEST_TTL: Duration = Duration::from_secs(3600);
/// The most tickets kept, some 500 bytes each.
const MOST_OUTSTANDING: u32 = 10_000_000;
/// The least that a key for sealing may have, in bytes.
const SHORTEST_KEY: usize = 32;

/// How tickets are made and judged, and the key of signed ones where the policy has one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TicketPlan {
    pub(crate) rules: TicketRules,
    pub(crate) key: Option<[u8; 32]>,
}

/// Says nothing of the key.
impl fmt::Debug for TicketPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketPlan").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl TicketPlan {
    /// Checks and prepares the table.
    ///
    /// # Errors
    /// What contradicts something else, or could be used twice.
    pub(crate) fn new(document: &Document) -> Result<Self, PolicyError> {
        let ticket = &document.credential.ticket;
        match ticket.form {
            TicketForm::Stored => check_stored(ticket),
            TicketForm::Signed => check_signed(ticket),
        }?;
        if ticket.ttl.get() > LONGEST_TTL {
            return Err(PolicyError::new("ttl", format!("found {}; a ticket is good for at most 1h", ticket.ttl)));
        }
        if ticket.outstanding > MOST_OUTSTANDING {
            let problem = format!("found {}; at most {MOST_OUTSTANDING} are possible", ticket.outstanding);
            return Err(PolicyError::new("outstanding", problem));
        }
        let rules = TicketRules {
            form: ticket.form,
            ttl: ticket.ttl.get(),
            outstanding: ticket.outstanding,
            per_user: ticket.per_user,
            bind: ticket.bind.clone(),
            spent: ticket.spent,
            prefix4: document.rate.address.prefix4,
            prefix6: document.rate.address.prefix6,
        };
        let key = ticket.key.as_ref().map(|key| digest(&SHA256, key.as_bytes()));
        Ok(Self { rules, key: key.and_then(|key| key.as_ref().first_chunk().copied()) })
    }
}

fn check_stored(ticket: &Ticket) -> Result<(), PolicyError> {
    let unneeded = [
        ("spent", ticket.spent == TicketSpent::Host),
        ("key", ticket.key.is_some()),
        ("dangerous_single_process", ticket.dangerous_single_process),
    ];
    match unneeded.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(PolicyError::new(*name, "has a meaning with form = \"signed\" only")),
        None => Ok(()),
    }
}

fn check_signed(ticket: &Ticket) -> Result<(), PolicyError> {
    let shared = ticket.spent == TicketSpent::Host;
    if !shared && !ticket.dangerous_single_process {
        let why = "signed tickets could be used once in every process: only this one knows which were used here";
        let help = "say spent = \"host\" and keep the used ones in a store your servers share, \
                    or dangerous_single_process = true if there is only this one";
        return Err(PolicyError::new("form", why).help(help));
    }
    if shared && ticket.dangerous_single_process {
        let why = "contradicts spent = \"host\"";
        return Err(PolicyError::new("dangerous_single_process", why));
    }
    match &ticket.key {
        None if shared => {
            let why = "is needed with spent = \"host\": servers that share a store must read each other's tickets";
            Err(PolicyError::new("key", why).help("key = \"env:TICKET_KEY\""))
        }
        None => Ok(()),
        Some(key) => match weakness(key.as_bytes(), SHORTEST_KEY) {
            Some(problem) => Err(PolicyError::new("key", problem)),
            None => Ok(()),
        },
    }
}
