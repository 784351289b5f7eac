//! Where a message went wrong, in words.

use wswarden_core::Message;
use wswarden_core::message::Fault as Flaw;

use crate::border::{Sized32, SizedOut, entry};
use crate::registry::{Desk, kept, number, wsw_registry};
use crate::status::{Fault, wsw_status};
use crate::text::{bytes, wsw_str};

/// Where a message went wrong, in words. It never shows what the sender chose.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_explanation {
    /// `sizeof (wsw_explanation)`.
    pub size: u32,
    /// A `wsw_reason`.
    pub reason: u32,
    /// The offset of the byte or value at fault.
    pub at: u32,
    /// Zero.
    pub reserved: u32,
    /// The JSON Pointer of the value at fault; the function says how long it is valid.
    pub pointer: wsw_str,
    /// The JSON Pointer of the schema that was not met; empty where no schema is at fault.
    pub schema: wsw_str,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_explanation {
    const FIRST: usize = size_of::<Self>();
}

/// Where a text or binary message goes wrong, in words; charges nothing, and is for debugging: it takes as long as
/// judging the message again. The texts are valid until the next call with this registry. `WSW_STATUS_NONE`: nothing is
/// wrong with its content. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_registry_explain(
    registry: *mut wsw_registry,
    handle: u64,
    kind: i32,
    ptr: *const u8,
    len: usize,
    explanation: *mut wsw_explanation,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `len` bytes are readable, `explanation` may be written, `registry` is live.
        let (payload, out) = unsafe { (bytes(ptr, len, "the message")?, SizedOut::new(explanation, "explanation")?) };
        let message = u8::try_from(kind).ok().and_then(|opcode| Message::from_opcode(opcode, payload));
        let message = message.ok_or_else(|| Fault::bad("kind is no opcode"))?;
        let explain = |desk: &mut Desk| {
            let session = desk.registry.session(number(handle)?).map_err(|_| Fault::stale())?;
            let Some(found) = session.explain(message, &mut desk.scratch) else {
                return Ok(wsw_status::WSW_STATUS_NONE);
            };
            desk.text = found.pointer;
            desk.more_text = found.schema.unwrap_or_default();
            out.set(&wsw_explanation::new(found.fault, &desk.text, &desk.more_text));
            Ok(wsw_status::WSW_STATUS_OK)
        };
        // SAFETY: as above.
        unsafe { kept(registry, explain) }
    })
}

impl wsw_explanation {
    pub(crate) fn new(fault: Flaw, pointer: &str, schema: &str) -> Self {
        Self {
            size: 0,
            reason: fault.reason.number().into(),
            at: fault.at,
            reserved: 0,
            pointer: wsw_str::of(pointer),
            schema: wsw_str::of(schema),
        }
    }
}
