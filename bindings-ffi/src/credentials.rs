//! What judging credentials needs of the host: sockets that wait, tickets, published keys.

use wswarden_core::credential::ticket::{Binding, TicketFault};
use wswarden_core::{Guard, GuardAction, Knock, Secret, Timestamp};

use crate::border::{Out, Sized32, borrowed, entry, entry_or, freed, given, sized};
use crate::clock::wsw_time;
use crate::guard::wsw_guard;
use crate::handle::{Local, Shared};
use crate::identity::{read as identity_of, wsw_identity};
use crate::outcome::nanos;
use crate::policy::refused;
use crate::request::{From, wsw_connection};
use crate::status::{Fault, wsw_status};
use crate::text::{bytes, wsw_str};

/// A connection whose request has not come whole. It holds a slot of its address until it is freed.
pub struct wsw_knock(#[expect(dead_code, reason = "what it is for happens when it is dropped")] Local<Knock>);

/// A ticket: a secret, which opens one connection. Or why there is none.
pub struct wsw_ticket(Shared<Minted>);

type Minted = Result<Secret, TicketFault>;

/// A key set that is to be fetched.
pub struct wsw_fetch {
    url: Box<str>,
    within: u64,
    max_bytes: usize,
}

/// What a ticket is bound to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_binding {
    /// `sizeof (wsw_binding)`.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
    /// The path it opens.
    pub path: wsw_str,
    /// The page's origin; empty where there is none.
    pub origin: wsw_str,
    /// The client's address as text; empty where there is none.
    pub address: wsw_str,
    /// 32 random bytes, fresh for each ticket; NULL takes them from the operating system.
    pub entropy: *const u8,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_binding {
    const FIRST: usize = size_of::<Self>();
}

/// Asks whether a new socket may stay open while its TLS handshake and its request are awaited: of one address, so many
/// may as the policy's `cap.unauthenticated_per_address` says. Free the knock right before the request is screened, or
/// when the connection ends.
///
/// `WSW_STATUS_OK`: `*knock` is to be freed by `wsw_knock_free`. `WSW_STATUS_REFUSED`: close the socket; before TLS there
/// is no way to tell why. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_knock(
    guard: *const wsw_guard,
    connection: *const wsw_connection,
    now_mono: u64,
    knock: *mut *mut wsw_knock,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, `connection` readable, `knock` may be written.
        let (guard, from, out) =
            unsafe { (borrowed(guard, "guard")?, From::read(connection)?, Out::new(knock, "knock")?) };
        let knocked = guard.with(|guard| Ok(guard.knock(from.peer, Timestamp::from_nanos(now_mono))))?;
        let Ok(knocked) = knocked else { return Ok(wsw_status::WSW_STATUS_REFUSED) };
        out.set(given(wsw_knock(Local::new(knocked)?)));
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Frees a knock: its slot is given back. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_knock_free(knock: *mut wsw_knock) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(knock) }
}

/// Makes a single-use ticket for a user whom the host knows by the usual credential of its HTTPS endpoint. The client
/// puts it where the policy has a source of kind `ticket`. The answer that carries it must not be cached
/// (`Cache-Control: no-store`).
///
/// `WSW_STATUS_OK`: `*ticket` has it. `WSW_STATUS_REFUSED`: there is none; `*ticket` says why. Either way it is to be
/// freed by `wsw_ticket_free`. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_mint_ticket(
    guard: *const wsw_guard,
    identity: *const wsw_identity,
    binding: *const wsw_binding,
    now: wsw_time,
    ticket: *mut *mut wsw_ticket,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, the inputs readable, the others may be written.
        let (guard, identity, bound) =
            unsafe { (borrowed(guard, "guard")?, identity_of(identity)?, sized(binding, "binding")?) };
        // SAFETY: as above.
        let out = unsafe { Out::new(ticket, "ticket") }?;
        // SAFETY: as above.
        let (path, origin, address) =
            unsafe { (bound.path.utf8("path")?, bound.origin.utf8("origin")?, bound.address.utf8("address")?) };
        let address = (!address.is_empty()).then(|| address.parse()).transpose();
        let address = address.map_err(|_| Fault::bad("binding.address is no IP address"))?;
        let binding = Binding { path, origin: (!origin.is_empty()).then_some(origin), address };
        let mut entropy = random()?;
        if !bound.entropy.is_null() {
            // SAFETY: the contract: 32 bytes are readable.
            entropy.copy_from_slice(unsafe { bytes(bound.entropy, 32, "entropy") }?);
        }
        let minted = guard.with(|guard| Ok(guard.mint_ticket(&identity, &binding, entropy, now.into())))?;
        let status = if minted.is_ok() { wsw_status::WSW_STATUS_OK } else { wsw_status::WSW_STATUS_REFUSED };
        out.set(given(wsw_ticket(Shared::new(minted))));
        Ok(status)
    })
}

/// The ticket: URL-safe text, which lives as long as the ticket. Empty where there is none, and after an error.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_ticket_text(ticket: *const wsw_ticket) -> wsw_str {
    let text = |minted: &Minted| Ok(minted.as_ref().map_or(wsw_str::EMPTY, |ticket| wsw_str::of(ticket.expose())));
    // SAFETY: the contract: `ticket` is live.
    entry_or(|_| wsw_str::EMPTY, || unsafe { borrowed(ticket, "ticket") }?.0.with(text))
}

