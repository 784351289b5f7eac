//! Reasons as members of the Python enum `wswarden.Reason`, which is generated from the same table.

use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use wswarden_core as core;

use crate::errors;

/// The enum's members by the reason's number.
static MEMBERS: PyOnceLock<Vec<Option<Py<PyAny>>>> = PyOnceLock::new();

/// A reason on its way to Python.
pub(crate) struct Member(pub(crate) core::Reason);

impl<'py> IntoPyObject<'py> for Member {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    const OUTPUT_TYPE: PyStaticExpr = pyo3::type_hint_identifier!("wswarden._reason", "Reason");

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        member(py, self.0).map(|member| member.into_bound(py))
    }
}

/// The enum's member for a reason.
pub(crate) fn member(py: Python<'_>, reason: core::Reason) -> PyResult<Py<PyAny>> {
    let members = MEMBERS.get_or_try_init(py, || {
        let class = py.import("wswarden._reason")?.getattr("Reason")?;
        let mut members: Vec<_> = (0..=255).map(|_| None).collect();
        for reason in core::Reason::ALL {
            if let Some(place) = members.get_mut(usize::from(reason.number())) {
                *place = Some(class.call1((reason.name(),))?.unbind());
            }
        }
        Ok::<_, PyErr>(members)
    })?;
    let member = members.get(usize::from(reason.number())).and_then(Option::as_ref);
    member.map(|member| member.clone_ref(py)).ok_or_else(errors::internal)
}

/// The reason that a name stands for.
pub(crate) fn named(name: &str) -> PyResult<core::Reason> {
    core::Reason::from_name(name)
        .ok_or_else(|| pyo3::exceptions::PyValueError::new_err(format!("{name:?} is no reason")))
}

/// The table of reasons, from which `wswarden/_reason.py` is made.
#[pyfunction]
#[pyo3(signature = () -> "list[dict[str, object]]")]
pub(crate) fn reason_table(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let row = |reason: &core::Reason| {
        let row = PyDict::new(py);
        row.set_item("member", format!("{reason:?}"))?;
        row.set_item("name", reason.name())?;
        row.set_item("number", reason.number())?;
        row.set_item("status", reason.http_status())?;
        row.set_item("close_code_rfc", reason.close_code(core::Dialect::Rfc))?;
        row.set_item("close_code_app", reason.close_code(core::Dialect::App))?;
        row.set_item("retry", reason.retry().name())?;
        row.set_item("sentence", reason.sentence())?;
        Ok(row)
    };
    core::Reason::ALL.iter().map(row).collect()
}
