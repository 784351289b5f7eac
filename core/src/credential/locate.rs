//! Where a credential stands in an upgrade request. Syntax only: nothing is judged here.

use super::subprotocol;
use crate::http::{Header, Target, cookie_value, single};
use crate::policy::{Credential, CredentialKind, Place, PolicyError, Source, SubprotocolForm};
use crate::reason::Reason;
use crate::secret::Secret;

/// Headers that mean something else to somebody on the way; a credential there would be read,
/// rewritten or logged as what it is not.
const NOT_FOR_CREDENTIALS: &[&str] =
    &["connection", "content-length", "cookie", "forwarded", "host", "origin", "te", "upgrade"];

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Located {
    /// No credential.
    None,
    /// None yet; the policy lets it come as the first message.
    Deferred,
    /// One that the client chose to send.
    Explicit {
        /// What it is.
        kind: CredentialKind,
        /// Where it stood.
        place: Place,
        /// The credential, decoded.
        secret: Secret,
    },
    /// A cookie, which a browser sends whatever page asks.
    Ambient {
        /// What it is.
        kind: CredentialKind,
        /// The cookie's value.
        secret: Secret,
    },
}

/// The places where a policy lets a credential stand.
#[derive(Debug)]
pub struct Locator {
    explicit: Box<[Spot]>,
    ambient: Box<[Spot]>,
    first_message: bool,
}

#[derive(Debug)]
struct Spot {
    kind: CredentialKind,
    place: Spelling,
}

#[derive(Debug, PartialEq)]
enum Spelling {
    Query(Box<str>),
    Cookie(Box<str>),
    /// `Authorization` with the scheme `Bearer`.
    Bearer,
    Header(Box<str>),
    Subprotocol(SubprotocolForm),
    FirstMessage,
}

impl Locator {
    /// Prepares the places. Without any, a `jwt` table implies the `Authorization` header.
    ///
    /// # Errors
    /// Which source could not work, cannot be told from another, or is unsafe.
    pub fn new(credential: &Credential) -> Result<Self, PolicyError> {
        let mut spots: Vec<Spot> = Vec::with_capacity(credential.sources.len());
        for (at, source) in credential.sources.iter().enumerate() {
            let refused = |e: PolicyError| e.within(&format!("sources[{at}]"));
            if source.kind == CredentialKind::Jwt && credential.jwt.is_none() {
                return Err(refused(PolicyError::new(
                    "kind",
                    "is \"jwt\", which needs a table [credential.jwt] with keys",
                )));
            }
            let place = spelling(source).map_err(refused)?;
            if spots.iter().any(|spot| spot.place == place) {
                return Err(refused(PolicyError::new("", "is the same place as an earlier source's")));
            }
            spots.push(Spot { kind: source.kind, place });
        }
        if spots.is_empty() && credential.jwt.is_some() {
            spots.push(Spot { kind: CredentialKind::Jwt, place: Spelling::Bearer });
        }
        let first_message = spots.iter().any(|spot| spot.place == Spelling::FirstMessage);
        spots.retain(|spot| spot.place != Spelling::FirstMessage);
        let (ambient, explicit) =
            spots.into_iter().partition::<Vec<_>, _>(|spot| matches!(spot.place, Spelling::Cookie(_)));
        Ok(Self { explicit: explicit.into(), ambient: ambient.into(), first_message })
    }

    /// Looks for the credential of a request. `protocols` are the subprotocols it offers.
    ///
    /// Exactly one explicit credential may be sent. With two, the guard and what stands before or
    /// behind it may each take another one (threat 55). Cookies are looked at only when there is
    /// none, so that a bad explicit credential never falls back to an ambient one.
    ///
    /// # Errors
    /// [`Reason::CredentialAmbiguous`] for two, or one name twice; [`Reason::CredentialInvalid`] for
    /// one that cannot be decoded; [`Reason::SubprotocolNotSupported`] when nothing but a token is
    /// offered in Kubernetes' form; what the query and cookie parsers refuse.
    pub fn locate(&self, headers: &[Header<'_>], target: &Target<'_>, protocols: &[&str]) -> Result<Located, Reason> {
        let request = Parts { headers, target, protocols };
        if let Some((spot, secret)) = only_one(&self.explicit, &request)? {
            return Ok(Located::Explicit { kind: spot.kind, place: spot.place.place(), secret });
        }
        if let Some((spot, secret)) = only_one(&self.ambient, &request)? {
            return Ok(Located::Ambient { kind: spot.kind, secret });
        }
        Ok(if self.first_message { Located::Deferred } else { Located::None })
    }
}

/// What a credential is looked for in.
struct Parts<'r, 'a> {
    headers: &'r [Header<'a>],
    target: &'r Target<'a>,
    protocols: &'r [&'r str],
}

impl Spelling {
    fn place(&self) -> Place {
        match self {
            Self::Query(_) => Place::Query,
            Self::Cookie(_) => Place::Cookie,
            Self::Bearer | Self::Header(_) => Place::Header,
            Self::Subprotocol(_) => Place::Subprotocol,
            Self::FirstMessage => Place::FirstMessage,
        }
    }

    /// The credential in this place, if one was sent.
    fn read(&self, request: &Parts<'_, '_>) -> Result<Option<Secret>, Reason> {
        match self {
            Self::Query(name) => match request.target.query_value(name)? {
                None => Ok(None),
                Some(value) => plain(value.as_bytes()).map(Some),
            },
            // An empty cookie is what logging out leaves behind: no credential.
            Self::Cookie(name) => match cookie_value(request.headers, name)? {
                None | Some("") => Ok(None),
                Some(value) => plain(value.as_bytes()).map(Some),
            },
            Self::Bearer => match one(request.headers, "authorization")? {
                None => Ok(None),
                Some(value) => bearer(value),
            },
            Self::Header(name) => match one(request.headers, name)? {
                None => Ok(None),
                // What fetch-style hosts make of a header that came twice.
                Some(value) if value.contains(&b',') => Err(Reason::CredentialAmbiguous),
                Some(value) => plain(value).map(Some),
            },
            Self::Subprotocol(form) => subprotocol::token(request.protocols, *form),
            Self::FirstMessage => Ok(None),
        }
    }
}

