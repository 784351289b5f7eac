//! What the connections of one server share.

use pyo3::prelude::*;
use wswarden_core as core;
use wswarden_core::credential::ticket::{Binding, TicketFault};

use crate::clock::{Clock, Now};
use crate::fork::Maker;
use crate::handshake::Candidate;
use crate::host::{self, Host};
use crate::identity::Identity;
use crate::keys::FetchKeys;
use crate::knock::Knock;
use crate::payload::Payload;
use crate::policy::Policy;
use crate::request::{self, Asked, Socket};
use crate::revocation::Revocation;
use crate::{bench, errors};

/// A policy, and what the connections of one server share under it: limits by user and address, open
/// slots, revocations.
///
/// It may be used from any thread, and only in the process that made it. Servers want the guard of
/// their adapter: `wswarden.asgi.Guard`, `wswarden.websockets.Guard`, `wswarden.aiohttp.Guard`.
///
/// Args:
///     policy: what is allowed.
///     host: what the server library below can do.
///     waive: the names of gaps between policy and host that are seen to elsewhere: "pings",
///         "control_frames", "repeated_headers", "fragments", "http_refusal".
///     clock: a callable that gives a `Now`, for tests; by default the operating system's clocks are read.
///     seed: 32 random bytes, for tests that repeat; by default the operating system gives them.
///
/// Raises:
///     PolicyError: when the policy asks for what the host cannot do, and that gap is not waived.
///     ValueError: for a name that is no gap's, or a seed of another length.
#[pyclass(frozen, subclass, module = "wswarden")]
pub(crate) struct Guard {
    pub(crate) inner: core::Guard,
    pub(crate) clock: Clock,
    pub(crate) maker: Maker,
    host: Host,
}

#[pymethods]
impl Guard {
    #[new]
    #[pyo3(signature = (policy, *, host, waive: "Sequence[str]" = Vec::new(), clock: "Callable[[], Now] | None" = None, seed: "bytes | None" = None))]
    fn new(
        policy: &Bound<'_, Policy>,
        host: &Bound<'_, Host>,
        waive: Vec<String>,
        clock: Option<Py<PyAny>>,
        seed: Option<Vec<u8>>,
    ) -> PyResult<Self> {
        let seed = bench::bytes32("seed", seed)?;
        let host = *host.get();
        let inner = core::Guard::new(policy.get().0.clone(), host.0, &host::gaps(&waive)?, seed)
            .map_err(|error| errors::policy(&error))?;
        Ok(Self { inner, clock: Clock::new(clock), maker: Maker::this(), host })
    }

