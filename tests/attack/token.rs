//! JSON Web Tokens, good ones and forged ones.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::config::Token;

/// Text as base64url without padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The present, in seconds since 1970.
pub(crate) fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A token in the making: header and claims as JSON text, so that they can be wrong in any way.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) header: String,
    pub(crate) claims: Value,
    pub(crate) secret: Vec<u8>,
    pub(crate) algorithm: Algorithm,
}

impl Draft {
    /// A token that the target accepts, for an hour.
    pub(crate) fn good(token: &Token, subject: &str) -> Self {
        let mut header = json!({ "typ": "JWT", "alg": "HS256" });
        if let Some(kid) = &token.kid {
            header["kid"] = json!(kid);
        }
        let now = unix_now();
        let claims = json!({
            "iss": token.issuer, "aud": token.audience, "sub": subject, "iat": now, "exp": now + 3600,
        });
        Self {
            header: header.to_string(),
            claims,
            secret: token.secret.as_bytes().to_vec(),
            algorithm: Algorithm::HS256,
        }
    }

    /// The same with another header.
    pub(crate) fn header(mut self, header: &str) -> Self {
        self.header = header.into();
        self
    }

    /// The same with one claim set, or removed when the value is null.
    pub(crate) fn claim(mut self, name: &str, value: Value) -> Self {
        if let Some(claims) = self.claims.as_object_mut() {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.into(), value);
            }
        }
        self
    }

    /// The same, signed with another secret.
    pub(crate) fn secret(mut self, secret: &[u8]) -> Self {
        self.secret = secret.to_vec();
        self
    }

    /// The token.
    pub(crate) fn sign(&self) -> String {
        self.sign_text(&self.claims.to_string())
    }

    /// The token with these claims, which need not be JSON.
    pub(crate) fn sign_text(&self, claims: &str) -> String {
        let signed = format!("{}.{}", encode(&self.header), encode(claims));
        let signature = self.mac(signed.as_bytes());
        format!("{signed}.{signature}")
    }

    /// Header and claims with the dot behind them, for a signature of one's own.
    pub(crate) fn unsigned(&self) -> String {
        format!("{}.{}.", encode(&self.header), encode(self.claims.to_string()))
    }

    fn mac(&self, message: &[u8]) -> String {
        // HMAC takes every key, so signing cannot fail; an empty signature would be refused anyway.
        jsonwebtoken::crypto::sign(message, &EncodingKey::from_secret(&self.secret), self.algorithm).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_token_verifies_and_a_forged_one_does_not() {
        let token: Token = toml::from_str(
            "places = []\nsecret = 'a secret of thirty-two characters'\nissuer = 'me'\naudience = 'chat'",
        )
        .unwrap();
        let draft = Draft::good(&token, "ada");
        let mut rules = jsonwebtoken::Validation::new(Algorithm::HS256);
        rules.set_audience(&["chat"]);
        rules.set_issuer(&["me"]);
        let key = jsonwebtoken::DecodingKey::from_secret(token.secret.as_bytes());
        let read = |text: &str| jsonwebtoken::decode::<Value>(text, &key, &rules);
        assert_eq!(read(&draft.sign()).unwrap().claims["sub"], "ada");
        assert!(read(&draft.clone().secret(b"another").sign()).is_err());
        assert!(read(&draft.clone().claim("exp", Value::Null).sign()).is_err());
        assert_eq!(draft.unsigned().matches('.').count(), 2);
    }
}
