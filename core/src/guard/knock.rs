//! Who is connected and has not asked for anything yet.

use super::{Guard, Seats};
use crate::http::{Refusal, Remote, is_proxy};
use crate::time::Timestamp;

/// A connection whose request has not come whole. Drop it right before [`Guard::screen`], or when the
/// connection ends.
#[derive(Debug)]
#[must_use = "the slot is given back when this is dropped"]
pub struct Knock {
    _seats: Option<Seats>,
}

impl Guard {
    /// Asks whether a new socket may stay open while its TLS handshake and its request are awaited.
    /// Of one address, `cap.unauthenticated_per_address` may: whoever opens sockets and sends nothing,
    /// or a header line each second (Slowloris), has no more of them than that. A socket also counts
    /// towards `cap.total`.
    ///
    /// A trusted proxy and a local socket stand for many clients, and are let through.
    ///
    /// # Errors
    /// The refusal. Before TLS there is no way to tell it: close the socket.
    pub fn knock(&self, remote: Remote, now: Timestamp) -> Result<Knock, Refusal> {
        let policy = self.policy();
        let rules = policy.base();
        let Some(address) = remote.address().filter(|_| !is_proxy(remote, &rules.document.transport)) else {
            return Ok(Knock { _seats: None });
        };
        match Seats::wait(self, rules, address, now) {
            Ok(seats) => Ok(Knock { _seats: Some(seats) }),
            Err(refused) => {
                self.count_refusal(refused.reason);
                Err(refused.at(now))
            }
        }
    }
}
