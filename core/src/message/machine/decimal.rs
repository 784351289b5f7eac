//! Numbers by value: as exact as two doubles or two 64-bit integers can be compared.

use std::cmp::Ordering;

/// The value of a number, read as serde_json reads it: an integer of 64 bits if written as one, else a double.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Num {
    /// Between the least `i64` and the greatest `u64`.
    Int(i128),
    Float(f64),
}

impl Num {
    /// The value of a well-formed JSON number.
    pub(crate) fn read(text: &[u8]) -> Self {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let int = if text.len() <= 20 { text.parse::<i128>().ok() } else { None };
        match int.filter(|int| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(int)) {
            Some(int) => Self::Int(int),
            None => Self::Float(text.parse().unwrap_or(f64::NAN)),
        }
    }

    /// The value of a number of a schema.
    pub(crate) fn of(number: &serde_json::Number) -> Self {
        let int = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        int.map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::NAN)), Self::Int)
    }

    /// The integer that it is, if it is one of 64 bits.
    pub(crate) fn exactly(self) -> Option<i64> {
        match self {
            Self::Int(int) => i64::try_from(int).ok(),
            Self::Float(float) if float.fract() == 0.0 && float.abs() < 9e15 => format!("{float:.0}").parse().ok(),
            Self::Float(_) => None,
        }
    }

    /// Whether it has no fraction.
    pub(crate) fn is_whole(self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Float(float) => float.fract() == 0.0,
        }
    }

    /// The order of two values, with no rounding.
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Float(b)) => int_to_float(a, b),
            (Self::Float(a), Self::Int(b)) => int_to_float(b, a).map(Ordering::reverse),
        }
    }
}

/// The order of an integer and a double.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "within the bounds the cast is exact")]
fn int_to_float(int: i128, float: f64) -> Option<Ordering> {
    const BOUND: f64 = 36_893_488_147_419_103_232.0; // 2^65, beyond every 64-bit integer
    if float.is_nan() {
        return None;
    }
    if float >= BOUND {
        return Some(Ordering::Less);
    }
    if float <= -BOUND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    let order = int.cmp(&(whole as i128));
    Some(order.then_with(|| whole.partial_cmp(&float).unwrap_or(Ordering::Equal)))
}

/// A decimal divisor, `digits` times ten to the power of `exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Divisor {
    digits: u64,
    exponent: i64,
    float: f64,
}

/// From here on doubles skip integers: what is read as one is judged as one.
const EXACT: u64 = 1 << 53;

impl Divisor {
    /// The divisor that a schema writes; none if it is not above zero or has more than 18 digits.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut digits = 0_u64;
        let mut exponent = 0_i64;
        for_each_digit(text.as_bytes(), &mut exponent, |digit| {
            digits = digits.checked_mul(10)?.checked_add(u64::from(digit))?;
            (digits < 1_000_000_000_000_000_000).then_some(())
        })?;
        while digits != 0 && digits.is_multiple_of(10) {
            digits = digits.wrapping_div(10);
            exponent = exponent.saturating_add(1);
        }
        let float = text.parse().ok()?;
        (digits > 0 && !text.starts_with('-')).then_some(Self { digits, exponent, float })
    }

    /// Whether a number is a multiple. `text` is how it is written.
    ///
    /// A divisor with a fraction divides the decimal that its double is written as: 0.3 is a multiple of 0.1.
    pub(crate) fn divides(self, value: Num, text: &[u8]) -> bool {
        let whole = self.exponent >= 0;
        match value {
            Num::Int(int) if whole || int.unsigned_abs() < u128::from(EXACT) => self.divides_decimal(text),
            Num::Float(float) if whole => float.fract() == 0.0 && float % self.float == 0.0,
            Num::Int(_) => self.divides_decimal(
                Shortest::of(std::str::from_utf8(text).map_or(f64::NAN, |text| text.parse().unwrap_or(f64::NAN)))
                    .bytes(),
            ),
            Num::Float(float) => self.divides_decimal(Shortest::of(float).bytes()),
        }
    }

    /// Whether the number written is a multiple, in the decimal reading of both.
    fn divides_decimal(self, text: &[u8]) -> bool {
        let mut exponent = 0_i64;
        let mut zero = true;
        if for_each_digit(text, &mut exponent, |digit| {
            zero &= digit == 0;
            Some(())
        })
        .is_none()
        {
            return false;
        }
        let shift = exponent.saturating_sub(self.exponent);
        let divisor = u128::from(self.digits);
        if zero {
            return true;
        }
        // value / divisor is whole if digits * 10^shift is a multiple of the divisor's digits.
        let modulus = match u32::try_from(shift.saturating_neg()) {
            Ok(down) if down > 0 => match 10_u128.checked_pow(down).and_then(|scale| divisor.checked_mul(scale)) {
                Some(modulus) if modulus < 1 << 124 => modulus,
                // More places than any number this short has: what is left over cannot be nothing.
                _ => return false,
            },
            _ => divisor,
        };
        let mut rest = 0_u128;
        let mut ignored = 0;
        for_each_digit(text, &mut ignored, |digit| {
            rest = rest.checked_mul(10)?.checked_add(u128::from(digit))?.checked_rem(modulus)?;
            Some(())
        });
        for _ in 0..shift.max(0) {
            if rest == 0 {
                break;
            }
            rest = rest.wrapping_mul(10).checked_rem(modulus).unwrap_or(0);
        }
        rest == 0
    }
}

/// Hands each digit of the mantissa to `take`; `exponent` becomes that of the last one.
fn for_each_digit(text: &[u8], exponent: &mut i64, mut take: impl FnMut(u8) -> Option<()>) -> Option<()> {
    let mut fraction = false;
    let mut places = 0_i64;
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'0'..=b'9' => {
                take(byte.wrapping_sub(b'0'))?;
                places = places.saturating_add(i64::from(fraction));
            }
            b'.' => fraction = true,
            b'e' | b'E' => {
                let written = std::str::from_utf8(rest).ok()?;
                *exponent = written.strip_prefix('+').unwrap_or(written).parse::<i64>().ok()?.checked_sub(places)?;
                return Some(());
            }
            _ => {}
        }
    }
    *exponent = places.saturating_neg();
    Some(())
}

/// The shortest text that is read as one double again; 32 bytes hold any.
struct Shortest {
    text: [u8; 32],
    len: usize,
}

impl Shortest {
    fn of(float: f64) -> Self {
        let mut shortest = Self { text: [0; 32], len: 0 };
        // It cannot fail: no double is longer.
        let _ = std::fmt::Write::write_fmt(&mut shortest, format_args!("{float:e}"));
        shortest
    }

    fn bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }
}

impl std::fmt::Write for Shortest {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len.saturating_add(text.len());
        self.text.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
