//! An HTTP answer.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wswarden_core::http;

/// The HTTP answer to an upgrade request, as data and as bytes.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Response(http::Response);

impl From<http::Response> for Response {
    fn from(response: http::Response) -> Self {
        Self(response)
    }
}

#[pymethods]
impl Response {
    /// The status code.
    #[getter]
    fn status(&self) -> u16 {
        self.0.status()
    }

    /// The header fields as (name in lower case, value).
    #[getter]
    fn headers(&self) -> Vec<(&str, &str)> {
        self.0.headers().collect()
    }

    /// The body.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.body())
    }

    /// The value of one header field, by its name in lower case; None where there is none.
    fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }

    /// The whole answer as HTTP/1.1 writes it.
    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.to_bytes())
    }

    fn __repr__(&self) -> String {
        format!("Response(status={})", self.0.status())
    }
}
