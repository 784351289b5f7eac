//! The published keys of one server, by where they are published.

use super::jwks::{Jwks, Lookup, MAX_BODY, PublishedKeys};
use super::jwt::TokenHeader;
use super::key_source::PublishedSource;
use crate::guard::GuardAction;
use crate::policy::PolicyError;
use crate::time::Timestamp;

/// Every source that the policy names, each with its state.
#[derive(Debug, Default)]
pub(crate) struct KeySources(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    source: PublishedSource,
    jwks: Jwks,
    /// A fetch has begun that the host was not told of yet.
    due: bool,
}

impl KeySources {
    /// Keeps the sources that are wanted, with their keys, and takes the new ones in.
    pub(crate) fn reload<'s>(&mut self, wanted: impl Iterator<Item = &'s PublishedSource>) {
        let mut kept: Vec<Entry> = Vec::new();
        for source in wanted {
            if kept.iter().any(|entry| entry.source == *source) {
                continue;
            }
            let known = self.0.iter().position(|entry| entry.source == *source);
            let entry = known.map(|at| self.0.swap_remove(at));
            let new = || Entry { source: source.clone(), jwks: Jwks::new(source.rules().clone()), due: false };
            kept.push(entry.unwrap_or_else(new));
        }
        self.0 = kept;
    }

    /// The keys of a source that count now.
    pub(crate) fn keys(&self, source: &PublishedSource, now: Timestamp) -> PublishedKeys {
        self.0.iter().find(|entry| entry.source == *source).map(|entry| entry.jwks.keys(now)).unwrap_or_default()
    }

    /// What to do about a token whose key is not there.
    pub(crate) fn lookup(&mut self, source: &PublishedSource, header: &TokenHeader, now: Timestamp) -> Lookup {
        // A reload has taken the source away while this token was judged.
        let Some(entry) = self.0.iter_mut().find(|entry| entry.source == *source) else {
            return Lookup::Unavailable;
        };
        let found = entry.jwks.lookup(header, now);
        entry.due |= found == Lookup::Fetch;
        found
    }

    /// Takes note that a signature is not that of the key which its token names, and says whether the
    /// keys are fetched again for that.
    pub(crate) fn doubt(&mut self, source: &PublishedSource, header: &TokenHeader, now: Timestamp) -> bool {
        let Some(entry) = self.0.iter_mut().find(|entry| entry.source == *source) else { return false };
        let begins = entry.jwks.doubt(header, now);
        entry.due |= begins;
        begins
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        let at = |entry: &Entry| if entry.due { Timestamp::ZERO } else { entry.jwks.next_timeout() };
        self.0.iter().map(at).min()
    }

    /// The next thing to fetch, if anything is due.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp) -> Option<GuardAction> {
        let due = |entry: &mut Entry| std::mem::take(&mut entry.due) || entry.jwks.handle_timeout(now);
        let at = self.0.iter_mut().position(due)?;
        let source = &self.0.get(at)?.source;
        Some(GuardAction::FetchKeys { url: source.url().into(), within: source.timeout(), max_bytes: MAX_BODY })
    }

    /// Takes what was fetched from `url`, and says whether it has changed any keys.
    pub(crate) fn fetched(&mut self, url: &str, body: &[u8], now: Timestamp) -> Result<bool, PolicyError> {
        let (mut changed, mut wrong) = (false, None);
        for entry in self.0.iter_mut().filter(|entry| entry.source.url() == url) {
            match entry.jwks.fetched(body, now) {
                Ok(new) => changed |= new,
                Err(error) => wrong = Some(error),
            }
        }
        // Where one of two readers found nothing of use, the other's new keys count all the same.
        wrong.filter(|_| !changed).map_or(Ok(changed), Err)
    }

    /// Takes note that `url` could not be fetched.
    pub(crate) fn failed(&mut self, url: &str) {
        for entry in self.0.iter_mut().filter(|entry| entry.source.url() == url) {
            entry.jwks.failed();
        }
    }
}
