//! The places of schemas: each with its base, its draft and its pointer, found once.

use std::collections::BTreeMap;

use referencing::{Draft as Dialect, Registry, Resolver};
use serde_json::Value;

use super::{Draft, SchemaError, vocabulary};

/// The number of a place.
pub(super) type PlaceId = usize;

/// One place of a schema.
#[derive(Clone)]
pub(super) struct Place<'a> {
    pub(super) value: &'a Value,
    pub(super) draft: Draft,
    /// Where it is, for people: the pointer in its document.
    pub(super) pointer: String,
    /// How `$ref` can name it from anywhere; none if it cannot.
    reach: Option<String>,
    resolver: Resolver<'a>,
}

/// All places met so far.
pub(super) struct Source<'a> {
    places: Vec<Place<'a>>,
    known: BTreeMap<(usize, String), PlaceId>,
}

impl<'a> Source<'a> {
    /// The places of the document that stands at `home` in the registry.
    pub(super) fn new(registry: &'a Registry<'a>, home: &str, draft: Draft) -> Result<(Self, PlaceId), SchemaError> {
        let wrong = |error: &dyn std::fmt::Display| SchemaError::new("", error.to_string());
        let home_uri = referencing::uri::from_str(home).map_err(|error| wrong(&error))?;
        let root = registry.resolver(home_uri).lookup(home).map_err(|error| wrong(&error))?;
        let mut source = Self { places: Vec::new(), known: BTreeMap::new() };
        let (value, resolver, _) = root.into_inner();
        let root = source.add(value, draft, String::new(), Some(format!("{home}#")), resolver);
        Ok((source, root))
    }

    pub(super) fn get(&self, id: PlaceId) -> Result<&Place<'a>, SchemaError> {
        self.places.get(id).ok_or_else(|| SchemaError::new("", "a place is lost"))
    }

    fn add(
        &mut self,
        value: &'a Value,
        draft: Draft,
        pointer: String,
        reach: Option<String>,
        resolver: Resolver<'a>,
    ) -> PlaceId {
        let identity = (std::ptr::from_ref(value).addr(), resolver.base_uri().as_str().to_owned());
        if let Some(known) = self.known.get(&identity) {
            return *known;
        }
        let id = self.places.len();
        self.known.insert(identity, id);
        self.places.push(Place { value, draft, pointer, reach, resolver });
        id
    }

    /// The place below `id` at the given keys.
    pub(super) fn child(&mut self, id: PlaceId, path: &[&str]) -> Result<PlaceId, SchemaError> {
        let place = self.get(id)?.clone();
        let mut value = place.value;
        let mut pointer = place.pointer;
        let mut reach = place.reach;
        for key in path {
            let found = match value {
                Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => value.get(key),
            };
            value = found.ok_or_else(|| SchemaError::new(pointer.clone(), format!("nothing at {key:?}")))?;
            let step = key.replace('~', "~0").replace('/', "~1");
            pointer = format!("{pointer}/{step}");
            // Only a fragment that is a pointer can be gone on from.
            reach = reach
                .filter(|uri| uri.ends_with('#') || uri.contains("#/"))
                .map(|uri| format!("{uri}/{}", escaped(&step)));
        }
        let dialect = place.draft.dialect();
        let within = dialect.create_resource_ref(value);
        let resolver = place
            .resolver
            .in_subresource(within)
            .map_err(|error| SchemaError::new(pointer.clone(), error.to_string()))?;
        Ok(self.add(value, place.draft, pointer, reach, resolver))
    }

    /// The place that a `$ref` at `id` names.
    pub(super) fn target(&mut self, id: PlaceId, reference: &str) -> Result<PlaceId, SchemaError> {
        let place = self.get(id)?.clone();
        let found = place.resolver.lookup(reference);
        let found = found.map_err(|error| {
            SchemaError::new(
                format!("{}/$ref", place.pointer),
                format!(
                    "{reference:?} leads nowhere; nothing is ever fetched, so all that is named must be given ({error})"
                ),
            )
        })?;
        let (value, resolver, dialect) = found.into_inner();
        if let Some(known) =
            self.known.get(&(std::ptr::from_ref(value).addr(), resolver.base_uri().as_str().to_owned()))
        {
            return Ok(*known);
        }
        let absolute = match reference.split_once('#') {
            Some(("", fragment)) => format!("{}#{fragment}", place.resolver.base_uri().as_str().trim_end_matches('#')),
            _ => {
                let base = place.resolver.base_uri();
                let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
                match place.resolver.resolve_uri(&base.borrow(), path) {
                    Ok(uri) => format!("{}#{fragment}", uri.as_str().trim_end_matches('#')),
                    Err(_) => return Err(SchemaError::new(place.pointer, format!("{reference:?} is not a URI"))),
                }
            }
        };
        let pointer = match reference.strip_prefix('#') {
            Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => pointer.to_owned(),
            _ => absolute.clone(),
        };
        let draft = Draft::of(dialect).unwrap_or(place.draft);
        Ok(self.add(value, draft, pointer, Some(absolute), resolver))
    }
}

impl<'a> Place<'a> {
    /// A keyword's value; those next to a `$ref` do not count before draft 2019-09.
    pub(super) fn get(&self, keyword: &str) -> Option<&'a Value> {
        let keywords = self.value.as_object()?;
        let value = keywords.get(keyword)?;
        let hidden =
            self.draft <= Draft::Draft7 && keyword != "$ref" && keywords.get("$ref").is_some_and(Value::is_string);
        if hidden || vocabulary::is_of_another_draft(keyword, self.draft) { None } else { Some(value) }
    }

    pub(super) fn reach(&self) -> Option<&str> {
        self.reach.as_deref()
    }

    /// An error at a keyword of this place.
    pub(super) fn wrong(&self, keyword: &str, problem: impl Into<String>) -> SchemaError {
        SchemaError::new(format!("{}/{keyword}", self.pointer), problem)
    }
}

impl Draft {
    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::Draft4 => Dialect::Draft4,
            Self::Draft6 => Dialect::Draft6,
            Self::Draft7 => Dialect::Draft7,
            Self::Draft201909 => Dialect::Draft201909,
            Self::Draft202012 => Dialect::Draft202012,
        }
    }

    fn of(dialect: Dialect) -> Option<Self> {
        Some(match dialect {
            Dialect::Draft4 => Self::Draft4,
            Dialect::Draft6 => Self::Draft6,
            Dialect::Draft7 => Self::Draft7,
            Dialect::Draft201909 => Self::Draft201909,
            Dialect::Draft202012 => Self::Draft202012,
            _ => return None,
        })
    }
}

/// A step of a pointer as a URI's fragment has it.
fn escaped(step: &str) -> String {
    let mut escaped = String::new();
    for byte in step.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'$' => {
                escaped.push(char::from(byte))
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
