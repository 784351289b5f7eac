//! Which claim a rule is about.

use super::fault::JwtFault;
use super::json::{Json, MAX_DEPTH, Members, member};
use crate::policy::PolicyError;

/// A claim's name, or the way to one that stands inside other claims.
///
/// A text that begins with a slash is a JSON Pointer (RFC 6901): `/realm_access/roles`. Every other
/// text is a name as it stands, dots and slashes included: names that are URLs are common
/// (`https://example.com/roles`).
#[derive(Debug)]
pub(super) struct ClaimName {
    first: Box<str>,
    inner: Box<[Box<str>]>,
}

impl ClaimName {
    /// Reads what a policy says, for an error without a place.
    pub(super) fn new(text: &str) -> Result<Self, PolicyError> {
        let refused = |problem: &str| Err(PolicyError::new("", problem));
        let Some(pointer) = text.strip_prefix('/') else {
            return if text.is_empty() {
                refused("must name a claim")
            } else {
                Ok(Self { first: text.into(), inner: Box::default() })
            };
        };
        let mut names = pointer.split('/').map(unescaped);
        let first = names.next().flatten();
        let inner = names.collect::<Option<Box<[_]>>>();
        match (first, inner) {
            (Some(_), Some(inner)) if inner.len() >= usize::from(MAX_DEPTH) => {
                refused("leads deeper than claims may nest")
            }
            (Some(first), Some(inner)) => Ok(Self { first, inner }),
            _ => refused(
                "is not a JSON Pointer (RFC 6901) to a claim: each name is one or more characters, \
                 with `~1` for a slash and `~0` for a tilde",
            ),
        }
    }

    /// The claim, if the token has it.
    ///
    /// The way leads through objects only: the place of an entry in an array says nothing. What
    /// stands in the way and is no object is refused and not taken for absent, as any claim of a
    /// wrong type is (CVE-2026-25537).
    pub(super) fn find<'m, 'a>(&self, claims: &'m Members<'a>) -> Result<Option<&'m Json<'a>>, JwtFault> {
        let mut found = member(claims, &self.first);
        for name in &self.inner {
            found = match found {
                None => return Ok(None),
                Some(Json::Object(members)) => member(members, name),
                Some(_) => return Err(JwtFault::ClaimType),
            };
        }
        Ok(found)
    }

    /// The claim, if the token has it and it is text.
    pub(super) fn text<'m>(&self, claims: &'m Members<'_>) -> Result<Option<&'m str>, JwtFault> {
        self.find(claims)?.map(Json::text).transpose()
    }
}

/// One name of a pointer, its escapes undone (RFC 6901 section 4).
fn unescaped(token: &str) -> Option<Box<str>> {
    let mut parts = token.split('~');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (letter, rest) = match part.as_bytes().first()? {
            b'0' => ('~', part.get(1..)?),
            b'1' => ('/', part.get(1..)?),
            _ => return None,
        };
        name.push(letter);
        name.push_str(rest);
    }
    (!name.is_empty()).then(|| name.into())
}
