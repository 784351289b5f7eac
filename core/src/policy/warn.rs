//! What is allowed but seldom meant.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::check::is_ambient;
use super::text::{element, member};
use super::{Cidr, Document, DuplicateKeys, Jwt, MessageType, Place, PolicyWarning, Secure, UnknownType, WaivedClaim};

/// The shortest idle time of proxies in common use (nginx, AWS load balancers).
const PROXY_IDLE: Duration = Duration::from_secs(60);
/// An unused ticket that is found later is good for as long.
const LONG_TICKET: Duration = Duration::from_secs(300);
/// Clocks that differ by more are broken, and stolen tokens live as much longer.
const MUCH_LEEWAY: Duration = Duration::from_secs(300);

pub(super) fn warnings(document: &Document) -> Vec<PolicyWarning> {
    let mut told = Vec::new();
    transport(document, &mut told);
    origin(document, &mut told);
    credential(document, &mut told);
    message(document, &mut told);
    limits(document, &mut told);
    told
}

fn transport(document: &Document, told: &mut Vec<PolicyWarning>) {
    let transport = &document.transport;
    let mut warn = |place: &str, problem: &str, remedy: &str| told.push(PolicyWarning::new(place, problem, remedy));
    if transport.secure == Secure::DangerousAny {
        let why = "plain ws:// is accepted: credentials and messages travel in clear";
        warn("transport.secure", why, "leave it out wherever others can listen");
    }
    for (index, block) in transport.trusted_proxies.iter().enumerate() {
        let wide = match block {
            Cidr::Net(ipnet::IpNet::V4(net)) => net.prefix_len() < 8,
            Cidr::Net(ipnet::IpNet::V6(net)) => net.prefix_len() < 16,
            Cidr::Unix => false,
        };
        if wide {
            let why = "so large a block trusts strangers: each can claim any address, and TLS it has not";
            warn(&element("transport.trusted_proxies", index), why, "name the addresses of your proxies");
        }
    }
    if !transport.trusted_proxies.is_empty() && transport.hosts.is_empty() {
        let why = "the server stands behind a proxy and answers for any Host";
        warn("transport.trusted_proxies", why, "list the public names in transport.hosts");
    }
}

fn origin(document: &Document, told: &mut Vec<PolicyWarning>) {
    let origin = &document.origin;
    if origin.dangerous_any_origin {
        let why = "pages of any origin may connect";
        told.push(PolicyWarning::new("origin.dangerous_any_origin", why, "list the pages in origin.allow"));
    }
    let explicit = document.credential.sources.iter().any(|source| source.place != Place::Cookie);
    for (index, entry) in origin.allow.iter().enumerate() {
        if is_ambient(document) && !explicit && !entry.is_exact() {
            let why = "this entry lets nobody in: cookies and guests need an origin that is named whole";
            told.push(PolicyWarning::new(element("origin.allow", index), why, "name each origin, or leave it out"));
        }
    }
}

fn credential(document: &Document, told: &mut Vec<PolicyWarning>) {
    for (index, source) in document.credential.sources.iter().enumerate() {
        if source.place == Place::Query && source.dangerous_in_url {
            let why = "a credential that can be used again stands in the URL, where logs and histories keep it";
            let remedy = "send it in a header, subprotocol or first message (RFC 9700 section 4.3.2)";
            told.push(PolicyWarning::new(element("credential.sources", index), why, remedy));
        }
    }
    let ticket = &document.credential.ticket;
    let mut warn = |place: &str, problem: &str, remedy: &str| told.push(PolicyWarning::new(place, problem, remedy));
    if ticket.ttl.get() > LONG_TICKET {
        let why = "tickets are good for minutes, and stand in URLs";
        warn("credential.ticket.ttl", why, "fetch a ticket right before connecting; 30s is plenty");
    }
    if ticket.bind.is_empty() {
        let why = "whoever gets hold of an unused ticket can use it anywhere";
        warn("credential.ticket.bind", why, "bind it to \"path\" and \"origin\"");
    }
    if ticket.dangerous_single_process {
        let why = "with a second process of this server each ticket could be used in both";
        warn("credential.ticket.dangerous_single_process", why, "take form = \"stored\", or spent = \"host\"");
    }
    if let Some(rules) = &document.credential.jwt {
        jwt(rules, told);
    }
}

