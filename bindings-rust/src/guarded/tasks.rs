//! Whom to wake: after a `split`, two tasks wait for one connection.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures::task::AtomicWaker;

/// The task that reads and the task that sends; often they are one.
///
/// The socket, the sleep and the guard each know one waker, of whoever asked last. Were it a task's own, that task could
/// take a deadline from the other and then go, or never come back: nobody would close a dead peer. So they know
/// this one, which wakes both.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    reads: AtomicWaker,
    sends: AtomicWaker,
}

impl Tasks {
    /// The waker that stands for both.
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// Has the task woken that reads.
    pub(super) fn reading(&self, cx: &Context<'_>) {
        self.reads.register(cx.waker());
    }

    /// Has the task woken that sends. What it waits for has to be looked at once more after this: it may just have come.
    pub(super) fn sending(&self, cx: &Context<'_>) {
        self.sends.register(cx.waker());
    }
}

impl Wake for Tasks {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.reads.wake();
        self.sends.wake();
    }
}
