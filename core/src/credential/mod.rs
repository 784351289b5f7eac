//! Where a credential stands, and whether it is good.

mod claims;
mod fault;
mod json;
mod jwk;
mod jws;
mod jwt;
mod keys;
mod keyset;
mod rfc3339;
mod secrets;

pub use fault::JwtFault;
pub use jwk::judge_jwk;
pub use jws::JwsVerifier;
pub use jwt::JwtVerifier;
