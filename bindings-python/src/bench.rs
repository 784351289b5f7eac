//! The workbench of a thread: what judging messages uses again and again.

use std::cell::Cell;

use pyo3::prelude::*;
use wswarden_core as core;
use wswarden_core::message::{Scratch, Tape, TypeIndex};

use crate::decode::Keys;
use crate::verdict::Deliver;

/// One for each thread, so that threads do not wait for each other.
pub(crate) struct Bench {
    pub(crate) scratch: Scratch,
    pub(crate) tape: Tape,
    pub(crate) keys: Keys,
    accepted: Accepted,
}

thread_local! {
    static BENCH: Cell<Option<Box<Bench>>> = const { Cell::new(None) };
}

impl Bench {
    /// Lends the thread's workbench. Making a Python object can run the garbage collector, and that any
    /// Python code: one that comes back here while it is lent gets a new one.
    #[inline]
    pub(crate) fn lend<R>(work: impl FnOnce(&mut Self) -> PyResult<R>) -> PyResult<R> {
        let mut bench = match BENCH.try_with(Cell::take) {
            Ok(Some(bench)) => bench,
            _ => Self::new()?,
        };
        let done = work(&mut bench);
        // A thread that is ending keeps none.
        let _ended = BENCH.try_with(|place| place.set(Some(bench)));
        done
    }

    #[cold]
    fn new() -> PyResult<Box<Self>> {
        let mut seed = [0; 16];
        // The table of unknown keys is keyed, so that no peer can choose keys that collide.
        random(&mut seed)?;
        Ok(Box::new(Self {
            scratch: Scratch::with_seed(seed),
            tape: Tape::new(),
            keys: Keys::default(),
            accepted: Accepted::default(),
        }))
    }

    /// The verdict "deliver" for this type, if it was made before.
    #[inline]
    pub(crate) fn accepted(&self, py: Python<'_>, session: &core::Session, index: TypeIndex) -> Accept {
        match session.type_name(index) {
            None => self.accepted.plain.as_ref().map_or(Accept::New(None), |kept| Accept::Kept(kept.clone_ref(py))),
            Some(name) => match self.accepted.named.get(place(name)) {
                Some(Some((kept, verdict))) if **kept == *name => Accept::Kept(verdict.clone_ref(py)),
                _ => Accept::New(Some(Box::new((place(name), name.into())))),
            },
        }
    }

    /// The verdict itself. What is new is made outside the session's lock, as that may run Python code.
    #[inline(always)]
    pub(crate) fn deliver(&mut self, py: Python<'_>, accept: Accept) -> PyResult<Py<Deliver>> {
        match accept {
            Accept::Kept(verdict) => Ok(verdict),
            Accept::New(name) => self.made(py, name),
        }
    }

    #[cold]
    fn made(&mut self, py: Python<'_>, name: Option<Box<(usize, Box<str>)>>) -> PyResult<Py<Deliver>> {
        let Some((place, name)) = name.map(|name| *name) else {
            let verdict = Deliver::named(py, None)?;
            self.accepted.plain = Some(verdict.clone_ref(py));
            return Ok(verdict);
        };
        let verdict = Deliver::named(py, Some(&name))?;
        if let Some(kept) = self.accepted.named.get_mut(place) {
            *kept = Some((name, verdict.clone_ref(py)));
        }
        Ok(verdict)
    }
}

/// The verdict for a message that is accepted. Small: it is moved on the message path.
pub(crate) enum Accept {
    Kept(Py<Deliver>),
    New(Option<Box<(usize, Box<str>)>>),
}

/// The verdicts "deliver" that were made: by the place of the type's name in memory, which tells the
/// types of all policies apart; the text is compared, too.
struct Accepted {
    plain: Option<Py<Deliver>>,
    named: [Option<(Box<str>, Py<Deliver>)>; PLACES],
}

const PLACES: usize = 64;

impl Default for Accepted {
    fn default() -> Self {
        Self { plain: None, named: [const { None }; PLACES] }
    }
}

fn place(name: &str) -> usize {
    let address = name.as_ptr().addr();
    (address >> 4 ^ address >> 10) % PLACES
}

/// Fills `bytes` from the operating system's random source.
pub(crate) fn random(bytes: &mut [u8]) -> PyResult<()> {
    aws_lc_rs::rand::fill(bytes)
        .map_err(|_| pyo3::exceptions::PyOSError::new_err("the operating system gave no random bytes"))
}

/// The 32 bytes that were given, else random ones.
pub(crate) fn bytes32(name: &str, given: Option<Vec<u8>>) -> PyResult<[u8; 32]> {
    let mut bytes = [0; 32];
    match given {
        None => random(&mut bytes)?,
        Some(given) => {
            let error = |_| pyo3::exceptions::PyValueError::new_err(format!("{name}: 32 bytes are needed"));
            bytes = given.try_into().map_err(error)?;
        }
    }
    Ok(bytes)
}
