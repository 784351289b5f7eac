//! A count that tasks can wait for to grow.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Something that happens again and again. Whoever remembers the [`count`](Self::count) from before
/// it looked misses nothing.
#[derive(Clone, Default)]
pub(crate) struct Signal(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    count: u64,
    waiting: Vec<Waker>,
}

impl Signal {
    /// How often it has happened.
    pub(crate) fn count(&self) -> u64 {
        self.state().count
    }

    /// Says that it happens now.
    pub(crate) fn happen(&self) {
        let mut state = self.state();
        state.count = state.count.wrapping_add(1);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits until it has happened since it was counted.
    pub(crate) fn since(&self, count: u64) -> Since {
        Since { signal: self.clone(), count }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait for a [`Signal`].
pub(crate) struct Since {
    signal: Signal,
    count: u64,
}

impl Future for Since {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.signal.state();
        if state.count != self.count {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}
