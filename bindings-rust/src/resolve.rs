//! What only the application can find out.

use std::future::Future;
use std::pin::Pin;

use wswarden_core::{Answer, Need, Peer};

/// Answers the core's needs: whose is this session token, does this identity still hold?
///
/// A closure from `(Need, Peer)` to a future of an [`Answer`] is one. The connection waits for the
/// future, no longer than the policy's `deadline.admit`.
pub trait Resolve: Send + Sync + 'static {
    /// Finds the answer.
    fn resolve(&self, need: Need, peer: &Peer) -> Resolving;
}

/// An answer that is being found.
pub type Resolving = Pin<Box<dyn Future<Output = Answer> + Send>>;

impl<F, A> Resolve for F
where
    F: Fn(Need, &Peer) -> A + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    fn resolve(&self, need: Need, peer: &Peer) -> Resolving {
        Box::pin(self(need, peer))
    }
}

/// Knows nobody: every session token is refused. A policy with such a source is of no use with it.
pub(crate) struct Nobody;

impl Resolve for Nobody {
    fn resolve(&self, _need: Need, _peer: &Peer) -> Resolving {
        Box::pin(std::future::ready(Answer::Refused))
    }
}
