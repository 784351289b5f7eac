//! Who may do what, and until when.

use wswarden_core::{Answer, Identity, UnixTime};

use crate::border::{Sized32, sized};
use crate::request::array;
use crate::status::Fault;
use crate::text::wsw_str;

/// Whose connection it is.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_identity_kind {
    /// A user.
    WSW_IDENTITY_USER = 1,
    /// Nobody in particular: it has the limits of its address only.
    WSW_IDENTITY_GUEST = 2,
}

/// Who may do what, and until when. Handing one in claims that the host has authenticated the subject: nothing here can
/// check that.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_identity {
    /// `sizeof (wsw_identity)`.
    pub size: u32,
    /// A `wsw_identity_kind`.
    pub kind: i32,
    /// The user's name, unique together with the next two.
    pub subject: wsw_str,
    /// Who vouches for it: the JWT's issuer, or the host's name for its session store.
    pub vouched_by: wsw_str,
    /// The tenant; empty for none.
    pub tenant: wsw_str,
    /// What it permits, compared as exact strings.
    pub scopes: *const wsw_str,
    /// How many scopes.
    pub scope_count: usize,
    /// When it ends, in Unix nanoseconds; 0 where it does not say.
    pub expires: u64,
    /// When the credential was issued, in Unix nanoseconds; 0 where it does not say.
    pub issued_at: u64,
    /// The credential's own id (`jti`); empty for none.
    pub token_id: wsw_str,
    /// The host's session that it belongs to (`sid`); empty for none.
    pub session_id: wsw_str,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_identity {
    const FIRST: usize = size_of::<Self>();
}

/// The host's answer to a need.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_answer {
    /// The credential is this identity's.
    WSW_ANSWER_IDENTITY = 1,
    /// It is nobody's, or the ticket was used before.
    WSW_ANSWER_REFUSED = 2,
    /// The host cannot tell just now. The connection is refused: fail closed.
    WSW_ANSWER_UNAVAILABLE = 3,
    /// The keys were fetched, or could not be: look again.
    WSW_ANSWER_KEYS = 4,
    /// The ticket was not used before, and is marked as used now.
    WSW_ANSWER_UNUSED = 5,
}

/// Reads an answer; the identity is looked at only where the answer is one.
///
/// # Safety
/// `identity` and what it points to are readable.
pub(crate) unsafe fn answer(answer: i32, identity: *const wsw_identity) -> Result<Answer, Fault> {
    match answer {
        // SAFETY: by this function's contract.
        1 => Ok(Answer::Identity(unsafe { read(identity) }?)),
        2 => Ok(Answer::Refused),
        3 => Ok(Answer::Unavailable),
        4 => Ok(Answer::Keys),
        5 => Ok(Answer::Unused),
        _ => Err(Fault::bad("answer is no wsw_answer")),
    }
}

/// # Safety
/// `identity` and what it points to are readable.
pub(crate) unsafe fn read(identity: *const wsw_identity) -> Result<Identity, Fault> {
    // SAFETY: by this function's contract, here and below.
    let from = unsafe { sized(identity, "identity") }?;
    // SAFETY: as above.
    let text = |text: wsw_str, name| unsafe { text.utf8(name) };
    let mut identity = match from.kind {
        1 => Identity::assertion(text(from.subject, "subject")?),
        2 => Identity::guest(),
        _ => return Err(Fault::bad("identity.kind is no wsw_identity_kind")),
    };
    identity = identity.with_namespace(text(from.vouched_by, "vouched_by")?).with_tenant(text(from.tenant, "tenant")?);
    // SAFETY: as above.
    let scopes = unsafe { array(from.scopes, from.scope_count, "scopes") }?;
    let scopes: Vec<&str> = scopes.iter().map(|scope| text(*scope, "a scope")).collect::<Result<_, _>>()?;
    identity = identity.with_scopes(scopes);
    if from.expires != 0 {
        identity = identity.with_expires(UnixTime::from_nanos(from.expires));
    }
    if from.issued_at != 0 {
        identity = identity.with_issued_at(UnixTime::from_nanos(from.issued_at));
    }
    if from.token_id.len != 0 {
        identity = identity.with_token_id(text(from.token_id, "token_id")?);
    }
    if from.session_id.len != 0 {
        identity = identity.with_session_id(text(from.session_id, "session_id")?);
    }
    Ok(identity)
}

/// The scopes of an identity as C reads them, for as long as the identity lives.
#[derive(Default)]
pub(crate) struct Scopes(Vec<wsw_str>);

// SAFETY: they point to what nobody changes, and whoever holds them holds that, too.
unsafe impl Send for Scopes {}
// SAFETY: as above.
unsafe impl Sync for Scopes {}

impl Scopes {
    pub(crate) fn set(&mut self, identity: &Identity) {
        self.0.clear();
        self.0.extend(identity.scopes().iter().map(|scope| wsw_str::of(&**scope)));
    }
}

/// An identity as C reads it, so that it can be handed in again as it is.
pub(crate) fn shown(identity: &Identity, scopes: &Scopes) -> wsw_identity {
    let user = identity.user();
    let kind =
        if user.is_some() { wsw_identity_kind::WSW_IDENTITY_USER } else { wsw_identity_kind::WSW_IDENTITY_GUEST };
    let nanos = |at: Option<UnixTime>| at.map_or(0, UnixTime::as_nanos);
    wsw_identity {
        size: 0,
        kind: kind as i32,
        subject: wsw_str::or_empty(user.map(|user| &*user.subject)),
        vouched_by: wsw_str::or_empty(user.map(|user| &*user.namespace)),
        tenant: wsw_str::or_empty(user.map(|user| &*user.tenant)),
        scopes: scopes.0.as_ptr(),
        scope_count: scopes.0.len(),
        expires: nanos(identity.expires()),
        issued_at: nanos(identity.issued_at()),
        token_id: wsw_str::or_empty(identity.token_id()),
        session_id: wsw_str::or_empty(identity.session_id()),
    }
}
