//! Where a credential stands, and whether it is good.

mod base64url;
mod cache;
mod claim_rule;
mod claims;
mod digest;
mod fault;
mod json;
mod jwk;
mod jwks;
mod jws;
mod jwt;
mod keys;
mod keyset;
mod locate;
mod revocation;
mod rfc3339;
mod secrets;
mod subprotocol;
#[cfg(test)]
mod tests;
pub mod ticket;

pub use cache::TokenCache;
pub use claim_rule::ClaimRule;
pub use fault::JwtFault;
pub use jwk::judge_jwk;
pub use jwks::{Jwks, JwksRules, Lookup, PublishedKeys};
pub use jws::JwsVerifier;
pub use jwt::{JwtVerifier, TokenHeader};
pub use locate::{Located, Locator};
pub use revocation::{Revocation, Revocations, RevocationsFull, SessionIndex};
pub use subprotocol::{carries_token, token_entries};
