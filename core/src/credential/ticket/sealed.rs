//! Tickets that carry their meaning, sealed.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

use super::{Binding, TicketFault, TicketRules, TicketSpent};
use crate::credential::digest::Digest;
use crate::credential::fault::JwtFault;
use crate::credential::json::{Json, MAX_MEMBERS, Members, member};
use crate::identity::Identity;
use crate::secret::Secret;
use crate::time::{Now, UnixTime};

/// The longest ticket read, in bytes: it travels in a URL, which is 8 KiB at most.
const MAX_LENGTH: usize = 4096;

/// Makes and reads sealed tickets. They are encrypted besides being signed, since a URL stands in
/// logs and histories and a user's name should not. The cipher is one that survives a repeated
/// nonce (AES-256-GCM-SIV, RFC 8452).
pub struct TicketSealer {
    rules: TicketRules,
    key: Option<LessSafeKey>,
}

/// A ticket that was read and is in order, but not yet used up.
#[derive(Debug, PartialEq, Eq)]
pub struct OpenedTicket {
    /// Who it is for.
    pub identity: Identity,
    /// When it runs out.
    pub expires: UnixTime,
    pub(super) digest: Digest,
}

impl OpenedTicket {
    /// The ticket's id: what a store shared by several servers marks as used.
    pub fn id(&self) -> &[u8; 32] {
        self.digest.as_bytes()
    }
}

impl fmt::Debug for TicketSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketSealer").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl TicketSealer {
    /// A sealer with a key of its own, derived from 32 secret random bytes.
    pub fn new(rules: &TicketRules, key: &[u8; 32]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"wswarden ticket, sealed, 1");
        // The derived key always has the cipher's 32 bytes; without a key nothing opens.
        let key = UnboundKey::new(&AES_256_GCM_SIV, derived.as_ref()).ok().map(LessSafeKey::new);
        Self { rules: rules.clone(), key }
    }

    /// Makes a ticket; see [`Tickets::mint`](super::Tickets::mint).
    ///
    /// # Errors
    /// As there; [`TicketFault::Full`] for an identity too long for a URL, or of over 256 scopes.
    pub fn seal(
        &self,
        identity: &Identity,
        binding: &Binding<'_>,
        entropy: [u8; 32],
        now: Now,
    ) -> Result<Secret, TicketFault> {
        let expires = now.unix.after(self.rules.ttl);
        let expires = identity.expires().map_or(expires, |at| at.min(expires));
        if expires <= now.unix {
            return Err(TicketFault::Expired);
        }
        let mut sealed = encode(identity, expires)?;
        let nonce: [u8; NONCE_LEN] = entropy.first_chunk().copied().unwrap_or_default();
        let key = self.key.as_ref().ok_or(TicketFault::Full)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.aad(binding), &mut sealed)
            .map_err(|_| TicketFault::Full)?;
        let text = BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        if text.len() > MAX_LENGTH { Err(TicketFault::Full) } else { Ok(text.into()) }
    }

    /// Reads a ticket without using it up; [`SpentTickets::spend`](super::SpentTickets::spend) or a shared store must do that
    /// before anybody is let in. Wrong key, wrong bytes and wrong binding cannot be told apart.
    ///
    /// # Errors
    /// [`TicketFault::Unknown`], [`TicketFault::Expired`].
    pub fn open(&self, ticket: &[u8], binding: &Binding<'_>, now: UnixTime) -> Result<OpenedTicket, TicketFault> {
        if ticket.len() > MAX_LENGTH {
            return Err(TicketFault::Unknown);
        }
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(ticket).map_err(|_| TicketFault::Unknown)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(TicketFault::Unknown)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| TicketFault::Unknown)?;
        let key = self.key.as_ref().ok_or(TicketFault::Unknown)?;
        let plain = key.open_in_place(nonce, self.aad(binding), sealed).map_err(|_| TicketFault::Unknown)?;
        let (identity, expires) = decode(plain).map_err(|_| TicketFault::Unknown)?;
        if expires <= now {
            return Err(TicketFault::Expired);
        }
        Ok(OpenedTicket { identity, expires, digest: Digest::of_one(ticket) })
    }

    /// Whether it is kept elsewhere which tickets were used.
    pub(super) fn is_spent_elsewhere(&self) -> bool {
        self.rules.spent == TicketSpent::Host
    }

    fn aad(&self, binding: &Binding<'_>) -> Aad<[u8; 32]> {
        Aad::from(*binding.digest(&self.rules).as_bytes())
    }
}

fn encode(identity: &Identity, expires: UnixTime) -> Result<Vec<u8>, TicketFault> {
    let user = identity.user().ok_or(TicketFault::Guest)?;
    if identity.scopes().len() > MAX_MEMBERS {
        return Err(TicketFault::Full);
    }
    let nanos = |at: Option<UnixTime>| at.map(UnixTime::as_nanos);
    let mut value = json!({ "n": user.namespace, "t": user.tenant, "s": user.subject, "x": expires.as_nanos() });
    if let Some(members) = value.as_object_mut() {
        for (name, field) in [
            ("c", (!identity.scopes().is_empty()).then(|| json!(identity.scopes()))),
            ("e", nanos(identity.expires()).map(Into::into)),
            ("i", nanos(identity.issued_at()).map(Into::into)),
            ("j", identity.token_id().map(Into::into)),
            ("h", identity.session_id().map(Into::into)),
        ] {
            members.extend(field.map(|field| (name.to_owned(), field)));
        }
    }
    serde_json::to_vec(&value).map_err(|_| TicketFault::Full)
}

fn decode(plain: &[u8]) -> Result<(Identity, UnixTime), JwtFault> {
    let members = Json::object(plain)?;
    let text = |name| member(&members, name).map(Json::text).transpose();
    let needed = |name| text(name)?.ok_or(JwtFault::MissingClaim);
    let mut identity = Identity::assertion(needed("s")?).with_namespace(needed("n")?).with_tenant(needed("t")?);
    if let Some(Json::Array(scopes)) = member(&members, "c") {
        identity = identity.with_scopes(scopes.iter().map(Json::text).collect::<Result<Vec<_>, _>>()?);
    }
    if let Some(at) = nanos(&members, "e")? {
        identity = identity.with_expires(at);
    }
    if let Some(at) = nanos(&members, "i")? {
        identity = identity.with_issued_at(at);
    }
    if let Some(id) = text("j")? {
        identity = identity.with_token_id(id);
    }
    if let Some(id) = text("h")? {
        identity = identity.with_session_id(id);
    }
    Ok((identity, nanos(&members, "x")?.ok_or(JwtFault::MissingClaim)?))
}

fn nanos(members: &Members<'_>, name: &str) -> Result<Option<UnixTime>, JwtFault> {
    match member(members, name) {
        None => Ok(None),
        Some(Json::Whole(nanos)) => Ok(Some(UnixTime::default().after(Duration::from_nanos(*nanos)))),
        Some(_) => Err(JwtFault::ClaimType),
    }
}
