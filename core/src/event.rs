//! What happened, for the audit: numbers only. Who and where is read from the session by the sink
//! that prints it, so that no event can carry a token or a message.

use crate::reason::Reason;
use crate::time::Timestamp;

/// The number of a session, never used twice by one guard. 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u64);

impl SessionId {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Something worth a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Why; none where the kind says it all.
    pub reason: Option<Reason>,
    /// On which session.
    pub session: SessionId,
    /// When.
    pub at: Timestamp,
    /// How many events of the session were left out since its last one: repeated violations are
    /// recorded at most once a second, so that an attacker cannot write the log full.
    pub suppressed: u32,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// A connection was admitted.
    Opened,
    /// A first message's credential was good.
    Authenticated,
    /// A credential was renewed on a live connection.
    Refreshed,
    /// A message was over a rate limit.
    Limited,
    /// A message was invalid or not permitted.
    Violation,
    /// The credential has expired; the client may still renew it.
    Expired,
    /// The connection is being closed.
    Closed,
}

impl EventKind {
    /// Every kind, by ascending number.
    pub const ALL: &'static [Self] = &[
        Self::Opened,
        Self::Authenticated,
        Self::Refreshed,
        Self::Limited,
        Self::Violation,
        Self::Expired,
        Self::Closed,
    ];

    /// The pinned number. 0 is no event.
    pub const fn number(self) -> u8 {
        match self {
            Self::Opened => 1,
            Self::Authenticated => 2,
            Self::Refreshed => 3,
            Self::Limited => 4,
            Self::Violation => 5,
            Self::Expired => 6,
            Self::Closed => 7,
        }
    }

    /// The kind's name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Authenticated => "authenticated",
            Self::Refreshed => "refreshed",
            Self::Limited => "limited",
            Self::Violation => "violation",
            Self::Expired => "expired",
            Self::Closed => "closed",
        }
    }
}
