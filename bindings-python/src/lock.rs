//! The lock inside every class that stands for something that changes.
//!
//! A session is judged by one thread at a time; Python may call from any, and without the global
//! lock really at once. The lock is a `std::sync::Mutex`: uncontended it costs two atomic steps.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, TryLockError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;

use crate::errors;

/// Calls the core with what the lock guards. A thread that has to wait lets Python's global lock go.
///
/// The core does not panic. If it did, the panic would end here, as an exception that `except
/// Exception` sees; the lock is then poisoned, and whatever it guards refuses from then on.
#[inline]
pub(crate) fn locked<T, R>(py: Python<'_>, mutex: &Mutex<T>, call: impl FnOnce(&mut T) -> R) -> PyResult<R> {
    let mut guarded = match mutex.try_lock() {
        Ok(guarded) => guarded,
        Err(TryLockError::WouldBlock) => mutex.lock_py_attached(py).map_err(|_| errors::internal())?,
        Err(TryLockError::Poisoned(_)) => return Err(errors::internal()),
    };
    // The guard is inside, so that a panic poisons the lock.
    catch_unwind(AssertUnwindSafe(move || call(&mut guarded))).map_err(|_| errors::internal())
}
