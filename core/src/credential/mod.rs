//! Where a credential stands, and whether it is good.
//!
//! [`Locator`] finds it in a request, by syntax alone. [`JwtVerifier`] judges JSON Web Tokens with the
//! policy's keys and with [`PublishedKeys`], which [`Jwks`] says when to fetch; [`TokenCache`] spares
//! the second signature check of the same token. [`ticket`] holds single-use tickets, and
//! [`Revocations`] what was taken back. Opaque session tokens are the host's to resolve.

mod base64url;
mod cache;
mod claim_name;
mod claim_rule;
mod claims;
mod digest;
mod fault;
mod json;
mod jwk;
mod jwks;
mod jws;
mod jwt;
mod key_source;
mod key_sources;
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
pub use fault::JwtFault;
pub use jwk::judge_jwk;
pub use jwks::{Jwks, JwksRules, Lookup, PublishedKeys};
pub use jws::JwsVerifier;
pub use jwt::{JwtVerifier, TokenHeader};
pub use key_source::PublishedSource;
pub(crate) use key_sources::KeySources;
pub use locate::{Located, Locator};
pub use revocation::{NoRoom, Revocation, Revocations, SessionIndex};
pub use subprotocol::{carries_token, token_entries};
