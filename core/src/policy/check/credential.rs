//! Sources that make sense, and keys that are strong enough.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Checked, is_token};
use crate::policy::text::element;
use crate::policy::{
    Algorithm, Credential, CredentialKind, Discriminator, Document, Jwt, JwtKey, MessageKind, Place, PolicyError,
    Source, WaivedClaim,
};

/// A request is looked through once for each source.
const MAX_SOURCES: usize = 16;
/// A token without a key id is tried with each key of its algorithm.
const MAX_KEYS: usize = 64;

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
    for (index, source) in credential.sources.iter().enumerate() {
        let place = element("credential.sources", index);
        one_source(source, document).map_err(|error| error.within(&place))?;
        if credential.sources.iter().take(index).any(|earlier| same_place(earlier, source)) {
            let why = "another source stands at the same place, and one credential cannot be two";
            return Err(PolicyError::new(place, why));
        }
    }
    let jwt_source = credential.sources.iter().position(|source| source.kind == CredentialKind::Jwt);
    match (jwt_source, &credential.jwt) {
        (Some(index), None) => {
            let why = "a token cannot be judged without keys";
            let help = "write [credential.jwt] with keys, issuer and audience";
            return Err(PolicyError::new(element("credential.sources", index), why).help(help));
        }
        (None, Some(_)) => {
            let why = "these keys are never used: no source is of kind \"jwt\"";
            let help = "add { kind = \"jwt\", in = \"header\", name = \"authorization\" } to credential.sources";
            return Err(PolicyError::new("credential.jwt", why).help(help));
        }
        _ => {}
    }
    refresh(document)?;
    credential.jwt.as_ref().map_or(Ok(()), jwt)
}

/// Each place needs its own fields and no others: a field without effect is a mistake.
fn one_source(source: &Source, document: &Document) -> Checked {
    let (name, form) = (source.name.is_some(), source.form.is_some());
    let (message_type, field) = (source.message_type.is_some(), source.field.is_some());
    let place = match source.place {
        Place::Query => "query",
        Place::Cookie => "cookie",
        Place::Header => "header",
        Place::Subprotocol => "subprotocol",
        Place::FirstMessage => "first-message",
    };
    let named = matches!(source.place, Place::Query | Place::Cookie | Place::Header);
    let first = source.place == Place::FirstMessage;
    let wanted = [
        ("name", name, named),
        ("form", form, source.place == Place::Subprotocol),
        ("type", message_type, first),
        ("field", field, first),
        ("dangerous_in_url", source.dangerous_in_url, source.place == Place::Query),
    ];
    for (field, given, wanted) in wanted {
        if given && !wanted {
            return Err(PolicyError::new(field, format!("means nothing with in = \"{place}\"")).at_name());
        }
        if wanted && !given && field == "dangerous_in_url" {
            let why = "a credential that can be used again would stand in the URL, where logs and histories keep it";
            let help = "send it in a header, subprotocol or first message; if it must be (RFC 9700 section 4.3.2 \
                        forbids it), say dangerous_in_url = true";
            return Err(PolicyError::new("", why).help(help));
        }
        if wanted && !given {
            return Err(PolicyError::new("", format!("`{field}` is missing, which in = \"{place}\" needs")));
        }
    }
    if let Some(name) = &source.name {
        source_name(source.place, name)?;
    }
    if first {
        let empty = |text: &Option<Box<str>>| text.as_deref() == Some("");
        if empty(&source.message_type) || empty(&source.field) {
            return Err(PolicyError::new("", "`type` and `field` must not be empty"));
        }
        in_band("", document)?;
    }
    Ok(())
}

