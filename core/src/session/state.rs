//! What a session remembers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::event::{Event, EventKind};
use crate::guard::{Guard, Question, Seats, Windows};
use crate::handshake::Peer;
use crate::identity::Identity;
use crate::limit::Place;
use crate::policy::Rules;
use crate::time::{Now, Timestamp};
use crate::verdict::Close;

/// What the message path touches: one cache line. Of the rest it reads `permitted`, for a type that names scopes;
/// a refusal, a sliding window and a control frame go further.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Hot {
    pub(crate) guard: Guard,
    pub(crate) rules: Arc<Rules>,
    /// Before this point the message path need not look at the state or any deadline; zero in
    /// every state but `Open`.
    pub(crate) until: Timestamp,
    /// The last message.
    pub(crate) heard: Timestamp,
    /// GCRA word of the connection's messages.
    pub(crate) messages: u64,
    /// GCRA word of the connection's bytes.
    pub(crate) bytes: u64,
    /// The user's record; none for guests.
    pub(crate) user: Option<Place>,
    /// The address's record.
    pub(crate) address: Place,
    /// The record of the /48 around an IPv6 address.
    pub(crate) wide: Option<Place>,
    /// The guard's epoch when policy and revocations were last read.
    pub(crate) epoch: u32,
}

/// The rest.
#[derive(Debug)]
pub(crate) struct Cold {
    pub(crate) state: State,
    pub(crate) identity: Option<Arc<Identity>>,
    /// Which of the first 64 types of messages it may send, a bit each.
    pub(crate) permitted: u64,
    pub(crate) peer: Arc<Peer>,
    /// Its number, and the places it holds in the guard; given back when dropped.
    pub(crate) seats: Seats,
    /// State of sliding windows, where the policy has any.
    pub(crate) windows: Option<Box<Windows>>,
    pub(crate) opened: Timestamp,
    /// GCRA word of the control frames.
    pub(crate) control: u64,
    /// GCRA word of the faults that are borne.
    pub(crate) faults: u64,
    /// When the credential ends.
    pub(crate) expires: Timestamp,
    /// When a pending session must have authenticated, or a closing one is cut.
    pub(crate) deadline: Timestamp,
    /// When the guard's drain reaches this session.
    pub(crate) drain: Timestamp,
    pub(crate) revalidate: Timestamp,
    /// When the last ping was sent, if it is not answered yet; otherwise when it was answered.
    pub(crate) beat: Timestamp,
    pub(crate) ping: u64,
    /// How long the peer took to answer the last ping, in nanoseconds; zero before the first answer.
    pub(crate) latency: u64,
    pub(crate) queued: u64,
    /// Until when the last refused message has to wait.
    pub(crate) refused_until: Timestamp,
    pub(crate) reported: Timestamp,
    pub(crate) suppressed: u32,
    /// What most sessions have nothing of.
    pub(crate) rare: Option<Box<Rare>>,
}

/// What few sessions have: a pointer in those that do not.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// The channels it is in. A B-tree: nobody can choose names that collide in it.
    pub(crate) channels: BTreeSet<Box<str>>,
    /// What the host was asked about a credential, and has not answered.
    pub(crate) question: Option<Question>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// A first message's credential is awaited.
    Pending {
        /// The host was asked about it.
        asked: bool,
    },
    /// Messages are taken.
    Open(Beat),
    /// The credential has expired and may still be renewed.
    Expired {
        /// The host was told.
        told: bool,
        /// What it was asked before, and may still answer.
        beat: Beat,
    },
    /// A close frame was sent; the peer's is awaited.
    Closing(Close),
    /// Nothing more will happen.
    Closed(Close),
}

/// What the host was last asked to do about an open session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    /// A ping is not answered yet.
    pub(crate) awaiting_pong: bool,
    /// The host was asked to judge a renewed credential.
    pub(crate) asked: bool,
    /// The host was asked whether the identity still holds.
    pub(crate) revalidating: bool,
}

impl Beat {
    pub(crate) const RESTING: Self = Self { awaiting_pong: false, asked: false, revalidating: false };
}

impl State {
    /// Whether the host was asked about a message's credential; none when that is over.
    pub(crate) fn asked(&mut self) -> Option<&mut bool> {
        match self {
            Self::Pending { asked } => Some(asked),
            Self::Open(beat) | Self::Expired { beat, .. } => Some(&mut beat.asked),
            Self::Closing(_) | Self::Closed(_) => None,
        }
    }

    /// Whether the host was asked if the identity still holds; none when that is over, or there is
    /// no identity yet.
    pub(crate) fn revalidating(&mut self) -> Option<&mut bool> {
        match self {
            Self::Open(beat) | Self::Expired { beat, .. } => Some(&mut beat.revalidating),
            Self::Pending { .. } | Self::Closing(_) | Self::Closed(_) => None,
        }
    }
}

/// Who found an identity to be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JudgedBy {
    /// The core, from a signature.
    Core,
    /// The host, who can take it back at any time.
    Host,
}

