//! Numbers of sessions.

use wswarden_core::Affected;

use crate::border::{borrowed, entry_or, freed, given};

/// Numbers of sessions, ascending: those that a change of the guard concerns. `wsw_registry_tick` tells each of them by
/// itself; a host with many event loops wakes those that hold one of these.
pub struct wsw_ids(Vec<u64>);

/// How many numbers there are; 0 after an error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_ids_count(ids: *const wsw_ids) -> usize {
    // SAFETY: the contract: `ids` is live.
    entry_or(|_| 0, || Ok(unsafe { borrowed(ids, "ids") }?.0.len()))
}

/// The number at `index`, from 0; 0 where there is none. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_ids_at(ids: *const wsw_ids, index: usize) -> u64 {
    // SAFETY: the contract: `ids` is live.
    entry_or(|_| 0, || Ok(unsafe { borrowed(ids, "ids") }?.0.get(index).copied().unwrap_or(0)))
}

/// Frees the numbers. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_ids_free(ids: *mut wsw_ids) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(ids) }
}

pub(crate) fn ids(affected: &Affected) -> *mut wsw_ids {
    given(wsw_ids(affected.ids.iter().map(|id| id.number()).collect()))
}
