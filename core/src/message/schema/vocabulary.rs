//! The keywords and formats that are known: what is not would pass in silence, so it is refused.

use serde_json::Value;

use super::{Draft, SchemaError};

/// What the value of a keyword holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// No schemas.
    Plain,
    /// One schema.
    Schema,
    /// A list of schemas.
    List,
    /// Schemas by name.
    Named,
    /// One schema or a list of them.
    SchemaOrList,
    /// Schemas or lists of names, by name.
    NamedOrNames,
}

/// A keyword, the drafts that have it, and what it holds.
const KEYWORDS: &[(&str, Draft, Draft, Holds)] = {
    use Draft::{Draft4, Draft6, Draft7, Draft201909, Draft202012};
    use Holds::{List, Named, NamedOrNames, Plain, Schema, SchemaOrList};
    &[
        ("$anchor", Draft201909, Draft202012, Plain),
        ("$comment", Draft6, Draft202012, Plain),
        ("$defs", Draft4, Draft202012, Named),
        ("$dynamicAnchor", Draft202012, Draft202012, Plain),
        ("$dynamicRef", Draft202012, Draft202012, Plain),
        ("$id", Draft6, Draft202012, Plain),
        ("$recursiveAnchor", Draft201909, Draft201909, Plain),
        ("$recursiveRef", Draft201909, Draft201909, Plain),
        ("$ref", Draft4, Draft202012, Plain),
        ("$schema", Draft4, Draft202012, Plain),
        ("$vocabulary", Draft201909, Draft202012, Plain),
        ("additionalItems", Draft4, Draft201909, Schema),
        ("additionalProperties", Draft4, Draft202012, Schema),
        ("allOf", Draft4, Draft202012, List),
        ("anyOf", Draft4, Draft202012, List),
        ("const", Draft6, Draft202012, Plain),
        ("contains", Draft6, Draft202012, Schema),
        ("contentEncoding", Draft7, Draft202012, Plain),
        ("contentMediaType", Draft7, Draft202012, Plain),
        ("contentSchema", Draft201909, Draft202012, Schema),
        ("default", Draft4, Draft202012, Plain),
        ("definitions", Draft4, Draft202012, Named),
        ("dependencies", Draft4, Draft202012, NamedOrNames),
        ("dependentRequired", Draft201909, Draft202012, Plain),
        ("dependentSchemas", Draft201909, Draft202012, Named),
        ("deprecated", Draft4, Draft202012, Plain),
        ("description", Draft4, Draft202012, Plain),
        ("discriminator", Draft4, Draft202012, Plain),
        ("else", Draft7, Draft202012, Schema),
        ("enum", Draft4, Draft202012, Plain),
        ("examples", Draft4, Draft202012, Plain),
        ("exclusiveMaximum", Draft4, Draft202012, Plain),
        ("exclusiveMinimum", Draft4, Draft202012, Plain),
        ("format", Draft4, Draft202012, Plain),
        ("id", Draft4, Draft4, Plain),
        ("if", Draft7, Draft202012, Schema),
        ("items", Draft4, Draft202012, SchemaOrList),
        ("maxContains", Draft201909, Draft202012, Plain),
        ("maxItems", Draft4, Draft202012, Plain),
        ("maxLength", Draft4, Draft202012, Plain),
        ("maxProperties", Draft4, Draft202012, Plain),
        ("maximum", Draft4, Draft202012, Plain),
        ("minContains", Draft201909, Draft202012, Plain),
        ("minItems", Draft4, Draft202012, Plain),
        ("minLength", Draft4, Draft202012, Plain),
        ("minProperties", Draft4, Draft202012, Plain),
        ("minimum", Draft4, Draft202012, Plain),
        ("multipleOf", Draft4, Draft202012, Plain),
        ("not", Draft4, Draft202012, Schema),
        ("oneOf", Draft4, Draft202012, List),
        ("pattern", Draft4, Draft202012, Plain),
        ("patternProperties", Draft4, Draft202012, Named),
        ("prefixItems", Draft202012, Draft202012, List),
        ("properties", Draft4, Draft202012, Named),
        ("propertyNames", Draft6, Draft202012, Schema),
        ("readOnly", Draft4, Draft202012, Plain),
        ("required", Draft4, Draft202012, Plain),
        ("then", Draft7, Draft202012, Schema),
        ("title", Draft4, Draft202012, Plain),
        ("type", Draft4, Draft202012, Plain),
        ("unevaluatedItems", Draft201909, Draft202012, Schema),
        ("unevaluatedProperties", Draft201909, Draft202012, Schema),
        ("uniqueItems", Draft4, Draft202012, Plain),
        ("writeOnly", Draft4, Draft202012, Plain),
    ]
};

/// Words for other tools, which assert nothing: of OpenAPI, and of generators of Java and TypeScript (OCPP has them).
const ANNOTATIONS: &[&str] =
    &["example", "externalDocs", "javaInterfaces", "javaType", "markdownDescription", "tsType", "xml"];

/// Refuses the first keyword, in a schema or any within it, that its draft does not have.
///
/// Names that start with `x-` are annotations by agreement (OpenAPI).
pub(super) fn check(schema: &Value, draft: Draft, pointer: &str) -> Result<(), SchemaError> {
    let Value::Object(keywords) = schema else { return Ok(()) };
    for (keyword, value) in keywords {
        let at = format!("{pointer}/{}", keyword.replace('~', "~0").replace('/', "~1"));
        let known = KEYWORDS.iter().find(|(name, ..)| name == keyword);
        let Some((_, since, until, holds)) = known else {
            if keyword.starts_with("x-") || ANNOTATIONS.contains(&keyword.as_str()) {
                continue;
            }
            let nearest = nearest(keyword, KEYWORDS.iter().map(|(name, ..)| *name));
            return Err(SchemaError::new(pointer, format!("unknown keyword {keyword:?}{nearest}")));
        };
        if draft < *since || draft > *until {
            return Err(SchemaError::new(pointer, format!("keyword {keyword:?} is not one of draft {}", draft.name())));
        }
        match (holds, value) {
            (Holds::Schema | Holds::SchemaOrList, Value::Object(_)) => check(value, draft, &at)?,
            (Holds::List | Holds::SchemaOrList, Value::Array(list)) => {
                for (index, one) in list.iter().enumerate() {
                    check(one, draft, &format!("{at}/{index}"))?;
                }
            }
            (Holds::Named | Holds::NamedOrNames, Value::Object(named)) => {
                for (name, one) in named {
                    check(one, draft, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The formats that the drafts name.
const FORMATS: &[&str] = &[
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// Whether a keyword says nothing in a draft, because others have brought it or dropped it.
pub(super) fn is_of_another_draft(keyword: &str, draft: Draft) -> bool {
    KEYWORDS.iter().any(|(name, first, last, _)| *name == keyword && (draft < *first || draft > *last))
}

/// A word about a format that is not known.
pub(super) fn unknown_format(name: &str) -> String {
    format!("unknown format {name:?}{}", nearest(name, FORMATS.iter().copied()))
}

/// The known name that was probably meant.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> String {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 3 && *distance < name.len())
        .map_or_else(String::new, |(_, candidate)| format!("; did you mean {candidate:?}?"))
}
