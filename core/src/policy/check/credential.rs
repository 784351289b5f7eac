//! Sources and keys that belong together. Each source and each key is judged by what is made of it
//! (`Locator`, `JwtVerifier`).

use super::Checked;
use crate::policy::text::element;
use crate::policy::{Credential, CredentialKind, Discriminator, Document, MessageKind, Place, PolicyError, Source};

/// A request is looked through once for each source.
const MAX_SOURCES: usize = 16;

/// Keys without a source are for the `Authorization` header.
pub(super) fn complete(credential: &mut Credential) {
    if credential.sources.is_empty() && credential.jwt.is_some() {
        credential.sources.push(Source {
            kind: CredentialKind::Jwt,
            place: Place::Header,
            name: Some("authorization".into()),
            form: None,
            message_type: None,
            field: None,
            dangerous_in_url: false,
        });
    }
}

pub(super) fn check(document: &Document) -> Checked {
    let credential = &document.credential;
    if credential.sources.is_empty() && !credential.anonymous {
        let help = "name a key in [credential.jwt], list credential.sources, or say anonymous = true for guests only";
        return Err(PolicyError::new("credential", "nobody could connect: there is no credential").help(help));
    }
    if credential.sources.len() > MAX_SOURCES {
        let found = format!("found {} sources; at most {MAX_SOURCES} are possible", credential.sources.len());
        return Err(PolicyError::new("credential.sources", found));
    }
    let has_jwt = credential.sources.iter().any(|source| source.kind == CredentialKind::Jwt);
    if credential.jwt.is_some() && !has_jwt {
        let why = "these keys are never used: no source is of kind \"jwt\"";
        let help = "add { kind = \"jwt\", in = \"header\", name = \"authorization\" } to credential.sources";
        return Err(PolicyError::new("credential.jwt", why).help(help));
    }
    first_message(document)?;
    refresh(document)
}

/// What a credential in a message needs of the messages.
fn in_band(place: &str, document: &Document) -> Checked {
    if let Discriminator::Index(_) = document.message.discriminator {
        let why = "a credential is a field of an object, but message.discriminator says that messages are arrays";
        return Err(PolicyError::new(place, why));
    }
    if !document.message.kinds.contains(&MessageKind::Text) {
        return Err(PolicyError::new(place, "a credential is sent as text, which message.kinds does not accept"));
    }
    Ok(())
}

fn first_message(document: &Document) -> Checked {
    let mut sources = document.credential.sources.iter().enumerate();
    let Some((index, source)) = sources.find(|(_, source)| source.place == Place::FirstMessage) else { return Ok(()) };
    let place = element("credential.sources", index);
    in_band(&place, document)?;
    match &source.message_type {
        Some(name) if document.message.types.contains_key(name) => {
            let why =
                format!("{name:?} is one of message.types too, and the message with the credential is never delivered");
            Err(PolicyError::new(format!("{place}.type"), why))
        }
        _ => Ok(()),
    }
}

fn refresh(document: &Document) -> Checked {
    let credential = &document.credential;
    let Some(refresh) = &credential.refresh else { return Ok(()) };
    if credential.sources.is_empty() {
        return Err(PolicyError::new("credential.refresh", "guests have no credential that could be renewed"));
    }
    if refresh.message_type.is_empty() || refresh.field.is_empty() {
        return Err(PolicyError::new("credential.refresh", "`type` and `field` must not be empty"));
    }
    if document.message.types.contains_key(&refresh.message_type) {
        let name = &refresh.message_type;
        let why = format!("{name:?} is one of message.types too, and the message that renews is never delivered");
        return Err(PolicyError::new("credential.refresh.type", why));
    }
    in_band("credential.refresh", document)
}
