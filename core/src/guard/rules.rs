//! What a set of rules says about a connection.

use std::time::Duration;

use crate::handshake::Peer;
use crate::http::Authority;
use crate::policy::{CredentialKind, Jwt, Place, Rules, Secure};
use crate::time::Timestamp;

/// The longest session token that is read from a message, in bytes: browsers allow cookies no more.
const LONGEST_SESSION_TOKEN: u64 = 4096;

impl Rules {
    /// How far clocks may differ.
    pub(crate) fn leeway(&self) -> Duration {
        self.document.credential.jwt.as_ref().map_or(Duration::ZERO, |jwt| jwt.leeway.get())
    }

    /// When the host is to be asked about an identity again that is good now.
    pub(crate) fn revalidate_after(&self, now: Timestamp) -> Timestamp {
        self.document.credential.revalidate.get().map_or(Timestamp::MAX, |every| now.after(every.get()))
    }

    /// The longest credential a message may carry, in bytes.
    pub(crate) fn max_token(&self) -> u64 {
        let jwt = |jwt: &Jwt| jwt.max_length.bytes();
        self.document.credential.jwt.as_ref().map_or(LONGEST_SESSION_TOKEN, jwt).max(LONGEST_SESSION_TOKEN)
    }

    /// What a message's credential is: the first message's as its source says, a refresh's the same
    /// kind, and a token where there is a way to judge one.
    pub(crate) fn message_credential(&self) -> CredentialKind {
        let credential = &self.document.credential;
        let first = credential.sources.iter().find(|source| source.place == Place::FirstMessage);
        match first.or(credential.sources.first()) {
            Some(source) if self.jwt.is_none() => source.kind,
            Some(source) if source.place == Place::FirstMessage => source.kind,
            _ if self.jwt.is_some() => CredentialKind::Jwt,
            _ => CredentialKind::Session,
        }
    }

    /// Whether a connection that is open would be let in under these rules, as far as that can be
    /// told without its credential.
    pub(crate) fn still_allows(&self, peer: &Peer) -> bool {
        let transport = &self.document.transport;
        let Some(host) = Authority::parse(&peer.host) else { return false };
        let hosted = host.is_listed(&transport.hosts, peer.secure);
        let own_host = (!transport.hosts.is_empty()).then_some(&host);
        let origin = peer.origin.as_deref().map(str::as_bytes);
        let from_here = self.origins.judge(origin, peer.ambient, own_host, peer.secure, &self.document.origin);
        hosted && from_here.is_ok() && (peer.secure || transport.secure == Secure::DangerousAny)
    }
}
