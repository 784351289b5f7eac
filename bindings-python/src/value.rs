//! A policy's document from Python's objects, and back.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDelta, PyDeltaAccess, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::{Map, Number, Value};

/// As deep as a policy may be; the core's own documents have seven levels, schemas more.
const DEEPEST: u32 = 128;

/// A tree of values. What is none of JSON's types is a schema or a path, which Python knows to read.
pub(crate) fn read(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    read_at(given, 0)
}

fn read_at(given: &Bound<'_, PyAny>, depth: u32) -> PyResult<Value> {
    if depth > DEEPEST {
        return Err(PyValueError::new_err("the policy is nested too deeply"));
    }
    if given.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(value) = given.cast::<PyBool>() {
        return Ok(Value::Bool(value.is_true()));
    }
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(Value::String(text.to_str()?.to_owned()));
    }
    if given.is_instance_of::<PyInt>() {
        return integer(given);
    }
    if let Ok(value) = given.cast::<PyFloat>() {
        let number = Number::from_f64(value.extract()?);
        return number.map(Value::Number).ok_or_else(|| PyValueError::new_err("a number must be finite"));
    }
    if let Ok(dict) = given.cast::<PyDict>() {
        let member = |(name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
            let name = name.cast::<PyString>().map_err(|_| PyTypeError::new_err("a policy's names are str"))?;
            let name = name.to_str()?;
            let value = if name == "schema" { schema(&value, depth + 1)? } else { read_at(&value, depth + 1)? };
            Ok((name.to_owned(), value))
        };
        return dict.iter().map(member).collect::<PyResult<Map<_, _>>>().map(Value::Object);
    }
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        let items = given.try_iter()?.map(|item| read_at(&item?, depth + 1));
        return items.collect::<PyResult<_>>().map(Value::Array);
    }
    if let Ok(delta) = given.cast::<PyDelta>() {
        return span(delta);
    }
    let plain = given.py().import("wswarden._schemas")?.getattr("plain")?.call1((given,))?;
    read_at(&plain, depth + 1)
}

/// Where a schema is expected, text that begins as an object does is JSON.
fn schema(given: &Bound<'_, PyAny>, depth: u32) -> PyResult<Value> {
    match given.cast::<PyString>() {
        Ok(text) if text.to_str()?.trim_start().starts_with('{') => {
            let parsed = given.py().import("wswarden._schemas")?.getattr("from_json")?.call1((text,))?;
            read_at(&parsed, depth)
        }
        _ => read_at(given, depth),
    }
}

fn integer(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    let number = given.extract::<i64>().map(Value::from).or_else(|_| given.extract::<u64>().map(Value::from));
    number.map_err(|_| PyValueError::new_err("an integer is too large for a policy"))
}

/// A timedelta, in the text form of a policy's durations.
fn span(delta: &Bound<'_, PyDelta>) -> PyResult<Value> {
    let micros = i64::from(delta.get_days()) * 86_400_000_000
        + i64::from(delta.get_seconds()) * 1_000_000
        + i64::from(delta.get_microseconds());
    if micros < 0 || micros % 1000 != 0 {
        return Err(PyValueError::new_err("a duration is not negative, and in whole milliseconds"));
    }
    Ok(Value::String(format!("{}ms", micros / 1000)))
}

/// A tree of values as Python's objects.
pub(crate) fn object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => PyInt::new(py, number).into_any(),
            (None, Some(number)) => PyInt::new(py, number).into_any(),
            _ => PyFloat::new(py, number.as_f64().unwrap_or_default()).into_any(),
        },
        Value::Array(items) => {
            let items: PyResult<Vec<_>> = items.iter().map(|item| object(py, item)).collect();
            PyList::new(py, items?)?.into_any()
        }
        Value::Object(members) => {
            let dict = PyDict::new(py);
            for (name, value) in members {
                dict.set_item(name, object(py, value)?)?;
            }
            dict.into_any()
        }
    })
}
