//! Guards: a policy, and what the connections of one server share under it.

use std::time::Duration;

use wswarden_core::{Candidate, Gap, Guard, Host, Reason, Refusal, Revocation, Timestamp, UnixTime, UserKey};

use crate::border::{Out, Sized32, SizedOut, borrowed, entry, entry_or, freed, given, sized, taken};
use crate::clock::wsw_time;
use crate::credentials::random;
use crate::handle::{Local, Shared};
use crate::ids::{ids, wsw_ids};
use crate::policy::{refused, wsw_policy};
use crate::request::{Asked, From, wsw_connection, wsw_request};
use crate::response::wsw_response;
use crate::status::{Fault, wsw_status};
use crate::text::{bytes, wsw_str};

/// A policy, and what the connections of one server share under it: limits by user and address, open slots,
/// revocations. One for each server; any number of threads may use it.
pub struct wsw_guard(Local<Shared<Guard>>);

/// An upgrade request that passed every check that needs no credential judged. It holds an unauthenticated slot of its
/// address until it is admitted or freed.
pub struct wsw_candidate(Local<Candidate>);

/// What a host can do, as bits to be joined. A guard refuses a policy that its host cannot keep.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_ability {
    /// It can send ping frames and sees the pongs.
    WSW_ABILITY_PINGS = 1,
    /// It shows every control frame, so that they can be metered.
    WSW_ABILITY_CONTROL_FRAMES = 2,
    /// It shows a repeated header as often as it was sent.
    WSW_ABILITY_REPEATED_HEADERS = 4,
    /// It bounds the fragments of a message.
    WSW_ABILITY_FRAGMENTS = 8,
    /// It can refuse with any HTTP status and headers before the upgrade.
    WSW_ABILITY_HTTP_REFUSAL = 16,
    /// All of these: a host that reads the socket itself.
    WSW_ABILITY_ALL = 31,
}

/// What a guard is made with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_guard_options {
    /// `sizeof (wsw_guard_options)`.
    pub size: u32,
    /// What the host can do: `wsw_ability` bits.
    pub abilities: u32,
    /// What it cannot do, and the operator has seen to elsewhere: `wsw_ability` bits.
    pub waived: u32,
    /// Must be 0.
    pub reserved: u32,
    /// 32 random bytes, which must be different in every process; NULL takes them from the operating system. They key
    /// the tables' hashes, so that nobody can choose addresses, names or keys that collide.
    pub seed: *const u8,
}

/// What to take back.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_revocation_kind {
    /// The token with this `id` (`jti`).
    WSW_REVOKE_TOKEN = 1,
    /// All of a user's credentials issued up to `issued_until`. One that does not say when it was issued is covered.
    WSW_REVOKE_USER = 2,
    /// All credentials of the host's session with this `id` (`sid`).
    WSW_REVOKE_SESSION = 3,
}

/// A credential, or all of a user's or session's, taken back before it ran out.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_revocation {
    /// `sizeof (wsw_revocation)`.
    pub size: u32,
    /// A `wsw_revocation_kind`.
    pub kind: i32,
    /// Whose id or subject it is: the JWT's issuer, or the host's name for its session store.
    pub vouched_by: wsw_str,
    /// The token's or session's id.
    pub id: wsw_str,
    /// The user's tenant; empty for none.
    pub tenant: wsw_str,
    /// The user's name.
    pub subject: wsw_str,
    /// For a user: the last moment that is covered, in Unix nanoseconds.
    pub issued_until: u64,
}

/// A guard's state in numbers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_stats {
    /// `sizeof (wsw_stats)`.
    pub size: u32,
    /// Connections that hold a slot: sessions, candidates, and requests being judged.
    pub connections: u32,
    /// Those of them that have not shown a good credential.
    pub unauthenticated: u32,
    /// Addresses the limiter remembers.
    pub addresses: u32,
    /// Users the limiter remembers.
    pub users: u32,
    /// 1 if the books agree with what is really held, 0 if something leaked: a bug.
    pub agrees: u32,
    /// Sessions.
    pub sessions: u64,
    /// Sessions opened since the guard was made.
    pub opened: u64,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_guard_options {
    const FIRST: usize = size_of::<Self>();
}

// SAFETY: as above.
unsafe impl Sized32 for wsw_revocation {
    const FIRST: usize = size_of::<Self>();
}

// SAFETY: as above.
unsafe impl Sized32 for wsw_stats {
    const FIRST: usize = size_of::<Self>();
}

