//! Python objects from the list of a message's values, which the judging pass has made: no byte is
//! parsed or checked twice.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use wswarden_core::message::{Entry, Kind};

use crate::errors;

/// Keys, and short values such as tags, that were seen before: as Python strings that know their hash.
pub(crate) struct Keys([Option<Kept>; KEYS]);

struct Kept {
    bytes: Box<[u8]>,
    string: Py<PyString>,
}

const KEYS: usize = 256;
/// Longer keys, and longer values, are seldom the same.
const LONGEST: usize = 64;
const LONGEST_VALUE: usize = 12;

impl Default for Keys {
    fn default() -> Self {
        Self([const { None }; KEYS])
    }
}

impl Keys {
    /// The string of a key. A peer that sends keys of one place only makes them be built anew.
    #[inline]
    fn string<'py>(&mut self, py: Python<'py>, raw: &[u8]) -> PyResult<Bound<'py, PyString>> {
        if raw.len() > LONGEST {
            return PyString::from_bytes(py, raw);
        }
        let kept = &mut self.0[place(raw)];
        match kept {
            Some(Kept { bytes, string }) if **bytes == *raw => Ok(string.bind(py).clone()),
            _ => {
                let string = PyString::from_bytes(py, raw)?;
                *kept = Some(Kept { bytes: raw.into(), string: string.clone().unbind() });
                Ok(string)
            }
        }
    }
}

fn place(raw: &[u8]) -> usize {
    let byte = |at: usize| usize::from(raw.get(at).copied().unwrap_or_default());
    let last = raw.len().saturating_sub(1);
    let mixed = byte(0) ^ byte(last).wrapping_mul(7) ^ byte(last / 2).wrapping_mul(31) ^ raw.len().wrapping_mul(67);
    mixed % KEYS
}

/// Builds the value of a message that was delivered: `entries` is its tape, `bytes` the message.
pub(crate) fn build<'py>(
    py: Python<'py>,
    keys: &mut Keys,
    entries: &[Entry],
    bytes: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let mut builder = Builder { py, keys, bytes, rest: entries.iter() };
    let first = builder.rest.next().ok_or_else(errors::internal)?;
    builder.value(first)
}

/// Depth is the policy's `max_depth`, never more than 128: recursion is bounded.
struct Builder<'py, 'a> {
    py: Python<'py>,
    keys: &'a mut Keys,
    bytes: &'a [u8],
    rest: std::slice::Iter<'a, Entry>,
}

impl<'py, 'a> Builder<'py, 'a> {
    fn value(&mut self, entry: &Entry) -> PyResult<Bound<'py, PyAny>> {
        match entry.kind {
            Kind::String => {
                let raw = self.raw(entry)?;
                Ok(match entry.escaped {
                    false if raw.len() <= LONGEST_VALUE => self.keys.string(self.py, raw)?,
                    false => PyString::from_bytes(self.py, raw)?,
                    true => self.text(entry)?,
                }
                .into_any())
            }
            Kind::Number => self.number(self.raw(entry)?),
            Kind::Object => self.object(entry),
            Kind::Array => self.array(entry),
            Kind::True => Ok(PyBool::new(self.py, true).to_owned().into_any()),
            Kind::False => Ok(PyBool::new(self.py, false).to_owned().into_any()),
            Kind::Null => Ok(self.py.None().into_bound(self.py)),
            Kind::Key => Err(errors::internal()),
        }
    }

    fn object(&mut self, entry: &Entry) -> PyResult<Bound<'py, PyAny>> {
        let dict = PyDict::new(self.py);
        while let Some(key) = self.next_in(entry) {
            let name = match key.escaped {
                false => {
                    let raw = self.raw(key)?;
                    self.keys.string(self.py, raw)?
                }
                true => self.text(key)?,
            };
            let value = self.rest.next().ok_or_else(errors::internal)?;
            dict.set_item(name, self.value(value)?)?;
        }
        Ok(dict.into_any())
    }

    fn array(&mut self, entry: &Entry) -> PyResult<Bound<'py, PyAny>> {
        let list = PyList::empty(self.py);
        while let Some(item) = self.next_in(entry) {
            list.append(self.value(item)?)?;
        }
        Ok(list.into_any())
    }

    /// The next entry, if it stands inside `container`.
    #[inline]
    fn next_in(&mut self, container: &Entry) -> Option<&'a Entry> {
        let next = self.rest.as_slice().first().filter(|next| next.start < container.end)?;
        self.rest.next();
        Some(next)
    }

    fn text(&self, entry: &Entry) -> PyResult<Bound<'py, PyString>> {
        PyString::from_bytes(self.py, &entry.text(self.bytes))
    }

    fn raw(&self, entry: &Entry) -> PyResult<&'a [u8]> {
        let place = usize::try_from(entry.start).ok().zip(usize::try_from(entry.end).ok());
        place.and_then(|(start, end)| self.bytes.get(start..end)).ok_or_else(errors::internal)
    }

    /// As `json.loads` reads it: whole numbers are int, whatever their size; all others float.
    fn number(&self, raw: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let text = str::from_utf8(raw).map_err(|_| errors::internal())?;
        if let Ok(small) = text.parse::<i64>() {
            return Ok(PyInt::new(self.py, small).into_any());
        }
        if raw.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
            let float = text.parse::<f64>().map_err(|_| PyValueError::new_err("a number cannot be read"))?;
            return Ok(PyFloat::new(self.py, float).into_any());
        }
        self.py.get_type::<PyInt>().call1((text,))
    }
}
