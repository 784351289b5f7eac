//! Stories of sessions, with a virtual clock.

mod charges;
mod credentials;
mod lifecycle;
mod messages;
mod permissions;
mod revocation;

use std::time::Duration;

use crate::story::{Client, Story, closed, delivered, merged};
use crate::{
    Action, Answer, Identity, Judgement, Message, Need, Pressure, Reason, Revocation, Timestamp, UnixTime, UserKey,
    Verdict,
};

/// Pings so seldom that none comes in between.
const SELDOM: &str = "heartbeat.interval = \"1h\"";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