/// Makes a guard that keeps `policy` on a host that can do what `options` says. The policy may be freed then.
///
/// `WSW_STATUS_OK`: `*guard` is to be freed by `wsw_guard_free`. `WSW_STATUS_POLICY_ERROR`: the host cannot keep the
/// policy, and the gap is not waived. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_new(
    policy: *const wsw_policy,
    options: *const wsw_guard_options,
    guard: *mut *mut wsw_guard,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `policy` is live, `options` readable, `guard` may be written.
        let (policy, options, out) =
            unsafe { (borrowed(policy, "policy")?, sized(options, "options")?, Out::new(guard, "guard")?) };
        let abilities = wsw_ability::WSW_ABILITY_ALL as u32;
        if (options.abilities | options.waived) & !abilities != 0 || options.reserved != 0 {
            return Err(Fault::bad("options: unknown abilities"));
        }
        let mut seed = random()?;
        if !options.seed.is_null() {
            // SAFETY: the contract: 32 bytes are readable.
            seed.copy_from_slice(unsafe { bytes(options.seed, 32, "seed") }?);
        }
        let waived: Vec<Gap> = Gap::ALL.iter().copied().filter(|gap| options.waived & bit(*gap) != 0).collect();
        let made = policy
            .0
            .with(|it| Guard::new(it.policy.clone(), host(options.abilities), &waived, seed).map_err(refused))?;
        out.set(given(wsw_guard(Local::new(Shared::new(made))?)));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Frees a guard. Registries made of it keep what they need. NULL is nothing to free. Thread-safe, once no other call
/// with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_free(guard: *mut wsw_guard) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(guard) }
}

/// Judges an upgrade request by all that needs no credential judged: size and syntax, transport, client address and its
/// limits, Host, where the credential stands, Origin, RFC 6455.
///
/// `WSW_STATUS_OK`: `*candidate` is to be given to `wsw_registry_admit`, or freed. `WSW_STATUS_REFUSED`: send
/// `*response`, free it, and cut the connection. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_screen(
    guard: *const wsw_guard,
    request: *const wsw_request,
    connection: *const wsw_connection,
    now: wsw_time,
    candidate: *mut *mut wsw_candidate,
    response: *mut *mut wsw_response,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, the inputs are readable, the others may be written.
        let (guard, asked, from, candidate, response) = unsafe {
            (
                borrowed(guard, "guard")?,
                Asked::read(request)?,
                From::read(connection)?,
                Out::new(candidate, "candidate")?,
                Out::new(response, "response")?,
            )
        };
        let screened = guard.with(|guard| Ok(asked.with(&from, |request| guard.screen(request, now.into()))))?;
        screening(screened, candidate, response)
    })
}

/// Frees a candidate whose client has gone: its slot is given back. NULL is nothing to free. Thread-safe, once no other
/// call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_candidate_free(candidate: *mut wsw_candidate) {
    // SAFETY: the contract: it came from here, and was neither freed nor admitted.
    unsafe { freed(candidate) }
}

/// Puts another policy in force: for new connections at once, for open ones at their next message or timeout. Limits
/// apply to what is already stored. `*affected` is to be freed by `wsw_ids_free`.
///
/// `WSW_STATUS_POLICY_ERROR`: the host cannot keep it, and the old policy stays. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_reload(
    guard: *const wsw_guard,
    policy: *const wsw_policy,
    affected: *mut *mut wsw_ids,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: both are live, `affected` may be written.
        let (guard, policy, out) =
            unsafe { (borrowed(guard, "guard")?, borrowed(policy, "policy")?, Out::new(affected, "affected")?) };
        let policy = policy.0.with(|it| Ok(it.policy.clone()))?;
        out.set(ids(&guard.with(|guard| guard.reload(policy).map_err(refused))?));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Refuses credentials from now on, and closes the sessions that were opened with them. It is kept for `lasts`
/// nanoseconds, no shorter than the longest life of a credential that it covers. `*affected` is to be freed by
/// `wsw_ids_free`.
///
/// `WSW_STATUS_FULL`: 100,000 revocations are in force already; nothing was revoked. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_revoke(
    guard: *const wsw_guard,
    revocation: *const wsw_revocation,
    lasts: u64,
    now_unix: u64,
    affected: *mut *mut wsw_ids,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, `revocation` readable, `affected` may be written.
        let (guard, what, out) =
            unsafe { (borrowed(guard, "guard")?, revoked(revocation)?, Out::new(affected, "affected")?) };
        let (lasts, now) = (Duration::from_nanos(lasts), UnixTime::from_nanos(now_unix));
        let full = |error: wswarden_core::RevocationsFull| Fault::new(wsw_status::WSW_STATUS_FULL, error.to_string());
        out.set(ids(&guard.with(|guard| guard.revoke(&what, lasts, now).map_err(full))?));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Refuses new connections and closes the open ones, spread evenly over the policy's `deadline.drain`. `*affected` is to
