//! Dates, times and durations: RFC 3339, section 5.6 and appendix A.

/// `2026-11-23`
pub(super) fn is_date(bytes: &[u8]) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = bytes else { return false };
    let (Some(century), Some(year), Some(month), Some(day)) =
        (two(*y1, *y2), two(*y3, *y4), two(*m1, *m2), two(*d1, *d2))
    else {
        return false;
    };
    let leap = if year == 0 { century % 4 == 0 } else { year % 4 == 0 };
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// `12:30:05.25Z`, `23:59:60+00:00`
pub(super) fn is_time(bytes: &[u8]) -> bool {
    let [h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = bytes else { return false };
    let (Some(hour), Some(minute), Some(second)) = (two(*h1, *h2), two(*m1, *m2), two(*s1, *s2)) else { return false };
    if hour > 23 || minute > 59 || second > 60 {
        return false;
    }
    let mut offset = rest;
    if let [b'.', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        offset = fraction.get(digits..).unwrap_or_default();
    }
    let (behind, hours, minutes) = match offset {
        [b'Z' | b'z'] => (false, 0, 0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => match (two(*h1, *h2), two(*m1, *m2)) {
            (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => (*sign == b'-', hours, minutes),
            _ => return false,
        },
        _ => return false,
    };
    // A leap second is the last one of a day in UTC.
    let at = |hours: u8, minutes: u8| u16::from(hours).wrapping_mul(60).wrapping_add(u16::from(minutes));
    let (local, shift) = (at(hour, minute), at(hours, minutes));
    let utc = if behind { local.wrapping_add(shift) } else { local.wrapping_add(1440).wrapping_sub(shift) };
    second < 60 || utc % 1440 == 1439
}

/// A date, a T, and a time.
pub(super) fn is_date_time(bytes: &[u8]) -> bool {
    match bytes.split_first_chunk::<10>() {
        Some((date, [b'T' | b't', time @ ..])) => is_date(date) && is_time(time),
        _ => false,
    }
}

/// `P3Y6M4DT12H30M5S`, `P2W`
pub(super) fn is_duration(bytes: &[u8]) -> bool {
    let [b'P', rest @ ..] = bytes else { return false };
    let (date, time) = match rest.iter().position(|byte| *byte == b'T') {
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at.saturating_add(1)..)),
        None => (rest, None),
    };
    match time {
        None => units(date, b"W").is_some_and(|some| some) || units(date, b"YMD").is_some_and(|some| some),
        Some(time) => units(date, b"YMD").is_some() && units(time, b"HMS").is_some_and(|some| some),
    }
}

/// Whether there are any amounts, each with its unit, the units following each other with no gap; none if malformed.
fn units(bytes: &[u8], units: &[u8]) -> Option<bool> {
    let mut left = units;
    let mut rest = bytes;
    let mut some = false;
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (unit, after) = rest.get(digits..)?.split_first()?;
        let place = left.iter().position(|one| one == unit)?;
        if digits == 0 || (some && place != 0) {
            return None;
        }
        left = left.get(place.saturating_add(1)..)?;
        rest = after;
        some = true;
    }
    Some(some)
}

fn two(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| tens.wrapping_mul(10).wrapping_add(ones))
}
