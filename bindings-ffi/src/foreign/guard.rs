//! Policies and guards.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wswarden_core as core;
use wswarden_core::credential::ticket::Binding;
use wswarden_core::message::TypeIndex;
use wswarden_core::{Gap, GuardAction, Host, Secret, Timestamp, UnixTime, UserKey};

use super::values::{Identity, Response, nanos};
use super::{Result, Time, WswardenError, here, local};
use crate::credentials::random;
use crate::handle::Local;
use crate::source::policy_from_file;

/// What is allowed: an immutable value.
#[derive(uniffi::Object)]
pub struct Policy(core::Policy);

#[uniffi::export]
impl Policy {
    /// Reads a policy from TOML. Values written as `env:NAME` or `file:PATH` need `from_file`.
    #[uniffi::constructor]
    pub fn from_toml(text: String) -> Result<Arc<Self>> {
        made(core::Policy::from_toml(&text))
    }

    /// Reads a policy from JSON.
    #[uniffi::constructor]
    pub fn from_json(text: String) -> Result<Arc<Self>> {
        made(core::Policy::from_json(&text))
    }

    /// Reads a policy from a file: JSON if its name ends in ".json", else TOML. Values written as `env:NAME` come from
    /// the environment, those written as `file:PATH` from files next to it.
    #[uniffi::constructor]
    pub fn from_file(path: String) -> Result<Arc<Self>> {
        made(policy_from_file(Path::new(&path)))
    }

    /// What is allowed but seldom meant.
    pub fn warnings(&self) -> Vec<String> {
        self.0.warnings().iter().map(ToString::to_string).collect()
    }

    /// The whole document as JSON, secrets left out.
    pub fn json(&self) -> String {
        self.0.to_value().to_string()
    }

    /// The names of the types of messages on a path, in the order of their numbers.
    pub fn type_names(&self, path: String) -> Vec<String> {
        let name = |index| self.0.type_name(&path, TypeIndex::from_number(index)?).map(Into::into);
        (1..).map_while(name).collect()
    }

    /// The largest message that the policy takes, in bytes: tell it to the WebSocket library.
    pub fn max_message_bytes(&self) -> u64 {
        self.0.host_limits().max_message
    }
}

/// The JSON Schema (draft 2020-12) of policies, for editors and tools.
#[uniffi::export]
pub fn policy_schema() -> String {
    core::Policy::json_schema().to_string()
}

fn made(policy: std::result::Result<core::Policy, core::PolicyError>) -> Result<Arc<Policy>> {
    policy.map(|policy| Arc::new(Policy(policy))).map_err(refused)
}

fn refused(error: core::PolicyError) -> WswardenError {
    WswardenError::Policy(error.to_string())
}

/// What a host can do.
#[derive(Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum Ability {
    /// It can send ping frames and sees the pongs.
    Pings,
    /// It shows every control frame.
    ControlFrames,
    /// It shows a repeated header as often as it was sent.
    RepeatedHeaders,
    /// It bounds the fragments of a message.
    Fragments,
    /// It can refuse with any HTTP status and headers before the upgrade.
    HttpRefusal,
}

impl Ability {
    /// The gap where it is missing.
    const fn gap(self) -> Gap {
        match self {
            Self::Pings => Gap::Pings,
            Self::ControlFrames => Gap::ControlFrames,
            Self::RepeatedHeaders => Gap::RepeatedHeaders,
            Self::Fragments => Gap::Fragments,
            Self::HttpRefusal => Gap::HttpRefusal,
        }
    }

    const fn granted(self, host: Host) -> Host {
        match self {
            Self::Pings => host.pings(),
            Self::ControlFrames => host.control_frames(),
            Self::RepeatedHeaders => host.repeated_headers(),
            Self::Fragments => host.fragments(),
            Self::HttpRefusal => host.http_refusal(),
        }
    }
}

/// What to take back.
#[derive(Clone, uniffi::Enum)]
pub enum Revocation {
    /// The token with this `jti`.
    Token {
        /// Whose id it is.
        vouched_by: String,
        /// The id.
        id: String,
    },
    /// All of a user's credentials issued up to a moment, in Unix nanoseconds.
    User {
        /// Who vouches for the subject.
        vouched_by: String,
        /// The tenant.
        tenant: String,
        /// The user's name.
        subject: String,
        /// The last moment that is covered.
        issued_until: u64,
    },
    /// All credentials of a host's session (`sid`).
    Session {
        /// Whose id it is.
        vouched_by: String,
        /// The id.
        id: String,
    },
}

