//! What the fields of a document must agree on. Each of these is an error: the policy does not exist.

mod credential;
mod limits;
mod message;

use serde_json::Value;

use crate::http::OriginEntry;

use super::text::{element, member};
use super::{Document, Place, PolicyError};

/// Offsets into a message are counted in 32 bits with room to spare, and each sender may make one.
const MAX_MESSAGE: u64 = 1 << 30;

type Checked = Result<(), PolicyError>;

/// Writes out what a document may leave to be understood.
pub(super) fn complete(document: &mut Document) {
    credential::complete(&mut document.credential);
}

pub(super) fn check(document: &Document) -> Checked {
    no_limit_is_zero(document)?;
    subprotocols(document)?;
    credential::check(document)?;
    origin(document)?;
    message::check(document)?;
    limits::check(document)
}

/// A route's path: what stands in a request target before the query (RFC 9112 section 3.2.1).
pub(super) fn path(path: &str) -> Checked {
    let wrong = |problem: &str| Err(PolicyError::new("path", format!("found {path:?}, {problem}")));
    if !path.starts_with('/') {
        return wrong("which does not begin with \"/\"");
    }
    if path.contains(['?', '#']) {
        return wrong("which is more than a path");
    }
    if !path.bytes().all(|b| b.is_ascii_graphic()) {
        return wrong("which no request can have: write it percent-encoded, as it is sent");
    }
    Ok(())
}

/// Whether some credential comes along whatever page asks: a cookie, or none at all for guests.
pub(super) fn is_ambient(document: &Document) -> bool {
    document.credential.anonymous || document.credential.sources.iter().any(|source| source.place == Place::Cookie)
}

fn origin(document: &Document) -> Checked {
    let origin = &document.origin;
    if is_ambient(document) {
        let what = if document.credential.anonymous { "guests" } else { "cookies" };
        // Cross-site WebSocket hijacking: CVE-2019-13611, CVE-2025-24010.
        if origin.dangerous_any_origin {
            let why = format!("{what} and any origin together let every page on the web act for the browser's user");
            return Err(PolicyError::new("origin.dangerous_any_origin", why).help("list the pages in origin.allow"));
        }
        // A label can be had by whoever may host below the domain, and "null" by any sandboxed frame.
        if !origin.allow.iter().any(OriginEntry::is_exact) {
            let why = format!(
                "{what} need an origin that is named whole: browsers send their cookies, and come from the user's \
                 network, whatever page asks"
            );
            let help = "list the pages that may connect: allow = [\"https://app.example.com\"]";
            return Err(PolicyError::new("origin.allow", why).help(help));
        }
    }
    // Without a list of hosts a page chooses the Host by DNS rebinding, and is then "the same host".
    if origin.allow.iter().any(OriginEntry::is_same_host) && document.transport.hosts.is_empty() {
        let why = "\"same-host\" needs transport.hosts: else any page becomes the same host by DNS rebinding";
        let help = "list the hosts: hosts = [\"chat.example.com\"]";
        return Err(PolicyError::new("origin.allow", why).help(help));
    }
    Ok(())
}

fn subprotocols(document: &Document) -> Checked {
    for (index, name) in document.subprotocols.iter().enumerate() {
        let wrong = |why: &str| Err(PolicyError::new(element("subprotocols", index), format!("found {name:?}, {why}")));
        if !is_token(name) {
            return wrong("which is not a token (RFC 9110 section 5.6.2)");
        }
        let lower = name.to_ascii_lowercase();
        let carriers = ["base64url.bearer.", "v1.token.websocket.jupyter.org", "anycable-token."];
        if carriers.iter().any(|prefix| lower.starts_with(prefix)) {
            return wrong("which carries a credential and is never spoken: name it in credential.sources");
        }
        if document.subprotocols.iter().take(index).any(|earlier| earlier == name) {
            return wrong("which stands there already");
        }
    }
    Ok(())
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Zero is written for "no limit" elsewhere, and would mean "nothing passes" here; so it is neither.
fn no_limit_is_zero(document: &Document) -> Checked {
    let value = serde_json::to_value(document).map_err(|error| PolicyError::new("", error.to_string()))?;
    zeros(&value, "")
}

/// Where zero has a meaning of its own. Limits never stand in arrays.
const MAY_BE_ZERO: [&str; 3] = ["credential.jwt.leeway", "deadline.expiry_grace", "message.discriminator"];

fn zeros(value: &Value, place: &str) -> Checked {
    // Schemas and keys are not ours to read numbers in.
    let not_ours = ["schema", ".jwk", ".jwt.claims", ".jwt.roles"].iter().any(|end| place.ends_with(end));
    if MAY_BE_ZERO.contains(&place) || not_ours {
        return Ok(());
    }
    let zero = match value {
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => ["0s", "0B"].contains(&text.as_str()),
        _ => false,
    };
    if zero {
        let help = "write the number you mean; \"off\" stands where a limit can be off";
        return Err(PolicyError::new(place, "found 0, with which nothing could pass").help(help));
    }
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| zeros(value, &member(place, name))),
        _ => Ok(()),
    }
}
