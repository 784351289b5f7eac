//! What a server library can do.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wswarden_core as core;

/// What the server library below can do. A guard refuses a policy that its host cannot keep,
/// unless the gap is waived by name.
///
/// Args:
///     pings: it can send ping frames and sees the pongs.
///     control_frames: it shows every control frame, so that they can be metered.
///     repeated_headers: it shows a repeated header as often as it was sent.
///     fragments: it bounds the fragments of a message.
///     http_refusal: it can refuse with any HTTP status and headers before the upgrade.
#[pyclass(frozen, eq, module = "wswarden")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Host(pub(crate) core::Host);

#[pymethods]
impl Host {
    #[new]
    #[pyo3(signature = (*, pings = false, control_frames = false, repeated_headers = false, fragments = false, http_refusal = false))]
    fn new(pings: bool, control_frames: bool, repeated_headers: bool, fragments: bool, http_refusal: bool) -> Self {
        let claim = |host, claimed: bool, claim: fn(core::Host) -> core::Host| if claimed { claim(host) } else { host };
        let host = claim(core::Host::NOTHING, pings, core::Host::pings);
        let host = claim(host, control_frames, core::Host::control_frames);
        let host = claim(host, repeated_headers, core::Host::repeated_headers);
        let host = claim(host, fragments, core::Host::fragments);
        Self(claim(host, http_refusal, core::Host::http_refusal))
    }

    /// A host that reads the socket itself, and can do everything.
    #[classattr]
    const SOCKET: Self = Self(core::Host::SOCKET);

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// The gaps of these names.
pub(crate) fn gaps(names: &[String]) -> PyResult<Vec<core::Gap>> {
    let known = || core::Gap::ALL.iter().map(|gap| gap.name()).collect::<Vec<_>>().join(", ");
    let gap = |name: &String| {
        core::Gap::from_name(name)
            .ok_or_else(|| PyValueError::new_err(format!("waive: {name:?} is none of {}", known())))
    };
    names.iter().map(gap).collect()
}
