//! Step 2 of the document: single-use tickets.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::units::Span;

/// How single-use tickets are made and judged.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ticket {
    /// Where a ticket's meaning is kept.
    pub form: TicketForm,
    /// How long a ticket may be used.
    pub ttl: Span,
    /// The most tickets kept: unused ones (`stored`) or used ones (`signed`).
    pub outstanding: u32,
    /// The most unused tickets of one user (`stored`): nobody fills the store alone.
    pub per_user: u32,
    /// What a ticket is bound to, besides its user.
    pub bind: Vec<TicketBinding>,
    /// Who keeps which signed tickets were used.
    pub spent: TicketSpent,
    /// The secret that signed tickets are sealed with, the same on every server of a cluster:
    /// `env:NAME`, `file:PATH` or the value. Without it each process has its own.
    pub key: Option<Box<str>>,
    /// Accepts signed tickets of which only this process knows which were used.
    pub dangerous_single_process: bool,
}

impl Default for Ticket {
    fn default() -> Self {
        Self {
            form: TicketForm::Stored,
            ttl: Span::from_secs(30),
            outstanding: 100_000,
            per_user: 32,
            bind: vec![TicketBinding::Path, TicketBinding::Origin],
            spent: TicketSpent::Process,
            key: None,
            dangerous_single_process: false,
        }
    }
}

/// Says nothing of the key.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { form, ttl, bind, spent, .. } = self;
        let mut shown = f.debug_struct("Ticket");
        shown.field("form", form).field("ttl", ttl).field("bind", bind).field("spent", spent).finish_non_exhaustive()
    }
}

/// Where a ticket's meaning is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TicketForm {
    /// In this process; the ticket is a random number.
    #[default]
    Stored,
    /// In the ticket, signed and encrypted; only which ones were used is kept.
    Signed,
}

/// A part of the upgrade request that must be as it was foreseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TicketBinding {
    /// The request's path.
    Path,
    /// The request's Origin.
    Origin,
    /// The client's address, or the network around it: `rate.address.prefix4` and `prefix6`.
    Address,
}

/// Who keeps which signed tickets were used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TicketSpent {
    /// This process.
    #[default]
    Process,
    /// The host, in a store that its servers share: it is asked to mark each ticket as used.
    Host,
}
