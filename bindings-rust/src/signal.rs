//! A count that tasks can wait for to grow.

use std::collections::BTreeMap;
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
    /// The last number that was given to one who waits.
    last: u64,
    waiting: BTreeMap<u64, Waker>,
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
        waiting.into_values().for_each(Waker::wake);
    }

    /// Waits until it has happened since it was counted.
    pub(crate) fn since(&self, count: u64) -> Since {
        let mut state = self.state();
        state.last = state.last.wrapping_add(1);
        Since { signal: self.clone(), count, number: state.last }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait for a [`Signal`]. Who gives up leaves nothing behind, however many come and go.
pub(crate) struct Since {
    signal: Signal,
    count: u64,
    number: u64,
}

impl Future for Since {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.signal.state();
        if state.count != self.count {
            return Poll::Ready(());
        }
        state.waiting.insert(self.number, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Since {
    fn drop(&mut self) {
        self.signal.state().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt;

    use super::*;

    #[test]
    fn what_happened_between_the_count_and_the_wait_is_not_missed() {
        let signal = Signal::default();
        let before = signal.count();
        assert!(signal.since(before).now_or_never().is_none());
        signal.happen();
        assert!(signal.since(before).now_or_never().is_some());
        assert!(signal.since(signal.count()).now_or_never().is_none());
    }

    #[test]
    fn who_gives_up_leaves_nothing_behind() {
        let signal = Signal::default();
        let mut kept = pin!(signal.since(0));
        assert!(kept.as_mut().now_or_never().is_none());
        for _ in 0..1000 {
            assert!(signal.since(0).now_or_never().is_none());
        }
        assert_eq!(signal.state().waiting.len(), 1);
    }
}
