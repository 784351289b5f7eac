//! Where a credential stands, and whether it is good.

mod claims;
mod fault;
mod json;
mod jwk;
mod jws;
mod jwt;
mod keys;
mod keyset;
mod locate;
mod rfc3339;
mod secrets;
mod subprotocol;
#[cfg(test)]
mod tests;

pub use fault::JwtFault;
pub use jwk::judge_jwk;
pub use jws::JwsVerifier;
pub use jwt::JwtVerifier;
pub use locate::{Located, Locator};
pub use subprotocol::{carries_token, token_entries};
