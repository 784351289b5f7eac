//! What is allowed: one immutable document, and what it compiles to.

mod document;
mod error;
mod units;

use std::sync::Arc;

pub use document::*;
pub use error::PolicyError;
pub use units::{Cidr, HostName, OrOff, Quota, QuotaKind, Size, Span};

use crate::credential::{JwtVerifier, Locator};
use crate::guard::Quotas;
use crate::http::OriginList;
use crate::message::Messages;

/// What is allowed on the connections of one server.
#[derive(Clone, Debug)]
pub struct Policy {
    routes: Arc<[Arc<Rules>]>,
}

/// What is allowed on one path: a document's tables, checked together and compiled.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The path; none for the rules of every other path.
    pub(crate) path: Option<Box<str>>,
    /// Routes with the same `rate` and `cap` share their limits; this is the group's number.
    pub(crate) limits: u16,
    /// The tables as they hold for this path.
    pub(crate) document: Document,
    /// The messages accepted, compiled.
    pub(crate) messages: Messages,
    /// The keys and claims, prepared.
    pub(crate) jwt: Option<JwtVerifier>,
    pub(crate) locator: Locator,
    pub(crate) origins: OriginList,
    pub(crate) quotas: Quotas,
}

impl Policy {
    /// The rules for a request target's path.
    pub(crate) fn rules(&self, path: &str) -> &Arc<Rules> {
        let exact = self.routes.iter().find(|rules| rules.path.as_deref() == Some(path));
        exact.or_else(|| self.routes.iter().find(|rules| rules.path.is_none())).unwrap()
    }
    pub(crate) fn all_rules(&self) -> impl Iterator<Item = &Arc<Rules>> { self.routes.iter() }
    pub fn document(&self) -> &Document { &self.rules("").document }
}
