//! What the guard needs fetched, and the task that does it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use wswarden_core::{GuardAction, PolicyError, Timestamp};

use crate::clock;
use crate::guard::Guard;
use crate::timer::Timer;

/// Fetches the body that a URL stands for.
///
/// `Https` (feature `jwks`) is one. A closure from `(&str, usize)` to a future of bytes is another:
/// it must verify the server's certificate, follow no redirect, send no credential, accept nothing
/// but status 200, and give up at so many bytes. It need not watch the time.
pub trait Fetch: Send + Sync + 'static {
    /// Fetches `url`, which always begins with `https://`, and gives up when the body has more than
    /// `max_bytes` bytes.
    fn fetch(&self, url: &str, max_bytes: usize) -> Fetching;
}

/// A body that is being fetched.
pub type Fetching = Pin<Box<dyn Future<Output = io::Result<Vec<u8>>> + Send>>;

impl<F, A> Fetch for F
where
    F: Fn(&str, usize) -> A + Send + Sync + 'static,
    A: Future<Output = io::Result<Vec<u8>>> + Send + 'static,
{
    fn fetch(&self, url: &str, max_bytes: usize) -> Fetching {
        Box::pin(self(url, max_bytes))
    }
}

/// A key set that could not be had. The guard asks again by itself, when its policy's cooldown is over.
#[derive(Debug)]
pub struct FetchFailed {
    url: Box<str>,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Io(io::Error),
    NotKeys(PolicyError),
}

impl FetchFailed {
    /// What was fetched.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for FetchFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Io(error) => write!(f, "{}: {error}", self.url),
            Cause::NotKeys(error) => write!(f, "{}: what came is no key set to be used: {error}", self.url),
        }
    }
}

impl std::error::Error for FetchFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Io(error) => Some(error),
            Cause::NotKeys(error) => Some(error),
        }
    }
}

impl<T: Timer> Guard<T> {
    /// Sets who fetches published keys (`credential.jwt.jwks.url`).
    #[must_use]
    pub fn fetch_with(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(std::sync::Arc::new(fetch));
        self
    }

    /// Does what the guard itself has to do, for ever: today, to fetch the keys that its policy says
    /// are published, before they are needed and again when they grow old. Spawn it once, beside the
    /// server; `failed` is told what could not be had.
    ///
    /// It is a future and not a thread of our own, so that it runs where the application decides, ends
    /// when that drops it, and is seen by whatever watches the application's tasks. A fetch belongs to
    /// this task and to no connection: a stranger who makes one begin cannot end it by leaving.
    /// Without it, tokens that need such keys wait in vain and are refused when `deadline.admit` is over.
    pub async fn run(&self, failed: impl Fn(FetchFailed)) {
        let mut fetching = FuturesUnordered::new();
        loop {
            let asked = self.asked.count();
            while let Some(action) = self.core.handle_timeout(clock::mono()) {
                let GuardAction::FetchKeys { url, within, max_bytes } = action else { continue };
                fetching.push(self.fetch_keys(url, within, max_bytes));
            }
            // Whatever brings the next timeout nearer says so by the signal.
            let at = self.core.next_timeout().unwrap_or(Timestamp::MAX);
            let wait = at.since(clock::mono()).min(Duration::from_secs(3600));
            let woken = select(self.timer.sleep(wait), self.asked.since(asked));
            if fetching.is_empty() {
                woken.await;
                continue;
            }
            let done = match select(fetching.next(), pin!(woken)).await {
                Either::Left((done, _)) => done.flatten(),
                Either::Right(_) => None,
            };
            if let Some(failure) = done {
                failed(failure);
            }
        }
    }

    async fn fetch_keys(&self, url: Box<str>, within: Duration, max_bytes: usize) -> Option<FetchFailed> {
        let nobody = || io::Error::new(io::ErrorKind::Unsupported, "nobody fetches: see Guard::fetch_with");
        let by = clock::mono().after(within);
        let body = match &self.fetch {
            None => Err(nobody()),
            Some(fetch) => match self.before(by, fetch.fetch(&url, max_bytes)).await {
                Some(body) => body,
                None => Err(io::ErrorKind::TimedOut.into()),
            },
        };
        let taken = match body {
            Ok(body) => self.core.keys_fetched(&url, &body, clock::mono()).map_err(Cause::NotKeys),
            Err(error) => {
                self.core.keys_failed(&url);
                Err(Cause::Io(error))
            }
        };
        self.arrived.happen();
        taken.err().map(|cause| FetchFailed { url, cause })
    }
}
