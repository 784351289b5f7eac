//! What is allowed.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;
use wswarden_core as core;
use wswarden_core::policy::PolicyDraft;

use crate::{errors, source, value};

/// What is allowed on the connections of one server: an immutable value.
///
/// Its arguments are the tables of the policy document, by name: `origin={"allow": [...]}`. Where a
/// schema is expected it takes a dict, JSON text, a `Path`, a pydantic model or `TypeAdapter`, a msgspec
/// `Struct`, a dataclass or a `TypedDict`; where a duration is, a `timedelta`, too. What stands elsewhere
/// is written `"env:NAME"` or `"file:PATH"`.
///
/// Every limit has a safe default. Secrets are never shown, neither here nor in errors.
///
/// Raises:
///     PolicyError: for whatever a policy must not be, with its place.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Policy(pub(crate) core::Policy);

#[pymethods]
impl Policy {
    #[new]
    #[pyo3(signature = (**tables: "object") )]
    fn new(tables: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let value = tables.map_or(Ok(Value::Object(Default::default())), |tables| value::read(tables.as_any()))?;
        Self::check(value)
    }

    /// Checks a document given as one dict.
    ///
    /// Args:
    ///     document: the tables of the policy document, by name.
    ///
    /// Raises:
    ///     PolicyError: for whatever a policy must not be, with its place.
    #[staticmethod]
    #[pyo3(signature = (document: "Mapping[str, object]"))]
    fn from_dict(document: &Bound<'_, PyAny>) -> PyResult<Self> {
        let dict = document.py().get_type::<PyDict>().call1((document,))?;
        Self::check(value::read(&dict)?)
    }

    /// Reads a policy from a file: JSON if its name ends in `.json`, else TOML. `file:PATH` in it
    /// counts from the file's folder.
    ///
    /// Args:
    ///     path: the file.
    ///
    /// Raises:
    ///     PolicyError: for a file that cannot be read, or whatever a policy must not be.
    #[staticmethod]
    #[pyo3(signature = (path: "str | PathLike[str]"))]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let read = py.detach(|| source::from_file(&path));
        read.map(Self).map_err(|error| errors::policy(&error))
    }

    /// Reads a policy from TOML text.
    ///
    /// Raises:
    ///     PolicyError: for whatever a policy must not be, with its place.
    #[staticmethod]
    fn from_toml(text: &str) -> PyResult<Self> {
        Self::finish(PolicyDraft::from_toml(text))
    }

    /// Reads a policy from JSON text.
    ///
    /// Raises:
    ///     PolicyError: for whatever a policy must not be, with its place.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        Self::finish(PolicyDraft::from_json(text))
    }

    /// What is allowed but seldom meant, a sentence each.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.0.warnings().iter().map(ToString::to_string).collect()
    }

    /// The whole document with all defaults. Secrets are masked.
    #[pyo3(signature = () -> "dict[str, object]")]
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value::object(py, &self.0.to_value())
    }

    /// The JSON Schema (draft 2020-12) of the policy document, for editors.
    #[staticmethod]
    #[pyo3(signature = () -> "dict[str, object]")]
    fn json_schema(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        value::object(py, &core::Policy::json_schema())
    }

    /// What a host tells its WebSocket library, which must not buffer more than the policy will take.
    #[getter]
    fn host_limits(&self) -> HostLimits {
        HostLimits(self.0.host_limits())
    }

    /// The subprotocols the server speaks, in its order of preference.
    #[getter]
    fn subprotocols(&self) -> Vec<&str> {
        self.0.document().subprotocols.iter().map(|name| &**name).collect()
    }

    /// As JSON, with all defaults and without secrets.
    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> &'static str {
        "Policy(..)"
    }

    /// A policy is read where it is used: its keys do not travel.
    #[pyo3(signature = () -> "NoReturn")]
    fn __reduce__(&self) -> PyResult<()> {
        Err(pyo3::exceptions::PyTypeError::new_err("a policy holds keys and is not pickled: read it in each process"))
    }
}

impl Policy {
    fn check(value: Value) -> PyResult<Self> {
        Self::finish(Ok(PolicyDraft::from_value(value)))
    }

    fn finish(draft: Result<PolicyDraft, core::PolicyError>) -> PyResult<Self> {
        let policy = draft.and_then(|draft| source::finish(draft, Path::new("")));
        policy.map(Self).map_err(|error| errors::policy(&error))
    }
}

/// What a host tells its WebSocket library, which must not buffer more than the policy will take: of all
/// routes the loosest, because a library is set up before the route is known.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct HostLimits(core::HostLimits);

#[pymethods]
impl HostLimits {
    /// The largest message, in bytes, all fragments together.
    #[getter]
    fn max_message(&self) -> u64 {
        self.0.max_message
    }

    /// The most fragments of a message.
    #[getter]
    fn max_fragments(&self) -> u32 {
        self.0.max_fragments
    }

    /// The most bytes that wait to be sent.
    #[getter]
    fn max_queue(&self) -> u64 {
        self.0.max_queue
    }

    /// The largest request head, in bytes.
    #[getter]
    fn max_head(&self) -> u64 {
        self.0.max_head
    }

    /// For the whole request head, in seconds.
    #[getter]
    fn head_timeout(&self) -> f64 {
        self.0.head_timeout.as_secs_f64()
    }

    /// From our close frame to the cut, in seconds.
    #[getter]
    fn close_timeout(&self) -> f64 {
        self.0.close_timeout.as_secs_f64()
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}
