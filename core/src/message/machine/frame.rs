//! What is remembered of a container while it is open.

/// An open container.
#[derive(Clone, Copy, Default)]
pub(crate) struct Frame {
    /// Which of the first 64 names have come.
    pub(super) seen: u64,
    pub(super) rule: u32,
    /// The members or items so far.
    pub(super) count: u32,
    /// Its first byte.
    pub(super) start: u32,
    /// Its entry on the tape.
    pub(super) tape: u32,
    /// How many unknown keys were noted when it opened.
    pub(super) mark: u16,
    /// How many required names beyond the first 64 have come.
    pub(super) more: u16,
    pub(super) is_array: bool,
}

impl Frame {
    /// Copies field by field: the processor waits where one wide load meets the narrow stores of before.
    #[inline(always)]
    pub(super) fn keep(&mut self, top: &Self) {
        self.seen = top.seen;
        self.rule = top.rule;
        self.count = top.count;
        self.start = top.start;
        self.tape = top.tape;
        self.mark = top.mark;
        self.more = top.more;
        self.is_array = top.is_array;
    }
}
