//! Keys that are published elsewhere.

use pyo3::prelude::*;
use wswarden_core as core;

/// Fetch the key set that is published at `url`, and hand what came to `Guard.keys_fetched`, or say
/// `Guard.keys_failed`. Only over verified TLS, without following redirects and without credentials: whoever could
/// change the answer could sign for anybody.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct FetchKeys(pub(crate) core::GuardAction);

#[pymethods]
impl FetchKeys {
    /// The URL, `https://` always.
    #[getter]
    fn url(&self) -> &str {
        match &self.0 {
            core::GuardAction::FetchKeys { url, .. } => url,
            _ => "",
        }
    }

    /// For so many seconds it may take, in all; after that it has failed.
    #[getter]
    fn within(&self) -> f64 {
        match &self.0 {
            core::GuardAction::FetchKeys { within, .. } => within.as_secs_f64(),
            _ => 0.0,
        }
    }

    /// So many bytes the body may have; one that is larger has failed.
    #[getter]
    fn max_bytes(&self) -> usize {
        match &self.0 {
            core::GuardAction::FetchKeys { max_bytes, .. } => *max_bytes,
            _ => 0,
        }
    }

    fn __repr__(&self) -> String {
        format!("FetchKeys(url={:?})", self.url())
    }
}
