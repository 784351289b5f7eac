//! Tokens in `Sec-WebSocket-Protocol`: the one header that a browser's WebSocket lets a page set.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::locate::plain;
use crate::policy::SubprotocolForm;
use crate::reason::Reason;
use crate::secret::Secret;

const FORMS: [SubprotocolForm; 4] =
    [SubprotocolForm::Kubernetes, SubprotocolForm::Phoenix, SubprotocolForm::Jupyter, SubprotocolForm::Anycable];

/// Whether an offered subprotocol has the shape of one that carries a token, in any form, whether
/// the policy uses that form or not. Such an entry is never selected or repeated: an answer that
/// did so would put the token where logs and proxies keep it (threat 54).
pub fn carries_token(entry: &str) -> bool {
    let begins = |form: &SubprotocolForm| {
        let prefix = prefix(*form);
        entry.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    FORMS.iter().any(begins)
}

/// The offered subprotocols that carry tokens.
pub fn token_entries<'a>(offered: &[&'a str]) -> Vec<&'a str> {
    offered.iter().copied().filter(|entry| carries_token(entry)).collect()
}

/// The token offered in this form, if there is one. Kubernetes' rules, whose form is the oldest:
/// one token only, and beside it a protocol that the server can select, since a browser drops a
/// connection for which none is selected.
pub(super) fn token(offered: &[&str], form: SubprotocolForm) -> Result<Option<Secret>, Reason> {
    let mut encoded = offered.iter().filter_map(|entry| entry.strip_prefix(prefix(form)));
    let Some(first) = encoded.next() else { return Ok(None) };
    if encoded.next().is_some() {
        return Err(Reason::CredentialAmbiguous);
    }
    if form == SubprotocolForm::Kubernetes && offered.iter().all(|entry| carries_token(entry)) {
        return Err(Reason::SubprotocolNotSupported);
    }
    let invalid = Reason::CredentialInvalid;
    // One spelling only, as for the parts of a JWT.
    let decoded = match form {
        SubprotocolForm::Kubernetes => BASE64_URL_SAFE_NO_PAD.decode(first).map_err(|_| invalid)?,
        SubprotocolForm::Phoenix => BASE64_STANDARD_NO_PAD.decode(first).map_err(|_| invalid)?,
        SubprotocolForm::Jupyter => percent_decoded(first).ok_or(invalid)?,
        SubprotocolForm::Anycable => first.as_bytes().to_vec(),
    };
    plain(&Zeroizing::new(decoded)).map(Some)
}

/// Jupyter's bare `v1.token.websocket.jupyter.org`, which its own client offers to be selected,
/// carries nothing: it lacks the last dot.
const fn prefix(form: SubprotocolForm) -> &'static str {
    match form {
        SubprotocolForm::Kubernetes => "base64url.bearer.authorization.k8s.io.",
        SubprotocolForm::Phoenix => "base64url.bearer.phx.",
        SubprotocolForm::Jupyter => "v1.token.websocket.jupyter.org.",
        SubprotocolForm::Anycable => "anycable-token.",
    }
}

/// Undoes `encodeURIComponent`.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        };
        decoded.push(byte);
    }
    Some(decoded)
}
