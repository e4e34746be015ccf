//! Sizes, times and counts: a whole number and its unit, and nothing else. (The crates for this read `1.5M` and `1month`
//! too.)

use std::time::Duration;

use crate::fault::{Code, Findings};
use crate::read::Entry;

const SIZE_UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

const TIME_UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Bytes, such as `16MiB`, `16 MiB` or `16777216`.
pub(super) fn size(text: &str) -> Option<u64> {
    quantity(text, SIZE_UNITS)
}

/// Milliseconds, such as `200ms`, `5s`, `2m`, `1h` or `7d`.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    quantity(text, TIME_UNITS)
}

/// The whole number of a key, from `least` to `most`. `help` says what it means.
pub(super) fn count(
    entry: &Entry,
    (least, most): (u32, u32),
    help: &str,
    findings: &mut Findings,
) -> Option<u32> {
    let count = text(entry).parse().ok();
    let count = count.filter(|count| (least..=most).contains(count));
    if count.is_none() {
        let message = format!(
            "`{}` is a whole number from {least} to {most}, and this is not",
            entry.key
        );
        findings
            .add(Code::BadQuantity, &entry.value.span, message)
            .help(help);
    }
    count
}

/// The time of a key, if it is one from `least` to `most`.
pub(super) fn duration(entry: &Entry, (least, most): (Duration, Duration)) -> Option<Duration> {
    let time = milliseconds(text(entry)).map(Duration::from_millis);
    time.filter(|time| (least..=most).contains(time))
}

/// A time as a document writes it, in the largest unit that leaves it whole.
pub(crate) fn written(time: Duration) -> String {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    in_largest(ms, TIME_UNITS)
}

/// Bytes as a document writes them, in the largest unit that leaves them whole.
pub(crate) fn written_size(bytes: u64) -> String {
    in_largest(bytes, SIZE_UNITS)
}

fn in_largest(number: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, factor): &&(&str, u64)| number.is_multiple_of(*factor);
    let (unit, factor) = units.iter().rev().find(fits).unwrap_or(&units[0]);
    format!("{}{unit}", number / factor)
}

fn text(entry: &Entry) -> &str {
    let scalar = entry.value.as_scalar();
    scalar.map_or("", |scalar| &scalar.text)
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = unit
        .strip_prefix(' ')
        .filter(|unit| !unit.is_empty())
        .unwrap_or(unit);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("7", 7),
            ("7B", 7),
            ("16MiB", 16 << 20),
            ("16 MiB", 16 << 20),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
            assert_eq!(size(&written_size(bytes)), Some(bytes), "{text}");
        }
        for bad in [
            "",
            "MiB",
            "-1",
            "1.5MiB",
            "1MB",
            "1mib",
            "1  MiB",
            "99999999999GiB",
            "1 ",
            " 1",
        ] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn times() {
        for (text, ms) in [
            ("200ms", 200),
            ("5s", 5000),
            ("2m", 120_000),
            ("2 m", 120_000),
            ("5h", 18_000_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(milliseconds(text), Some(ms), "{text}");
            assert_eq!(
                written(Duration::from_millis(ms)),
                text.replace(' ', ""),
                "{text}"
            );
        }
        for bad in ["", "5", "5w", "1.5s", "s", "-5s", "99999999999999999999s"] {
            assert_eq!(milliseconds(bad), None, "{bad}");
        }
    }
}
