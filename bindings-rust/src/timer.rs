//! Sleeping, which every runtime does in its own way.

use std::future::Future;
use std::time::Duration;

/// How the runtime sleeps. Nothing else is asked of it: no spawning, no sockets.
///
/// A sleep that ends early is asked for again; one that ends late delays pings and closes, but lets
/// no message through, because the core compares times and does not trust timers.
pub trait Timer: Clone + Send + Sync + Unpin + 'static {
    /// A sleep.
    type Sleep: Future<Output = ()> + Send + Unpin;

    /// Sleeps for `duration`.
    fn sleep(&self, duration: Duration) -> Self::Sleep;
}

/// Sleeps as smol and every other user of `async-io` does.
#[cfg(feature = "smol")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

#[cfg(feature = "smol")]
impl Timer for Smol {
    type Sleep = SmolSleep;

    fn sleep(&self, duration: Duration) -> SmolSleep {
        SmolSleep(async_io::Timer::after(duration))
    }
}

/// A sleep of [`Smol`].
#[cfg(feature = "smol")]
#[derive(Debug)]
pub struct SmolSleep(async_io::Timer);

#[cfg(feature = "smol")]
impl Future for SmolSleep {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::pin::Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}

/// Sleeps as tokio does; only within its runtime.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

#[cfg(feature = "tokio")]
impl Timer for Tokio {
    type Sleep = std::pin::Pin<Box<tokio::time::Sleep>>;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}
