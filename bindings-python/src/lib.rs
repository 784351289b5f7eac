//! The Python binding of wswarden: converts, locks, reads the clock and calls the core.
//!
//! It decides nothing: what is refused, and when, is the core's answer. Every class is frozen, with
//! a lock of its own inside where it stands for something that changes: Python calls from any
//! thread, with the global lock or without it.

mod action;
mod answer;
mod bench;
mod clock;
mod decode;
mod errors;
mod event;
mod fork;
mod frames;
mod guard;
mod handshake;
mod host;
mod identity;
mod keys;
mod knock;
mod lock;
mod payload;
mod policy;
mod reason;
mod registry;
mod request;
mod response;
mod revocation;
mod secret;
mod session;
mod source;
mod tools;
mod value;
mod verdict;

use pyo3::prelude::*;

/// What is compiled of wswarden; import the package `wswarden` instead.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use crate::action::{Expired, Ping, Revalidate, Terminate};
    #[pymodule_export]
    use crate::answer::{KeysFetched, Need, TicketUnused, Unavailable};
    #[pymodule_export]
    use crate::clock::Now;
    #[pymodule_export]
    use crate::event::Event;
    #[pymodule_export]
    use crate::fork::forked;
    #[pymodule_export]
    use crate::frames::FrameMeter;
    #[pymodule_export]
    use crate::guard::{Guard, Stats};
    #[pymodule_export]
    use crate::handshake::{Candidate, Peer, Waiting};
    #[pymodule_export]
    use crate::host::Host;
    #[pymodule_export]
    use crate::identity::Identity;
    #[pymodule_export]
    use crate::keys::FetchKeys;
    #[pymodule_export]
    use crate::knock::Knock;
    #[pymodule_export]
    use crate::policy::{HostLimits, Policy};
    #[pymodule_export]
    use crate::reason::reason_table;
    #[pymodule_export]
    use crate::registry::Registry;
    #[pymodule_export]
    use crate::response::Response;
    #[pymodule_export]
    use crate::revocation::Revocation;
    #[pymodule_export]
    use crate::secret::Secret;
    #[pymodule_export]
    use crate::session::Session;
    #[pymodule_export]
    use crate::tools::{conform_line, run};
    #[pymodule_export]
    use crate::verdict::{Authenticate, Close, Deliver, Drop, Ignore, Pong, Reply};
}
