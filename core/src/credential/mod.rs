//! Where a credential stands, and whether it is good.

use crate::policy::{Jwt, PolicyError};

/// Keys and claims, prepared for judging tokens.
#[derive(Debug)]
pub struct JwtVerifier {}

impl JwtVerifier {
    /// Prepares the keys.
    pub fn new(_rules: &Jwt) -> Result<Self, PolicyError> {
        Ok(Self {})
    }
}