/// be freed by `wsw_ids_free`. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_drain(
    guard: *const wsw_guard,
    now_mono: u64,
    affected: *mut *mut wsw_ids,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, `affected` may be written.
        let (guard, out) = unsafe { (borrowed(guard, "guard")?, Out::new(affected, "affected")?) };
        out.set(ids(&guard.with(|guard| Ok(guard.drain(Timestamp::from_nanos(now_mono))))?));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// The guard's state in numbers. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_stats(guard: *const wsw_guard, stats: *mut wsw_stats) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, `stats` may be written.
        let (guard, out) = unsafe { (borrowed(guard, "guard")?, SizedOut::new(stats, "stats")?) };
        let (stats, agrees) = guard.with(|guard| Ok((guard.stats(), guard.reconcile().agrees())))?;
        out.set(&wsw_stats {
            size: 0,
            connections: stats.connections,
            unauthenticated: stats.unauthenticated,
            addresses: stats.addresses,
            users: stats.users,
            agrees: agrees.into(),
            sessions: stats.sessions,
            opened: stats.opened,
        });
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// How many requests were refused for `reason`, a `wsw_reason`, since the guard was made; 0 after an error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_refused(guard: *const wsw_guard, reason: u8) -> u64 {
    let count = |guard: &Guard| {
        let refused = guard.stats().refused;
        Ok(refused.iter().find(|(why, _)| Some(*why) == Reason::from_number(reason)).map_or(0, |(_, count)| *count))
    };
    // SAFETY: the contract: `guard` is live.
    entry_or(|_| 0, || unsafe { borrowed(guard, "guard") }?.with(count))
}

impl wsw_guard {
    /// Works with the guard, in the process that made it; not after a panic.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&Guard) -> Result<R, Fault>) -> Result<R, Fault> {
        self.0.here()?.with(work)
    }
}

impl wsw_candidate {
    /// Takes a candidate back from C.
    ///
    /// # Safety
    /// Unless it is NULL, `candidate` came from [`screening`] and was neither freed nor taken.
    pub(crate) unsafe fn take(candidate: *mut Self) -> Result<Candidate, Fault> {
        // SAFETY: by this function's contract.
        unsafe { taken(candidate, "candidate") }?.0.take()
    }
}

pub(crate) fn screening(
    screened: Result<Candidate, Refusal>,
    candidate: Out<*mut wsw_candidate>,
    response: Out<*mut wsw_response>,
) -> Result<wsw_status, Fault> {
    match screened {
        Ok(screened) => {
            candidate.set(given(wsw_candidate(Local::new(screened)?)));
            Ok(wsw_status::WSW_STATUS_OK)
        }
        Err(refusal) => {
            response.set(wsw_response::refusing(refusal));
            Ok(wsw_status::WSW_STATUS_REFUSED)
        }
    }
}

fn host(abilities: u32) -> Host {
    Gap::ALL.iter().fold(Host::NOTHING, |host, gap| match gap {
        gap if abilities & bit(*gap) == 0 => host,
        Gap::Pings => host.pings(),
        Gap::ControlFrames => host.control_frames(),
        Gap::RepeatedHeaders => host.repeated_headers(),
        Gap::Fragments => host.fragments(),
        Gap::HttpRefusal => host.http_refusal(),
        _ => host,
    })
}

/// The ability that is missing where there is this gap. A gap that C has no bit for cannot be closed nor waived.
fn bit(gap: Gap) -> u32 {
    match gap {
        Gap::Pings => 1,
        Gap::ControlFrames => 2,
        Gap::RepeatedHeaders => 4,
        Gap::Fragments => 8,
        Gap::HttpRefusal => 16,
        _ => 0,
    }
}

/// # Safety
/// `revocation` and what it points to are readable.
unsafe fn revoked(revocation: *const wsw_revocation) -> Result<Revocation, Fault> {
    // SAFETY: by this function's contract, here and below.
    let from = unsafe { sized(revocation, "revocation") }?;
    // SAFETY: as above.
    let text = |text: wsw_str, name| Ok::<Box<str>, Fault>(unsafe { text.utf8(name) }?.into());
    let namespace = text(from.vouched_by, "vouched_by")?;
    match from.kind {
        1 => Ok(Revocation::Token { namespace, id: text(from.id, "id")? }),
        2 => {
            let (tenant, subject) = (text(from.tenant, "tenant")?, text(from.subject, "subject")?);
            let issued_until = UnixTime::from_nanos(from.issued_until);
            Ok(Revocation::User { user: UserKey { namespace, tenant, subject }, issued_until })
        }
        3 => Ok(Revocation::Session { namespace, id: text(from.id, "id")? }),
        _ => Err(Fault::bad("revocation.kind is no wsw_revocation_kind")),
    }
}
