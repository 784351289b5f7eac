//! From a tree of values to rules: one document for every path, each read, checked and compiled
//! on its own, so that no route's decision can come from another's.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::text::{Places, element};
use super::{Document, Policy, PolicyError, PolicyWarning, Rules, check, later, read, warn};
use crate::credential::ticket::TicketPlan;
use crate::credential::{JwtVerifier, Locator};
use crate::guard::Quotas;
use crate::http::OriginList;
use crate::message::Messages;

/// A policy is held in memory and searched at every handshake.
const MAX_ROUTES: usize = 1_024;

pub(super) fn compile(value: &Value, places: &Places) -> Result<Policy, PolicyError> {
    let Value::Object(fields) = value else {
        return Err(PolicyError::new("", format!("found {}; a policy is a table", read::kind(value))));
    };
    let mut tables = fields.clone();
    let routes = match tables.remove("route") {
        None => Vec::new(),
        Some(Value::Array(routes)) => routes,
        Some(other) => {
            let found = format!("found {}; routes are an array of tables", read::kind(&other));
            return Err(PolicyError::new("route", found).help("write [[route]]"));
        }
    };
    if routes.len() > MAX_ROUTES {
        return Err(PolicyError::new(
            "route",
            format!("found {} routes; at most {MAX_ROUTES} are possible", routes.len()),
        ));
    }
    let tables = Value::Object(tables);
    let mut base = document(&tables)?;
    let mut warnings = warn::warnings(&base);
    let mut groups = vec![(base.rate.clone(), base.cap.clone())];
    let mut compiled = vec![rules(&mut base, None, 0)?];
    for (index, route) in routes.iter().enumerate() {
        let place = element("route", index);
        let mut one = || {
            let (path, mut document) = merged(&tables, route)?;
            let told = warn::warnings(&document);
            let limits = group(&mut groups, &document)?;
            Ok((rules(&mut document, Some(path), limits)?, told))
        };
        let (rules, told) = one().map_err(|error: PolicyError| error.within(&place))?;
        if compiled.iter().any(|earlier| earlier.path == rules.path) {
            let twice =
                format!("found {:?} a second time; a path has one route", rules.path.as_deref().unwrap_or_default());
            return Err(PolicyError::new(format!("{place}.path"), twice));
        }
        // What holds for the document has been said there.
        let new = told.into_iter().filter(|one| !warnings.iter().any(|other| other.repeats(one)));
        let new: Vec<_> = new.map(|warning| warning.within(&place)).collect();
        warnings.extend(new);
        compiled.push(rules);
    }
    let warnings: Vec<PolicyWarning> = warnings.into_iter().map(|warning| places.locate_warning(warning)).collect();
    let value = masked(&base, &compiled);
    let (first, routes) = compiled.split_first().ok_or_else(|| PolicyError::new("", "there are no rules"))?;
    let mut routes = routes.to_vec();
    routes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Policy::new(Arc::clone(first), routes, warnings, value))
}

/// Reads and checks one path's tables.
fn document(tables: &Value) -> Result<Document, PolicyError> {
    later::refuse(tables)?;
    let mut document: Document = read::read(tables)?;
    check::complete(&mut document);
    check::check(&document)?;
    Ok(document)
}

fn rules(document: &mut Document, path: Option<Box<str>>, limits: u16) -> Result<Arc<Rules>, PolicyError> {
    let credential = &document.credential;
    let first = credential
        .sources
        .iter()
        .filter_map(|source| Some((source.message_type.as_deref()?, source.field.as_deref()?)));
    let refresh = credential.refresh.iter().map(|refresh| (&*refresh.message_type, &*refresh.field));
    let mut auth: Vec<_> = first.chain(refresh).collect();
    auth.sort_unstable();
    auth.dedup();
    let messages = Messages::compile_with_auth(&document.message, &auth).map_err(|error| error.within("message"))?;
    let jwt = document.credential.jwt.as_ref().map(JwtVerifier::new).transpose();
    let jwt = jwt.map_err(|error| error.within("credential.jwt"))?;
    let locator = Locator::new(&document.credential).map_err(|error| error.within("credential"))?;
    let ticket = TicketPlan::new(document).map_err(|error| error.within("credential.ticket"))?;
    // Verifier and plan have the keys; the document is kept for everything else.
    let sealing = &mut document.credential.ticket.key;
    *sealing = sealing.take().map(|_| MASK.into());
    let published = document.credential.jwt.iter_mut().filter_map(|jwt| jwt.jwks.as_mut()?.keys.as_mut()).flatten();
    published.for_each(mask_jwk);
    for key in document.credential.jwt.iter_mut().flat_map(|jwt| &mut jwt.keys) {
        key.secret = key.secret.take().map(|_| MASK.into());
        key.jwk.iter_mut().for_each(mask_jwk);
    }
    let origins = OriginList::new(&document.origin.allow);
    let quotas = Quotas::new(document);
    Ok(Arc::new(Rules { path, limits, document: document.clone(), messages, jwt, ticket, locator, origins, quotas }))
}

