//! A guard works only in the process that made it.
//!
//! After a fork both processes would count the same limits apart, and draw the same keys and ping
//! payloads. `os.register_at_fork` tells of every fork that Python knows of; where there is time,
//! the process's number is compared, too.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::prelude::*;

use crate::errors;

/// How many forks lie between this process and the one that loaded the module.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Called in a forked child, by the hook that the package registers.
#[pyfunction]
pub(crate) fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The process that made something.
#[derive(Clone, Copy)]
pub(crate) struct Maker {
    process: u32,
    forks: u32,
}

impl Maker {
    pub(crate) fn this() -> Self {
        Self { process: std::process::id(), forks: FORKS.load(Ordering::Relaxed) }
    }

    /// For the message path: one comparison.
    #[inline]
    pub(crate) fn check(self) -> PyResult<()> {
        if self.forks == FORKS.load(Ordering::Relaxed) { Ok(()) } else { Err(errors::forked(self.process)) }
    }

    /// Asks the operating system, too: for forks that Python does not know of.
    pub(crate) fn check_process(self) -> PyResult<()> {
        self.check()?;
        if self.process == std::process::id() { Ok(()) } else { Err(errors::forked(self.process)) }
    }
}