fn only_one<'s>(spots: &'s [Spot], request: &Parts<'_, '_>) -> Result<Option<(&'s Spot, Secret)>, Reason> {
    let mut found = None;
    let mut fault = None;
    for spot in spots {
        match spot.place.read(request) {
            Ok(None) => {}
            Ok(Some(secret)) if found.is_none() => found = Some((spot, secret)),
            Err(reason) if found.is_none() && fault.is_none() => fault = Some(reason),
            // A second one, whether the first or this is well-formed or not.
            Ok(Some(_)) | Err(_) => return Err(Reason::CredentialAmbiguous),
        }
        if found.is_some() && fault.is_some() {
            return Err(Reason::CredentialAmbiguous);
        }
    }
    fault.map_or(Ok(found), Err)
}

/// The value of a header that came once.
fn one<'a>(headers: &[Header<'a>], name: &str) -> Result<Option<&'a [u8]>, Reason> {
    single(headers, name).map_err(|_| Reason::CredentialAmbiguous)
}

/// The token of `Bearer <token68>` (RFC 6750 section 2.1; the scheme in any case, RFC 9110 section
/// 11.1). Another scheme counts as no credential, as RFC 6750 section 3.1 treats a client that used
/// "an unsupported authentication method": it is told that one is missing. Basic, which browsers
/// attach by themselves, thus never counts as something the client chose to send.
fn bearer(value: &[u8]) -> Result<Option<Secret>, Reason> {
    if value.contains(&b',') {
        return Err(Reason::CredentialAmbiguous);
    }
    let end = value.iter().position(|byte| *byte == b' ' || *byte == b'\t').unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(end).unwrap_or((value, &[]));
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let start = rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len());
    let token = rest.get(start..).unwrap_or_default();
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let letters = token.get(..token.len().saturating_sub(padding)).unwrap_or_default();
    let is_token68 = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    if letters.is_empty() || !letters.iter().all(is_token68) {
        return Err(Reason::CredentialInvalid);
    }
    Ok(Some(Secret::new(token)))
}

/// A credential that stands as it is: visible ASCII, at least one character.
pub(super) fn plain(value: &[u8]) -> Result<Secret, Reason> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_graphic) {
        return Err(Reason::CredentialInvalid);
    }
    Ok(Secret::new(value))
}

fn spelling(source: &Source) -> Result<Spelling, PolicyError> {
    let needed = |field: Option<&Box<str>>, name: &str| match field {
        Some(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(PolicyError::new(name, format!("is needed for this place: the {}", meaning(source.place)))),
    };
    let unneeded = [
        ("name", source.name.is_some(), matches!(source.place, Place::Query | Place::Cookie | Place::Header)),
        ("form", source.form.is_some(), source.place == Place::Subprotocol),
        ("type", source.message_type.is_some(), source.place == Place::FirstMessage),
        ("field", source.field.is_some(), source.place == Place::FirstMessage),
        (
            "dangerous_in_url",
            source.dangerous_in_url,
            // A ticket that was used is worth nothing to who reads it there.
            source.place == Place::Query && source.kind != CredentialKind::Ticket,
        ),
    ];
    if let Some((field, ..)) = unneeded.iter().find(|(_, given, fits)| *given && !fits) {
        return Err(PolicyError::new(*field, "has no meaning in this place"));
    }
    match source.place {
        Place::Cookie if source.kind == CredentialKind::Ticket => {
            Err(PolicyError::new("in", "cannot be a cookie, which is sent again and again: a ticket is used once"))
        }
        Place::Query if !source.dangerous_in_url && source.kind != CredentialKind::Ticket => {
            let problem = "puts a reusable token in the URL, which logs and histories keep; \
                           if that must be, say `dangerous_in_url = true`";
            Err(PolicyError::new("in", problem))
        }
        Place::Query => needed(source.name.as_ref(), "name").map(Spelling::Query),
        Place::Cookie => {
            let name = needed(source.name.as_ref(), "name")?;
            is_token(&name)
                .then_some(Spelling::Cookie(name))
                .ok_or_else(|| PolicyError::new("name", "is not a cookie's name"))
        }
        Place::Header => {
            let name = source.name.as_deref().unwrap_or("authorization").to_ascii_lowercase();
            if name == "authorization" {
                return Ok(Spelling::Bearer);
            }
            if !is_token(&name)
                || NOT_FOR_CREDENTIALS.contains(&&*name)
                || name.starts_with("sec-")
                || name.starts_with("x-forwarded-")
            {
                return Err(PolicyError::new("name", "is not a header that can carry a credential"));
            }
            Ok(Spelling::Header(name.into()))
        }
        Place::Subprotocol => source.form.map(Spelling::Subprotocol).ok_or_else(|| {
            PolicyError::new("form", "is needed: \"kubernetes\", \"phoenix\", \"jupyter\" or \"anycable\"")
        }),
        Place::FirstMessage => {
            needed(source.message_type.as_ref(), "type")?;
            needed(source.field.as_ref(), "field")?;
            Ok(Spelling::FirstMessage)
        }
    }
}

fn meaning(place: Place) -> &'static str {
    match place {
        Place::FirstMessage => "type of the message and its field with the token",
        _ => "name of the query parameter, cookie or header",
    }
}

fn is_token(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
