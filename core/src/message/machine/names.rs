//! A few strings that the schema knows, found in a message where they stand.

use super::text::{Span, Text, Unescaped};

/// Up to so many names are compared one after the other. The processor foresees which one it will be, and reads
/// on; where the place is computed from the bytes, it must wait for them.
const FEW: usize = 8;

/// Strings known beforehand: the names of members, or the values of an enumeration.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Box<[Name]>,
    /// Where a name is looked for by its first bytes: its index plus one, or 0.
    buckets: Box<[u16]>,
    /// The first bytes that tell the names apart, quote and all.
    mask: u64,
    multiplier: u64,
    shift: u32,
    /// All names are met in place, if they are spelled without escapes.
    in_place: bool,
    /// The indices of the names by their bytes.
    sorted: Box<[u16]>,
}

/// One name, with all that is looked at first side by side.
#[derive(Debug)]
pub(crate) struct Name {
    /// The first 16 bytes of the name as it stands in a message, from quote to quote and what must follow.
    head: u128,
    /// The bits of `head` that count.
    mask: u128,
    /// The bytes from the opening quote to past the last one that counts.
    pub(crate) length: usize,
    /// What follows the first 16 bytes.
    tail: Box<[u8]>,
    /// The node of the member, or whatever the names stand for.
    pub(crate) node: u32,
    text: Box<[u8]>,
}

impl Names {
    /// Names as members: a colon follows.
    pub(crate) fn members(names: &[(&str, u32)]) -> Self {
        Self::new(names, "\":")
    }

    /// Names as values.
    pub(crate) fn values(names: &[(&str, u32)]) -> Self {
        Self::new(names, "\"")
    }

    fn new(names: &[(&str, u32)], end: &str) -> Self {
        let list: Box<[Name]> = names.iter().map(|(text, node)| Name::new(text, *node, end)).collect();
        let mut sorted: Vec<u16> = (0..=u16::MAX).take(list.len()).collect();
        sorted.sort_by_key(|index| list.get(usize::from(*index)).map(|name| name.text.clone()));
        let mut all = Self { names: list, sorted: sorted.into(), ..Self::default() };
        all.spread();
        all.in_place =
            (all.names.len() <= FEW || !all.buckets.is_empty()) && all.names.iter().all(|name| name.mask != 0);
        all
    }

    /// Finds a way to spread the names over buckets so that each has its own.
    ///
    /// Where the first bytes of two names are the same there is none, and names are searched in their order.
    fn spread(&mut self) {
        let Some(shortest) = self.names.iter().map(|name| name.length).min() else { return };
        let bytes = u32::try_from(shortest.min(8)).unwrap_or(8);
        let mask = u64::MAX.wrapping_shr(64_u32.saturating_sub(bytes.saturating_mul(8)));
        let size = self.names.len().saturating_mul(2).next_power_of_two().max(2);
        let shift = 64_u32.saturating_sub(size.trailing_zeros());
        let mut multiplier = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..256 {
            let mut buckets = vec![0_u16; size];
            let each_alone = self.names.iter().zip(1_u16..).all(|(name, number)| {
                let bucket = (name.first() & mask).wrapping_mul(multiplier).wrapping_shr(shift);
                let bucket = usize::try_from(bucket).ok().and_then(|bucket| buckets.get_mut(bucket));
                bucket.is_some_and(|bucket| std::mem::replace(bucket, number) == 0)
            });
            if each_alone && self.names.len() < usize::from(u16::MAX) {
                (self.buckets, self.mask, self.multiplier, self.shift) = (buckets.into(), mask, multiplier, shift);
                return;
            }
            multiplier = multiplier.wrapping_mul(0x5851_f42d_4c95_7f2d) | 1;
        }
    }

    /// Gives a name another node.
    pub(crate) fn set_node(&mut self, index: usize, node: u32) {
        if let Some(name) = self.names.get_mut(index) {
            name.node = node;
        }
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(|name| &*name.text)
    }

    /// The name that stands at `at`, the quote's place, spelled without escapes and spaces.
    #[inline(always)]
    pub(crate) fn here(&self, text: Text<'_>, at: usize) -> Option<(usize, &Name)> {
        let head = text.wide(at);
        if self.names.len() <= FEW {
            // A plain loop: `find` with its closure became a call here, and the vectors were given up for it.
            for (place, name) in self.names.iter().enumerate() {
                if name.is(text, at, head) {
                    return Some((place, name));
                }
            }
            return None;
        }
        let [low, _] = halves(head);
        let bucket = (low & self.mask).wrapping_mul(self.multiplier).wrapping_shr(self.shift);
        let place = usize::from(*self.buckets.get(usize::try_from(bucket).ok()?)?).checked_sub(1)?;
        let name = self.names.get(place)?;
        if name.is(text, at, head) { Some((place, name)) } else { None }
    }

    /// Whether a string that was not met in place may be one of the names for all that.
    #[inline(always)]
    pub(crate) fn may_hide(&self, span: Span) -> bool {
        span.escaped || !self.in_place
    }

    /// The name between the quotes at `span`, however it is spelled.
    #[inline(never)]
    pub(crate) fn find(&self, text: &Text<'_>, span: Span) -> Option<(usize, &Name)> {
        let raw = text.slice(span.start, span.end);
        let found = self.sorted.binary_search_by(|index| {
            let name = self.names.get(usize::from(*index)).map_or(&[][..], |name| &name.text);
            if span.escaped { name.iter().copied().cmp(Unescaped::new(raw)) } else { name.cmp(raw) }
        });
        let index = usize::from(*self.sorted.get(found.ok()?)?);
        Some((index, self.names.get(index)?))
    }
}

impl Name {
    fn new(text: &str, node: u32, end: &str) -> Self {
        let spelled = format!("\"{text}{end}");
        // A name that must be spelled with escapes is never met as it is: only `find` knows it.
        let plain = !text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        let (head, tail) = spelled.as_bytes().split_at(spelled.len().min(16));
        let word = |bytes: &mut dyn Iterator<Item = u8>| {
            bytes
                .zip((0_u32..).step_by(8))
                .fold(0_u128, |word, (byte, shift)| word | u128::from(byte).wrapping_shl(shift))
        };
        let mask = word(&mut head.iter().map(|_| 0xff));
        Self {
            head: word(&mut head.iter().copied()),
            mask: if plain { mask } else { 0 },
            length: spelled.len(),
            tail: tail.into(),
            node,
            text: text.as_bytes().into(),
        }
    }

    /// The first eight bytes of the spelling.
    fn first(&self) -> u64 {
        let [low, _] = halves(self.head);
        low
    }

    #[inline(always)]
    fn is(&self, text: Text<'_>, at: usize, head: u128) -> bool {
        // The first half tells most names apart.
        let ([low, high], [low_mask, high_mask], [first, second]) =
            (halves(head), halves(self.mask), halves(self.head));
        low & low_mask == first
            && high & high_mask == second
            && (self.length <= 16 || text.slice(at.wrapping_add(16), at.wrapping_add(self.length)) == &*self.tail)
    }
}

/// The low and the high half of a word of 16 bytes.
#[inline(always)]
fn halves(word: u128) -> [u64; 2] {
    let bytes = word.to_le_bytes();
    let (words, _) = bytes.as_chunks::<8>();
    match words {
        [low, high] => [u64::from_le_bytes(*low), u64::from_le_bytes(*high)],
        _ => [0, 0],
    }
}