/// What a candidate hands over when it becomes a session.
pub(crate) struct Opening {
    pub(crate) guard: Guard,
    pub(crate) rules: Arc<Rules>,
    pub(crate) epoch: u32,
    pub(crate) seats: Seats,
    pub(crate) peer: Arc<Peer>,
    /// None: a first message's credential is awaited.
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Session {
    pub(crate) fn open(opening: Opening, now: Now) -> Self {
        let Opening { guard, rules, epoch, mut seats, peer, identity } = opening;
        seats.session = guard.enter(identity.as_ref(), now.unix);
        let deadlines = &rules.document.deadline;
        let pending = identity.is_none();
        let hot = Hot {
            until: Timestamp::ZERO,
            heard: now.mono,
            messages: 0,
            bytes: 0,
            user: seats.user(),
            address: seats.address(),
            wide: seats.wide(),
            epoch,
            guard,
            rules: Arc::clone(&rules),
        };
        let cold = Cold {
            state: if pending { State::Pending { asked: false } } else { State::Open(Beat::RESTING) },
            peer,
            seats,
            windows: Windows::new(&rules.quotas),
            opened: now.mono,
            control: 0,
            faults: 0,
            expires: Timestamp::MAX,
            deadline: if pending { now.mono.after(deadlines.first_message.get()) } else { Timestamp::MAX },
            drain: Timestamp::MAX,
            revalidate: Timestamp::MAX,
            beat: now.mono,
            ping: 0,
            latency: 0,
            queued: 0,
            refused_until: Timestamp::ZERO,
            reported: Timestamp::ZERO,
            suppressed: 0,
            rare: None,
            identity: None,
            permitted: 0,
        };
        let mut session = Self { hot, cold };
        if let Some(identity) = identity {
            session.adopt(identity, JudgedBy::Core, now);
        }
        session.plan();
        session
    }

    /// Takes over an identity and the deadlines that follow from it.
    pub(crate) fn adopt(&mut self, identity: Arc<Identity>, by: JudgedBy, now: Now) {
        let rules = &self.hot.rules;
        self.cold.expires = match identity.expires() {
            Some(at) => now.deadline(at.after(rules.leeway())),
            None => Timestamp::MAX,
        };
        // A question to the host stays open until it is answered, and only the host's word puts the
        // next one off: a client that refreshed often enough with a token would never be asked about.
        let next = rules.revalidate_after(now.mono);
        match by {
            _ if self.cold.state.revalidating() == Some(&mut true) => {}
            JudgedBy::Host => self.cold.revalidate = next,
            JudgedBy::Core => self.cold.revalidate = self.cold.revalidate.min(next),
        }
        self.cold.identity = Some(identity);
        self.note_permissions();
        match self.cold.state {
            // A refresh must not put off an outstanding ping: it would keep a dead peer's slot.
            State::Open(_) => {}
            State::Expired { beat, .. } => {
                self.cold.state = State::Open(Beat { awaiting_pong: false, ..beat });
                self.cold.beat = now.mono;
            }
            _ => {
                self.cold.state = State::Open(Beat::RESTING);
                self.cold.beat = now.mono;
            }
        }
        self.hot.user = self.cold.seats.user();
        self.plan();
    }

    /// Sets how long the message path may go without looking at the state.
    pub(crate) fn plan(&mut self) {
        self.hot.until = match self.cold.state {
            State::Open(_) => self.cold.hard_stop(&self.hot.rules),
            _ => Timestamp::ZERO,
        };
    }
}

impl Cold {
    /// Makes room for sliding windows that other rules have; those there are go on.
    pub(crate) fn reread(&mut self, rules: &Rules, now: Timestamp) {
        if self.identity.is_some() && self.state.revalidating() != Some(&mut true) {
            let next = rules.revalidate_after(now);
            self.revalidate = if next == Timestamp::MAX { next } else { self.revalidate.min(next) };
        }
        if self.windows.is_none() {
            self.windows = Windows::new(&rules.quotas);
        }
    }

    /// The first point from which an open session takes no more ordinary messages.
    pub(crate) fn hard_stop(&self, rules: &Rules) -> Timestamp {
        let lifetime = rules.document.deadline.lifetime.get();
        let aged = lifetime.map_or(Timestamp::MAX, |lifetime| self.opened.after(lifetime.get()));
        self.expires.min(aged).min(self.drain)
    }

    /// When the host must have judged a renewed credential, if it was asked.
    pub(crate) fn answer_by(&self) -> Timestamp {
        match self.state {
            State::Open(beat) | State::Expired { beat, .. } if beat.asked => self.deadline,
            _ => Timestamp::MAX,
        }
    }

    pub(crate) fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        (self.refused_until > now).then(|| self.refused_until.since(now))
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_) | State::Expired { .. })
    }

    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state, State::Pending { .. })
    }

    pub(crate) fn opened_event(&self) -> Event {
        Event { kind: EventKind::Opened, reason: None, session: self.seats.session, at: self.opened, suppressed: 0 }
    }
}

#[cfg(test)]
mod sizes {
    use super::{Cold, Hot};

    #[test]
    fn an_idle_session_is_one_hot_line_and_at_most_192_cold_bytes() {
        assert_eq!(size_of::<Hot>(), 64);
        assert_eq!(size_of::<Option<Hot>>(), 64);
        assert!(size_of::<Cold>() <= 192, "{} bytes", size_of::<Cold>());
    }
}
