//! Limits that agree with each other.

use super::Checked;
use crate::policy::{Document, PolicyError};

pub(super) fn check(document: &Document) -> Checked {
    let (cap, heartbeat, queue) = (&document.cap, &document.heartbeat, &document.queue);
    let address = &document.rate.address;
    // Shorter prefixes throw strangers together; longer ones give one customer many keys (RFC 6177).
    prefix("rate.address.prefix4", address.prefix4, 16, 32)?;
    prefix("rate.address.prefix6", address.prefix6, 48, 64)?;
    if cap.unauthenticated_per_address > cap.per_address {
        let why = format!(
            "found {}, which is more than cap.per_address, {}",
            cap.unauthenticated_per_address, cap.per_address
        );
        return Err(PolicyError::new("cap.unauthenticated_per_address", why));
    }
    for (name, value) in [("per_user", cap.per_user), ("per_address", cap.per_address)] {
        if value > cap.total {
            let why = format!("found {value}, which is more than cap.total, {}", cap.total);
            return Err(PolicyError::new(format!("cap.{name}"), why));
        }
    }
    if heartbeat.timeout >= heartbeat.interval {
        let why =
            format!("found {}, which is not less than heartbeat.interval, {}", heartbeat.timeout, heartbeat.interval);
        let help = "the answer to one ping must be due before the next is sent";
        return Err(PolicyError::new("heartbeat.timeout", why).help(help));
    }
    if queue.soft > queue.hard {
        let why = format!("found {}, which is more than queue.hard, {}", queue.soft, queue.hard);
        return Err(PolicyError::new("queue.soft", why));
    }
    Ok(())
}

fn prefix(place: &str, bits: u8, least: u8, most: u8) -> Checked {
    if (least..=most).contains(&bits) {
        return Ok(());
    }
    Err(PolicyError::new(place, format!("found {bits}; a number from {least} to {most} is possible")))
}
