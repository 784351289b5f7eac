//! Tokens judged for the host's own endpoints.

use std::sync::Arc;

use wswarden_core::{Identity, Secret};

use crate::border::{Out, SizedOut, borrowed, entry, freed, given};
use crate::clock::wsw_time;
use crate::guard::wsw_guard;
use crate::handle::Shared;
use crate::identity::{Scopes, shown, wsw_identity};
use crate::response::wsw_response;
use crate::status::wsw_status;
use crate::text::wsw_str;

/// Whose token it was.
pub struct wsw_verified(Shared<Known>);

struct Known {
    identity: Arc<Identity>,
    scopes: Scopes,
}

/// Judges a token by the keys and claims of the policy for `path`: for the host's own endpoints, such as the one that
/// mints tickets, which has to know who asks. Nothing is charged: such an endpoint has limits of its own.
///
/// `WSW_STATUS_OK`: `*verified` is to be freed by `wsw_verified_free`. `WSW_STATUS_REFUSED`: answer with `*response`, and
/// free it; `WSW_REASON_IDENTITY_UNAVAILABLE` is its reason while the keys are being fetched. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_verify_token(
    guard: *const wsw_guard,
    path: wsw_str,
    token: wsw_str,
    now: wsw_time,
    verified: *mut *mut wsw_verified,
    response: *mut *mut wsw_response,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, the texts are readable, the others may be written.
        let (guard, path, token, verified, response) = unsafe {
            (
                borrowed(guard, "guard")?,
                path.peers("path")?,
                Secret::new(token.bytes("token")?),
                Out::new(verified, "verified")?,
                Out::new(response, "response")?,
            )
        };
        match guard.with(|guard| Ok(guard.verify_token(&path, token, now.into())))? {
            Ok(identity) => {
                let mut scopes = Scopes::default();
                scopes.set(&identity);
                verified.set(given(wsw_verified(Shared::new(Known { identity, scopes }))));
                Ok(wsw_status::WSW_STATUS_OK)
            }
            Err(refusal) => {
                response.set(wsw_response::refusing(refusal));
                Ok(wsw_status::WSW_STATUS_REFUSED)
            }
        }
    })
}

/// Whose token it was: it can be handed to `wsw_guard_mint_ticket` as it is. Texts and scopes live as long as `verified`.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_verified_identity(
    verified: *const wsw_verified,
    identity: *mut wsw_identity,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `verified` is live, `identity` may be written.
        let (verified, out) = unsafe { (borrowed(verified, "verified")?, SizedOut::new(identity, "identity")?) };
        verified.0.with(|known| {
            out.set(&shown(&known.identity, &known.scopes));
            Ok(wsw_status::WSW_STATUS_OK)
        })
    })
}

/// Frees it. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_verified_free(verified: *mut wsw_verified) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(verified) }
}