impl From<Revocation> for core::Revocation {
    fn from(what: Revocation) -> Self {
        match what {
            Revocation::Token { vouched_by, id } => Self::Token { namespace: vouched_by.into(), id: id.into() },
            Revocation::Session { vouched_by, id } => Self::Session { namespace: vouched_by.into(), id: id.into() },
            Revocation::User { vouched_by, tenant, subject, issued_until } => Self::User {
                user: UserKey { namespace: vouched_by.into(), tenant: tenant.into(), subject: subject.into() },
                issued_until: UnixTime::from_nanos(issued_until),
            },
        }
    }
}

/// A guard's state in numbers.
#[derive(Clone, uniffi::Record)]
pub struct Stats {
    /// Connections that hold a slot.
    pub connections: u32,
    /// Those of them that have not shown a good credential.
    pub unauthenticated: u32,
    /// Sessions.
    pub sessions: u64,
    /// Sessions opened since the guard was made.
    pub opened: u64,
    /// Requests refused since the guard was made, by reason.
    pub refused: std::collections::HashMap<String, u64>,
    /// Addresses the limiter remembers.
    pub addresses: u32,
    /// Users the limiter remembers.
    pub users: u32,
}

/// A ticket, or why there is none.
#[derive(Clone, uniffi::Enum)]
pub enum Minted {
    /// A secret, which opens one connection: never log it.
    Ticket {
        /// URL-safe text.
        text: String,
    },
    /// There is none.
    Refused {
        /// The name of the reason.
        reason: String,
        /// For the audit.
        detail: String,
    },
}

/// Whose token it was, or the answer to give.
#[derive(Clone, uniffi::Enum)]
pub enum Verified {
    /// It is this user's.
    Identity {
        /// Who it is.
        identity: Identity,
    },
    /// It is refused; for "identity_unavailable", the keys are being fetched.
    Refused {
        /// The refusal.
        response: Response,
    },
}

/// A key set to fetch: over verified TLS alone, without following redirects, and with no credentials.
#[derive(Clone, uniffi::Record)]
pub struct FetchKeys {
    /// Where it is published.
    pub url: String,
    /// How long it may take in all, in nanoseconds.
    pub within: u64,
    /// How large the body may be, in bytes.
    pub max_bytes: u64,
}

/// A policy, and what the connections of one server share under it. Safe for any number of threads.
#[derive(uniffi::Object)]
pub struct Guard(pub(crate) Local<core::Guard>);

#[uniffi::export]
impl Guard {
    /// Makes a guard for a host that can do what `abilities` says; `waived` is what it cannot, and the operator has seen
    /// to elsewhere. `seed` is for tests: 32 bytes; without it they come from the operating system.
    #[uniffi::constructor(default(waived = [], seed = None))]
    pub fn new(
        policy: Arc<Policy>,
        abilities: Vec<Ability>,
        waived: Vec<Ability>,
        seed: Option<Vec<u8>>,
    ) -> Result<Arc<Self>> {
        let host = abilities.iter().fold(Host::NOTHING, |host, ability| ability.granted(host));
        let waived: Vec<Gap> = waived.iter().map(|ability| ability.gap()).collect();
        let seed = bytes_or_random(seed)?;
        let guard = core::Guard::new(policy.0.clone(), host, &waived, seed).map_err(refused)?;
        Ok(Arc::new(Self(local(guard)?)))
    }

    /// Puts another policy in force; the numbers of the sessions that it concerns.
    pub fn reload(&self, policy: Arc<Policy>) -> Result<Vec<u64>> {
        here(&self.0)?.reload(policy.0.clone()).map(ids).map_err(refused)
    }

    /// Refuses credentials for `lasts` nanoseconds, and closes the sessions that were opened with them: their numbers.
    pub fn revoke(&self, what: Revocation, lasts: u64, now_unix: u64) -> Result<Vec<u64>> {
        let affected = here(&self.0)?.revoke(&what.into(), Duration::from_nanos(lasts), UnixTime::from_nanos(now_unix));
        affected.map(ids).map_err(|_| WswardenError::Full)
    }

