//! Key sets in the policy (RFC 7517 section 5): given inline, or published at a URL.

use std::time::Duration;

use serde_json::json;

use super::jwk;
use super::jwks::{JwksRules, PublishedKeys};
use crate::http::Authority;
use crate::policy::{Algorithm, JwkSet, PolicyError};

/// The longest URL, in bytes.
const MAX_URL: usize = 2048;
/// So many key ids that a source does not know are remembered.
const NEGATIVE_ENTRIES: usize = 128;
/// A source is asked no more often, whatever the policy says: strangers can make it be asked.
const MIN_COOLDOWN: Duration = Duration::from_secs(1);

/// Where the keys of a set are.
pub(super) enum KeySource {
    /// In the policy.
    Inline(PublishedKeys),
    /// At a URL.
    Published(PublishedSource),
}

/// Where keys are published, and how they are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSource {
    url: Box<str>,
    rules: JwksRules,
    timeout: Duration,
}

impl PublishedSource {
    /// The URL to fetch, `https://` always.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// When it is fetched, and how long it counts.
    pub fn rules(&self) -> &JwksRules {
        &self.rules
    }

    /// How long one fetch may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl KeySource {
    /// Reads the policy's table.
    pub(super) fn read(set: &JwkSet) -> Result<Self, PolicyError> {
        if let Some(at) = set.algs.iter().position(|alg| is_shared_secret(*alg)) {
            let problem = "needs a shared secret, and what is published is none";
            return Err(PolicyError::new(format!("algs[{at}]"), problem));
        }
        match (&set.url, &set.keys) {
            (Some(url), None) => published(set, url).map(Self::Published),
            (None, Some(keys)) => {
                let algs = if set.algs.is_empty() { named_algorithms(keys)? } else { set.algs.clone() };
                let body = serde_json::to_vec(&json!({ "keys": keys })).unwrap_or_default();
                PublishedKeys::read(&body, &algs).map(Self::Inline)
            }
            _ => Err(PolicyError::new("", "needs exactly one of `url` and `keys`")),
        }
    }
}

fn published(set: &JwkSet, url: &str) -> Result<PublishedSource, PolicyError> {
    check_url(url).map_err(|problem| PolicyError::new("url", problem))?;
    if set.algs.is_empty() {
        let help = "name those that the issuer signs with: algs = [\"RS256\"]";
        return Err(PolicyError::new("algs", "must list at least one algorithm").help(help));
    }
    if set.cooldown.get() < MIN_COOLDOWN {
        let problem = format!("found {}; at least 1s must pass between two fetches", set.cooldown);
        return Err(PolicyError::new("cooldown", problem));
    }
    if set.timeout.get() > set.cooldown.get() {
        let problem =
            format!("found {}; a fetch must be over before the next may begin, after {}", set.timeout, set.cooldown);
        return Err(PolicyError::new("timeout", problem));
    }
    let rules = JwksRules {
        algs: set.algs.clone(),
        cache: set.cache.get(),
        cooldown: set.cooldown.get(),
        negative: set.negative.get(),
        negative_entries: NEGATIVE_ENTRIES,
        stale: set.stale.get(),
    };
    Ok(PublishedSource { url: url.into(), rules, timeout: set.timeout.get() })
}

/// Keys fetched without TLS would be whoever's stands between: there is no switch for that.
fn check_url(url: &str) -> Result<(), String> {
    let Some(rest) = url.strip_prefix("https://") else {
        return Err(
            "must begin with `https://`: whoever could change the keys on the way could sign for anybody".into()
        );
    };
    if url.len() > MAX_URL {
        return Err(format!("has {} bytes; at most {MAX_URL} are possible", url.len()));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['#', '\\', '"', '<', '>']) {
        return Err("is not a URL (RFC 3986): it holds a space, a fragment, or a character that must be escaped".into());
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    if authority.contains('@') {
        return Err("holds a user name or password, which would end up in logs".into());
    }
    match Authority::parse(authority) {
        Some(_) => Ok(()),
        None => Err(format!("has no host that could be asked: {authority:?}")),
    }
}

/// The algorithms that the keys of an inline set name themselves.
fn named_algorithms(keys: &[serde_json::Value]) -> Result<Vec<Algorithm>, PolicyError> {
    let mut algs = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        // What cannot be used is passed over, as it is in a set that was fetched.
        let Ok(key) = jwk::read(key) else { continue };
        let Some(alg) = key.alg else {
            let help = "list the algorithms: algs = [\"RS256\"]";
            return Err(PolicyError::new(format!("keys[{at}]"), "names no algorithm").help(help));
        };
        if !algs.contains(&alg) {
            algs.push(alg);
        }
    }
    Ok(algs)
}

fn is_shared_secret(alg: Algorithm) -> bool {
    matches!(alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512)
}
