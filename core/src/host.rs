//! What a host can do: each adapter states it once, as a constant.

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
