//! The one table of reasons: name, pinned number, HTTP status, close codes, retry advice, sentence.
//!
//! Every language, log, metric and document takes a reason's facts from here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which codes and replies a peer gets for the same decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// The codes of RFC 6455 section 7.4 and the IANA registry only.
    Rfc,
    /// 4400 + the last two digits of the HTTP status where an application should tell causes apart.
    #[default]
    App,
    /// The codes of `rfc`, and the guide's own two error replies, byte for byte.
    Guide,
}

/// What a peer should do after a refusal or close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// The same request will be refused again.
    Never,
    /// At once.
    Now,
    /// After growing, jittered pauses.
    Backoff,
    /// When `retry_after` has passed, with jitter.
    AfterDelay,
    /// With another credential.
    WithNewCredential,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: &'static [Self] = &[Self::Rfc, Self::App, Self::Guide];

    /// The name in a policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfc => "rfc",
            Self::App => "app",
            Self::Guide => "guide",
        }
    }

    /// The dialect with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dialect| dialect.name() == name)
    }
}

impl Retry {
    /// The name in logs and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Now => "now",
            Self::Backoff => "backoff",
            Self::AfterDelay => "after_delay",
            Self::WithNewCredential => "with_new_credential",
        }
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:literal, $http:literal, $rfc:literal, $app:literal, $retry:ident;)+) => {
        /// Why something was refused, dropped or closed.
        ///
        /// The numbers are pinned: one that is retired is never used again. 0 is no reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant = $number,)+
        }

        impl Reason {
            /// Every reason, by ascending number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in logs, metrics, problem documents and error replies.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The reason with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.name() == name)
            }

            /// The pinned number, as bits 8 to 15 of a verdict carry it.
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number),+ }
            }

            /// The reason with this number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// The status of the HTTP answer, when it is given before the 101.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $http),+ }
            }

            /// The code of the close frame, when it is given after the 101.
            pub const fn close_code(self, dialect: Dialect) -> u16 {
                match dialect {
                    Dialect::Rfc | Dialect::Guide => match self { $(Self::$variant => $rfc),+ },
                    Dialect::App => match self { $(Self::$variant => $app),+ },
                }
            }

            /// What the peer should do next.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry),+ }
            }

            /// One sentence for people. It tells no more than the name does.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

