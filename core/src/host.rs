//! What a host can do: each adapter states it once, as a constant.

use std::sync::Arc;

use crate::policy::{HeartbeatMode, Policy, PolicyError, Rules};

/// What the server library below an adapter can do. A guard made for a host refuses a policy the
/// host cannot keep, unless the gap is waived by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Host {
    /// It can send ping frames and sees the pongs.
    pub pings: bool,
    /// It shows every control frame, so that they can be metered.
    pub control_frames: bool,
    /// It shows a repeated header as often as it was sent.
    pub repeated_headers: bool,
    /// It bounds the fragments of a message.
    pub fragments: bool,
    /// It shows the request head as it came.
    pub raw_head: bool,
    /// It can refuse with any HTTP status and headers before the upgrade.
    pub http_refusal: bool,
}

impl Host {
    /// A host that can do everything: the one in `bindings-rust`, and any that reads the socket itself.
    pub const FULL: Self = Self {
        pings: true,
        control_frames: true,
        repeated_headers: true,
        fragments: true,
        raw_head: true,
        http_refusal: true,
    };
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
                let problem = format!("this host cannot keep it: {remedy}, and waive the gap by name ({gap:?})");
                return Err(PolicyError::new(place, problem));
            }
        }
        Ok(())
    }
}