fn jwt(jwt: &Jwt, told: &mut Vec<PolicyWarning>) {
    let mut warn = |place: String, problem: &str, remedy: &str| told.push(PolicyWarning::new(place, problem, remedy));
    for (index, claim) in jwt.waive.iter().enumerate() {
        let why = match claim {
            WaivedClaim::Aud => "tokens made for other services are good here too",
            WaivedClaim::Iss => {
                "any issuer that has the key is believed, and its users are not told apart from others'"
            }
            WaivedClaim::Exp => "a stolen token is good for ever",
        };
        warn(element("credential.jwt.waive", index), why, "let the issuer set the claim, and do not waive it");
    }
    if jwt.leeway.get() > MUCH_LEEWAY {
        let why = "tokens are good for minutes after they have expired";
        warn("credential.jwt.leeway".into(), why, "set the clocks; 30s is plenty");
    }
    let holders = jwt.keys.len().saturating_add(usize::from(jwt.jwks.is_some()));
    if jwt.issuer.len() > 1 && holders > 1 {
        let keys = jwt.keys.iter().enumerate();
        let keys = keys.map(|(index, key)| (element("credential.jwt.keys", index), &key.issuer));
        let set = jwt.jwks.iter().map(|set| ("credential.jwt.jwks".to_owned(), &set.issuer));
        for (place, _) in keys.chain(set).filter(|(_, issuer)| issuer.is_empty()) {
            let why = "signs for every issuer listed: who holds this key can make users of the others";
            warn(place, why, "say which it belongs to: issuer = [\"https://..\"] (RFC 8725 section 3.8)");
        }
    }
    for (index, key) in jwt.keys.iter().enumerate() {
        let Some(secret) = &key.secret else { continue };
        let decoded = URL_SAFE_NO_PAD.decode(secret.trim_end_matches('='));
        let bytes = if key.secret_base64 { decoded.unwrap_or_default() } else { secret.as_bytes().to_vec() };
        if looks_guessable(&bytes) {
            let place = member(&element("credential.jwt.keys", index), "secret");
            let why = "the secret looks like words or a pattern, which can be guessed from any one token";
            warn(place, why, "take random bytes, for example from `openssl rand -base64 64`");
        }
    }
}

/// Random bytes of this length have more different ones, and random text has letters of both
/// cases or digits. A heuristic for what the verifier does not know to be public, and refuses.
fn looks_guessable(secret: &[u8]) -> bool {
    let different = secret.iter().collect::<BTreeSet<_>>().len();
    let one_case = secret.iter().all(|b| b.is_ascii_lowercase() || b"-_ .".contains(b))
        || secret.iter().all(|b| b.is_ascii_uppercase() || b"-_ .".contains(b));
    different < 10 || one_case
}

fn message(document: &Document, told: &mut Vec<PolicyWarning>) {
    let message = &document.message;
    let mut warn = |place: &str, problem: &str, remedy: &str| told.push(PolicyWarning::new(place, problem, remedy));
    if message.schema.is_none() && message.types.is_empty() {
        let why = "no schema: the application gets any JSON";
        warn("message", why, "describe the messages in [message.types.NAME], or in message.schema");
    }
    let names_scopes = |one: &MessageType| one.scopes.as_ref().is_some_and(|scopes| !scopes.is_empty());
    if message.types.values().any(names_scopes) {
        for (name, _) in message.types.iter().filter(|(_, one)| one.scopes.is_none()) {
            let why = "nobody may send it: other types name scopes, and this one says nothing";
            warn(&member("message.types", name), why, "name its scopes, or say scopes = [] for everybody");
        }
    }
    if message.unknown_type == UnknownType::DangerousDeliver {
        let why = "messages of unknown types reach the application unchecked";
        warn("message.unknown_type", why, "name every type in message.types");
    }
    if message.json.duplicate_keys == DuplicateKeys::DangerousAllow {
        let why = "the same key twice reads as two different messages in two parsers (CVE-2017-12635)";
        warn("message.json.duplicate_keys", why, "leave it at \"refuse\"");
    }
}

fn limits(document: &Document, told: &mut Vec<PolicyWarning>) {
    let (cap, heartbeat) = (&document.cap, &document.heartbeat);
    let mut warn = |place: &str, problem: String, remedy: &str| told.push(PolicyWarning::new(place, problem, remedy));
    if heartbeat.interval.get() >= PROXY_IDLE {
        let why = format!(
            "pings every {}, but many proxies cut a connection that is silent for 60 seconds",
            heartbeat.interval
        );
        warn("heartbeat.interval", why, "25s is safe");
    }
    if cap.per_user > cap.per_address {
        let why = format!("found {}, but from one address a user can open only {}", cap.per_user, cap.per_address);
        warn("cap.per_user", why, "raise cap.per_address, or lower this");
    }
}
