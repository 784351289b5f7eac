//! What is allowed: one immutable document, and what it compiles to.
//!
//! A policy is read from TOML, JSON or a tree of values, or built in code as a [`Document`]. What
//! is unsafe does not become a [`Policy`]; what is only seldom meant is told as a [`PolicyWarning`].

mod check;
mod compile;
mod document;
mod draft;
mod error;
mod later;
mod read;
mod schema;
mod text;
mod units;
mod warn;

use std::fmt;
use std::sync::Arc;

pub use document::*;
pub use draft::{External, ExternalKind, PolicyDraft};
pub use error::{PolicyError, PolicyWarning};
use serde_json::Value;
pub use units::{Cidr, HostName, OrOff, Quota, QuotaKind, Size, Span};

use crate::credential::ticket::TicketPlan;
use crate::credential::{JwtVerifier, Locator, PublishedSource};
use crate::guard::Quotas;
use crate::host::HostLimits;
use crate::http::OriginList;
use crate::message::{Messages, TypeIndex};

/// What is allowed on the connections of one server. Cheap to clone; immutable.
///
/// Every limit in it is finite, and it does not exist when it is unsafe: ambient credentials with
/// no or any origin, a key shorter than its hash, a limit of zero, a quota no message could pass.
#[derive(Clone)]
pub struct Policy(Arc<Inner>);

struct Inner {
    /// The rules of every path that is not a route's.
    document: Arc<Rules>,
    /// By path, in order.
    routes: Box<[Arc<Rules>]>,
    warnings: Box<[PolicyWarning]>,
    value: Value,
}

/// What is allowed on one path: a document's tables, checked together and compiled.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The path; none for the rules of every other path.
    pub(crate) path: Option<Box<str>>,
    /// Routes with the same `rate` and `cap` share their limits; this is the group's number. The
    /// document's is 0.
    pub(crate) limits: u16,
    /// The tables as they hold for this path. Secrets are masked: `jwt` has them.
    pub(crate) document: Document,
    /// The messages accepted, compiled.
    pub(crate) messages: Messages,
    /// The keys and claims, prepared.
    pub(crate) jwt: Option<JwtVerifier>,
    /// How tickets are made, and the key of signed ones.
    pub(crate) ticket: TicketPlan,
    /// Where a credential may stand, prepared.
    pub(crate) locator: Locator,
    /// The origins that may connect, prepared.
    pub(crate) origins: OriginList,
    /// The quotas, prepared.
    pub(crate) quotas: Quotas,
}

impl Policy {
    /// Reads and checks TOML in which nothing lies elsewhere; see [`PolicyDraft`] for `env:` and `file:`.
    ///
    /// # Errors
    /// Whatever a policy must not be, with the place in the text.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        PolicyDraft::from_toml(text)?.build()
    }

    /// Reads and checks JSON in which nothing lies elsewhere.
    ///
    /// # Errors
    /// Whatever a policy must not be, with the place in the text.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        PolicyDraft::from_json(text)?.build()
    }

    /// Checks a tree of values, as bindings make them from their language's objects.
    ///
    /// # Errors
    /// Whatever a policy must not be.
    pub fn from_value(value: Value) -> Result<Self, PolicyError> {
        PolicyDraft::from_value(value).build()
    }

    /// Checks a document that was built in code.
    ///
    /// # Errors
    /// Whatever a policy must not be.
    pub fn from_document(document: Document) -> Result<Self, PolicyError> {
        let value = serde_json::to_value(&document).map_err(|error| PolicyError::new("", error.to_string()))?;
        Self::from_value(value)
    }

    /// What is allowed but seldom meant.
    pub fn warnings(&self) -> &[PolicyWarning] {
        &self.0.warnings
    }

    /// The tables as they hold for every path that is not a route's, with all defaults and with
    /// secrets masked. Its `route` is empty.
    pub fn document(&self) -> &Document {
        &self.0.document.document
    }

    /// The tables as they hold for a request target's path.
    pub fn document_for(&self, path: &str) -> &Document {
        &self.rules(path).document
    }

    /// The name of a type of messages on a request target's path, by the number that verdicts carry; none
    /// where there is no such type, and for messages without one.
    pub fn type_name(&self, path: &str, index: TypeIndex) -> Option<&str> {
        self.rules(path).messages.type_name(index)
    }

    /// What a host tells its WebSocket library.
    pub fn host_limits(&self) -> HostLimits {
        HostLimits::of(self)
    }

    /// The whole policy with all defaults and routes, for tools. Secrets are masked.
    pub fn to_value(&self) -> Value {
        self.0.value.clone()
    }

    /// The JSON Schema (draft 2020-12) of the document, for editors.
    pub fn json_schema() -> Value {
        schema::json_schema()
    }

    /// The rules for a request target's path.
    pub(crate) fn rules(&self, path: &str) -> &Arc<Rules> {
        let exact = self.0.routes.binary_search_by(|rules| rules.path.as_deref().cmp(&Some(path))).ok();
        let near =
            || self.0.routes.iter().find(|rules| rules.path.as_deref().is_some_and(|route| is_near(route, path)));
        exact.and_then(|index| self.0.routes.get(index)).or_else(near).unwrap_or(&self.0.document)
    }

    /// The rules of every path that is not a route's.
    pub(crate) fn base(&self) -> &Arc<Rules> {
        &self.0.document
    }

    /// The rules of every path: the document's first, then the routes'.
    pub(crate) fn all_rules(&self) -> impl Iterator<Item = &Arc<Rules>> {
        std::iter::once(&self.0.document).chain(&self.0.routes)
    }

    /// How tickets are made, on every path.
    pub(crate) fn ticket_plan(&self) -> &TicketPlan {
        &self.0.document.ticket
    }

    /// Where keys are published that some path's tokens are judged by.
    pub(crate) fn key_sources(&self) -> impl Iterator<Item = &PublishedSource> {
        self.all_rules().filter_map(|rules| rules.jwt.as_ref()?.source())
    }

    fn new(document: Arc<Rules>, routes: Vec<Arc<Rules>>, warnings: Vec<PolicyWarning>, value: Value) -> Self {
        Self(Arc::new(Inner { document, routes: routes.into(), warnings: warnings.into(), value }))
    }
}

/// As JSON, with all defaults and without secrets.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0.value)
    }
}

/// The document and the routes' paths; what they compile to would fill pages.
impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes: Vec<_> = self.0.routes.iter().filter_map(|rules| rules.path.as_deref()).collect();
        f.debug_struct("Policy").field("document", self.document()).field("routes", &routes).finish()
    }
}

/// Whether a path is a route's but for case, a last slash or parameters. Many routers take these for
/// the same place: a route's rules must not be left by another spelling of it.
fn is_near(route: &str, path: &str) -> bool {
    let plain = |path: &str| path.split(';').next().unwrap_or_default().trim_end_matches('/').len();
    let (route, path) = (route.get(..plain(route)), path.get(..plain(path)));
    route.zip(path).is_some_and(|(route, path)| route.eq_ignore_ascii_case(path))
}

#[cfg(test)]
mod tests;
