//! `uniqueItems`: whether all items of an array are distinct, in about linear time.

use super::decimal::Num;
use super::sip::{Seed, Sip};
use super::text::Unescaped;
use super::tree::At;

/// Up to so many items are compared one by one.
const FEW: usize = 8;
/// Each look takes in eight times as many items as the one before: short items repeat early, and then cost little memory.
/// The last takes in all.
const LOOKS: [u32; 11] = [30, 27, 24, 21, 18, 15, 12, 9, 6, 3, 0];

/// Whether no two items of an array are equal: numbers are by their value, objects in whatever order.
pub(super) fn is_unique(array: At<'_>) -> bool {
    let few = || array.children().take(FEW).enumerate();
    if few().any(|(nth, item)| few().take(nth).any(|(_, other)| equal(item, other))) {
        return false;
    }
    let count = array.children().count();
    let seed = array.seed();
    for seen in LOOKS.map(|shift| count.wrapping_shr(shift)).into_iter().filter(|seen| *seen > FEW) {
        let mut hashes = Vec::with_capacity(seen);
        hashes.extend(array.children().take(seen).map(|item| hash(seed, item)));
        hashes.sort_unstable();
        for repeated in hashes.chunk_by(u32::eq).filter(|alike| alike.len() > 1).filter_map(<[u32]>::first) {
            // By chance two of a hundred thousand have one hash: they are compared.
            let alike = || array.children().take(seen).filter(|item| hash(seed, *item) == *repeated).enumerate();
            if alike().any(|(nth, item)| alike().take(nth).any(|(_, other)| equal(item, other))) {
                return false;
            }
        }
    }
    true
}

/// Half of the hash of a value: equal ones have the same.
fn hash(seed: Seed, value: At<'_>) -> u32 {
    u32::try_from(whole_hash(seed, value) >> 32).unwrap_or(0)
}

fn whole_hash(seed: Seed, value: At<'_>) -> u64 {
    let mut sip = Sip::new(seed);
    let kind = value.first_byte();
    match kind {
        b'{' => {
            // A sum: members have no order.
            let mut sum = 0_u64;
            for_each_member(value, |name, value| {
                let mut member = Sip::new(seed);
                member.write_text(Unescaped::new(name.written().as_bytes()));
                member.write(whole_hash(seed, value));
                sum = sum.wrapping_add(member.finish());
            });
            sip.write(sum);
        }
        b'[' => value.children().for_each(|item| sip.write(whole_hash(seed, item))),
        b'"' => sip.write_text(Unescaped::new(value.written().as_bytes())),
        b't' | b'f' | b'n' => {}
        _ => {
            sip.write(float(value.number()));
            return sip.finish(); // whatever byte it begins with
        }
    }
    sip.write(u64::from(kind));
    sip.finish()
}

/// The bits of the double that is next to a number: one zero, whatever its sign.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "equal numbers have the same nearest double")]
fn float(number: Num) -> u64 {
    let float = match number {
        Num::Int(int) => int as f64,
        Num::Float(float) => float,
    };
    if float == 0.0 { 0 } else { float.to_bits() }
}

/// Whether two values of one message are equal, as JSON Schema has it.
fn equal(one: At<'_>, other: At<'_>) -> bool {
    match (one.first_byte(), other.first_byte()) {
        (b'{', b'{') => {
            let mut alike = one.children().count() == other.children().count();
            for_each_member(one, |name, value| {
                let name = name.string();
                let mut found = false;
                for_each_member(other, |key, theirs| found |= key.is_key(&name) && equal(value, theirs));
                alike &= found;
            });
            alike
        }
        (b'[', b'[') => {
            let (mut ours, mut theirs) = (one.children(), other.children());
            loop {
                match (ours.next(), theirs.next()) {
                    (None, None) => return true,
                    (Some(one), Some(other)) if equal(one, other) => {}
                    _ => return false,
                }
            }
        }
        (b'"', b'"') => one.string() == other.string(),
        (kind @ (b't' | b'f' | b'n'), other) => kind == other,
        (kind, other_kind) => {
            let is_number = |kind| matches!(kind, b'-' | b'0'..=b'9');
            is_number(kind)
                && is_number(other_kind)
                && one.number().compare(other.number()).is_some_and(std::cmp::Ordering::is_eq)
        }
    }
}

fn for_each_member<'a>(object: At<'a>, mut tell: impl FnMut(At<'a>, At<'a>)) {
    let mut children = object.children();
    while let (Some(name), Some(value)) = (children.next(), children.next()) {
        tell(name, value);
    }
}
