//! Sizes and times: a whole number and its unit, and nothing else. (The crates for this read `1.5M` and `1month` too.)

const SIZE_UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

const TIME_UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000)];

/// Bytes, such as `16MiB`, `16 MiB` or `16777216`.
pub(super) fn size(text: &str) -> Option<u64> {
    quantity(text, SIZE_UNITS)
}

/// Milliseconds, such as `200ms`, `5s` or `2m`.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    quantity(text, TIME_UNITS)
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
        ] {
            assert_eq!(milliseconds(text), Some(ms), "{text}");
        }
        for bad in ["", "5", "5h", "1.5s", "s", "-5s", "99999999999999999999s"] {
            assert_eq!(milliseconds(bad), None, "{bad}");
        }
    }
}
