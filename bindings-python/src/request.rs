//! An upgrade request from Python's types.

use std::net::IpAddr;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use wswarden_core::http::{Header, HttpVersion, Remote, Request};

/// A request, copied out of Python's objects.
pub(crate) struct Asked {
    method: String,
    target: String,
    version: HttpVersion,
    headers: Vec<(String, Vec<u8>)>,
    remote: Remote,
    tls: bool,
}

/// What the socket knows about the client, as Python says it.
pub(crate) struct Socket<'a, 'py> {
    pub(crate) remote: &'a Bound<'py, PyAny>,
    pub(crate) tls: bool,
}

impl Asked {
    pub(crate) fn read(
        method: &Bound<'_, PyAny>,
        target: &Bound<'_, PyAny>,
        version: &str,
        headers: &Bound<'_, PyAny>,
        socket: &Socket<'_, '_>,
    ) -> PyResult<Self> {
        let version = HttpVersion::from_name(version)
            .ok_or_else(|| PyValueError::new_err(format!("version: {version:?} is none of \"1.0\", \"1.1\", \"2\"")))?;
        let mut fields = Vec::new();
        for pair in headers.try_iter()? {
            let mut parts = pair?.try_iter()?;
            let (Some(name), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
                return Err(PyValueError::new_err("headers: pairs of (name, value) are needed"));
            };
            fields.push((text(&name?)?, bytes(&value?)?));
        }
        Ok(Self {
            method: text(method)?,
            target: text(target)?,
            version,
            headers: fields,
            remote: remote(socket.remote)?,
            tls: socket.tls,
        })
    }

    /// The path, without the query.
    pub(crate) fn path(&self) -> &str {
        self.target.split("?").next().unwrap_or_default()
    }

    /// The request as the core takes it.
    pub(crate) fn with<R>(&self, call: impl FnOnce(&Request<'_>) -> R) -> R {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| Header { name, value }).collect();
        call(&Request {
            method: &self.method,
            target: &self.target,
            version: self.version,
            headers: &headers,
            peer: self.remote,
            tls: self.tls,
        })
    }
}

/// Bytes become text. What is not UTF-8 becomes U+FFFD, which no name, method or target may hold: the
/// core refuses it.
fn text(given: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(text.to_string_lossy().into_owned());
    }
    bytes(given).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Text becomes bytes as HTTP libraries made it of bytes: one byte each up to U+00FF (Latin-1), or those of
/// `surrogateescape`; all other text as UTF-8.
fn bytes(given: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    let Ok(text) = given.cast::<PyString>() else {
        return Err(PyTypeError::new_err("a request's parts are str or bytes"));
    };
    if let Ok(text) = text.to_str() {
        if text.is_ascii() {
            return Ok(text.as_bytes().to_vec());
        }
        let latin: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect();
        return Ok(latin.unwrap_or_else(|| text.as_bytes().to_vec()));
    }
    text.call_method1("encode", ("utf-8", "surrogateescape"))?
        .cast::<PyBytes>()
        .map(|bytes| bytes.as_bytes().to_vec())
        .map_err(Into::into)
}

/// The address of the other end; "unix" for a local socket, which has none.
pub(crate) fn remote(given: &Bound<'_, PyAny>) -> PyResult<Remote> {
    let text = given.str()?;
    let text = text.to_str()?;
    if text == "unix" {
        return Ok(Remote::Unix);
    }
    // The zone of a link-local address names an interface of this machine, not the client.
    let address = text.split('%').next().unwrap_or_default();
    let error = |_| PyValueError::new_err("remote: not an IP address, and not \"unix\"");
    address.parse::<IpAddr>().map(Remote::Address).map_err(error)
}