fn source_name(place: Place, name: &str) -> Checked {
    let wrong = |why: &str| Err(PolicyError::new("name", format!("found {name:?}, {why}")));
    match place {
        Place::Query if name.is_empty() => wrong("which names nothing"),
        Place::Header | Place::Cookie if !is_token(name) => wrong("which is not a token (RFC 9110 section 5.6.2)"),
        Place::Header => {
            let lower = name.to_ascii_lowercase();
            let taken = ["host", "origin", "cookie", "connection", "upgrade", "forwarded", "content-length"];
            let families = ["sec-", "x-forwarded-", "proxy-"];
            if taken.contains(&&*lower) || families.iter().any(|family| lower.starts_with(family)) {
                return wrong("a header that has a meaning of its own");
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Header names are compared without case (RFC 9110 section 5.1), others exactly.
fn same_place(a: &Source, b: &Source) -> bool {
    let names = (a.name.as_deref().unwrap_or_default(), b.name.as_deref().unwrap_or_default());
    a.place == b.place
        && match a.place {
            Place::Header => names.0.eq_ignore_ascii_case(names.1),
            Place::Query | Place::Cookie => names.0 == names.1,
            Place::Subprotocol => a.form == b.form,
            Place::FirstMessage => true, // there is one first message
        }
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

fn refresh(document: &Document) -> Checked {
    let credential = &document.credential;
    let first = credential.sources.iter().position(|source| source.place == Place::FirstMessage);
    if let Some((index, name)) =
        first.and_then(|index| Some((index, credential.sources.get(index)?.message_type.as_ref()?)))
        && document.message.types.contains_key(name)
    {
        let why =
            format!("{name:?} is one of message.types too, and the message with the credential is never delivered");
        return Err(PolicyError::new(format!("{}.type", element("credential.sources", index)), why));
    }
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

fn jwt(jwt: &Jwt) -> Checked {
    let at = |place: &str| format!("credential.jwt.{place}");
    if jwt.keys.is_empty() {
        let help = "keys = [{ alg = \"ES256\", pem = \"file:es256.pub.pem\" }]";
        return Err(PolicyError::new(at("keys"), "no token could be good: there is no key").help(help));
    }
    if jwt.keys.len() > MAX_KEYS {
        let found = format!("found {} keys; at most {MAX_KEYS} are possible", jwt.keys.len());
        return Err(PolicyError::new(at("keys"), found));
    }
    // RFC 8725 sections 3.8 and 3.9: a token for somebody else must not be good here.
    for (list, name, claim, waived) in
        [(&jwt.issuer, "issuer", "iss", WaivedClaim::Iss), (&jwt.audience, "audience", "aud", WaivedClaim::Aud)]
    {
        if list.is_empty() && !jwt.waive.contains(&waived) {
            let why = format!("{name} is missing: a token made for another service would be good here");
            let help = format!("write {name} = [..], or, if your tokens have none, waive = [\"{claim}\"]");
            return Err(PolicyError::new(at(name), why).help(help));
        }
        if let Some(index) = list.iter().position(|entry| entry.is_empty()) {
            return Err(PolicyError::new(at(&element(name, index)), "must not be empty"));
        }
    }
    let claims = [("subject", Some(&jwt.subject)), ("tenant", jwt.tenant.as_ref()), ("scopes", Some(&jwt.scopes))];
    if let Some((name, _)) = claims.iter().find(|(_, claim)| claim.is_some_and(|claim| claim.is_empty())) {
        return Err(PolicyError::new(at(name), "must name a claim"));
    }
    for (index, key) in jwt.keys.iter().enumerate() {
        one_key(key).map_err(|error| error.within(&at(&element("keys", index))))?;
        let same = |other: &&JwtKey| other.kid.is_some() && other.kid == key.kid && other.alg == key.alg;
        if jwt.keys.iter().take(index).any(|other| same(&other)) {
            let why = "another key has the same id and algorithm";
            return Err(PolicyError::new(at(&format!("{}.kid", element("keys", index))), why));
        }
    }
    Ok(())
}

/// The bytes of an HMAC's hash, which its key must have at least (RFC 7518 section 3.2).
fn hash_length(alg: Algorithm) -> Option<usize> {
    match alg {
        Algorithm::HS256 => Some(32),
        Algorithm::HS384 => Some(48),
        Algorithm::HS512 => Some(64),
        _ => None,
    }
}

fn one_key(key: &JwtKey) -> Checked {
    let given = [("secret", key.secret.is_some()), ("pem", key.pem.is_some()), ("jwk", key.jwk.is_some())];
    let given: Vec<_> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    let [form] = given.as_slice() else {
        let found = if given.is_empty() { "nothing".to_owned() } else { given.join(" and ") };
        return Err(PolicyError::new("", format!("found {found}; a key is one of secret, pem or jwk")));
    };
    if key.secret_base64 && *form != "secret" {
        return Err(PolicyError::new("secret_base64", "means nothing without a secret").at_name());
    }
    if form == &"jwk" && !key.jwk.as_ref().is_some_and(|jwk| jwk.is_object()) {
        return Err(PolicyError::new("jwk", "expected a table (RFC 7517): { kty = \"EC\", crv = \"P-256\", x = .. }"));
    }
    let alg = key.alg;
    match (hash_length(alg), *form) {
        // A public key as HMAC secret is the oldest way in: CVE-2016-10555.
        (Some(_), "pem") => {
            let help = "for a public key name its own algorithm, such as ES256";
            Err(PolicyError::new("pem", format!("{alg:?} signs with a secret, not with a PEM key")).help(help))
        }
        (None, "secret") => {
            let help = "give the public key as pem or jwk";
            Err(PolicyError::new("secret", format!("{alg:?} is checked with a public key, not a secret")).help(help))
        }
        (Some(least), "secret") => secret(key, least),
        _ => Ok(()),
    }
}

fn secret(key: &JwtKey, least: usize) -> Checked {
    let text = key.secret.as_deref().unwrap_or_default();
    let length = if key.secret_base64 {
        decode(text).ok_or_else(|| PolicyError::new("secret", "is not base64url, as secret_base64 says"))?.len()
    } else {
        text.len()
    };
    if length < least {
        let why = format!("has {length} bytes; {:?} needs {least} (RFC 7518 section 3.2)", key.alg);
        let help = "take random bytes, for example from `openssl rand -base64 64`";
        return Err(PolicyError::new("secret", why).help(help));
    }
    Ok(())
}

/// base64url (RFC 4648 section 5), with or without padding.
pub(in crate::policy) fn decode(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&URL_SAFE, config).decode(text).ok()
}
