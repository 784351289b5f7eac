//! Signatures, keys and tokens, one by one.

use serde_json::{Value, json};

use super::fields::{Wrong, encoded, number, optional, required, text, typed};
use crate::credential::{JwsVerifier, JwtFault, JwtVerifier, judge_jwk};
use crate::policy::{JwtKey, PolicyDraft};
use crate::reason::Reason;
use crate::time::UnixTime;

pub(super) fn jws(question: &Value) -> Result<Value, Wrong> {
    let (token, key) = (text(question, "token")?, required(question, "key")?);
    let verifier = if optional(key, "pem").is_some() {
        let key: JwtKey = typed(key, "key")?;
        JwsVerifier::new(&key)
    } else {
        JwsVerifier::from_jwk(key)
    };
    Ok(match verifier.map(|verifier| verifier.payload(token.as_bytes())) {
        Ok(Ok(payload)) => json!({ "accept": true, "payload": encoded(&payload) }),
        Ok(Err(fault)) => refused(fault),
        // A key that may not be used verifies nothing.
        Err(error) => json!({
            "accept": false,
            "reason": Reason::CredentialInvalid.name(),
            "detail": "key",
            "key": error.to_string(),
        }),
    })
}

pub(super) fn jwk(question: &Value) -> Result<Value, Wrong> {
    Ok(match judge_jwk(required(question, "jwk")?) {
        Ok(alg) => json!({ "accept": true, "alg": alg }),
        Err(error) => json!({ "accept": false, "error": error.to_string() }),
    })
}

pub(super) fn jwt(question: &Value) -> Result<Value, Wrong> {
    let draft = PolicyDraft::from_value(json!({ "credential": { "jwt": required(question, "jwt")? } }));
    if let Some(source) = draft.sources().first() {
        return Err(Wrong::new(format!("{} lies elsewhere, and a question must hold everything", source.place)));
    }
    let document = draft.document().map_err(|error| Wrong::new(error.to_string()))?;
    let rules = document.credential.jwt.as_ref().ok_or_else(|| Wrong::new("jwt is missing"))?;
    let verifier = JwtVerifier::new(rules).map_err(|error| Wrong::new(error.within("jwt").to_string()))?;
    let now = UnixTime::from_secs(number(question, "unix")?);
    Ok(match verifier.verify(text(question, "token")?.as_bytes(), now) {
        Ok(identity) => {
            let user = identity.user();
            json!({
                "accept": true,
                "subject": identity.subject(),
                "namespace": user.map(|user| &*user.namespace),
                "tenant": user.map(|user| &*user.tenant),
                "scopes": identity.scopes().iter().map(|scope| &**scope).collect::<Vec<_>>(),
                "expires": identity.expires().map(UnixTime::as_secs),
            })
        }
        Err(fault) => refused(fault),
    })
}

fn refused(fault: JwtFault) -> Value {
    json!({ "accept": false, "reason": fault.reason().name(), "detail": fault.name() })
}
