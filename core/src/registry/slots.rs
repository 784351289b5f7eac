//! Where the connections are: numbered slots in chunks, so that growing copies nothing.

use std::collections::VecDeque;

use super::handle::{Handle, SLOTS};
use crate::handshake::Waiting;
use crate::session::Session;
use crate::time::Timestamp;

/// What a slot holds.
#[derive(Debug, Default)]
#[expect(clippy::large_enum_variant, reason = "sessions are what a slot is for; a box would cost a second cache miss")]
pub(super) enum Held {
    #[default]
    Nothing,
    Session(Session),
    Waiting(Box<Waiting>),
}

impl Held {
    /// When it wants to be looked at.
    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        match self {
            Self::Nothing => None,
            Self::Session(session) => session.next_timeout(),
            Self::Waiting(waiting) => Some(waiting.deadline()),
        }
    }
}

/// Slots to a chunk: 256 KiB of sessions, which the allocator takes from the system and gives back.
const CHUNK: usize = 1024;

/// The slots, and which of them are free.
#[derive(Debug)]
pub(super) struct Slots {
    chunks: Vec<Chunk>,
    /// First in, first out: a handle's slot comes back as late as it can.
    free: VecDeque<u32>,
    /// The memory of one chunk without connections is kept: a connection that comes and goes
    /// alone must not cost 256 KiB each time.
    spare: Option<Vec<Held>>,
    length: usize,
    /// A slot is not used again when its generation would be this one.
    generations: u32,
}

/// The generations stand apart from what is held: they are for ever, and a slot's 256 bytes are
/// then all the session's.
#[derive(Debug)]
struct Chunk {
    generations: Vec<u32>,
    /// As long as `generations`, or empty while nothing is held.
    held: Vec<Held>,
    used: usize,
}

impl Slots {
    pub(super) fn new(generations: u32) -> Self {
        Self { chunks: Vec::new(), free: VecDeque::new(), spare: None, length: 0, generations }
    }

    /// How many slots hold something.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// How many slots there are.
    pub(super) fn count(&self) -> u32 {
        let full = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK);
        let last = self.chunks.last().map_or(0, |chunk| chunk.generations.len());
        u32::try_from(full.saturating_add(last)).unwrap_or(SLOTS)
    }

    /// What a handle stands for.
    pub(super) fn find(&self, handle: Handle) -> Option<&Held> {
        let (chunk, index) = split(handle.slot());
        let chunk = self.chunks.get(chunk)?;
        (chunk.generations.get(index).copied() == handle.generation()).then(|| chunk.held.get(index))?
    }

    /// What a handle stands for, to change.
    #[inline]
    pub(super) fn find_mut(&mut self, handle: Handle) -> Option<&mut Held> {
        let (chunk, index) = split(handle.slot());
        let chunk = self.chunks.get_mut(chunk)?;
        (chunk.generations.get(index).copied() == handle.generation()).then(|| chunk.held.get_mut(index))?
    }

    /// What a slot holds, and its handle.
    pub(super) fn at_mut(&mut self, slot: u32) -> Option<(Handle, &mut Held)> {
        let (chunk, index) = split(slot);
        let chunk = self.chunks.get_mut(chunk)?;
        let generation = chunk.generations.get(index).copied()?;
        Some((Handle::new(slot, generation)?, chunk.held.get_mut(index)?))
    }

    /// A free slot, to hold something; none when there is none. [`release`](Self::release) gives it
    /// back.
    pub(super) fn claim(&mut self) -> Option<(Handle, &mut Held)> {
        let slot = match self.free.pop_front() {
            Some(slot) => slot,
            None => self.grow()?,
        };
        let (chunk, index) = split(slot);
        let chunk = self.chunks.get_mut(chunk)?;
        if chunk.held.is_empty() {
            chunk.held = self.spare.take().unwrap_or_else(|| Vec::with_capacity(CHUNK));
        }
        chunk.held.resize_with(chunk.generations.len(), Held::default);
        chunk.used = chunk.used.saturating_add(1);
        self.length = self.length.saturating_add(1);
        let generation = chunk.generations.get(index).copied()?;
        Some((Handle::new(slot, generation)?, chunk.held.get_mut(index)?))
    }

    /// Takes out what a claimed slot holds. The handle stands for nothing from now on.
    pub(super) fn release(&mut self, handle: Handle) -> Option<Held> {
        let (at, index) = split(handle.slot());
        let chunk = self.chunks.get_mut(at)?;
        let generation = chunk.generations.get_mut(index).filter(|found| Some(**found) == handle.generation())?;
        let held = chunk.held.get_mut(index).map(std::mem::take)?;
        *generation = generation.saturating_add(1);
        if *generation < self.generations {
            self.free.push_back(handle.slot());
        }
        self.length = self.length.saturating_sub(1);
        chunk.used = chunk.used.saturating_sub(1);
        if chunk.used == 0 {
            let mut emptied = std::mem::take(&mut chunk.held);
            emptied.clear();
            self.spare.get_or_insert(emptied);
        }
        Some(held)
    }

    /// How many bytes are there for connections, used or not.
    #[cfg(test)]
    pub(super) fn held_memory(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| &chunk.held).chain(&self.spare);
        chunks.map(|held| held.capacity() * size_of::<Held>()).sum()
    }

    fn grow(&mut self) -> Option<u32> {
        let slot = self.count();
        if slot >= SLOTS {
            return None;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.generations.len() == CHUNK) {
            self.chunks.push(Chunk { generations: Vec::with_capacity(CHUNK), held: Vec::new(), used: 0 });
        }
        self.chunks.last_mut()?.generations.push(1);
        Some(slot)
    }
}

fn split(slot: u32) -> (usize, usize) {
    let slot = usize::try_from(slot).unwrap_or(usize::MAX);
    (slot / CHUNK, slot % CHUNK)
}

#[cfg(test)]
mod sizes {
    #[test]
    fn a_session_in_a_registry_is_one_hot_line_and_at_most_192_cold_bytes() {
        assert_eq!(size_of::<super::Held>(), 256);
        assert_eq!(size_of::<crate::Session>(), 256);
    }
}
