//! What a guard does with credentials beside the upgrade: tickets, published keys, revocations; and
//! the sockets that have asked for nothing yet.

use std::time::Duration;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use wswarden_core::credential::ticket::Binding;
use wswarden_core::{GuardAction, Secret};

use crate::guard::{NativeGuard, ids};
use crate::handshake::{NativeIdentity, NativeRefusal, NativeVerified, remote};
use crate::policy::wrong;
use crate::values::{KeysToFetch, NativeRevocation, millis, nanos};
use crate::{Result, error};

#[napi]
impl NativeGuard {
    /// Asks whether a new socket may stay open while its request is awaited: the number to give back
    /// with `knocked`, or null when it must be closed.
    #[napi]
    pub fn knock(&self, peer: String) -> Result<Option<u32>> {
        let remote = remote(&peer)?;
        self.shared.call(|state| {
            let now = state.clock.mono();
            let Ok(knock) = state.guard.knock(remote, now) else { return Ok(None) };
            state.knocked = state.knocked.wrapping_add(1);
            state.knocks.insert(state.knocked, knock);
            Ok(Some(state.knocked))
        })
    }

    /// The socket has sent its request, or is gone.
    #[napi]
    pub fn knocked(&self, number: u32) -> Result<()> {
        self.shared.call(|state| {
            state.knocks.remove(&number);
            Ok(())
        })
    }

    /// Makes a single-use ticket for a user, to open one connection to `path`.
    #[napi]
    pub fn mint_ticket(
        &self,
        identity: NativeIdentity,
        path: String,
        origin: Option<String>,
        peer: String,
        entropy: Uint8Array,
    ) -> Result<String> {
        let entropy = entropy.as_ref().first_chunk::<32>().ok_or_else(|| error("argument", "entropy has 32 bytes"))?;
        let identity = identity.into_core()?;
        let binding = Binding { path: &path, origin: origin.as_deref(), address: remote(&peer)?.address() };
        self.shared.call(|state| {
            let now = state.clock.now();
            let minted = state.guard.mint_ticket(&identity, &binding, *entropy, now);
            let ticket = minted.map_err(|fault| error("ticket", format!("{}\n{fault}", fault.reason().name())))?;
            Ok(String::from_utf8_lossy(ticket.expose()).into_owned())
        })
    }

    /// Judges a token by the keys and claims of the policy for `path`. Nothing is charged for it.
    #[napi]
    pub fn verify_token(&self, path: String, token: Uint8Array) -> Result<NativeVerified> {
        let token = Secret::new(token.to_vec());
        self.shared.call(|state| {
            let now = state.clock.now();
            Ok(match state.guard.verify_token(&path, token, now) {
                Ok(identity) => {
                    NativeVerified { identity: Some(NativeIdentity::new(&identity)), ..NativeVerified::default() }
                }
                Err(refusal) => {
                    NativeVerified { refusal: Some(NativeRefusal::new(&refusal)), ..NativeVerified::default() }
                }
            })
        })
    }

    /// Milliseconds until a key set is to be fetched; null for never.
    #[napi]
    pub fn next_fetch(&self) -> Result<Option<f64>> {
        self.shared.call(|state| {
            let now = state.clock.mono();
            Ok(state.guard.next_timeout().map(|at| millis(at.since(now))))
        })
    }

    /// A key set that is to be fetched now, over verified TLS and without following redirects.
    #[napi]
    pub fn due_fetch(&self) -> Result<Option<KeysToFetch>> {
        self.shared.call(|state| {
            let now = state.clock.mono();
            Ok(match state.guard.handle_timeout(now) {
                Some(GuardAction::FetchKeys { url, within, max_bytes }) => {
                    Some(KeysToFetch { url: url.into(), within_ms: millis(within), max_bytes: max_bytes as f64 })
                }
                _ => None,
            })
        })
    }

    /// Takes the key set that was fetched, or null when it could not be.
    #[napi]
    pub fn fetched(&self, url: String, body: Option<Uint8Array>) -> Result<()> {
        self.shared.call(|state| {
            let now = state.clock.mono();
            match body {
                Some(body) => state.guard.keys_fetched(&url, &body, now).map_err(wrong),
                None => {
                    state.guard.keys_failed(&url);
                    Ok(())
                }
            }
        })
    }

    /// Takes credentials back for so many milliseconds; the sessions that closes.
    #[napi]
    pub fn revoke(&self, what: NativeRevocation, lasts: f64) -> Result<Vec<f64>> {
        let what = what.into_core()?;
        let lasts = if lasts.is_finite() { Duration::from_nanos(nanos(lasts)?) } else { Duration::MAX };
        self.shared.call(|state| {
            let now = state.clock.now().unix;
            let affected = state.guard.revoke(&what, lasts, now).map_err(|full| error("full", full.to_string()))?;
            Ok(ids(&affected))
        })
    }
}