const MASK: &str = "***";

fn mask_jwk(jwk: &mut Value) {
    if let Value::Object(jwk) = jwk {
        for private in ["k", "d", "p", "q", "dp", "dq", "qi", "oth"] {
            jwk.remove(private);
        }
    }
}

/// The number of the limits these rules count by: routes that say the same share the same.
fn group(groups: &mut Vec<(super::Rate, super::Cap)>, document: &Document) -> Result<u16, PolicyError> {
    let same = groups.iter().position(|(rate, cap)| *rate == document.rate && *cap == document.cap);
    let number = same.unwrap_or(groups.len());
    if same.is_none() {
        groups.push((document.rate.clone(), document.cap.clone()));
    }
    u16::try_from(number).map_err(|_| PolicyError::new("rate", "there are too many different limits"))
}

/// The document's tables with a route's put over them.
fn merged(tables: &Value, route: &Value) -> Result<(Box<str>, Document), PolicyError> {
    let Value::Object(route) = route else {
        return Err(PolicyError::new("", format!("found {}; a route is a table", read::kind(route))));
    };
    let mut route = route.clone();
    let path = match route.remove("path") {
        Some(Value::String(path)) => path.into_boxed_str(),
        Some(other) => {
            return Err(PolicyError::new("path", format!("found {}; expected a string", read::kind(&other))));
        }
        None => return Err(PolicyError::new("", "`path` is missing").help("a route names its path: path = \"/admin\"")),
    };
    check::path(&path)?;
    if route.contains_key("route") {
        return Err(PolicyError::new("route", "a route has no routes of its own").at_name());
    }
    for early in ["max_head", "max_headers", "head_timeout"] {
        if route.get("transport").is_some_and(|transport| transport.get(early).is_some()) {
            let why = "a route cannot have its own: the head is read before its path is known";
            return Err(PolicyError::new(format!("transport.{early}"), why).at_name());
        }
    }
    if route.get("credential").is_some_and(|credential| credential.get("ticket").is_some()) {
        let why = "a route cannot have its own: all paths' tickets are kept together";
        return Err(PolicyError::new("credential.ticket", why).at_name());
    }
    let mut merged = tables.clone();
    drop_unused_keys(&mut merged, &route);
    merge(&mut merged, Value::Object(route), &mut Vec::new());
    Ok((path, document(&merged)?))
}

/// A route that names its sources, and no token among them, does not take over the document's keys:
/// else they would stand there unused, which is an error.
fn drop_unused_keys(tables: &mut Value, route: &Map<String, Value>) {
    let Some(Value::Object(credential)) = route.get("credential") else { return };
    let Some(Value::Array(sources)) = credential.get("sources") else { return };
    let has_jwt = sources.iter().any(|source| source.get("kind") == Some(&json!("jwt")));
    if !has_jwt && let Some(base) = tables.get_mut("credential").and_then(Value::as_object_mut) {
        base.remove("jwt");
    }
}

/// Tables are merged; everything else is replaced, and so is what is one value though it is written
/// as a table: half a quota or half a schema means nothing.
fn merge(base: &mut Value, over: Value, place: &mut Vec<String>) {
    let names: Vec<&str> = place.iter().map(String::as_str).collect();
    let whole = matches!(
        names.as_slice(),
        ["rate", _, _] | ["message", "schema"] | ["message", "types", _, "schema"] | ["credential", "refresh"]
    );
    match (base, over) {
        (Value::Object(base), Value::Object(over)) if !whole => {
            for (name, value) in over {
                place.push(name.clone());
                match base.get_mut(&name) {
                    Some(below) => merge(below, value, place),
                    None => {
                        base.insert(name, value);
                    }
                }
                place.pop();
            }
        }
        (base, over) => *base = over,
    }
}

/// Every rule as it holds, for tools: without a secret in it.
fn masked(base: &Document, compiled: &[Arc<Rules>]) -> Value {
    let tables = |document: &Document| serde_json::to_value(document).unwrap_or_default();
    let mut value = tables(base);
    let routes: Vec<Value> = compiled
        .iter()
        .filter_map(|rules| {
            let mut route = tables(&rules.document);
            route.as_object_mut()?.insert("path".into(), json!(rules.path.as_deref()?));
            Some(route)
        })
        .collect();
    if let (Some(document), false) = (value.as_object_mut(), routes.is_empty()) {
        document.insert("route".into(), Value::Array(routes));
    }
    value
}
