//! What time brings, as bytes: a million pings are no objects.

use wswarden_core::{Action, Reason, Tick};

/// The bytes of a record. See `NativeGuard::tick`.
pub(crate) const RECORD: usize = 32;
/// The action of a request that was refused.
const REFUSED: u8 = 9;

/// What time brought, as a record.
pub(crate) fn written(tick: &Tick) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = record.get_mut(at..at.saturating_add(bytes.len())) {
            place.copy_from_slice(bytes);
        }
    };
    match tick {
        Tick::Due(handle, due) => {
            put(0, &(handle.number() as f64).to_le_bytes());
            put(8, &[due.action.number()]);
            match due.action {
                Action::Ping(payload) => put(16, &payload),
                Action::Close(close) => {
                    put(9, &[close.reason.number()]);
                    put(10, &close.code.to_le_bytes());
                }
                _ => {}
            }
            if let Some(event) = due.event {
                put(12, &[event.kind.number(), event.reason.map_or(0, Reason::number)]);
                put(24, &event.suppressed.to_le_bytes());
            }
        }
        Tick::Refused(handle, refusal) => {
            put(0, &(handle.number() as f64).to_le_bytes());
            put(8, &[REFUSED, refusal.reason().number()]);
        }
    }
    record
}
