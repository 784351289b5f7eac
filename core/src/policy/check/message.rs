//! Messages of which at least a legal one can pass.

use super::{Checked, MAX_MESSAGE};
use crate::policy::text::{element, member};
use crate::policy::{Document, MessageKind, PolicyError};

/// A verdict has 14 bits for the type; a quarter of them is plenty.
const MAX_TYPES: usize = 4_096;

pub(super) fn check(document: &Document) -> Checked {
    let message = &document.message;
    kinds(&message.kinds, "message.kinds")?;
    if message.kinds.is_empty() {
        let help = "kinds = [\"text\"]";
        return Err(PolicyError::new("message.kinds", "no message could pass: there is no kind").help(help));
    }
    if message.max_bytes.bytes() > MAX_MESSAGE {
        let found = format!("found {}; a message is held in memory, so at most 1GiB is possible", message.max_bytes);
        return Err(PolicyError::new("message.max_bytes", found));
    }
    let burst = document.rate.connection.bytes.burst();
    if message.max_bytes.bytes() > burst {
        let why = format!("found {}, but rate.connection.bytes lets {burst} bytes through at once", message.max_bytes);
        let help = "such a message could never pass: make max_bytes smaller or the burst larger";
        return Err(PolicyError::new("message.max_bytes", why).help(help));
    }
    if message.types.len() > MAX_TYPES {
        let found = format!("found {} types; at most {MAX_TYPES} are possible", message.types.len());
        return Err(PolicyError::new("message.types", found));
    }
    for (name, message_type) in &message.types {
        let place = member("message.types", name);
        if name.is_empty() {
            return Err(PolicyError::new(place, "a type needs a name"));
        }
        cost(document, message_type.cost.into()).map_err(|error| error.within(&place))?;
        let kinds_place = format!("{place}.kinds");
        kinds(&message_type.kinds, &kinds_place)?;
        if let Some(index) = message_type.kinds.iter().position(|kind| !message.kinds.contains(kind)) {
            return Err(PolicyError::new(element(&kinds_place, index), "message.kinds does not accept this kind"));
        }
        let mut scopes = message_type.scopes.iter().flatten();
        if let Some(index) = scopes.position(|scope| scope.is_empty() || scope.contains(' ')) {
            let why = "a scope is one word: a token lists them separated by spaces";
            return Err(PolicyError::new(element(&format!("{place}.scopes"), index), why));
        }
    }
    Ok(())
}

fn kinds(kinds: &[MessageKind], place: &str) -> Checked {
    match (1..kinds.len()).find(|&index| kinds.iter().take(index).any(|kind| Some(kind) == kinds.get(index))) {
        Some(index) => Err(PolicyError::new(element(place, index), "this kind stands there already")),
        None => Ok(()),
    }
}

fn cost(document: &Document, cost: u64) -> Checked {
    let rate = &document.rate;
    for (quota, name) in [
        (rate.connection.messages, "rate.connection.messages"),
        (rate.user.messages, "rate.user.messages"),
        (rate.address.messages, "rate.address.messages"),
    ] {
        if cost > quota.burst() {
            let why = format!("found {cost}, but {name} lets {} through at once", quota.burst());
            let help = "such a message could never pass: make the cost smaller or the burst larger";
            return Err(PolicyError::new("cost", why).help(help));
        }
    }
    Ok(())
}
