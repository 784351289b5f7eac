//! A point in time as operators write one (RFC 3339 section 5.6).

use std::time::Duration;

use crate::time::UnixTime;

/// Reads a `date-time` of 1970 to 9999 in any offset; fractions of a second are dropped.
pub(super) fn parse(text: &str) -> Option<UnixTime> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let mark = |at: usize, marks: &[u8]| bytes.get(at).is_some_and(|byte| marks.contains(byte));
    if !(mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ") && mark(13, b":") && mark(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // A leap second counts as the one before it.
    if year < 1970 || day < 1 || day > days_in(year, month)? || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut zone = 19;
    if mark(zone, b".") {
        let digits = bytes.iter().skip(20).take_while(|byte| byte.is_ascii_digit()).count();
        zone = if digits == 0 { return None } else { digits.saturating_add(20) };
    }
    let minutes = hour.saturating_mul(60).saturating_add(minute);
    let days = days_before(year, month)?.saturating_add(day).saturating_sub(1);
    let local = days.saturating_mul(1440).saturating_add(minutes);
    let utc = match text.get(zone..)?.as_bytes() {
        b"Z" | b"z" => local,
        [sign, _, _, b':', _, _] => {
            let hours = number(zone.saturating_add(1), zone.saturating_add(3))?;
            let minutes = number(zone.saturating_add(4), zone.saturating_add(6))?;
            let offset = hours.saturating_mul(60).saturating_add(minutes);
            match sign {
                _ if hours > 23 || minutes > 59 => return None,
                b'+' => local.checked_sub(offset)?,
                b'-' => local.saturating_add(offset),
                _ => return None,
            }
        }
        _ => return None,
    };
    let seconds = utc.saturating_mul(60).saturating_add(second.min(59));
    Some(UnixTime::default().after(Duration::from_secs(seconds)))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> Option<u64> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if is_leap(year) { 29 } else { 28 }),
        _ => None,
    }
}

/// The days from 1970-01-01 to the first of the month.
fn days_before(year: u64, month: u64) -> Option<u64> {
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    (1..month).try_fold(years, |days, month| Some(days.saturating_add(days_in(year, month)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_any_offset_is_the_same_second() {
        let secs = |text: &str| parse(text).map(UnixTime::as_secs);
        assert_eq!(secs("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(secs("2026-12-01T00:00:00Z"), Some(1_796_083_200));
        assert_eq!(secs("2000-02-29T23:59:59z"), Some(951_868_799));
        assert_eq!(secs("2026-12-01t02:00:00.123+02:00"), Some(1_796_083_200));
        assert_eq!(secs("2026-11-30 19:30:00-04:30"), Some(1_796_083_200));
        assert_eq!(secs("2500-12-31T23:59:60Z"), Some(16_756_761_599));
        assert_eq!(parse("9999-12-31T23:59:59Z"), Some(UnixTime::from_nanos(u64::MAX)), "later than the clock goes");
    }

    #[test]
    fn what_is_not_a_time_is_none() {
        for text in [
            "",
            "2026-12-01",
            "2026-12-01T00:00:00",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-12-00T00:00:00Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01T00:60:00Z",
            "2026-12-01T00:00:61Z",
            "2026-12-01T00:00:00.Z",
            "2026-12-01T00:00:00+0000",
            "2026-12-01T00:00:00+24:00",
            "+026-12-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "2026-12-01T00:00:00ZZ",
            "2026-12-01T00:00:00é1:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
