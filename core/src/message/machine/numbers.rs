//! What a number may be.

use std::cmp::Ordering;

use super::decimal::{Divisor, Num};
use super::full::Full;
use super::logic::Logic;
use super::number::Numeral;
use super::rules::NOWHERE;
use super::text::Text;

/// What a number may be: two comparisons for nearly all of them, the rest apart.
#[derive(Debug)]
pub(crate) struct NumberRule {
    /// A short integer outside these bounds is refused.
    pub(crate) least: i64,
    pub(crate) most: i64,
    /// For a short integer the bounds are all there is to check.
    pub(crate) plain: bool,
    /// No number at all passes, or every one does.
    pub(crate) checks: Option<Box<NumberChecks>>,
    /// The place in the schema.
    pub(crate) place: u32,
}

/// The assertions on a number.
#[derive(Debug, Default)]
pub(crate) struct NumberChecks {
    pub(crate) integer: Integer,
    pub(crate) bounds: Vec<(Bound, Num)>,
    pub(crate) multiple_of: Vec<Divisor>,
    /// Each list holds the value.
    pub(crate) one_of: Option<Vec<Num>>,
    pub(crate) logic: Vec<Logic>,
    pub(crate) whole: Vec<Full>,
}

/// What counts as an integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Integer {
    /// Any number will do.
    #[default]
    NotAsked,
    /// A number without fraction, however it is written (since draft 6).
    ByValue,
    /// A number written without point and exponent (draft 4).
    AsWritten,
}

/// A side of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    AtLeast,
    MoreThan,
    AtMost,
    LessThan,
}

impl Bound {
    /// Whether a value that compares so with the bound is within.
    pub(crate) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::AtLeast => order.is_ge(),
            Self::MoreThan => order.is_gt(),
            Self::AtMost => order.is_le(),
            Self::LessThan => order.is_lt(),
        }
    }
}

impl NumberRule {
    pub(crate) const ANY: Self = Self { least: i64::MIN, most: i64::MAX, plain: true, checks: None, place: 0 };

    pub(crate) fn never() -> Self {
        let checks = NumberChecks { one_of: Some(Vec::new()), ..NumberChecks::default() };
        Self { least: 1, most: 0, plain: true, checks: Some(Box::new(checks)), place: NOWHERE }
    }

    /// Whether the number from `start` passes, its subtree fallbacks aside.
    #[inline(always)]
    pub(crate) fn holds(&self, text: &Text<'_>, start: usize, number: Numeral) -> bool {
        match (number.small, &self.checks) {
            (_, None) => true,
            (Some(small), Some(_)) if self.plain => small >= self.least && small <= self.most,
            (_, Some(checks)) => checks.hold(text.slice(start, number.end), number.small),
        }
    }
}

impl NumberChecks {
    /// Whether there is something to judge on the whole value.
    pub(crate) fn needs_more(&self) -> bool {
        !(self.whole.is_empty() && self.logic.is_empty())
    }

    #[inline(never)]
    pub(crate) fn hold(&self, text: &[u8], small: Option<i64>) -> bool {
        let value = small.map_or_else(|| Num::read(text), |small| Num::Int(i128::from(small)));
        let integer = match self.integer {
            Integer::NotAsked => true,
            Integer::ByValue => value.is_whole(),
            Integer::AsWritten => !text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')),
        };
        let divides = |divisor: &Divisor| divisor.divides(value, text);
        integer
            && self.bounds.iter().all(|(bound, limit)| value.compare(*limit).is_some_and(|order| bound.holds(order)))
            && self.multiple_of.iter().all(divides)
            && self
                .one_of
                .as_ref()
                .is_none_or(|list| list.iter().any(|one| value.compare(*one) == Some(Ordering::Equal)))
    }
}
