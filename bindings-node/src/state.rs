//! One event loop's guard: what all calls of one `NativeGuard` share.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use wswarden_core::message::Scratch;
use wswarden_core::{Guard, Handle, Knock, Outcome, Pressure, Registry, Verdict};

use crate::clock::Clock;
use crate::error;

/// What the calls of one guard work on.
pub(crate) struct State {
    pub(crate) guard: Guard,
    pub(crate) registry: Registry,
    pub(crate) scratch: Box<Scratch>,
    pub(crate) clock: Clock,
    /// The sockets that have sent no request yet, by number.
    pub(crate) knocks: HashMap<u32, Knock>,
    pub(crate) knocked: u32,
    /// What the last call of `sending` led to, if it closed.
    pub(crate) pressed: Option<Outcome>,
    /// Room for texts on their way to JavaScript.
    pub(crate) wide: Vec<u16>,
}

impl State {
    /// Counts bytes that were sent, and more that will wait: 1, or 2 over the policy's soft mark. 0 means close.
    pub(crate) fn sending(&mut self, handle: u64, sent: u64, more: u64) -> u32 {
        self.pressed = None;
        let now = self.clock.coarse();
        let Some(mut session) = Handle::from_number(handle).and_then(|handle| self.registry.entry(handle).ok()) else {
            return 0;
        };
        session.drained(sent);
        match session.queued(more, now) {
            Pressure::Free => 1,
            Pressure::Full => 2,
            Pressure::Close(close, event) => {
                self.pressed = Some(Outcome { verdict: Verdict::Close(close), event });
                0
            }
        }
    }
}

/// A [`State`] that can end. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub(crate) struct Shared(Rc<Cells>);

struct Cells {
    state: RefCell<Option<State>>,
    panicked: Cell<bool>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self(Rc::new(Cells { state: RefCell::new(Some(state)), panicked: Cell::new(false) }))
    }

    /// Runs `work`. None when the guard has ended: it was disposed of, or something panicked in it,
    /// after which nobody knows what state it is in.
    #[inline]
    pub(crate) fn run<T>(&self, work: impl FnOnce(&mut State) -> T) -> Option<T> {
        // Never taken twice: no work calls JavaScript.
        let mut borrowed = self.0.state.try_borrow_mut().ok()?;
        let state = borrowed.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| work(state))) {
            Ok(result) => Some(result),
            Err(_) => {
                self.0.panicked.set(true);
                // A state that panicked may panic again while it is taken down.
                std::mem::forget(borrowed.take());
                None
            }
        }
    }

    /// [`run`](Self::run), for calls that can throw.
    pub(crate) fn call<T>(&self, work: impl FnOnce(&mut State) -> crate::Result<T>) -> crate::Result<T> {
        self.run(work).unwrap_or_else(|| {
            Err(if self.0.panicked.get() {
                error("internal", "the guard has met a bug of its own and refuses everything")
            } else {
                error("disposed", "the guard was disposed of")
            })
        })
    }

    /// Ends it and gives everything back.
    pub(crate) fn end(&self) {
        if let Ok(mut borrowed) = self.0.state.try_borrow_mut() {
            let state = borrowed.take();
            drop(borrowed);
            if catch_unwind(AssertUnwindSafe(|| drop(state))).is_err() {
                self.0.panicked.set(true);
            }
        }
    }
}
