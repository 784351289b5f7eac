//! The upgrade request and its answer (RFC 6455 section 4, RFC 9110, RFC 6454, RFC 7239, RFC 6265).
//!
//! Every check is a small function over borrowed bytes, and takes what it needs as arguments. None
//! of them allocates more than the request is long, and none puts a byte of the request into an
//! error.

mod address;
mod cookie;
mod cursor;
mod forwarded;
mod head;
mod host;
mod list;
mod origin;
mod origin_entry;
mod request;
mod response;
mod target;
mod upgrade;

#[cfg(test)]
mod tests;

pub(crate) use address::is_proxy;
pub use address::{client_address, fold, is_secure, require_secure};
pub use cookie::cookie_value;
pub use head::{Head, HeadParser, RequestHead};
pub use host::{Authority, check_host};
pub use list::{Extension, connection_options, extensions, header_list, subprotocols, upgrade_protocols, values_of};
pub use origin::{Origin, OriginList};
pub use origin_entry::OriginEntry;
pub use request::{Header, HttpVersion, Remote, Request, check_size, check_syntax, single};
pub use response::{Refusal, Response};
pub use target::{Masked, Target, mask};
pub use upgrade::{Upgrade, accept_key, negotiate, upgrade};