// Column: number, name, HTTP status, close code `rfc` and `guide`, close code `app`, retry.
reasons! {
    /// The request is not a valid WebSocket upgrade.
    BadRequest = 1, "bad_request", 400, 1002, 4400, Never;
    /// A WebSocket upgrade is a GET request.
    MethodNotAllowed = 2, "method_not_allowed", 405, 1002, 4400, Never;
    /// Only version 13 of the WebSocket protocol is spoken.
    WrongVersion = 3, "wrong_version", 426, 1002, 4400, Never;
    /// The request target is too long.
    UriTooLong = 4, "uri_too_long", 414, 1009, 4414, Never;
    /// The request's header fields are too many or too large.
    HeadersTooLarge = 5, "headers_too_large", 431, 1009, 4431, Never;
    /// The upgrade was not finished in time.
    HandshakeTimeout = 6, "handshake_timeout", 408, 1008, 4408, Backoff;
    /// Only connections over TLS are accepted.
    InsecureTransport = 7, "insecure_transport", 403, 1008, 4403, Never;
    /// This server does not answer for that host.
    HostNotAllowed = 8, "host_not_allowed", 421, 1008, 4421, Never;
    /// Pages of this origin may not connect.
    OriginNotAllowed = 9, "origin_not_allowed", 403, 1008, 4403, Never;
    /// A request with this kind of credential needs an Origin.
    OriginMissing = 10, "origin_missing", 403, 1008, 4403, Never;
    /// None of the offered subprotocols is spoken here.
    SubprotocolNotSupported = 11, "subprotocol_not_supported", 400, 1002, 4400, Never;
    /// A credential is needed.
    CredentialMissing = 12, "credential_missing", 401, 1008, 4401, WithNewCredential;
    /// The credential is not valid.
    CredentialInvalid = 13, "credential_invalid", 401, 1008, 4401, WithNewCredential;
    /// More than one credential was sent.
    CredentialAmbiguous = 14, "credential_ambiguous", 400, 1008, 4400, Never;
    /// The credential has expired.
    TokenExpired = 15, "token_expired", 401, 1008, 4401, WithNewCredential;
    /// The credential has been revoked.
    Revoked = 16, "revoked", 401, 1008, 4401, Never;
    /// The credential does not permit this.
    Forbidden = 17, "forbidden", 403, 1008, 4403, Never;
    /// No valid credential came in time.
    AuthTimeout = 18, "auth_timeout", 408, 1008, 4408, Now;
    /// Too much was sent in too short a time.
    RateLimited = 19, "rate_limited", 429, 1008, 4429, AfterDelay;
    /// Too many connections are open for this user or address.
    TooManyConnections = 20, "too_many_connections", 429, 1013, 4429, AfterDelay;
    /// The server is full.
    Overloaded = 21, "overloaded", 503, 1013, 1013, AfterDelay;
    /// This user or address has been shut out for a while.
    Banned = 22, "banned", 429, 1008, 4429, AfterDelay;
    /// The credential could not be checked just now.
    IdentityUnavailable = 23, "identity_unavailable", 503, 1013, 1013, Backoff;

    /// The message is larger than allowed.
    MessageTooBig = 32, "message_too_big", 413, 1009, 1009, Never;
    /// The message came in too many fragments.
    TooManyFragments = 33, "too_many_fragments", 413, 1009, 1009, Never;
    /// Messages of this kind, text or binary, are not accepted.
    WrongFrameType = 34, "wrong_frame_type", 415, 1003, 1003, Never;
    /// The text is not valid UTF-8.
    InvalidUtf8 = 35, "invalid_utf8", 400, 1007, 1007, Never;
    /// The message is not valid JSON.
    InvalidJson = 36, "invalid_json", 400, 1008, 4400, Never;
    /// An object in the message has the same key twice.
    DuplicateKey = 37, "duplicate_key", 400, 1008, 4400, Never;
    /// The message goes over a limit on depth, members or digits.
    JsonLimit = 38, "json_limit", 400, 1008, 4400, Never;
    /// An object in the message has a key that is never accepted.
    ForbiddenKey = 39, "forbidden_key", 400, 1008, 4400, Never;
    /// The message does not match its schema.
    SchemaViolation = 40, "schema_violation", 400, 1008, 4400, Never;
    /// Messages of this type are not known here.
    UnknownType = 41, "unknown_type", 400, 1008, 4400, Never;
    /// Checking the message would cost too much.
    TooCostly = 42, "too_costly", 400, 1008, 4400, Never;
    /// A credential must come before any other message.
    AuthenticationRequired = 43, "authentication_required", 401, 1008, 4401, WithNewCredential;
    /// Too many messages were invalid.
    TooManyErrors = 44, "too_many_errors", 400, 1008, 4400, Never;
    /// No more channels can be joined on this connection.
    TooManyChannels = 45, "too_many_channels", 429, 1008, 4429, Never;
    /// A renewed credential must be for the same user and no wider.
    IdentityChanged = 46, "identity_changed", 401, 1008, 4401, Never;

    /// The peer did not answer a ping in time.
    PingTimeout = 64, "ping_timeout", 408, 1008, 4408, Now;
    /// Nothing was sent for too long.
    IdleTimeout = 65, "idle_timeout", 408, 1001, 4408, Now;
    /// The peer reads more slowly than it is sent to.
    SlowConsumer = 66, "slow_consumer", 408, 1008, 4408, Backoff;
    /// The connection has reached its greatest age.
    MaxLifetime = 67, "max_lifetime", 408, 1001, 1001, Now;
    /// The server is going down.
    Draining = 68, "draining", 503, 1012, 1012, Backoff;
    /// The close handshake was not finished in time.
    CloseTimeout = 69, "close_timeout", 408, 1008, 4408, Now;
    /// The peer broke the WebSocket protocol.
    ProtocolError = 70, "protocol_error", 400, 1002, 1002, Never;
    /// The peer closed the connection.
    ClosedByPeer = 71, "closed_by_peer", 400, 1000, 1000, Now;
    /// The server closed the connection.
    ClosedByHost = 72, "closed_by_host", 400, 1000, 1000, Now;
    /// The connection was cut without a close handshake.
    ConnectionLost = 73, "connection_lost", 400, 1001, 1001, Now;
    /// The server's rules have changed and no longer allow this connection.
    PolicyChanged = 74, "policy_changed", 403, 1008, 4403, Never;

    /// The server made a mistake.
    Internal = 255, "internal", 500, 1011, 1011, Backoff;
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
