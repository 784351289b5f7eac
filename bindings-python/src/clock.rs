//! The clocks of the operating system, and a moment on both of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use wswarden_core as core;

use crate::errors;

/// A moment on both clocks: what the `now` of every method takes.
///
/// Without a `now` the operating system's clocks are read, or the guard's `clock` is asked.
///
/// Args:
///     mono: nanoseconds on a monotonic clock, since any fixed origin.
///     unix: nanoseconds since 1970-01-01T00:00:00Z.
#[pyclass(frozen, eq, hash, module = "wswarden")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Now {
    /// Nanoseconds on the monotonic clock.
    #[pyo3(get)]
    mono: u64,
    /// Nanoseconds since 1970.
    #[pyo3(get)]
    unix: u64,
}

#[pymethods]
impl Now {
    #[new]
    fn new(mono: u64, unix: u64) -> Self {
        Self { mono, unix }
    }

    /// Reads the operating system's clocks.
    ///
    /// The monotonic one goes on while the machine sleeps (`CLOCK_BOOTTIME` on Linux), so that no
    /// credential outlives its expiry by a suspend.
    #[staticmethod]
    fn read() -> Self {
        Self::from(core::Now { mono: precise(), unix: unix() })
    }

    /// This moment, later by so many seconds.
    ///
    /// Raises:
    ///     ValueError: when the seconds are negative or not finite.
    fn after(&self, seconds: f64) -> PyResult<Self> {
        let by = errors::duration(seconds)?;
        let now = core::Now::from(*self);
        Ok(core::Now { mono: now.mono.after(by), unix: now.unix.after(by) }.into())
    }

    fn __repr__(&self) -> String {
        format!("Now(mono={}, unix={})", self.mono, self.unix)
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("mono", "unix")
    }
}

impl From<core::Now> for Now {
    fn from(now: core::Now) -> Self {
        Self { mono: now.mono.as_nanos(), unix: now.unix.as_nanos() }
    }
}

impl From<Now> for core::Now {
    fn from(now: Now) -> Self {
        Self { mono: core::Timestamp::from_nanos(now.mono), unix: core::UnixTime::from_nanos(now.unix) }
    }
}

/// Whom a guard and its sessions ask for the time when the caller does not say it.
pub(crate) struct Clock(Option<Py<PyAny>>);

impl Clock {
    /// The operating system's clocks, or a callable that gives a `Now`.
    pub(crate) fn new(ask: Option<Py<PyAny>>) -> Self {
        Self(ask)
    }

    /// The caller's time, else the clock's.
    pub(crate) fn now(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<core::Now> {
        match (now, &self.0) {
            (Some(now), _) => Ok((*now.get()).into()),
            (None, None) => Ok(core::Now { mono: mono(), unix: unix() }),
            (None, Some(ask)) => self.asked(py, ask),
        }
    }

    /// The same, where civil time is not needed: the message path.
    #[inline]
    pub(crate) fn mono(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<core::Timestamp> {
        match (now, &self.0) {
            (Some(now), _) => Ok(core::Timestamp::from_nanos(now.get().mono)),
            (None, None) => Ok(mono()),
            (None, Some(ask)) => Ok(self.asked(py, ask)?.mono),
        }
    }

    fn asked(&self, py: Python<'_>, ask: &Py<PyAny>) -> PyResult<core::Now> {
        let now = ask.bind(py).call0()?;
        Ok((*now.cast::<Now>()?.get()).into())
    }

    pub(crate) fn traverse(&self, visit: &pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.0.as_ref().map_or(Ok(()), |ask| visit.call(ask))
    }
}

fn unix() -> core::UnixTime {
    // A clock before 1970 reads as 1970: every token that says when it begins is then refused.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    core::UnixTime::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// The last reading of the precise clock, and the tick of the coarse one at which it was read.
static READ: AtomicU64 = AtomicU64::new(0);
static TICK: AtomicU64 = AtomicU64::new(0);

/// The monotonic clock, at most one tick of the kernel (4 ms, often less) late.
///
/// The precise clock costs a fifth of judging a small message. So it is read once in each tick of
/// the coarse clock, which costs next to nothing. It never goes back, in no thread.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn mono() -> core::Timestamp {
    let tick = nanos(rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse));
    if TICK.load(Ordering::Acquire) == tick {
        return core::Timestamp::from_nanos(READ.load(Ordering::Relaxed));
    }
    let now = precise().as_nanos();
    let before = READ.fetch_max(now, Ordering::Relaxed);
    TICK.store(tick, Ordering::Release);
    core::Timestamp::from_nanos(now.max(before))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn precise() -> core::Timestamp {
    core::Timestamp::from_nanos(nanos(rustix::time::clock_gettime(rustix::time::ClockId::Boottime)))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn nanos(time: rustix::time::Timespec) -> u64 {
    let secs = u64::try_from(time.tv_sec).unwrap_or_default();
    secs.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn mono() -> core::Timestamp {
    precise()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn precise() -> core::Timestamp {
    use std::sync::OnceLock;
    use std::time::Instant;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    core::Timestamp::ZERO.after(ORIGIN.get_or_init(Instant::now).elapsed())
}
