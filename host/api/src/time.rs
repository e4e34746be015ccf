//! Times in queries: RFC 3339, in UTC or with an offset, from the year 0 on.

use std::str::FromStr;

/// A time, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) i64);

/// A text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as RFC 3339 has it, such as 2026-01-31T12:00:00Z")]
pub(crate) struct NoTime;

impl FromStr for Time {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        read(text).map(Self).ok_or(NoTime)
    }
}

fn read(text: &str) -> Option<i64> {
    let (day, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let (ms, offset) = fraction(rest)?;
    // A minute has a sixtieth second where a leap second was.
    let is_clock = hour < 24 && minute < 60 && second < 61;
    let is_day = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !is_clock || !is_day {
        return None;
    }
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1000 + ms - offset_minutes(offset)? * 60_000)
}

/// Three numbers, with as many digits as they have to have.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        *number = of_digits(parts.next().filter(|part| part.len() == digits)?)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn of_digits(text: &str) -> Option<i64> {
    let are_digits = text.bytes().all(|digit| digit.is_ascii_digit());
    are_digits.then(|| text.parse().ok())?
}

/// The milliseconds of a fraction of a second, and what stands after it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(fraction) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = fraction.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = fraction.split_at(end);
    let ms = of_digits(&format!("{digits:0<3.3}"))?;
    (!digits.is_empty()).then_some((ms, rest))
}

fn offset_minutes(offset: &str) -> Option<i64> {
    if offset.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, clock) = match offset.strip_prefix('-') {
        Some(clock) => (-1, clock),
        None => (1, offset.strip_prefix('+')?),
    };
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn two_digits(text: &str) -> Option<i64> {
    (text.len() == 2).then(|| of_digits(text))?
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let leap_days = |year: i64| {
        let before = year - 1;
        before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
    };
    let years = (year - 1970) * 365 + leap_days(year) - leap_days(1970);
    let months: i64 = (1..month).map(|month| days_in(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_offsets_and_fractions() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-01-31T12:00:00Z", 1_769_860_800_000),
            ("2026-01-31t12:00:00z", 1_769_860_800_000),
            ("2026-01-31T14:00:00+02:00", 1_769_860_800_000),
            ("2026-01-31T07:30:00.1239-04:30", 1_769_860_800_123),
            ("2024-02-29T00:00:00.5Z", 1_709_164_800_500),
            ("2000-03-01T00:00:00Z", 951_868_800_000),
            ("0184-03-03T11:22:54+03:12", -56_355_320_946_000),
        ] {
            assert_eq!(text.parse(), Ok(Time(ms)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for none in [
            "",
            "Z",
            "2026",
            "2026-01-31",
            "2026-13-31T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00+2:000",
            "2026-01-31T12:00:00+25:00",
            "2026-01-31T24:00:00Z",
            "+026-01-31T12:00:00Z",
            "é2026-01-31T12:00:00",
        ] {
            assert_eq!(none.parse::<Time>(), Err(NoTime), "{none}");
        }
    }
}