/// Why there is no ticket, a `wsw_reason`; 0 where there is one, and after an error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_ticket_reason(ticket: *const wsw_ticket) -> u8 {
    let reason = |minted: &Minted| Ok(minted.as_ref().err().map_or(0, |fault| fault.reason().number()));
    // SAFETY: the contract: `ticket` is live.
    entry_or(|_| 0, || unsafe { borrowed(ticket, "ticket") }?.0.with(reason))
}

/// Why there is no ticket, for the audit; empty where there is one, and after an error. Static. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_ticket_detail(ticket: *const wsw_ticket) -> wsw_str {
    let detail = |minted: &Minted| Ok(wsw_str::or_empty(minted.as_ref().err().map(|fault| fault.name())));
    // SAFETY: the contract: `ticket` is live.
    entry_or(|_| wsw_str::EMPTY, || unsafe { borrowed(ticket, "ticket") }?.0.with(detail))
}

/// Wipes and frees a ticket. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_ticket_free(ticket: *mut wsw_ticket) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(ticket) }
}

/// When to call `wsw_guard_tick`, on the monotonic clock. `WSW_STATUS_NONE`: the policy needs nothing fetched. A
/// `WSW_NEED_KEYS`, and a reload, may bring it nearer: ask again then. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_next_timeout(guard: *const wsw_guard, at_mono: *mut u64) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, `at_mono` may be written.
        let (guard, out) = unsafe { (borrowed(guard, "guard")?, Out::new(at_mono, "at_mono")?) };
        let Some(next) = guard.with(|guard| Ok(guard.next_timeout()))? else {
            return Ok(wsw_status::WSW_STATUS_NONE);
        };
        out.set(next.as_nanos());
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// The next key set that is to be fetched at `now_mono`: call until it gives `WSW_STATUS_NONE`. Fetch it over verified
/// TLS alone, without following redirects and with no credentials: whoever could change the answer could sign for
/// anybody. `*fetch` is to be freed by `wsw_fetch_free`. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_tick(
    guard: *const wsw_guard,
    now_mono: u64,
    fetch: *mut *mut wsw_fetch,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, `fetch` may be written.
        let (guard, out) = unsafe { (borrowed(guard, "guard")?, Out::new(fetch, "fetch")?) };
        let due = |guard: &Guard| Ok(guard.handle_timeout(Timestamp::from_nanos(now_mono)));
        match guard.with(due)? {
            None => Ok(wsw_status::WSW_STATUS_NONE),
            Some(GuardAction::FetchKeys { url, within, max_bytes }) => {
                out.set(given(wsw_fetch { url, within: nanos(Some(within)), max_bytes }));
                Ok(wsw_status::WSW_STATUS_OK)
            }
            Some(_) => Err(Fault::bad("this version of the C API has no words for what is due")),
        }
    })
}

/// Where the key set is published: `https://` always. It lives as long as the fetch. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_fetch_url(fetch: *const wsw_fetch) -> wsw_str {
    // SAFETY: the contract: `fetch` is live.
    entry_or(|_| wsw_str::EMPTY, || Ok(wsw_str::of(&*unsafe { borrowed(fetch, "fetch") }?.url)))
}

/// How long it may take in all, in nanoseconds; after that it has failed. 0 after an error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_fetch_within(fetch: *const wsw_fetch) -> u64 {
    // SAFETY: the contract: `fetch` is live.
    entry_or(|_| 0, || Ok(unsafe { borrowed(fetch, "fetch") }?.within))
}

/// How large the body may be, in bytes; one that is larger has failed. 0 after an error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_fetch_max_bytes(fetch: *const wsw_fetch) -> usize {
    // SAFETY: the contract: `fetch` is live.
    entry_or(|_| 0, || Ok(unsafe { borrowed(fetch, "fetch") }?.max_bytes))
}

/// Frees a fetch. NULL is nothing to free. Thread-safe, once no other call with it is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_fetch_free(fetch: *mut wsw_fetch) {
    // SAFETY: the contract: it came from here, and is freed once.
    unsafe { freed(fetch) }
}

/// Takes the key set that was fetched from `url`. Those who wait for it are answered with `WSW_ANSWER_KEYS`.
///
/// `WSW_STATUS_POLICY_ERROR`: something is wrong with it; that counts as a failure, and the keys at hand stay.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_keys_fetched(
    guard: *const wsw_guard,
    url: wsw_str,
    body: wsw_str,
    now_mono: u64,
) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, the texts are readable.
        let (guard, url, body) = unsafe { (borrowed(guard, "guard")?, url.utf8("url")?, body.bytes("body")?) };
        guard.with(|guard| guard.keys_fetched(url, body, Timestamp::from_nanos(now_mono)).map_err(refused))?;
        Ok(wsw_status::WSW_STATUS_OK)
    })
}

/// Takes note that `url` could not be fetched. Those who wait are answered with `WSW_ANSWER_KEYS`, too. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsw_guard_keys_failed(guard: *const wsw_guard, url: wsw_str) -> wsw_status {
    entry(|| {
        // SAFETY: the contract: `guard` is live, `url` is readable.
        let (guard, url) = unsafe { (borrowed(guard, "guard")?, url.utf8("url")?) };
        guard.with(|guard| {
            guard.keys_failed(url);
            Ok(wsw_status::WSW_STATUS_OK)
        })
    })
}

/// Bytes of the operating system's random source.
pub(crate) fn random<const COUNT: usize>() -> Result<[u8; COUNT], Fault> {
    let mut bytes = [0; COUNT];
    let none = |_| Fault::new(wsw_status::WSW_STATUS_FULL, "the operating system gives no randomness");
    aws_lc_rs::rand::fill(&mut bytes).map_err(none)?;
    Ok(bytes)
}
