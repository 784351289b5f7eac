//! What a host can do: each adapter states it once, as a constant.

use std::sync::Arc;
use std::time::Duration;

use crate::policy::{HeartbeatMode, Policy, PolicyError, Rules};

/// What the server library below an adapter can do. A guard made for a host refuses a policy the
/// host cannot keep, unless the gap is waived by name.
///
/// An adapter states it as a constant, beginning with nothing, so that a capability that is added
/// later is not claimed by accident:
///
/// ```
/// use wswarden_core::Host;
///
/// const ASGI: Host = Host::NOTHING.repeated_headers().fragments().http_refusal();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    pings: bool,
    control_frames: bool,
    repeated_headers: bool,
    fragments: bool,
    http_refusal: bool,
}

impl Host {
    /// A host that can do nothing of what is asked here.
    pub const NOTHING: Self =
        Self { pings: false, control_frames: false, repeated_headers: false, fragments: false, http_refusal: false };

    /// A host that reads the socket itself, and can do everything.
    pub const SOCKET: Self = Self::NOTHING.pings().control_frames().repeated_headers().fragments().http_refusal();

    /// It can send ping frames and sees the pongs.
    #[must_use]
    pub const fn pings(self) -> Self {
        Self { pings: true, ..self }
    }

    /// It shows every control frame, so that they can be metered.
    #[must_use]
    pub const fn control_frames(self) -> Self {
        Self { control_frames: true, ..self }
    }

    /// It shows a repeated header as often as it was sent.
    #[must_use]
    pub const fn repeated_headers(self) -> Self {
        Self { repeated_headers: true, ..self }
    }

    /// It bounds the fragments of a message.
    #[must_use]
    pub const fn fragments(self) -> Self {
        Self { fragments: true, ..self }
    }

    /// It can refuse with any HTTP status and headers before the upgrade.
    #[must_use]
    pub const fn http_refusal(self) -> Self {
        Self { http_refusal: true, ..self }
    }
}

/// Something a policy asks for and a host cannot do. Waiving one by name says: I know, and I have
/// seen to it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gap {
    /// No ping frames, so a heartbeat by frames cannot be.
    Pings,
    /// Control frames are not shown, so they are not metered.
    ControlFrames,
    /// A repeated header is not shown as such, so one that must be single is not known to be.
    RepeatedHeaders,
    /// Fragments are not counted.
    Fragments,
    /// Refusals cannot have the status they should.
    HttpRefusal,
}

impl Gap {
    /// Every gap.
    pub const ALL: &'static [Self] =
        &[Self::Pings, Self::ControlFrames, Self::RepeatedHeaders, Self::Fragments, Self::HttpRefusal];

    /// The name to waive it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pings => "pings",
            Self::ControlFrames => "control_frames",
            Self::RepeatedHeaders => "repeated_headers",
            Self::Fragments => "fragments",
            Self::HttpRefusal => "http_refusal",
        }
    }

    /// The gap with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|gap| gap.name() == name)
    }
}

/// What a host tells its WebSocket library, which must not buffer more than the policy will take:
/// of all routes the loosest, because a library is set up before the route is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostLimits {
    /// The largest message, in bytes, all fragments together.
    pub max_message: u64,
    /// The most fragments of a message.
    pub max_fragments: u32,
    /// The most bytes that wait to be sent.
    pub max_queue: u64,
    /// The largest request head, in bytes.
    pub max_head: u64,
    /// For the whole request head.
    pub head_timeout: Duration,
    /// From our close frame to the cut.
    pub close_timeout: Duration,
}

impl HostLimits {
    pub(crate) fn of(policy: &Policy) -> Self {
        let none = Self {
            max_message: 0,
            max_fragments: 0,
            max_queue: 0,
            max_head: 0,
            head_timeout: Duration::ZERO,
            close_timeout: Duration::ZERO,
        };
        policy.all_rules().map(|rules| &rules.document).fold(none, |most, document| Self {
            max_message: most.max_message.max(document.message.max_bytes.bytes()),
            max_fragments: most.max_fragments.max(document.message.max_fragments),
            max_queue: most.max_queue.max(document.queue.hard.bytes()),
            max_head: most.max_head.max(document.transport.max_head.bytes()),
            head_timeout: most.head_timeout.max(document.transport.head_timeout.get()),
            close_timeout: most.close_timeout.max(document.deadline.close.get()),
        })
    }
}

impl Host {
    /// Whether this host can keep a policy.
    ///
    /// # Errors
    /// The first gap that `waived` does not name, and what would close it.
    pub(crate) fn can_keep(&self, policy: &Policy, waived: &[Gap]) -> Result<(), PolicyError> {
        let by_frame = |rules: &Arc<Rules>| rules.document.heartbeat.mode == HeartbeatMode::Frame;
        let gaps = [
            (Gap::Pings, self.pings || !policy.all_rules().any(by_frame), "heartbeat.mode", "say mode = \"message\""),
            (Gap::ControlFrames, self.control_frames, "rate.connection.control", "bound them in the server library"),
            (
                Gap::RepeatedHeaders,
                self.repeated_headers,
                "transport",
                "refuse repeated headers in front of the server",
            ),
            (Gap::Fragments, self.fragments, "message.max_fragments", "bound them in the server library"),
            (Gap::HttpRefusal, self.http_refusal, "transport", "refusals will be a plain 403"),
        ];
        for (gap, kept, place, remedy) in gaps {
            if !kept && !waived.contains(&gap) {
                let problem = format!("this host cannot keep it: {remedy}, and waive the gap {:?}", gap.name());
                return Err(PolicyError::new(place, problem));
            }
        }
        Ok(())
    }
}