    /// Refuses new connections and closes the open ones, spread over the policy's `deadline.drain`.
    pub fn drain(&self, now_mono: u64) -> Result<Vec<u64>> {
        Ok(ids(here(&self.0)?.drain(Timestamp::from_nanos(now_mono))))
    }

    /// Makes a single-use ticket for a user whom the host knows by the usual credential of its HTTPS endpoint. `entropy`
    /// is for tests: 32 bytes; without it they come from the operating system.
    #[uniffi::method(default(entropy = None))]
    pub fn mint_ticket(
        &self,
        identity: Identity,
        path: String,
        origin: Option<String>,
        address: Option<String>,
        now: Time,
        entropy: Option<Vec<u8>>,
    ) -> Result<Minted> {
        let address = address.map(|address| address.parse()).transpose();
        let address = address.map_err(|_| wrong("address: expected an IP address"))?;
        let binding = Binding { path: &path, origin: origin.as_deref(), address };
        Ok(match here(&self.0)?.mint_ticket(&identity.taken(), &binding, bytes_or_random(entropy)?, now.into()) {
            Ok(ticket) => Minted::Ticket { text: String::from_utf8_lossy(ticket.expose()).into_owned() },
            Err(fault) => Minted::Refused { reason: fault.reason().name().into(), detail: fault.name().into() },
        })
    }

    /// Judges a token by the keys and claims of the policy for `path`: for the host's own endpoints, such as the one that
    /// mints tickets. Nothing is charged: such an endpoint has limits of its own.
    pub fn verify_token(&self, path: String, token: Vec<u8>, now: Time) -> Result<Verified> {
        Ok(match here(&self.0)?.verify_token(&path, Secret::new(token), now.into()) {
            Ok(identity) => Verified::Identity { identity: Identity::shown(&identity) },
            Err(refusal) => Verified::Refused { response: Response::refusing(&refusal) },
        })
    }

    /// When to call `handle_timeout`, on the monotonic clock; none where the policy needs nothing fetched.
    pub fn next_timeout(&self) -> Result<Option<u64>> {
        Ok(here(&self.0)?.next_timeout().map(Timestamp::as_nanos))
    }

    /// The next key set that is to be fetched: call until it gives none.
    pub fn handle_timeout(&self, now_mono: u64) -> Result<Option<FetchKeys>> {
        match here(&self.0)?.handle_timeout(Timestamp::from_nanos(now_mono)) {
            None => Ok(None),
            Some(GuardAction::FetchKeys { url, within, max_bytes }) => Ok(Some(FetchKeys {
                url: url.into(),
                within: nanos(within),
                max_bytes: u64::try_from(max_bytes).unwrap_or(u64::MAX),
            })),
            Some(_) => Err(wrong("this version has no words for what is due")),
        }
    }

    /// Takes the key set that was fetched from `url`.
    pub fn keys_fetched(&self, url: String, body: Vec<u8>, now_mono: u64) -> Result<()> {
        here(&self.0)?.keys_fetched(&url, &body, Timestamp::from_nanos(now_mono)).map_err(refused)
    }

    /// Takes note that `url` could not be fetched.
    pub fn keys_failed(&self, url: String) -> Result<()> {
        here(&self.0)?.keys_failed(&url);
        Ok(())
    }

    /// The guard's state in numbers.
    pub fn stats(&self) -> Result<Stats> {
        let stats = here(&self.0)?.stats();
        Ok(Stats {
            connections: stats.connections,
            unauthenticated: stats.unauthenticated,
            sessions: stats.sessions,
            opened: stats.opened,
            refused: stats.refused.iter().map(|(reason, count)| (reason.name().to_owned(), *count)).collect(),
            addresses: stats.addresses,
            users: stats.users,
        })
    }
}

fn ids(affected: core::Affected) -> Vec<u64> {
    affected.ids.iter().map(|id| id.number()).collect()
}

fn wrong(what: &str) -> WswardenError {
    WswardenError::Argument(what.into())
}

/// 32 bytes that a test gives, or the operating system's.
fn bytes_or_random(given: Option<Vec<u8>>) -> Result<[u8; 32]> {
    match given {
        Some(bytes) => bytes.try_into().map_err(|_| wrong("seed and entropy: expected 32 bytes")),
        None => random().map_err(|_| wrong("the operating system gives no randomness")),
    }
}
