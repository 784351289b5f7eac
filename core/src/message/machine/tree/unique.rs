//! `uniqueItems`: whether all items of an array are distinct, in about linear time.

use super::super::decimal::Num;
use super::super::sip::{Seed, Sip};
use super::super::text::Unescaped;
use super::At;

/// The hashes of so many items are kept on the stack.
const FEW: usize = 8;
/// So many repeated hashes are looked into in the first pass over the items, and twice as many in each that follows.
const AT_ONCE: usize = 8;
/// Each look takes in eight times as many items as the one before: short items repeat early, and then cost little memory.
/// The last takes in all.
const LOOKS: [u32; 11] = [30, 27, 24, 21, 18, 15, 12, 9, 6, 3, 0];

/// Whether no two items of an array are equal: numbers are by their value, objects in whatever order.
pub(super) fn is_unique(array: At<'_>) -> bool {
    let count = array.children().count();
    let mut few = [0; FEW];
    if let Some(hashes) = few.get_mut(..count) {
        return !has_equal(array, hashes);
    }
    let looks = LOOKS.map(|shift| count.wrapping_shr(shift)).into_iter().filter(|seen| *seen > FEW);
    looks.into_iter().all(|seen| !has_equal(array, &mut vec![0; seen]))
}

/// Whether two of the first items are equal, as many as there is room for their hashes.
///
/// Only what has the same hash is compared: objects that nearly are equal are long to compare, and a peer can send many.
fn has_equal(array: At<'_>, hashes: &mut [u32]) -> bool {
    let (seed, seen) = (array.seed(), hashes.len());
    for (hash, item) in hashes.iter_mut().zip(array.children()) {
        *hash = hash_of(seed, item);
    }
    hashes.sort_unstable();
    let mut repeated = hashes.chunk_by(u32::eq).filter(|alike| alike.len() > 1).filter_map(<[u32]>::first).copied();
    let mut at_once = AT_ONCE;
    loop {
        let some: Vec<u32> = repeated.by_ref().take(at_once).collect();
        if some.is_empty() {
            return false;
        }
        at_once = at_once.saturating_mul(2);
        // Of one hash are two that are equal, or a few that are not, by chance.
        let mut alike: Vec<(u32, At<'_>)> = Vec::with_capacity(AT_ONCE);
        for item in array.children().take(seen) {
            let hash = hash_of(seed, item);
            if some.binary_search(&hash).is_ok() {
                if alike.iter().any(|(other_hash, other)| *other_hash == hash && equal(*other, item)) {
                    return true;
                }
                alike.push((hash, item));
            }
        }
    }
}

/// Half of the hash of a value: equal ones have the same.
fn hash_of(seed: Seed, value: At<'_>) -> u32 {
    u32::try_from(whole_hash(seed, value) >> 32).unwrap_or(0)
}

fn whole_hash(seed: Seed, value: At<'_>) -> u64 {
    let mut sip = Sip::new(seed);
    let kind = value.first_byte();
    match kind {
        b'{' => {
            // A sum: members have no order.
            let mut sum = 0_u64;
            let mut children = value.children();
            while let (Some(name), Some(value)) = (children.next(), children.next()) {
                let mut member = Sip::new(seed);
                member.write_text(Unescaped::new(name.written().as_bytes()));
                member.write(whole_hash(seed, value));
                sum = sum.wrapping_add(member.finish());
            }
            sip.write(sum);
        }
        b'[' => value.children().for_each(|item| sip.write(whole_hash(seed, item))),
        b'"' => sip.write_text(Unescaped::new(value.written().as_bytes())),
        b't' | b'f' | b'n' => {}
        _ => {
            words_of(value.number()).into_iter().for_each(|word| sip.write(word));
            return sip.finish(); // whatever byte it begins with
        }
    }
    sip.write(u64::from(kind));
    sip.finish()
}

/// A number's value in full: what is rounded is the same for thousands of integers, which anybody can send.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an integer of 64 bits and its sign"
)]
fn words_of(number: Num) -> [u64; 2] {
    const END: f64 = 18_446_744_073_709_551_616.0; // 2^64, beyond every 64-bit integer
    let int = match number {
        Num::Int(int) => int,
        Num::Float(float) if float.fract() == 0.0 && float.abs() < END => float as i128,
        Num::Float(float) => return [float.to_bits(), 1],
    };
    [int as u64, (int >> 64) as u64]
}

/// Whether two values of one message are equal, as JSON Schema has it.
fn equal(one: At<'_>, other: At<'_>) -> bool {
    match (one.first_byte(), other.first_byte()) {
        (b'{', b'{') => one.children().count() == other.children().count() && has_all_of(one, other),
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

/// Whether each member of an object is one of the other's, too.
fn has_all_of(one: At<'_>, other: At<'_>) -> bool {
    let mut members = one.children();
    while let (Some(name), Some(value)) = (members.next(), members.next()) {
        if !other.member(&name.string()).is_some_and(|theirs| equal(value, theirs)) {
            return false;
        }
    }
    true
}
