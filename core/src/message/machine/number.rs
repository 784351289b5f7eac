//! Numbers as they are written: RFC 8259 section 6, and bounds on how long.

use super::text::Text;
use crate::Reason;
use crate::message::Fault;

/// A number that was read.
#[derive(Clone, Copy)]
pub(crate) struct Numeral {
    /// Past its last character.
    pub(crate) end: usize,
    /// Its value, if it is written as an integer of at most 18 digits.
    pub(crate) small: Option<i64>,
}

/// Powers of ten beyond this one are more than a double holds (1.8e308): two readers would see two numbers.
const MOST_EXPONENT: i64 = 309;
/// As many zeros may follow the point before the first other digit, for the same reason.
const MOST_ZEROS: usize = 309;

impl Text<'_> {
    /// Reads the number that starts at `start`, of at most `most_digits` digits, leading zeros not counted.
    #[inline(always)]
    pub(crate) fn number(&self, start: usize, most_digits: u32) -> Result<Numeral, Fault> {
        let negative = self.at(start) == b'-';
        let first = start.wrapping_add(usize::from(negative));
        let mut at = first;
        let mut value = 0_i64;
        loop {
            let digit = self.at(at).wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            at = at.wrapping_add(1);
        }
        let digits = at.wrapping_sub(first);
        let next = self.at(at);
        if digits.wrapping_sub(1) < 18 && next != b'.' && next | 0x20 != b'e' && (self.at(first) != b'0' || digits == 1)
        {
            return Ok(Numeral { end: at, small: Some(if negative { value.wrapping_neg() } else { value }) });
        }
        self.long_number(first, at, most_digits)
    }

    /// The rest of a number with a fraction, an exponent or many digits. `at` is past its integer part.
    #[inline(never)]
    fn long_number(&self, first: usize, mut at: usize, most_digits: u32) -> Result<Numeral, Fault> {
        let wrong = |at| Err(Fault::new(Reason::InvalidJson, at));
        let whole = at.wrapping_sub(first);
        if whole == 0 || (whole > 1 && self.at(first) == b'0') {
            return wrong(at);
        }
        let zero = self.at(first) == b'0';
        let mut digits = if zero { 0 } else { whole };
        let mut zeros = 0; // those between the point and the first digit that counts
        if self.at(at) == b'.' {
            let end = self.past_digits(at.wrapping_add(1));
            let fraction = end.wrapping_sub(at).wrapping_sub(1);
            if fraction == 0 {
                return wrong(end);
            }
            if zero {
                zeros = self.slice(at.wrapping_add(1), end).iter().take_while(|digit| **digit == b'0').count();
            }
            digits = digits.saturating_add(fraction).wrapping_sub(zeros);
            at = end;
        }
        if u32::try_from(digits).map_or(true, |digits| digits > most_digits)
            || digits > MOST_DIGITS
            || zeros > MOST_ZEROS
        {
            return Err(Fault::new(Reason::JsonLimit, at));
        }
        let mut exponent = 0_i64;
        if self.at(at) | 0x20 == b'e' {
            let sign = self.at(at.wrapping_add(1));
            let from = at.wrapping_add(if matches!(sign, b'+' | b'-') { 2 } else { 1 });
            let end = self.past_digits(from);
            if end == from {
                return wrong(end);
            }
            exponent = self
                .slice(from, end)
                .iter()
                .fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0'))));
            if sign == b'-' {
                exponent = exponent.saturating_neg();
            }
            at = end;
        }
        let magnitude = exponent.saturating_add(i64::try_from(whole).unwrap_or(i64::MAX));
        let too_large = magnitude > MOST_EXPONENT || exponent < MOST_EXPONENT.wrapping_neg();
        if too_large || (magnitude >= MOST_EXPONENT && self.is_infinite(first, at)) {
            return Err(Fault::new(Reason::JsonLimit, at));
        }
        Ok(Numeral { end: at, small: None })
    }

    fn is_infinite(&self, start: usize, end: usize) -> bool {
        let text = std::str::from_utf8(self.slice(start, end)).unwrap_or_default();
        !text.parse::<f64>().is_ok_and(f64::is_finite)
    }

    #[inline(always)]
    fn past_digits(&self, mut at: usize) -> usize {
        while self.at(at).is_ascii_digit() {
            at = at.wrapping_add(1);
        }
        at
    }
}

/// The hard bound on the digits of a number, whatever the policy says: reading a double stays linear.
const MOST_DIGITS: usize = 65_536;
