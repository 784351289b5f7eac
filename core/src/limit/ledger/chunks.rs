//! An array that grows by chunks and never moves, so that it is read without a lock.

use std::sync::OnceLock;

/// Elements per chunk, as a power of two.
const BITS: u32 = 10;
/// Elements per chunk.
pub(super) const CHUNK: u32 = 1 << BITS;

/// At most `chunks * CHUNK` elements, made a chunk at a time.
#[derive(Debug)]
pub(super) struct Chunks<T> {
    chunks: Box<[OnceLock<Box<[T]>>]>,
}

impl<T: Default> Chunks<T> {
    /// Room for at least `length` elements; none made yet.
    pub(super) fn new(length: u32) -> Self {
        let chunks = length.div_ceil(CHUNK);
        Self { chunks: (0..chunks).map(|_| OnceLock::new()).collect() }
    }

    /// How many elements there is room for.
    pub(super) fn room(&self) -> u32 {
        u32::try_from(self.chunks.len()).unwrap_or(u32::MAX).saturating_mul(CHUNK)
    }

    /// How many bytes the chunks made so far take.
    pub(super) fn memory(&self) -> usize {
        let made = self.chunks.iter().filter(|chunk| chunk.get().is_some()).count();
        let chunk = size(CHUNK).saturating_mul(size_of::<T>());
        made.saturating_mul(chunk).saturating_add(size_of_val(&*self.chunks))
    }

    /// All elements of the chunks made so far.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().filter_map(OnceLock::get).flatten()
    }

    /// An element, if its chunk has been made.
    #[inline]
    pub(super) fn at(&self, index: u32) -> Option<&T> {
        let chunk = self.chunks.get(size(index.wrapping_shr(BITS)))?.get()?;
        chunk.get(size(index & (CHUNK - 1)))
    }

    /// An element, its chunk made if it must be.
    pub(super) fn grow(&self, index: u32) -> Option<&T> {
        let chunk = self.chunks.get(size(index.wrapping_shr(BITS)))?;
        chunk.get_or_init(|| (0..CHUNK).map(|_| T::default()).collect()).get(size(index & (CHUNK - 1)))
    }
}

fn size(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
