//! Values of the configuration that have bounds: a whole number, a share, a time, a size. Each says in its type what is the least and
//! the most of it, so that no value that is out of bounds gets past reading.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const TIME_UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const SIZE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole<const LEAST: u64, const MOST: u64>(pub(super) u64);

/// A time, such as `30 s`, from `LEAST` to `MOST` milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span<const LEAST: u64, const MOST: u64>(pub(super) u64);

/// A size, such as `16 MiB`, from `LEAST` to `MOST` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size<const LEAST: u64, const MOST: u64>(pub(super) u64);

/// A share of something, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share(pub(super) f64);

/// A second in the unit of [`Span`].
pub(super) const SECOND: u64 = 1000;
/// An hour in the unit of [`Span`].
pub(super) const HOUR: u64 = 3_600_000;
/// A day in the unit of [`Span`].
pub(super) const DAY: u64 = 86_400_000;

impl<const LEAST: u64, const MOST: u64> Whole<LEAST, MOST> {
    /// The number.
    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// The number, where the bounds leave no more than 32 bits.
    pub(crate) fn small(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    /// The number, of things that memory holds.
    pub(crate) fn many(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<const LEAST: u64, const MOST: u64> Span<LEAST, MOST> {
    /// The time.
    pub(crate) fn get(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl<const LEAST: u64, const MOST: u64> Size<LEAST, MOST> {
    /// The bytes.
    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// The bytes, of something that memory holds.
    pub(crate) fn many(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Share {
    /// The share.
    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = deserializer.deserialize_any(Real)?;
        match (0.0..=1.0).contains(&share) {
            true => Ok(Self(share)),
            false => Err(Error::custom(format!("{share} is not {SHARE}"))),
        }
    }
}

impl<const LEAST: u64, const MOST: u64> Serialize for Whole<LEAST, MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<const LEAST: u64, const MOST: u64> Serialize for Span<LEAST, MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&written(self.0, TIME_UNITS))
    }
}

impl<const LEAST: u64, const MOST: u64> Serialize for Size<LEAST, MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&written(self.0, SIZE_UNITS))
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Whole<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = format!("a whole number from {LEAST} to {MOST}");
        let number = deserializer.deserialize_any(Number(&expected))?;
        within(number, LEAST, MOST)
            .map(Self)
            .ok_or_else(|| Error::custom(format!("{number} is not {expected}")))
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Span<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [least, most] = [LEAST, MOST].map(|bound| written(bound, TIME_UNITS));
        let expected = format!(
            "a time from {least} to {most}, such as \"30 s\" (with ms, s, m, h or d behind a whole number)"
        );
        quantity(deserializer, &expected, TIME_UNITS, (LEAST, MOST)).map(Self)
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Size<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [least, most] = [LEAST, MOST].map(|bound| written(bound, SIZE_UNITS));
        let expected = format!(
            "a size from {least} to {most}, such as \"16 MiB\" (with B, KiB, MiB, GiB or TiB behind a whole number)"
        );
        quantity(deserializer, &expected, SIZE_UNITS, (LEAST, MOST)).map(Self)
    }
}

fn quantity<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &str,
    units: &[(&str, u64)],
    (least, most): (u64, u64),
) -> Result<u64, D::Error> {
    let text = deserializer.deserialize_any(Text(expected))?;
    parsed(&text, units)
        .and_then(|number| within(number, least, most))
        .ok_or_else(|| Error::custom(format!("{text:?} is not {expected}")))
}

fn within(number: u64, least: u64, most: u64) -> Option<u64> {
    (least..=most).contains(&number).then_some(number)
}

/// Digits, at most one space, and a unit.
fn parsed(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// In the largest unit that leaves it whole.
fn written(number: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, factor): &&(&str, u64)| number.is_multiple_of(*factor) && number > 0;
    let (unit, factor) = units.iter().rev().find(fits).unwrap_or(&units[0]);
    format!("{} {unit}", number / factor)
}

struct Number<'a>(&'a str);

impl Visitor<'_> for Number<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }
}

const SHARE: &str = "a share from 0.0 to 1.0";

struct Real;

impl Visitor<'_> for Real {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHARE)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }
}

struct Text<'a>(&'a str);

impl Visitor<'_> for Text<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_as_they_are_read() {
        for (text, ms) in [("200 ms", 200), ("90 s", 90_000), ("30 d", 30 * DAY)] {
            assert_eq!(parsed(text, TIME_UNITS), Some(ms), "{text}");
            assert_eq!(written(ms, TIME_UNITS), text);
        }
        assert_eq!(parsed("16MiB", SIZE_UNITS), Some(16 << 20));
        assert_eq!(written(10 << 30, SIZE_UNITS), "10 GiB");
        assert_eq!(written(0, SIZE_UNITS), "0 B");
        for bad in [
            "",
            "5",
            "s",
            "-1 s",
            "1.5 s",
            "1  s",
            " 1 s",
            "1 s ",
            "99999999999999999 d",
        ] {
            assert_eq!(parsed(bad, TIME_UNITS), None, "{bad}");
        }
    }
}
