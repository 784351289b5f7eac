//! Why a JSON Web Token was refused, for the audit log.

use crate::reason::Reason;

/// Why a token was refused. The peer sees only [`JwtFault::reason`]; the finer word is for the
/// operator's log, since a peer that is told which check failed can search for a way around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwtFault {
    /// It is not three parts of canonical base64url, or a part is not the JSON it should be.
    Malformed,
    /// It is longer than the policy allows; nothing was parsed.
    TooLong,
    /// It has five parts: an encrypted token (RFC 7516). Nothing was parsed.
    Encrypted,
    /// No key has the algorithm that its header names.
    AlgMismatch,
    /// No key in force answers to its `kid`.
    NoKey,
    /// No key verifies the signature.
    BadSignature,
    /// The header lists extensions that must be understood (`crit`).
    Crit,
    /// The header asks for a treatment that is never given (`b64`, `zip`).
    Header,
    /// The `typ` header is not one of those listed.
    Typ,
    /// The header or the claims have the same name twice.
    Duplicate,
    /// A claim has the wrong type, or a date is not one.
    ClaimType,
    /// A claim that must be there is not.
    MissingClaim,
    /// The issuer is not one of those listed.
    Issuer,
    /// None of the audiences is one of those listed.
    Audience,
    /// A claim that the policy has a rule for says something else.
    Claim,
    /// It does not count yet (`nbf`).
    NotYetValid,
    /// It counted once (`exp`). Everything else about it is right.
    Expired,
}

impl JwtFault {
    /// What the peer is told.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Expired => Reason::TokenExpired,
            _ => Reason::CredentialInvalid,
        }
    }

    /// The name in audit events and the conformance protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::Encrypted => "encrypted",
            Self::AlgMismatch => "alg_mismatch",
            Self::NoKey => "no_key",
            Self::BadSignature => "bad_signature",
            Self::Crit => "crit",
            Self::Header => "header",
            Self::Typ => "typ",
            Self::Duplicate => "duplicate_claim",
            Self::ClaimType => "claim_type",
            Self::MissingClaim => "missing_claim",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Claim => "claim",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
        }
    }
}

impl std::fmt::Display for JwtFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for JwtFault {}
