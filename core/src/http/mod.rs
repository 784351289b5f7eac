//! The upgrade request and its answer (RFC 6455 section 4, RFC 9110, RFC 6454, RFC 7239, RFC 6265).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry of the origin allowlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OriginEntry(String);