    /// Judges an upgrade request by all that needs no credential judged.
    ///
    /// Args:
    ///     target: the request target as it came: path and query.
    ///     headers: pairs of (name, value), in the order they came, repeated ones as often as they came.
    ///     remote: the address of the other end of the connection; "unix" for a local socket.
    ///     tls: whether the connection to this process is encrypted.
    ///     method: the request's method.
    ///     version: "1.1", "1.0" or "2".
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     The candidate: call its `admit`.
    ///
    /// Raises:
    ///     Refused: with the HTTP answer to send.
    ///     ValueError: for a `remote` that is no address, or an unknown `version`.
    ///     Forked: in a child of the process that made the guard.
    #[pyo3(signature = (target: "str | bytes", headers: "Iterable[tuple[str | bytes, str | bytes]]", *, remote: "str | IPv4Address | IPv6Address", tls, method: "str | bytes | None" = None, version = "1.1", now = None) -> "Candidate")]
    #[expect(clippy::too_many_arguments, reason = "all but the first two are named in Python")]
    fn screen(
        slf: &Bound<'_, Self>,
        target: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        remote: &Bound<'_, PyAny>,
        tls: bool,
        method: Option<&Bound<'_, PyAny>>,
        version: &str,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<Candidate> {
        let (py, this) = (slf.py(), slf.get());
        let now = this.enter(py, now)?;
        let get = pyo3::types::PyString::intern(py, "GET").into_any();
        let asked = Asked::read(method.unwrap_or(&get), target, version, headers, &Socket { remote, tls })?;
        let screened = asked.with(|request| this.inner.screen(request, now));
        let path = asked.path();
        let candidate = screened.map_err(|refusal| errors::refused(py, &refusal, this.dialect(path)))?;
        Ok(Candidate::new(slf.clone().unbind(), candidate))
    }

    /// The policy in force.
    #[getter]
    fn policy(&self) -> Policy {
        Policy(self.inner.policy())
    }

    /// What the server library below can do.
    #[getter]
    fn host(&self) -> Host {
        self.host
    }

    /// The moment, as the guard's clock tells it.
    fn now(&self, py: Python<'_>) -> PyResult<Now> {
        self.clock.now(py, None).map(Now::from)
    }

    /// Puts another policy in force: for new connections at once, for open ones at their next message or
    /// timeout. Limits apply to what is already stored.
    ///
    /// Args:
    ///     policy: what is allowed from now on.
    ///
    /// Returns:
    ///     The numbers of the sessions to wake, by calling `handle_timeout` on each.
    ///
    /// Raises:
    ///     PolicyError: when the host cannot keep it; the old policy then stays.
    fn reload(&self, policy: &Bound<'_, Policy>) -> PyResult<Vec<u64>> {
        self.maker.check_process()?;
        let affected = self.inner.reload(policy.get().0.clone()).map_err(|error| errors::policy(&error))?;
        Ok(numbers(&affected))
    }

    /// Refuses credentials from now on, and closes the sessions that were opened with them.
    ///
    /// Args:
    ///     what: what is taken back.
    ///     lasts: for so many seconds it is kept: no shorter than the longest life of a credential that it
    ///         covers. None: for ever.
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     The numbers of the sessions to wake, by calling `handle_timeout` on each.
    ///
    /// Raises:
    ///     LimitReached: when 100,000 revocations are in force already. The open sessions close all the same, and are in
    ///         its `affected`; new handshakes are not refused.
    #[pyo3(signature = (what, *, lasts: "float | None" = None, now = None))]
    fn revoke(
        &self,
        py: Python<'_>,
        what: &Bound<'_, Revocation>,
        lasts: Option<f64>,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<Vec<u64>> {
        let now = self.enter(py, now)?.unix;
        let lasts = lasts.map_or(Ok(std::time::Duration::MAX), errors::duration)?;
        let affected = self.inner.revoke(&what.get().at(now), lasts, now);
        affected
            .map(|affected| numbers(&affected))
            .map_err(|full| errors::limit(full.to_string(), None, numbers(&full.affected)))
    }

    /// Refuses new connections and closes the open ones, spread evenly over the policy's `deadline.drain`.
    ///
    /// Returns:
    ///     The numbers of the sessions to wake, by calling `handle_timeout` on each.
    #[pyo3(signature = (*, now = None))]
    fn drain(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<Vec<u64>> {
        let now = self.enter(py, now)?;
        Ok(numbers(&self.inner.drain(now.mono)))
    }

    /// Asks whether a new socket may stay open while its TLS handshake and its request are awaited. Of one address,
    /// `cap.unauthenticated_per_address` may.
    ///
    /// Args:
    ///     remote: the address of the other end of the connection; "unix" for a local socket.
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     A place to wait in: give it back right before `screen`, or when the connection ends.
    ///
    /// Raises:
    ///     Refused: before TLS there is no way to tell it: close the socket.
    #[pyo3(signature = (remote: "str | IPv4Address | IPv6Address", *, now = None))]
    fn knock(&self, py: Python<'_>, remote: &Bound<'_, PyAny>, now: Option<&Bound<'_, Now>>) -> PyResult<Knock> {
        let now = self.enter(py, now)?;
        let knock = self.inner.knock(request::remote(remote)?, now.mono);
        let dialect = self.inner.policy().document().dialect;
        knock.map(Knock::new).map_err(|refusal| errors::refused(py, &refusal, dialect))
    }

    /// Makes a single-use ticket for a user whom the host knows by the usual credential of its HTTPS endpoint.
    ///
    /// The answer that carries a ticket must not be cached (`Cache-Control: no-store`).
    ///
    /// Args:
    ///     identity: whom the ticket stands for.
    ///     path: the path of the connection that it opens.
    ///     origin: the page's origin, as the request for the ticket has it.
    ///     address: the client's address; needed where the policy binds tickets to it.
    ///     entropy: 32 random bytes, for tests that repeat; by default the operating system gives them.
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Returns:
    ///     The ticket, URL-safe: the client puts it where the policy has a source of kind "ticket".
    ///
    /// Raises:
    ///     Refused: with the HTTP answer to send.
    #[pyo3(signature = (identity, *, path, origin = None, address: "str | IPv4Address | IPv6Address | None" = None, entropy: "bytes | None" = None, now = None))]
    #[expect(clippy::too_many_arguments, reason = "all but the first are named in Python")]
    fn mint_ticket(
        &self,
        py: Python<'_>,
        identity: &Bound<'_, Identity>,
        path: &str,
        origin: Option<&str>,
        address: Option<&Bound<'_, PyAny>>,
        entropy: Option<Vec<u8>>,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<String> {
        let now = self.enter(py, now)?;
        let address = address.map(request::remote).transpose()?.and_then(core::http::Remote::address);
        let binding = Binding { path, origin, address };
        let minted = self.inner.mint_ticket(&identity.get().0, &binding, bench::bytes32("entropy", entropy)?, now);
        let refusal = |fault: TicketFault| {
            errors::refused_because(py, &fault.reason().into(), self.dialect(path), Some(fault.name()))
        };
        minted.map_err(refusal)?.expose_str().map(str::to_owned).ok_or_else(errors::internal)
    }

    /// Judges a token by the policy's keys and claims: for the application's own endpoints, such as the one that mints
    /// tickets, which has to know who asks. Nothing is charged: such an endpoint has limits of its own.
    ///
    /// Args:
    ///     token: the token, without "Bearer".
    ///     path: the path whose policy counts.
    ///     now: the moment; by default the guard's clock is read.
    ///
    /// Raises:
    ///     Refused: with the HTTP answer to send; for `IDENTITY_UNAVAILABLE` while keys are being fetched.
    #[pyo3(signature = (token: "str | bytes", *, path = "/", now = None))]
    fn verify_token(
        &self,
        py: Python<'_>,
        token: &Bound<'_, PyAny>,
        path: &str,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<Identity> {
        let now = self.enter(py, now)?;
        let token = core::Secret::new(Payload::of(token)?.bytes());
        // Public-key signatures take long: other threads may run meanwhile.
        let judged = py.detach(|| self.inner.verify_token(path, token, now));
        judged
            .map(|identity| Identity((*identity).clone()))
            .map_err(|refusal| errors::refused(py, &refusal, self.dialect(path)))
    }

    /// When to call `handle_timeout`, in nanoseconds on the monotonic clock; None where the policy needs nothing fetched.
    /// A candidate that needs keys, and a reload, may bring it nearer.
    fn next_timeout(&self) -> PyResult<Option<u64>> {
        self.maker.check()?;
        Ok(self.inner.next_timeout().map(core::Timestamp::as_nanos))
    }

    /// What is due; call until it answers None. It says each thing once.
    #[pyo3(signature = (*, now = None))]
    fn handle_timeout(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<Option<FetchKeys>> {
        let now = self.enter(py, now)?;
        Ok(self.inner.handle_timeout(now.mono).map(FetchKeys))
    }

    /// Takes the key set that was fetched from `url`. Those who wait for it are answered with `KeysFetched()`.
    ///
    /// Raises:
    ///     PolicyError: what is wrong with it, for the log. It counts as a failure then: the keys at hand stay.
    #[pyo3(signature = (url, body: "str | Buffer", *, now = None))]
    fn keys_fetched(
        &self,
        py: Python<'_>,
        url: &str,
        body: &Bound<'_, PyAny>,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<()> {
        let now = self.enter(py, now)?;
        let body = Payload::of(body)?;
        self.inner.keys_fetched(url, body.bytes(), now.mono).map_err(|error| errors::policy(&error))
    }

    /// Takes note that `url` could not be fetched. Those who wait are answered with `KeysFetched()`, too.
    fn keys_failed(&self, url: &str) -> PyResult<()> {
        self.maker.check_process()?;
        self.inner.keys_failed(url);
        Ok(())
    }

    /// The guard's state in numbers.
    fn stats(&self) -> PyResult<Stats> {
        self.maker.check_process()?;
        Ok(Stats(self.inner.stats()))
    }

    fn __repr__(&self) -> &'static str {
        "Guard(..)"
    }

    /// A guard counts for one process.
    #[pyo3(signature = () -> "NoReturn")]
    fn __reduce__(&self) -> PyResult<()> {
        Err(pyo3::exceptions::PyTypeError::new_err(
            "a guard is not pickled: its limits would be counted twice. Make one in each process",
        ))
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.clock.traverse(&visit)
    }
}

impl Guard {
    /// Every way in but the message path: in the right process, and when?
    pub(crate) fn enter(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<core::Now> {
        self.maker.check_process()?;
        self.clock.now(py, now)
    }

    pub(crate) fn dialect(&self, path: &str) -> core::Dialect {
        self.inner.policy().document_for(path).dialect
    }
}

fn numbers(affected: &core::Affected) -> Vec<u64> {
    affected.ids.iter().map(|id| id.number()).collect()
}

/// A guard's state in numbers.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Stats(core::Stats);

#[pymethods]
impl Stats {
    /// Connections that hold a slot: sessions, candidates, and requests being judged.
    #[getter]
    fn connections(&self) -> u32 {
        self.0.connections
    }

    /// Those of them that have not shown a good credential.
    #[getter]
    fn unauthenticated(&self) -> u32 {
        self.0.unauthenticated
    }

    /// Sessions.
    #[getter]
    fn sessions(&self) -> u64 {
        self.0.sessions
    }

    /// Sessions opened since the guard was made.
    #[getter]
    fn opened(&self) -> u64 {
        self.0.opened
    }

    /// Requests refused since the guard was made, by the reason's name.
    #[getter]
    fn refused(&self) -> std::collections::BTreeMap<&'static str, u64> {
        self.0.refused.iter().map(|(reason, count)| (reason.name(), *count)).collect()
    }

    /// Addresses the limiter remembers.
    #[getter]
    fn addresses(&self) -> u32 {
        self.0.addresses
    }

    /// Users the limiter remembers.
    #[getter]
    fn users(&self) -> u32 {
        self.0.users
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}
